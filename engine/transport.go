package engine

import (
	"golang.org/x/sys/unix"

	"libforker/engine/poller"
	"libforker/engine/secure"
)

// The calls that touch the socket of a connection.

// transport is a connection's way to its client: no other code reads from, writes to or ends a connection's socket, but
// for the two calls that nearly every request makes (h1.hear, flush), which save a stack frame: after a system call the
// processor foresees no return any more. None of its functions waits. Owned by the loop.
type transport struct {
	fd  int
	tls *secure.Session // nil: the bytes of HTTP are those of the socket. Else see tls.go.
}

// discard reads bytes of the socket to throw them away. n is 0 at the end of input, and means nothing with an error.
// EINTR stands for EAGAIN.
func (t *transport) discard(room []byte) (n uintptr, errno unix.Errno) {
	return poller.Read(t.fd, room)
}

// hasEnded reports whether the client has sent its end, or is gone, and nothing of HTTP that it sent before is unread.
func (t *transport) hasEnded() bool {
	if t.tls != nil {
		return poller.HasEndedBehind(t.fd, alertMost)
	}
	return poller.HasEnded(t.fd)
}

// alertMost is the length of the longest record with an alert, of AES-GCM in TLS 1.2: head, nonce, alert, tag (RFC 5288 §3).
// In one no longer than that there is no request.
const alertMost = 5 + 8 + 2 + 16

// pushSome writes bytes as they are, as many as the client takes; negative: none.
func (t *transport) pushSome(b []byte) int { return poller.WriteSome(t.fd, b) }

// push writes what the client takes of c's output but for a file, and returns how many bytes of that. EAGAIN: it takes
// no more now.
func (l *Loop) push(c *conn) (n int, errno unix.Errno) {
	switch {
	case c.tls != nil:
		return l.pushSealed(c)
	case len(c.body)+len(c.tail) == 0 && c.file.left > 0:
		return poller.WriteMore(c.fd, c.rest)
	case len(c.body)+len(c.tail) == 0:
		return poller.Write(c.fd, c.rest)
	case len(c.rest)+len(c.tail) == 0:
		return poller.Write(c.fd, c.body)
	}
	return poller.WriteAll(c.fd, c.rest, c.body, c.tail)
}

// pushFile writes at most size bytes of c.file, and returns how many. 0 without an error is the end of the file.
func (l *Loop) pushFile(c *conn, size int) (n int, errno unix.Errno) {
	if c.tls != nil {
		return l.pushSealedFile(c, size)
	}
	return l.sendFile(c.fd, c.file.fd, &c.file.off, size)
}

// mostPerTurn is how much of a file goes out before others have their turn.
func (t *transport) mostPerTurn() int {
	if t.tls != nil {
		return secure.SealMost
	}
	return sendfileMost
}

// sendFile is sendfile(2): poller.SendFile or poller.SendFileQuietly.
type sendFile func(fd, file int, off *int64, size int) (int, unix.Errno)

// shutdown tells the client that nothing follows.
func (t *transport) shutdown() { poller.Shutdown(t.fd) }

// keepAlive has the kernel ask now and then whether the client is still there.
func (t *transport) keepAlive() { poller.KeepAlive(t.fd) }

// endForAll ends the connection also for those who have a duplicate of it; cut: by a reset.
func (t *transport) endForAll(cut bool) {
	if cut {
		poller.ResetForAll(t.fd)
	} else {
		poller.EndForAll(t.fd)
	}
}

// close ends the connection.
func (t *transport) close() { poller.Close(t.fd) }

// hasAll reports whether the client has acknowledged our end, which comes behind the response, and has been silent for a while. Of
// a unix socket it has read all then (SIOCOUTQ in unix(7) counts what it has not).
func (t *transport) hasAll() bool {
	info, err := unix.GetsockoptTCPInfo(t.fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		unread, err := unix.IoctlGetInt(t.fd, unix.SIOCOUTQ)
		return err == nil && unread == 0
	}
	return info.State == tcpFinWait2 && int64(info.Last_data_recv) >= lingerQuietMs+2*int64(info.Rtt)/1000
}

// tcpFinWait2 is TCP_FIN_WAIT2 of linux/tcp_states.h.
const tcpFinWait2 = 5
