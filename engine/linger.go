package engine

import (
	"time"

	"golang.org/x/sys/unix"

	"libforker/engine/poller"
)

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
	c.state = stateLinger
	l.lingering++
	poller.Shutdown(c.fd)
	c.lingerEnd = l.clock.now + lingerMost
	l.wheel.arm(&c.timer, l.clock.now+lingerNs)
	l.await(c)
}

// endLingering closes, while draining, the lingering connections whose client has everything and sends nothing. A
// close(2) harms it only if it sends more: that is answered by a reset, which can overtake what it has not read yet.
func (l *Loop) endLingering() {
	if l.lingering == 0 || l.clock.now < l.lingerLookNs {
		return
	}
	l.lingerLookNs = l.clock.now + lookEvery
	for _, c := range l.conns {
		if c != nil && c.state == stateLinger && isServed(c.fd) {
			l.closeConn(c, CloseDone)
		}
	}
	l.bury()
}

// isServed tells if the client of a lingering connection has acknowledged our end, which comes behind the answer, and
// has been silent for a while. Of a unix socket it has read all then (SIOCOUTQ in unix(7) counts what it has not).
func isServed(fd int) bool {
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		unread, err := unix.IoctlGetInt(fd, unix.SIOCOUTQ)
		return err == nil && unread == 0
	}
	return info.State == tcpFinWait2 && int64(info.Last_data_recv) >= lingerQuietMs+2*int64(info.Rtt)/1000
}

// tcpFinWait2 is TCP_FIN_WAIT2 of linux/tcp_states.h.
const tcpFinWait2 = 5
