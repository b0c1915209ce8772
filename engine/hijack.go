package engine

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Connections that the program takes over, which must speak HTTP/1 without TLS.

// Hijack returns a duplicate of the connection's descriptor to a handler that is running on the loop's thread, and takes
// the connection over. All responses to earlier requests must be written before: ErrNoRoom tells that they are not. With
// TLS the descriptor would be of no use to it: ErrSealed. With HTTP/2 it is other requests' too: ErrShared.
func (l *Loop) Hijack(req *Request) (int, error) {
	h, ok := l.byIndex[req.Index].stream.(*h1)
	if !ok {
		return -1, ErrShared
	}
	c := h.c
	if c.tls != nil {
		return -1, ErrSealed
	}
	l.send(c)
	switch {
	case c.state == connDead:
		return -1, ErrClientGone
	case c.blocked:
		return -1, ErrNoRoom
	}
	fd, err := unix.FcntlInt(uintptr(c.fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return -1, fmt.Errorf("duplicate a connection: %w", err)
	}
	return fd, nil
}

// giveAway leaves the connection of a request to the program, which has a duplicate of the descriptor and all input.
func (l *Loop) giveAway(r *request) {
	h := r.stream.(*h1)
	c := h.c
	h.part(l)
	if c.watched {
		// The duplicate would keep it in the poller; it is there, so removing it cannot fail.
		_ = l.poll.Remove(c.fd)
	}
	l.cfg.Slot.Responses[1]++
	l.noteResponse(r, 101, 0)
	l.recycle(r, CloseDone)
	c.taken = true
	l.closeConn(c, CloseDone)
}
