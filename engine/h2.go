package engine

import (
	"golang.org/x/sys/unix"

	"libforker/engine/http2"
	"libforker/engine/poller"
)

// HTTP/2 on a connection: what comes goes to the streams, and what they have to send goes out in turn.

// h2 is HTTP/2 on a connection, as its protocol. Frames lie in the connection's input only until they are taken: heads are decoded into
// blocks of their requests. Owned by the loop.
type h2 struct {
	c       *conn
	session *http2.Conn

	active     bool // There has been one since then.
	headTimed  bool // The time of a frame that is not complete runs, or of a field section; at first it does from accept on.
	leaving    bool // The client was told to begin nothing more here.
	unfinished int  // Streams that have something in keeping, see h2stream.kept.
	sending    int  // Streams whose body comes from the source of their request.

	life   h2life
	bodies *int64 // Bytes of memory that bodies are collected in, nil: there was none yet.
}

// openH2 has c speak HTTP/2 from now on; what has come of it is in its input.
func (l *Loop) openH2(c *conn) {
	var h *h2
	if n := len(l.freeH2); n > 0 {
		h = l.freeH2[n-1]
		l.freeH2 = l.freeH2[:n-1]
	} else {
		h = new(h2)
	}
	h.c, c.protocol = c, h
	h.session = l.h2.Open(l.clock.now)
	h.life.begin(l, h)
	h.awaitFrame(l)
	l.probe(c)
	h.collectControl(l) // Its SETTINGS come before all else.
	if c.input.bytes == nil {
		h.read(l)
	} else {
		h.proceed(l)
	}
}

// closed leaves all requests.
func (h *h2) closed(l *Loop, reason int) {
	h.leaveStreams(l, reason)
	h.dropInput(l)
	l.h2.Close(h.session)
	l.wheel.disarm(&h.life.timer)
	*h = h2{}
	l.freeH2 = append(l.freeH2, h)
}

// leaveStreams parts the requests from the connection.
func (h *h2) leaveStreams(l *Loop, reason int) {
	for s := range h.session.Streams {
		st := s.Owner.(*h2stream)
		if r := st.request; r != nil {
			st.request = nil
			r.counted = nil
			if r.stream != nil {
				l.leave(r, reason)
			}
		}
		h.session.Release(s)
		h.free(l, st)
	}
}

func (h *h2) dropInput(l *Loop) {
	if h.c.input.bytes != nil {
		l.blocks.Put(h.c.input.bytes)
		h.c.input = input{}
	}
}

func (h *h2) takesInput() bool {
	return h.c.state == connOpen && !h.c.blocked && h.session.Fault() == nil
}

// hear reads, unless the client does not: it gets no more responses then.
func (h *h2) hear(l *Loop, events uint32) {
	switch {
	case h.c.blocked && events&(unix.EPOLLHUP|unix.EPOLLERR) != 0:
		l.closeConn(h.c, CloseClient)
	case h.c.blocked:
		l.resumeWrite(h.c)
	default:
		h.read(l)
	}
}

// read reads once and takes the frames that have become complete.
func (h *h2) read(l *Loop) {
	c := h.c
	if c.input.bytes == nil {
		block, err := l.blocks.Get(max(l.inSize+1, http2.MinInput+1))
		if err != nil {
			l.cfg.Log(LogError, "no memory for a request: "+err.Error())
			l.closeConn(c, CloseError)
			return
		}
		c.input = input{bytes: block}
	}
	if len(c.room()) == 0 { // Others have their turn before all of it is looked at.
		h.proceed(l)
		return
	}
	var got uintptr
	var errno unix.Errno
	if c.tls == nil {
		got, errno = poller.Read(c.fd, c.room())
	} else {
		got, errno = l.pullSealed(c, c.room())
	}
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
		h.proceed(l)
	case errno != 0 || got == 0:
		l.closeConn(c, CloseClient)
	default:
		l.cfg.Slot.BytesIn += uint64(got)
		c.input.end += int(got)
		h.proceed(l)
	}
}

// proceed takes the frames that are complete, sends what there is, and arranges for what comes next. After a number of requests other
// connections have their turn first.
func (h *h2) proceed(l *Loop) {
	c := h.c
	more := h.takeFrames(l)
	if h.unfinished > 0 && c.state == connOpen {
		h.giveKept(l)
	}
	h.send(l)
	if c.state != connOpen {
		return
	}
	if h.isOver() {
		h.finish(l)
		return
	}
	h.mindTimes(l)
	if more {
		l.queueTurn(c, false)
		return
	}
	h.await(l)
}

// takeFrames reports whether there are more that can be looked at now.
func (h *h2) takeFrames(l *Loop) (more bool) {
	in := &h.c.input
	for n := 0; in.start < in.end && h.takesInput(); {
		if n == l.cfg.MaxPipelined {
			return true
		}
		taken, ev := h.session.Next(in.bytes[in.start:in.end], l.clock.now)
		in.start += taken
		if taken == 0 && ev.Kind == http2.None {
			break
		}
		if ev.Kind == http2.Head {
			n++
		}
		h.follow(l, ev)
	}
	switch {
	case in.bytes == nil:
	case in.start == in.end || h.session.Fault() != nil:
		h.dropInput(l)
	default:
		in.closeUp(0, in.start)
		in.start = 0
	}
	return false
}

// follow does what a frame says.
func (h *h2) follow(l *Loop, ev http2.Event) {
	switch ev.Kind {
	case http2.Head:
		h.begin(l, ev.Stream, ev.End)
	case http2.Data:
		ev.Stream.Owner.(*h2stream).receive(l, h.session.Piece(), ev.End)
	case http2.Trailers:
		ev.Stream.Owner.(*h2stream).receiveTrailers(l)
	case http2.Reset:
		ev.Stream.Owner.(*h2stream).left(l)
	case http2.Leaving:
		h.leaving = true
	}
}

// send sends what is collected, and what the streams have. While the client takes no more, only that is kept which is collected already.
func (h *h2) send(l *Loop) {
	c := h.c
	if c.state == connOpen && !c.blocked {
		h.collectControl(l)
		if s, _ := h.session.Turn(); s != nil {
			l.send(c)
		}
	}
	l.flush(c)
}

// collectControl puts what the session has to say behind what is collected.
func (h *h2) collectControl(l *Loop) {
	if h.session.HasControl() {
		l.reserve(h.c, http2.MostControl)
		l.commit(h.session.AppendControl(l.out[:l.outLen]))
	}
}

// fill puts the next frames of the streams' bodies into the output: some of each in turn, so that others of the same urgency wait for no
// more than that.
func (h *h2) fill(l *Loop) bool {
	if h.c.state != connOpen {
		return false
	}
	out := l.out[:0]
	for len(out) < outSize/2 && !l.isSpent() {
		s, room := h.session.Turn()
		if s == nil {
			break
		}
		out = s.Owner.(*h2stream).appendBody(l, out, room)
	}
	out = h.session.AppendControl(out)
	h.c.rest, h.c.loose = out, true
	return len(out) > 0
}

// isOver reports whether the connection has nothing more to do.
func (h *h2) isOver() bool {
	return h.session.Fault() != nil || h.session.HasEnded() && h.session.Count() == 0
}

// finish ends the connection, whose client has been told so. It may still be sending.
func (h *h2) finish(l *Loop) {
	if h.c.blocked {
		h.await(l)
		return
	}
	h.leaveStreams(l, CloseError)
	h.dropInput(l)
	l.linger(h.c)
}

// mindTimes begins and ends the times of what the connection waits for. Those of bodies and handlers are their requests'.
func (h *h2) mindTimes(l *Loop) {
	if h.sending > 0 {
		h.mindSending(l)
	}
	if h.c.blocked {
		return
	}
	partial := h.session.InSection() || h.c.input.start < h.c.input.end
	switch {
	case partial && !h.headTimed && !h.session.InData():
		h.awaitFrame(l)
	case !partial && h.headTimed && h.session.HasBegun():
		h.headTimed = false
		h.awaitRequest(l)
	case h.active && h.session.Count() == 0:
		h.active = false
		h.awaitRequest(l)
	}
}

// awaitFrame starts the time of a frame or a field section.
func (h *h2) awaitFrame(l *Loop) {
	h.headTimed = true
	l.wheel.arm(&h.c.timer, l.clock.now+int64(l.cfg.ReadHeaderTimeout))
}

// awaitRequest begins the time until the next request.
func (h *h2) awaitRequest(l *Loop) {
	wait := l.cfg.IdleTimeout
	if h.leaving {
		wait = min(wait, l.cfg.DrainGrace)
	}
	l.wheel.arm(&h.c.timer, l.clock.now+int64(wait))
}

// expire is told when there was no request for too long, or what has begun has not come whole in time.
func (h *h2) expire(l *Loop) {
	switch {
	case h.headTimed:
		h.session.GoAway(true)
		h.send(l)
		h.leaveStreams(l, CloseTimeout)
		l.closeConn(h.c, CloseTimeout)
	case h.session.Count() == 0 && !h.session.HasEnded():
		h.endIdle(l)
	}
}

// endIdle ends a connection on which nothing is under way, unless a request has come since the events of this iteration.
func (h *h2) endIdle(l *Loop) {
	served := h.c.served
	if !h.c.blocked {
		h.read(l)
	}
	if h.c.state == connOpen && h.c.served == served && h.session.Count() == 0 {
		h.session.GoAway(true)
		h.proceed(l) // What comes from now on is none that the server has begun.
	}
}

// mindSending has a time run for each response that waits for the client's window.
func (h *h2) mindSending(l *Loop) {
	for s := range h.session.Streams {
		st := s.Owner.(*h2stream)
		switch blocked := h.session.Blocked(s); {
		case blocked == st.waiting:
		case blocked:
			st.waiting = true
			l.wheel.arm(&st.timer, l.clock.now+int64(l.cfg.WriteTimeout))
		default:
			st.waiting = false
			l.wheel.disarm(&st.timer)
		}
	}
}

// await has the poller tell of what the connection waits for.
func (h *h2) await(l *Loop) {
	if h.c.blocked {
		l.setInterest(h.c, poller.Out)
		return
	}
	l.setInterest(h.c, poller.In|poller.PeerEnd)
	if h.c.tls != nil {
		l.mindSession(h.c)
	}
}

// owes returns what is missing: the client knows of each response whether it is complete.
func (h *h2) owes() owed {
	if h.session.Count() > 0 {
		return owesRest
	}
	return owesNothing
}
