package engine

import (
	"time"

	"golang.org/x/sys/unix"

	"libforker/engine/poller"
)

// The end of a connection whose client may still be sending.

const (
	lingerNs   = 2 * int64(time.Second)  // How long a client may be silent that is to see that it was refused,
	lingerMost = 30 * int64(time.Second) // and how long it may go on sending.

	// While draining, how often lingering connections are looked at, and how long a client must have been silent then,
	// besides two round trips: longer than it takes to send a lost packet again (TCP_RTO_MIN).
	lookEvery     = 50 * int64(time.Millisecond)
	lingerQuietMs = 250
)

// linger closes our half, and reads on until the client has seen that and closed its own (RFC 9112 §9.6).
func (l *Loop) linger(c *conn) {
	if c.tls != nil {
		l.endSession(c)
	}
	c.state = connLingering
	l.lingering++
	c.shutdown()
	c.lingerEnd = l.clock.now + lingerMost
	l.wheel.arm(&c.timer, l.clock.now+lingerNs)
	l.setInterest(c, poller.In|poller.PeerEnd)
}

// endLingering closes, while draining, the lingering connections whose client has everything and sends nothing. A
// close(2) harms it only if it sends more: that is answered by a reset, which can overtake what it has not read yet.
func (l *Loop) endLingering() {
	if l.lingering == 0 || l.clock.now < l.lingerLookNs {
		return
	}
	l.lingerLookNs = l.clock.now + lookEvery
	for _, c := range l.conns {
		if c != nil && c.state == connLingering && c.hasAll() {
			l.closeConn(c, CloseDone)
		}
	}
	l.bury()
}

// discard reads and throws away what a lingering connection's client still sends.
func (l *Loop) discard(c *conn) {
	for range 4 { // Then the others: a client that sends faster than we read gets no more attention than they do.
		n, errno := c.discard(l.out[:outSize])
		if errno == unix.EAGAIN || errno == unix.EINTR {
			return
		}
		if errno != 0 || n == 0 {
			l.closeConn(c, CloseClient)
			return
		}
		l.wheel.arm(&c.timer, min(l.clock.now+lingerNs, c.lingerEnd))
	}
}
