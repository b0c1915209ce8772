package engine

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"libforker/engine/inventory"
	"libforker/engine/poller"
	"libforker/engine/secure"
	"libforker/slot"
)

// Connections with TLS: their handshakes, and the way of bytes through a session.

// TLSConfig says how handshakes run.
type TLSConfig struct {
	Computing  int           // Handshakes that compute at a time; the processors of Go's without the loop's.
	Handshakes int           // That may be under way; beyond that no connection is accepted.
	Timeout    time.Duration // From accept to the end of a handshake.
}

// securing is what connections with TLS have in common. Owned by the loop.
type securing struct {
	shakes  *secure.Handshakes // nil: no listener has TLS.
	shakeFd int                // An eventfd: Handshakes.Take has something.
	shaking int                // Connections in connHandshake.
	lateNs  int64              // From then on, by sinceRead, handshakes wait for the next iteration; 0: none had its turn.
	told    []*secure.Session  // Room for them.
	cipher  []byte             // What sockets have, and what they get in a handshake.
	clear   []byte             // A piece of a file, or small pieces of output.
	helloNs int64              // A client that speaks TLS where there is none is not logged before.
}

// cipherSize is how much of the client's is received at once, besides the beginning of its record.
const cipherSize = 128 << 10

// startSecuring makes ready for TLS, if some listener has it.
func (l *Loop) startSecuring() error {
	if !l.hasTLS() {
		return nil
	}
	fd, err := poller.Raise(unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK))
	if err != nil {
		return fmt.Errorf("eventfd: %w", err)
	}
	l.shakeFd = inventory.Add(fd)
	l.shakes = secure.NewHandshakes(l.cfg.TLS.Computing, !l.cfg.Polled, l.callForHandshakes)
	if l.cipher, err = l.blocks.Get(cipherSize); err != nil {
		return err
	}
	if l.clear, err = l.blocks.Get(secure.SealMost); err != nil {
		return err
	}
	return l.Watch(l.shakeFd, l.followHandshakes)
}

func (l *Loop) hasTLS() bool {
	for i := range l.cfg.Listeners {
		if l.cfg.Listeners[i].TLS != nil {
			return true
		}
	}
	return false
}

// callForHandshakes wakes the loop. On any goroutine.
func (l *Loop) callForHandshakes() {
	poller.Signal(l.shakeFd)
}

// endShaking has the loop wait for the end of the handshakes, whose connections are about to be closed.
func (l *Loop) endShaking() {
	if l.shakes != nil {
		l.shakes.Close()
	}
}

// isShaken reports whether no handshake is left. Connections that were in one are closed.
func (l *Loop) isShaken() bool {
	if l.shakes == nil {
		return true
	}
	l.shakes.EndLeft()
	return l.shakes.IsEmpty()
}

// releaseSecuring closes what the loop's end leaves. No goroutine is left that could use it.
func (l *Loop) releaseSecuring() {
	if l.shakeFd > 0 {
		poller.Close(l.shakeFd)
	}
}

// beginHandshake begins with a connection that was just accepted.
func (l *Loop) beginHandshake(c *conn, config *secure.Config) {
	c.state = connHandshake
	c.tls = secure.NewSession(config, uint64(c.tag)<<32|uint64(c.fd))
	l.shaking++
	l.wheel.arm(&c.timer, l.clock.now+int64(l.cfg.TLS.Timeout))
	l.hearHandshake(c, poller.In)
}

// hearHandshake is told of something on a connection whose handshake is under way. One that is made on this thread is,
// when everybody else has had a turn.
func (l *Loop) hearHandshake(c *conn, events uint32) {
	switch {
	case c.interest&poller.Out != 0 && events&poller.Out != 0:
		l.advance(c)
	case l.shakes.IsHere(c.tls):
		l.queueTurn(c, true)
	default:
		l.readHandshake(c)
	}
}

// shakeNs is how long handshakes may always take in an iteration.
const shakeNs = int64(200 * time.Microsecond)

// takeHandshake goes on with a handshake on this thread: one in each iteration, and more while they have not taken longer
// than everything before them. The others are first in the next iteration.
func (l *Loop) takeHandshake(c *conn) {
	now := l.clock.sinceRead()
	switch {
	case l.lateNs == 0:
		l.lateNs = now + max(now, shakeNs)
	case now >= l.lateNs:
		l.queueTurn(c, true)
		return
	}
	l.readHandshake(c)
}

// readHandshake gives the handshake what has come.
func (l *Loop) readHandshake(c *conn) {
	n, errno := poller.Read(c.fd, l.cipher)
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
		l.setInterest(c, poller.In|poller.PeerEnd)
	case errno != 0 || n == 0 && !c.tls.IsShaking():
		l.countHandshake(slot.HandshakeLeft)
		l.closeConn(c, CloseClient)
	case n == 0:
		l.mindHandshake(c, l.shakes.EndOf(c.tls))
	case c.tls.IsShaking():
		l.mindHandshake(c, l.shakes.Feed(c.tls, l.cipher[:n]))
	case isClearText(l.cipher[:n]):
		l.refuseClearText(c)
	case l.cipher[0] != recordHandshake:
		l.countHandshake(slot.HandshakeOther)
		l.closeConn(c, CloseError)
	default:
		l.mindHandshake(c, l.shakes.Begin(c.tls, l.cipher[:n]))
	}
}

// mindHandshake goes on as a handshake wants.
func (l *Loop) mindHandshake(c *conn, next secure.Next) {
	switch next {
	case secure.WantsInput:
		l.setInterest(c, poller.In|poller.PeerEnd)
	case secure.Computes:
		l.setInterest(c, 0)
	case secure.HasNews:
		l.advance(c)
	}
}

// beginShaking begins an iteration.
func (l *Loop) beginShaking() {
	if l.lateNs = 0; l.shakes != nil {
		l.shakes.EndLeft()
	}
}

// recordHandshake is the type of the record that a client begins with (RFC 8446 §5.1).
const recordHandshake = 22

// isClearText reports whether a client that was to begin with TLS begins with a method of HTTP.
func isClearText(in []byte) bool { return in[0] >= 'A' && in[0] <= 'Z' }

const clearTextRefusal = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 59\r\n\r\n" +
	"400 Bad Request\nthis port speaks HTTPS: use an https:// URL\n"

// refuseClearText tells a client that has forgotten TLS so, in clear text.
func (l *Loop) refuseClearText(c *conn) {
	l.countHandshake(slot.HandshakeClear)
	l.cfg.Slot.Responses[4]++
	l.leaveHandshake(c)
	c.tls.Close()
	c.tls = nil
	l.text = append(l.text[:0], clearTextRefusal...)
	// The buffer of a new connection has room for it, and what the client does not take is its loss.
	_ = c.pushSome(l.text)
	l.linger(c)
}

// isHello reports whether a client that was to begin with a request begins with TLS.
func isHello(in []byte) bool { return in[0] == recordHandshake }

// helloEvery is how often clients that speak TLS where there is none are logged: scanners do so without end.
const helloEvery = int64(time.Minute)

// noteHello logs a client that speaks TLS to an address without it, and could not read a response.
func (l *Loop) noteHello(c *conn) {
	if l.clock.now >= l.helloNs {
		l.helloNs = l.clock.now + helloEvery
		l.cfg.Log(LogWarn, fmt.Sprintf("the client %s speaks TLS to an address without tls=on: closed; others that do are not logged for a minute",
			&c.peer))
	}
}

// leaveHandshake counts a handshake that has ended.
func (l *Loop) leaveHandshake(c *conn) {
	c.state = connOpen
	l.shaking--
	l.acceptAgain()
}

// followHandshakes goes on with the handshakes that have something for the loop.
func (l *Loop) followHandshakes() {
	poller.Settle(l.shakeFd)
	l.told = l.shakes.Take(l.told)
	for _, s := range l.told {
		if c := l.ownerOf(s); c != nil && c.state != connDead {
			l.advance(c)
			l.bury()
		}
	}
}

// ownerOf returns the connection of a session; nil: it is closed.
func (l *Loop) ownerOf(s *secure.Session) *conn {
	c := l.conns[uint32(s.Owner)]
	if c == nil || c.tls != s {
		return nil
	}
	return c
}

// advance sends what a handshake has for its client, and opens the connection at its end.
func (l *Loop) advance(c *conn) {
	progress := l.shakes.Collect(c.tls, l.cipher[:0])
	var n int
	var errno unix.Errno
	if len(progress.Out) > 0 {
		n, errno = poller.Write(c.fd, progress.Out)
	}
	switch {
	case errno != 0 && errno != unix.EAGAIN:
		l.countHandshake(slot.HandshakeLeft)
		l.closeConn(c, CloseClient)
	case progress.Err != nil:
		l.failHandshake(c, failureOf(progress.Err))
	case n < len(progress.Out):
		l.shakes.Return(c.tls, progress.Out[n:])
		l.setInterest(c, poller.Out)
	case progress.Over:
		l.openSession(c)
	default:
		l.setInterest(c, poller.In|poller.PeerEnd)
	}
}

func (l *Loop) countHandshake(end slot.Handshake) { l.cfg.Slot.Handshakes[end]++ }

// successOf tells what session a handshake has led to.
func successOf(state *tls.ConnectionState) slot.Handshake {
	switch {
	case state.Version >= tls.VersionTLS13 && state.DidResume:
		return slot.TLS13Resumed
	case state.Version >= tls.VersionTLS13:
		return slot.TLS13Full
	case state.DidResume:
		return slot.TLS12Resumed
	}
	return slot.TLS12Full
}

// failureOf tells why a handshake has failed.
func failureOf(err error) slot.Handshake {
	var bad *tls.CertificateVerificationError
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return slot.HandshakeLeft
	case errors.As(err, &bad) || strings.Contains(err.Error(), "client didn't provide a certificate"):
		return slot.HandshakeClient
	}
	return slot.HandshakeOther
}

// failHandshake ends a connection whose handshake has failed. A client that is still there has been told why, now or when
// the loop looked before, and gets the time to read it.
func (l *Loop) failHandshake(c *conn, end slot.Handshake) {
	l.countHandshake(end)
	if end == slot.HandshakeLeft {
		l.closeConn(c, CloseError)
		return
	}
	l.leaveHandshake(c)
	l.linger(c)
}

// openSession goes on with HTTP. Our last word in the handshake may have been before the client's: one that gathers small
// writes (RFC 896) sends its first request when that is acknowledged, for which the kernel would wait for a response.
func (l *Loop) openSession(c *conn) {
	l.leaveHandshake(c)
	poller.Acknowledge(c.fd)
	state := c.tls.State()
	l.countHandshake(successOf(&state))
	switch {
	case !l.noteTLS(c, &state):
	case state.NegotiatedProtocol == secure.HTTP2:
		l.openH2(c)
	default:
		l.openH1(c)
	}
}

// pullSealed reads what the client has said into room, as transport.discard does for bytes of the socket.
func (l *Loop) pullSealed(c *conn, room []byte) (uintptr, unix.Errno) {
	s := c.tls
	if !s.HasMore() {
		held := copy(l.cipher, s.Pending())
		n, errno := poller.Read(c.fd, l.cipher[held:min(cipherSize, held+max(len(room), secure.RecordMost))])
		if errno != 0 {
			return 0, errno
		}
		s.Receive(l.cipher[:held+int(n)], n == 0)
	}
	n, err := s.Read(room)
	s.Keep()
	if len(s.Outbox()) > 0 { // An alert, or the response to a KeyUpdate (RFC 8446 §4.6.3). What is not taken waits.
		_ = l.sendSealed(c)
	}
	if n == 0 && err == nil {
		return 0, unix.EAGAIN
	}
	return uintptr(n), 0 // Whatever the error, the client is not heard any more.
}

// mindSession has c have another turn if there is something to read that the poller does not know of: what is decrypted
// already, or has been received.
func (l *Loop) mindSession(c *conn) {
	if c.tls.HasMore() && c.protocol.takesInput() && !c.queued {
		l.queueTurn(c, true)
	}
}

// oneRecord is how much of the program's data a record holds (RFC 8446 §5.1).
const oneRecord = 16 << 10

// pieces are those of c's output. Small ones are copied together, because each record costs both sides an operation of
// its cipher and 22 bytes.
func (l *Loop) pieces(c *conn) [3][]byte {
	size := len(c.rest) + len(c.body) + len(c.tail)
	if size == len(c.rest) || size > oneRecord {
		return [3][]byte{c.rest, c.body, []byte(c.tail)}
	}
	return [3][]byte{append(append(append(l.clear[:0], c.rest...), c.body...), c.tail...)}
}

// pushSealed seals some of c's output and sends it. n is of the clear text; what is sealed and not taken is kept, and
// EAGAIN says so.
func (l *Loop) pushSealed(c *conn) (n int, errno unix.Errno) {
	if errno = l.sendSealed(c); errno != 0 {
		return 0, errno
	}
	for _, b := range l.pieces(c) {
		b = b[:min(len(b), secure.SealMost-n)]
		if c.tls.Write(b) != nil {
			return n, unix.EPIPE
		}
		n += len(b)
	}
	return n, l.sendSealed(c)
}

// pushSealedFile seals a piece of c.file and sends it.
func (l *Loop) pushSealedFile(c *conn, size int) (n int, errno unix.Errno) {
	n, err := unix.Pread(c.file.fd, l.clear[:min(size, secure.SealMost)], c.file.off)
	if n <= 0 {
		errno, _ = err.(unix.Errno)
		return 0, errno
	}
	c.file.off += int64(n)
	if c.tls.Write(l.clear[:n]) != nil {
		return n, unix.EPIPE
	}
	return n, l.sendSealed(c)
}

// sendSealed sends what is sealed. EAGAIN: the client does not take all of it now.
func (l *Loop) sendSealed(c *conn) unix.Errno {
	out := c.tls.Outbox()
	if len(out) == 0 {
		return 0
	}
	n, errno := poller.Write(c.fd, out)
	c.tls.Sent(n)
	if errno == 0 && n < len(out) {
		return unix.EAGAIN
	}
	return errno
}

// isSealing reports whether something is sealed that the client has not taken.
func (t *transport) isSealing() bool { return t.tls != nil && len(t.tls.Outbox()) > 0 }

// takenOf is how many bytes the client has taken since it was asked last, of which n were taken out of the output.
func (t *transport) takenOf(n int) int {
	if t.tls == nil {
		return n
	}
	return t.tls.Taken()
}

// endSession tells the client of a connection that is being closed that nothing follows; unless something should, and
// then the missing of that says so (RFC 8446 §6.1).
func (l *Loop) endSession(c *conn) {
	if c.owes() == owesNothing && !c.blocked && !c.isSealing() {
		c.tls.CloseWrite()
	}
	_ = l.sendSealed(c)
}
