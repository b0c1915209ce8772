package engine

import (
	"golang.org/x/sys/unix"

	"libforker/engine/http1"
	"libforker/engine/memory"
	"libforker/engine/message"
	"libforker/engine/poller"
)

// HTTP/1 on a connection: heads, the way from one request to the next, and the end.

// closing says what happens to the connection when the output is written.
type closing uint8

const (
	keepOpen    closing = iota
	closeNow            // The client said that it is done, or cannot be talked to any more.
	closeLinger         // The client may be sending: close(2) would reset the connection and could cost it our response.
)

// headRead is how much is read at once of the next head of a client that uploads: what is read of a large body along
// with it has to be copied to where that belongs, and the rest is read right there.
const headRead = 4 << 10

// h1 is HTTP/1 on a connection, as its protocol, and as the stream of its present request: there is one at a time. The
// request lies in the connection's input, from input.start on. Owned by the loop.
type h1 struct {
	c          *conn
	request    *request // nil: nothing of one has come.
	*h1message          // nil likewise.

	idleNs    int64 // Since when there has been no request.
	closing   closing
	headTimed bool  // The time of the present head runs; of the first one it does from accept on.
	blank     uint8 // Bytes of an empty line that have come before the next request, while there is no input.
	uploads   bool  // The latest request had a body that did not fit behind its head.
	peerEnded bool  // The client has sent its end, while the program had the request.
	late      uint8 // Responses in a drain that were not the last, because there was more to respond to.
}

// h1message is what h1 keeps of the syntax of the present request and its response. An idle connection has none.
type h1message struct {
	parser  http1.Parser
	chunked http1.Chunked
	taken   int  // Bytes behind the head in the input that the program has had of a body that it takes piece by piece.
	trailer int  // Bytes of the trailer section, which lies behind the head in the input.
	end     int  // Where the request ends in the input; a NUL took the place
	behind  byte // of this byte there.

	size     [24]byte // What is sent before a chunk.
	trailers bool     // A trailer section is to be sent.
}

// openH1 has c speak HTTP/1 from now on, and reads what has come.
func (l *Loop) openH1(c *conn) {
	var h *h1
	if n := len(l.freeH1); n > 0 {
		h = l.freeH1[n-1]
		l.freeH1 = l.freeH1[:n-1]
	} else {
		h = new(h1)
	}
	h.c, c.protocol = c, h
	h.awaitHead(l)
	h.hear(l, poller.In)
}

// closed leaves the request, with the input that it lies in.
func (h *h1) closed(l *Loop, reason int) {
	if r := h.request; r != nil {
		h.part(l)
		l.leave(r, reason)
	}
	*h = h1{}
	l.freeH1 = append(l.freeH1, h)
}

// part takes the present request, and the input with it, from the connection.
func (h *h1) part(l *Loop) {
	h.request.block, h.c.input = h.c.input.bytes, input{}
	h.forget(l)
}

// forget ends what is known of a request.
func (h *h1) forget(l *Loop) {
	*h.h1message = h1message{}
	l.freeMessages = append(l.freeMessages, h.h1message)
	h.request, h.h1message = nil, nil
}

// receive has h receive r from now on.
func (h *h1) receive(l *Loop, r *request) {
	h.request = r
	if n := len(l.freeMessages); n > 0 {
		h.h1message = l.freeMessages[n-1]
		l.freeMessages = l.freeMessages[:n-1]
	} else {
		h.h1message = new(h1message)
	}
}

func (h *h1) conn() *conn { return h.c }

// takesInput reports whether more of a request is to be read, or can be looked at.
func (h *h1) takesInput() bool {
	return h.c.state == connOpen && h.closing == keepOpen && !h.c.blocked && (h.request == nil || h.request.wantsInput())
}

// hear reads once and serves what has become complete, unless there is a reason not to read.
func (h *h1) hear(l *Loop, events uint32) {
	c := h.c
	switch {
	case c.blocked:
		h.hearBlocked(l, events)
		return
	case h.request == nil:
		if !h.begin(l) {
			return
		}
	case !h.request.wantsInput():
		h.hearPending(l, events)
		return
	}
	r := h.request
	room := c.room()
	direct := false
	switch {
	case r.head > 0:
		if own := h.contentRoom(r); len(own) > 0 {
			room, direct = own, true
		}
	case h.uploads:
		room = room[:min(len(room), headRead)]
	}
	var got uintptr
	var errno unix.Errno
	if c.tls == nil {
		got, errno = poller.Read(c.fd, room)
	} else {
		got, errno = l.pullSealed(c, room)
	}
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
		if h.isBlank() {
			h.release(l)
		}
		h.await(l)
	case errno != 0 || got == 0:
		// The client left. What it had sent of a request cannot be answered any more, or is not complete and never will be.
		l.closeConn(c, CloseClient)
	default:
		n := int(got)
		l.cfg.Slot.BytesIn += uint64(n)
		if direct {
			h.tookContent(r, n)
		} else {
			c.input.end += n
			if h.isPreface(l) {
				h.turnToH2(l)
				return
			}
		}
		if r.body.awaited {
			l.creditBody(&r.body, n)
		}
		h.proceed(l)
	}
}

// hearBlocked is told of something on a connection whose client takes no more now.
func (h *h1) hearBlocked(l *Loop, events uint32) {
	if events&poller.PeerEnd != 0 {
		if h.isEndless() {
			l.closeConn(h.c, CloseClient)
			return
		}
		l.setInterest(h.c, poller.Out) // The stream that was going out has found its end.
	}
	l.resumeWrite(h.c)
}

// hearPending is told of something on a connection whose request is with the program.
func (h *h1) hearPending(l *Loop, events uint32) {
	switch {
	case events&(unix.EPOLLHUP|unix.EPOLLERR) != 0:
		l.closeConn(h.c, CloseClient)
	case events&poller.PeerEnd != 0:
		if !l.cfg.HalfClose || h.isEndless() {
			l.closeConn(h.c, CloseClient)
			return
		}
		h.peerEnded = true
		h.request.cancel()
		l.setInterest(h.c, 0)
	default:
		// The next request, or more of a body that is paused; it is read when its time has come.
		l.setInterest(h.c, poller.PeerEnd)
	}
}

// begin gives the connection input, and a request to receive in it. false: there is no memory; the connection is closed.
func (h *h1) begin(l *Loop) bool {
	block, err := l.blocks.Get(l.inSize + 1)
	if err != nil {
		l.cfg.Log(LogError, "no memory for a request: "+err.Error())
		l.closeConn(h.c, CloseError)
		return false
	}
	r := l.newRequest(h)
	if r == nil {
		l.blocks.Put(block)
		l.closeConn(h.c, CloseError)
		return false
	}
	h.receive(l, r)
	h.c.input = input{bytes: block[:l.inSize+1], end: copy(block, http1.CRLF[:h.blank])}
	h.blank = 0
	return true
}

// release gives input and request back, of which nothing has come: an idle connection holds no buffer.
func (h *h1) release(l *Loop) {
	r, in := h.request, &h.c.input
	h.blank = uint8(in.end - in.start)
	h.forget(l)
	l.blocks.Put(in.bytes)
	*in = input{}
	r.become(stateDone)
	l.freeRequest(r)
}

// proceed serves each request that is complete in the input, and arranges for what comes next. After a number of them
// other connections have their turn first.
func (h *h1) proceed(l *Loop) {
	c := h.c
	more := h.request != nil
	for n := 0; more && h.takesInput() && n < l.cfg.MaxPipelined; n++ {
		more = h.serveOne(l)
	}
	l.flush(c)
	if c.state == connOpen && h.closing != keepOpen && !c.blocked && h.request.state == stateReceiving {
		h.finish(l)
	}
	if c.state != connOpen || h.request == nil {
		return
	}
	if h.takesInput() {
		switch {
		case more:
			l.queueTurn(c, false)
			return
		case h.isBlank():
			h.release(l)
			h.awaitRequest(l)
		default:
			h.makeRoom()
		}
	}
	h.await(l)
}

// serveOne takes one step with the present request. false: more input is needed, or the connection takes no more
// requests.
func (h *h1) serveOne(l *Loop) bool {
	r := h.request
	if r.head == 0 && !h.receiveHead(l, r) {
		return false
	}
	if r.state == stateTaking {
		return h.passBody(l, r)
	}
	if r.body.kind != bodyNone && r.body.kind != bodyPassed && !h.receiveBody(l, r) {
		return false
	}
	h.dispatch(l, r)
	if r.state == stateTaking {
		return h.passBody(l, r)
	}
	// The next handler wants the body whole, or the next request follows.
	return h.request == r && r.state == stateReceiving && (r.head > 0 || h.hasMore())
}

// receiveHead parses the head. When it is complete, it decides on the body.
func (h *h1) receiveHead(l *Loop, r *request) bool {
	in := &h.c.input
	n, err := h.parser.Parse(in.bytes[in.start:in.end], &r.shared.Head, &l.cfg.Limits)
	if err != nil {
		switch {
		case h.c.served == 0 && isHello(in.bytes[in.start:in.end]):
			l.noteHello(h.c)
			h.closing = closeLinger
		case h.isOfNoVersion(l):
			h.closing = closeLinger
		default:
			h.refuse(l, r, err)
		}
		return false
	}
	if n == 0 {
		if !h.headTimed && !h.isBlank() {
			h.awaitHead(l)
		}
		return false
	}
	r.head, h.headTimed = n, false
	r.text = in.bytes[in.start:]
	if err = l.preparePath(r); err == nil && l.cfg.RPC.On {
		err = l.beginCall(r)
	}
	if err == nil {
		err = h.beginBody(l, r)
	}
	if err != nil {
		h.refuse(l, r, err)
		return false
	}
	return true
}

// dispatch has the program serve the present request.
func (h *h1) dispatch(l *Loop, r *request) {
	in, req := &h.c.input, r.shared
	h.finishInput(l, r)
	req.Rest, req.RestLen, req.RestFirst = memory.Address(in.bytes[h.end:]), uint64(in.end-h.end), h.behind
	l.shareTLS(h.c, r)
	if !r.inFlight {
		h.c.served++
	}
	if l.openCall(r) {
		l.dispatch(r)
	}
}

// refuse responds to a request that cannot be served, and has the connection closed: where the next one would begin is
// not known.
func (h *h1) refuse(l *Loop, r *request, fault *message.Refusal) {
	in := &h.c.input
	r.isHead = string(h.refusedMethod(r)) == "HEAD"
	h.closing = closeLinger
	r.shared.Response.withdraw()
	r.shared.Head.Version = message.Version11
	h.end, h.behind = in.end, in.bytes[in.end]
	l.respondWith(r, Outcome{Status: fault.Status, Detail: fault.Reason})
}

// refusedMethod is the method of a request that is refused, as far as it is known. Behind that of a complete head a NUL
// may have taken the place of the space.
func (h *h1) refusedMethod(r *request) []byte {
	if r.head > 0 {
		return r.shared.Head.Method.In(r.text)
	}
	in := &h.c.input
	return http1.Method(in.bytes[in.start:in.end])
}

// isBlank reports whether nothing of the next request has come. An empty line that may precede it (RFC 9112 §2.2) is none
// of it: some clients send one behind a body.
func (h *h1) isBlank() bool {
	if h.request.head > 0 {
		return false
	}
	in := &h.c.input
	come := in.bytes[in.start:in.end]
	return len(come) == 0 || string(come) == http1.CRLF || string(come) == "\r"
}

// hasMore reports whether something has come behind the requests so far.
func (h *h1) hasMore() bool { return h.c.input.start < h.c.input.end }

// makeRoom moves what is left of the input to the front, so that the rest of a request has the whole block.
func (h *h1) makeRoom() {
	in, r := &h.c.input, h.request
	if in.start == 0 {
		return
	}
	in.end = copy(in.bytes, in.bytes[in.start:in.end])
	in.start = 0
	if r.head > 0 {
		r.text = in.bytes
	}
}

// await has the poller tell of what the connection waits for. While the program has the request, the interest in input
// stays as it is until there is some: most often the next thing to do is to read again.
func (h *h1) await(l *Loop) {
	c := h.c
	switch {
	case c.blocked && h.isEndless():
		l.setInterest(c, poller.Out|poller.PeerEnd)
	case c.blocked:
		l.setInterest(c, poller.Out)
	case h.peerEnded:
		l.setInterest(c, 0)
	default:
		l.setInterest(c, poller.In|poller.PeerEnd)
		if c.tls != nil {
			l.mindSession(c)
		}
	}
}

// awaitHead starts the time of a head.
func (h *h1) awaitHead(l *Loop) {
	h.headTimed = true
	l.wheel.arm(&h.c.timer, l.clock.now+int64(l.cfg.ReadHeaderTimeout))
}

// awaitRequest begins the time until the next request. That for the first one runs from accept on.
func (h *h1) awaitRequest(l *Loop) {
	l.probe(h.c)
	if !h.headTimed {
		h.idleNs = l.clock.now
		l.wheel.arm(&h.c.timer, l.clock.now+int64(l.cfg.IdleTimeout))
	}
}

// expire is told when there was no request for too long, or its head has not come in time. The time of a wait that is over
// counts no more: the timer is not taken out of the wheel, because that would be done for each request.
func (h *h1) expire(l *Loop) {
	switch {
	case h.request == nil:
		served := h.c.served
		h.hear(l, poller.In) // A request may have come since the events of this iteration.
		if h.isIdle() && h.c.served == served {
			l.closeConn(h.c, CloseTimeout)
		}
	case h.headTimed:
		h.refuse(l, h.request, errHeadLate)
		h.proceed(l)
	}
}

var errHeadLate = &message.Refusal{Status: 408, Reason: "the head did not come in time"}

// finish ends a connection whose last response is written.
func (h *h1) finish(l *Loop) {
	if h.closing == closeNow {
		l.closeConn(h.c, CloseDone)
		return
	}
	r := h.request
	h.part(l)
	l.recycle(r, CloseDone)
	l.linger(h.c)
}

// isIdle reports whether the connection is between requests. One that has turned to HTTP/2 meanwhile is not.
func (h *h1) isIdle() bool { return h.c != nil && h.c.state == connOpen && h.request == nil }

// drain closes a connection that is idle when its grace is over, and asks to be looked at again if it is not.
func (h *h1) drain(l *Loop) {
	if h.isIdle() {
		h.hear(l, poller.In) // A request that has come since the events of this iteration is still answered.
	}
	if !h.isIdle() {
		return
	}
	if end := h.graceEnd(l); l.clock.now < end {
		l.drainGraceNs = max(l.drainGraceNs, end)
		return
	}
	l.closeConn(h.c, CloseShutdown)
}

// warn has nothing to tell: each response says whether it is the last.
func (h *h1) warn(*Loop) {}

// graceEnd returns until when a draining loop keeps an idle connection. The grace runs from when it became idle: that can
// be later than the drain, if the head of its last response was written before, and so without "Connection: close".
func (h *h1) graceEnd(l *Loop) int64 {
	if h.c.served == 0 {
		return h.c.born + firstNs
	}
	return h.idleNs + int64(l.cfg.DrainGrace)
}
