package engine

// How a connection of HTTP/2 comes to its end: its client is told to go elsewhere, whether anything happens on it or not.

// h2life is the time that a connection has: at first until its client is told to begin nothing more here, then until what that begins all
// the same is not served. What has begun goes on. Owned by the loop.
type h2life struct {
	h     *h2
	timer timer
}

// begin begins the time of a connection that has one.
func (f *h2life) begin(l *Loop, h *h2) {
	f.h, f.timer.owner = h, f
	if l.cfg.MaxAge > 0 {
		l.wheel.arm(&f.timer, h.c.oldAt(l))
	}
}

func (f *h2life) expire(l *Loop) {
	h := f.h
	switch {
	case h.c.state != connOpen || l.draining: // A drain has times of its own.
	case h.leaving:
		h.endBeginning(l)
	default:
		h.warn(l)
	}
}

// countRequest counts a request that comes before the program. The last one need not be responded to for its client to learn that it is: that
// may never happen.
func (h *h2) countRequest(l *Loop) {
	h.c.served++
	if int(h.c.served) == l.cfg.MaxRequests && !h.leaving {
		h.leave(l)
	}
}

// isLast reports whether the next response is to tell that the connection takes no more requests.
func (h *h2) isLast(l *Loop) bool { return l.cfg.NoKeepAlive || l.isLeaving() }

// warn tells the client to begin nothing more here. What is on its way is served.
func (h *h2) warn(l *Loop) {
	h.leave(l)
	if !h.c.queued {
		l.queueTurn(h.c, false)
	}
}

func (h *h2) leave(l *Loop) {
	h.leaving = true
	h.session.GoAway(false)
	l.wheel.arm(&h.life.timer, l.clock.now+int64(l.cfg.DrainGrace))
}

// drain has the connection end with the requests that have come by now.
func (h *h2) drain(l *Loop) {
	if h.session.HasEnded() {
		return
	}
	if h.c.served == 0 && l.clock.now < h.c.born+firstNs {
		l.drainGraceNs = max(l.drainGraceNs, h.c.born+firstNs)
		return
	}
	h.endBeginning(l)
}

// endBeginning tells the client which of its requests were the last.
func (h *h2) endBeginning(l *Loop) {
	if !h.c.blocked {
		h.read(l) // What has come since the events of this iteration is still served.
	}
	if h.c.state == connOpen {
		h.session.GoAway(true)
		h.proceed(l)
	}
}
