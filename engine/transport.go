package engine

import (
	"golang.org/x/sys/unix"

	"libforker/engine/poller"
)

// transport is a connection's way to its client: no other code reads from, writes to or ends a connection's socket, but
// for the two calls that nearly every request makes (readConn, flush), which save a stack frame: after a system call the
// processor foresees no return any more. None of its functions waits. Owned by the loop.
type transport struct {
	fd int
}

// pull reads what is there into room, which must not be empty. n is 0 at the end of input, and means nothing with an
// error. EINTR stands for EAGAIN.
func (t *transport) pull(room []byte) (n uintptr, errno unix.Errno) { return poller.Read(t.fd, room) }

// hasEnded tells if the client has sent its end, or is gone, and nothing that it sent before is unread.
func (t *transport) hasEnded() bool { return poller.HasEnded(t.fd) }

// pushSome writes as much of b as the client takes; negative: push tells why it takes nothing.
func (t *transport) pushSome(b []byte) int { return poller.WriteSome(t.fd, b) }

// push writes what the client takes of o but for its file, and returns how many bytes of that. EAGAIN: it takes nothing
// now.
func (t *transport) push(o *output) (n int, errno unix.Errno) {
	switch {
	case len(o.body)+len(o.tail) == 0 && o.file.left > 0:
		return poller.WriteMore(t.fd, o.rest)
	case len(o.body)+len(o.tail) == 0:
		return poller.Write(t.fd, o.rest)
	case len(o.rest)+len(o.tail) == 0:
		return poller.Write(t.fd, o.body)
	}
	return poller.WriteAll(t.fd, o.rest, o.body, o.tail)
}

// pushFile writes at most size bytes of f, by send, and returns how many. 0 without an error is the end of the file.
func (t *transport) pushFile(f *fileRange, size int, send sendFile) (n int, errno unix.Errno) {
	return send(t.fd, f.fd, &f.off, size)
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

// hasAll tells if the client has acknowledged our end, which comes behind the answer, and has been silent for a while. Of
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
