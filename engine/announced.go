package engine

import (
	"fmt"

	"golang.org/x/sys/unix"

	"libforker/engine/gate"
	"libforker/engine/poller"
	"libforker/engine/secure"
)

// Connections that a proxy passes on, on addresses with proxy=on: in front of all that the client sends stands a header
// of the proxy's, which says who the client is.

// announced is a connection whose header is awaited, as its protocol.
type announced struct {
	c      *conn
	tls    *secure.Config // What is spoken behind the header; nil: clear text.
	header []byte         // What has come of it.
}

// openAnnounced awaits the header of a connection. What is no proxy's is closed.
func (l *Loop) openAnnounced(c *conn, config *secure.Config) {
	a := &announced{c: c, tls: config}
	c.protocol = a
	if !l.cfg.Front.Trust.Proxies.Has(c.peer) {
		a.refuse(l, "is not one of option trusted_proxies")
		return
	}
	l.wheel.arm(&c.timer, l.clock.now+int64(l.cfg.ReadHeaderTimeout))
	a.hear(l, poller.In)
}

// refuse closes the connection: who has opened it speaks something else, or says what cannot be believed.
func (a *announced) refuse(l *Loop, why string) {
	l.cfg.Log(LogWarn, fmt.Sprintf("connection from %v to an address with proxy=on: %s; closed", a.c.peer, why))
	l.closeConn(a.c, CloseError)
}

// hear takes the header out of the socket, and nothing of what is behind it: with TLS that is for others to read.
func (a *announced) hear(l *Loop, _ uint32) {
	var block [gate.ProxyMost]byte
	have := copy(block[:], a.header)
	got, errno := poller.Peek(a.c.fd, block[have:])
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
		l.setInterest(a.c, poller.In|poller.PeerEnd)
		return
	case errno != 0 || got == 0:
		l.closeConn(a.c, CloseClient)
		return
	}
	size, whole, err := gate.MeasureProxy(block[:have+int(got)])
	if err != nil {
		a.refuse(l, err.Error())
		return
	}
	// It is there, and nobody else reads.
	_, _ = poller.Read(a.c.fd, block[have:size])
	l.cfg.Slot.BytesIn += uint64(size - have)
	a.header = append(a.header, block[have:size]...)
	if !whole {
		l.setInterest(a.c, poller.In|poller.PeerEnd)
		return
	}
	a.finish(l)
}

// finish goes on with what is behind the header.
func (a *announced) finish(l *Loop) {
	via, err := gate.ParseProxy(a.header)
	if err != nil {
		a.refuse(l, err.Error())
		return
	}
	a.c.protocol, a.c.via = nil, &via
	l.openConn(a.c, a.tls)
}

// openConn begins with what is spoken on a connection.
func (l *Loop) openConn(c *conn, config *secure.Config) {
	if config != nil {
		l.beginHandshake(c, config)
		return
	}
	l.openH1(c)
}

func (a *announced) takesInput() bool { return false }
func (a *announced) proceed(*Loop)    {}
func (a *announced) fill(*Loop) bool  { return false }
func (a *announced) owes() owed       { return owesNothing }
func (a *announced) warn(*Loop)       {}
func (a *announced) closed(*Loop, int) {
}

// expire is told when the header has not come in time.
func (a *announced) expire(l *Loop) { l.closeConn(a.c, CloseTimeout) }

// drain closes the connection, unless it is so new that its request may be on its way.
func (a *announced) drain(l *Loop) {
	if end := a.c.born + firstNs; l.clock.now < end {
		l.drainGraceNs = max(l.drainGraceNs, end)
		return
	}
	l.closeConn(a.c, CloseShutdown)
}
