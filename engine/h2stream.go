package engine

import (
	"libforker/engine/http1"
	"libforker/engine/http2"
	"libforker/engine/memory"
	"libforker/engine/message"
)

// Streams of HTTP/2: the place of a request, and how it comes in.

// h2stream is the place of a request on an HTTP/2 connection. It is there as long as the http2.Stream, which counts for the client until
// the program has let the request go. Owned by the loop.
type h2stream struct {
	h       *h2
	s       *http2.Stream
	request *request // nil: it has left.

	// What has come of the body while the program did not take it: no more than the stream's window.
	kept  []byte // From the loop's pool; nil: nothing,
	size  int    // of which so many bytes are used.
	ended bool   // All of the request has come.
	keeps bool   // Counted in h2.unfinished.

	// What is being sent of the body.
	next    segment
	text    []byte // A body of the engine's own that next lies in; nil: none.
	timer   timer  // Runs while the client's window is closed.
	waiting bool   // It does.
}

// begin begins with a request, whose head is announced.
func (h *h2) begin(l *Loop, s *http2.Stream, ends bool) {
	st := l.newH2Stream(h, s)
	s.Owner, h.active = st, true
	r := l.newRequest(st)
	if r == nil {
		h.free(l, st)
		h.session.Release(s)
		return
	}
	st.request, st.ended = r, ends
	n, refusal := h.session.ReadHead(s, l.h2Text, &r.shared.Head)
	if refusal != nil && refusal.Status == 0 {
		st.left(l)
		return
	}
	if err := st.keepHead(l, n, ends); err != nil {
		refusal = err
	}
	r.isHead = string(r.shared.Head.Method.In(r.text)) == "HEAD"
	if refusal == nil && l.cfg.RPC.On {
		refusal = l.beginCall(r)
	}
	if refusal == nil {
		refusal = l.preparePath(r)
	}
	if refusal == nil {
		refusal = st.beginBody(l)
	}
	if refusal != nil {
		st.refuse(l, r, refusal)
		return
	}
	st.advance(l)
}

// keepHead moves a head from where it was decoded to a block of the request's.
func (st *h2stream) keepHead(l *Loop, n int, ends bool) *message.Refusal {
	r := st.request
	size := n
	if !ends {
		size += http1.MaxTrailer
	}
	block, err := l.blocks.Get(max(size, 1))
	if err != nil {
		r.shared.Head.Reset()
		return errBodyMemory
	}
	copy(block, l.h2Text[:n])
	r.block, r.text, r.head = block, block, n
	return nil
}

// beginBody decides how the body is received.
func (st *h2stream) beginBody(l *Loop) *message.Refusal {
	r := st.request
	head := &r.shared.Head
	length := int(head.ContentLength)
	if st.ended {
		length = 0
	}
	refusal := l.beginBody(r, length, head.ExpectContinue != 0 && !st.ended)
	if !st.ended {
		r.body.together = st.h.together()
	}
	return refusal
}

// together is where the memory is counted that bodies of the connection are collected in. Requests that outlive it have it still.
func (h *h2) together() *int64 {
	if h.bodies == nil {
		h.bodies = new(int64)
	}
	return h.bodies
}

// advance goes as far with the request as what has come of it allows.
func (st *h2stream) advance(l *Loop) {
	r := st.request
	for r.state == stateReceiving {
		switch {
		case r.body.kind == bodyWanted:
			if !st.collect(l) {
				return
			}
		case r.body.kind == bodyCollected && !st.ended:
			st.awaitBody(l)
			return
		case r.body.kind == bodyCollected:
			if refusal := l.completeBody(&r.body); refusal != nil {
				st.refuse(l, r, refusal)
				return
			}
			st.dispatch(l)
		default:
			st.dispatch(l)
		}
		if st.request != r {
			return
		}
	}
	switch {
	case r.state == stateTaking:
		st.passBody(l)
	case r.state == statePooled: // The handler may ask for the body, also for one that is there, or is empty.
		st.markKept()
	}
}

// collect begins to collect the body, with what is kept of it.
func (st *h2stream) collect(l *Loop) bool {
	r := st.request
	refusal := l.openBody(&r.body)
	if refusal == nil && st.size > 0 {
		refusal = st.write(l, st.kept[:st.size])
	}
	if refusal != nil {
		st.refuse(l, r, refusal)
		return false
	}
	st.dropKept(l)
	return true
}

// write puts a piece of the body where it is collected.
func (st *h2stream) write(l *Loop, piece []byte) *message.Refusal {
	b := &st.request.body
	if int64(b.got+len(piece)) > b.most {
		return st.request.tooLarge()
	}
	st.h.session.Take(st.s, len(piece))
	return l.writeBody(b, piece)
}

// dispatch has the program serve the request.
func (st *h2stream) dispatch(l *Loop) {
	r, req := st.request, st.request.shared
	l.shareBody(r)
	req.Rest, req.RestLen, req.RestFirst = memory.Address(l.root[1:2]), 0, 0
	l.shareTLS(st.h.c, r)
	if !r.inFlight {
		st.h.countRequest(l)
	}
	if l.openCall(r) {
		l.dispatch(r)
	}
}

// awaitBody begins the time of the body, and lets a client go on that waits for that.
func (st *h2stream) awaitBody(l *Loop) {
	if b := &st.request.body; l.awaitBody(b) && b.asks {
		_ = st.interim(l, 100, nil) // If the client has left that shows elsewhere.
	}
}

// receive takes a piece of the body. end: nothing follows.
func (st *h2stream) receive(l *Loop, piece []byte, end bool) {
	st.ended = st.ended || end
	r := st.request
	if r == nil {
		return
	}
	if r.body.awaited && r.wantsInput() {
		l.creditBody(&r.body, len(piece))
	}
	if r.state == stateReceiving && r.body.kind == bodyWanted && !st.collect(l) {
		return
	}
	switch {
	case r.state == stateReceiving && r.body.kind == bodyCollected:
		if refusal := st.write(l, piece); refusal != nil {
			st.refuse(l, r, refusal)
			return
		}
	case r.state == stateTaking && st.size == 0 && !r.hasUndecoded():
		st.pass(l, piece)
		if st.request != r {
			return
		}
	case r.state >= stateHeld && !r.midway || r.body.kind != bodyPassed: // Nobody wants it.
	default:
		if !st.keep(l, piece) {
			return
		}
	}
	if end || st.size > 0 || r.shared.Kept != 0 {
		st.advance(l)
	}
	if st.request == r && r.state == statePaused {
		st.markKept()
	}
}

// receiveTrailers takes the trailer section, with which the body ends. What the program has on another thread now does not change.
func (st *h2stream) receiveTrailers(l *Loop) {
	r := st.request
	if r == nil || r.state != stateReceiving && r.state != stateTaking || r.head == 0 {
		st.receive(l, nil, true) // The section is skipped.
		return
	}
	_, refusal := st.h.session.ReadTrailers(st.s, r.text, r.head, &r.shared.Head)
	switch {
	case refusal == nil:
		st.receive(l, nil, true)
	case refusal.Status == 0:
		st.left(l)
	default:
		l.refuseBody(r, refusal, CloseError)
	}
}

// keep keeps a piece until the program takes it. false: there is no memory; the stream is over.
func (st *h2stream) keep(l *Loop, piece []byte) bool {
	if need := st.size + len(piece); need > len(st.kept) {
		block, err := l.blocks.Get(need)
		if err != nil {
			l.cfg.Log(LogError, "no memory for a body: "+err.Error())
			st.abandon(l, http2.InternalError, CloseError)
			return false
		}
		copy(block, st.kept[:st.size])
		if st.kept != nil {
			l.blocks.Put(st.kept)
		}
		st.kept = block
	}
	st.size += copy(st.kept[st.size:], piece)
	return true
}

func (st *h2stream) dropKept(l *Loop) {
	if st.kept != nil {
		l.blocks.Put(st.kept)
	}
	st.kept, st.size = nil, 0
}

// markKept has the stream looked at when the connection goes on.
func (st *h2stream) markKept() {
	if !st.keeps {
		st.keeps = true
		st.h.unfinished++
	}
}

func (st *h2stream) unmarkKept() {
	if st.keeps {
		st.keeps = false
		st.h.unfinished--
	}
}

// giveKept goes on with the streams whose program may take now what is kept.
func (h *h2) giveKept(l *Loop) {
	for s := range h.session.Streams {
		st := s.Owner.(*h2stream)
		if r := st.request; st.keeps && r != nil && (r.state == stateTaking || r.state == stateReceiving) {
			st.unmarkKept()
			st.advance(l)
		}
	}
}

// passBody gives the program what there is of the body.
func (st *h2stream) passBody(l *Loop) {
	r := st.request
	for st.request == r && r.state == stateTaking {
		switch {
		case l.passKept(r), l.passDecoded(r):
		case r.isDecodeTurn():
			st.markKept()
			l.letOthersGo(st.h.c)
			return
		case r.body.kind != bodyPassed:
			l.passPiece(r, r.wholeBody())
		case st.size == 0 && !st.ended:
			if !r.isCall() { // The messages of a call may come at any time.
				st.awaitBody(l)
			}
			return
		default:
			kept, size := st.kept, st.size
			st.kept, st.size = nil, 0
			st.pass(l, kept[:size])
			if kept != nil {
				l.blocks.Put(kept)
			}
		}
	}
	if st.request == r && r.state == statePaused {
		st.markKept()
	}
}

// pass gives the program a piece, which is the last one if all of the body has come.
func (st *h2stream) pass(l *Loop, piece []byte) {
	r := st.request
	if r.shared.RPC.OnMessage != 0 {
		st.passMessages(l, piece)
		return
	}
	b := &r.body
	if b.got += len(piece); int64(b.got) > b.most {
		l.refuseBody(r, errBodyTooLarge, CloseError)
		return
	}
	b.over = st.ended
	s := st.s
	st.h.session.Take(s, len(piece))
	l.passPiece(r, piece)
}

// left is told that the client has reset the stream.
func (st *h2stream) left(l *Loop) {
	r := st.request
	if r == nil || r.stream == nil {
		return
	}
	st.detach(l, r)
	l.leave(r, CloseClient)
}

// abandon resets the stream.
func (st *h2stream) abandon(l *Loop, code http2.Code, reason int) {
	st.h.session.Reset(st.s, code)
	if r := st.request; r != nil {
		st.detach(l, r)
		l.leave(r, reason)
	}
}

// detach takes the request from the stream, which is over for the client. It counts for the client until the request is let go.
func (st *h2stream) detach(l *Loop, r *request) {
	l.wheel.disarm(&st.timer)
	st.waiting = false
	st.dropKept(l)
	st.dropText(l)
	st.unmarkKept()
	r.counted = st
	if r.source.open {
		st.h.sending--
	}
}

// release gives the stream back, whose request is done.
func (st *h2stream) release(l *Loop) {
	h := st.h
	st.request = nil
	h.session.Release(st.s)
	h.free(l, st)
}

// free puts a stream on the free list.
func (h *h2) free(l *Loop, st *h2stream) {
	l.wheel.disarm(&st.timer)
	st.dropKept(l)
	st.dropText(l)
	st.unmarkKept()
	st.h, st.s, st.request = nil, nil, nil
	st.next = segment{}
	st.ended, st.waiting = false, false
	l.freeH2Streams = append(l.freeH2Streams, st)
}

func (l *Loop) newH2Stream(h *h2, s *http2.Stream) *h2stream {
	var st *h2stream
	if n := len(l.freeH2Streams); n > 0 {
		st = l.freeH2Streams[n-1]
		l.freeH2Streams = l.freeH2Streams[:n-1]
	} else {
		st = new(h2stream)
		st.timer.owner = st
	}
	st.h, st.s = h, s
	return st
}
