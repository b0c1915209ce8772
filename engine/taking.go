package engine

import (
	"sync/atomic"

	"libforker/engine/coding"
	"libforker/engine/grpc"
	"libforker/engine/memory"
	"libforker/engine/message"
)

// A program takes a body piece by piece if its handler asks for that (Request.OnBody). For a route that streams, the
// handler is called when the head is complete, and gets the pieces where they lie as they come; for others the whole
// body is one piece. Either way exactly one call of Handlers.Body is the last one: for the end of the body, or to say
// that it will not come.

// isPaused reports whether the program wants no pieces for now. Any thread may end that.
func (r *request) isPaused() bool { return atomic.LoadUint32(&r.shared.Paused) != 0 }

// takeBody begins, or goes on, to give the program the body, which its handler has asked for.
func (l *Loop) takeBody(r *request) {
	if r.isPaused() {
		l.pauseBody(r)
		return
	}
	l.wheel.disarm(&r.timer)
	r.become(stateTaking)
}

// passPiece takes the next piece of a body, which is the last one if body.over.
func (l *Loop) passPiece(r *request, piece []byte) {
	if r.body.over {
		l.endBodyWait(&r.body)
	}
	if r.body.coding != coding.Identity {
		l.passCoded(r, piece)
		return
	}
	l.givePiece(r, piece)
}

// givePiece calls the program with a piece, and carries out what it says.
func (l *Loop) givePiece(r *request, piece []byte) {
	last := BodyGoesOn
	if r.isOver() {
		last = BodyEnds
	}
	req := r.shared
	req.Now, req.Box = uint64(l.clock.now), l.box
	r.call.Outcome = Outcome{}
	r.become(stateHandling)
	l.cfg.Handlers.Body(&r.call, piece, last)
	l.carryOut(r)
}

// passKept has the program take what it has kept of a piece when it paused, and reports whether there was something.
func (l *Loop) passKept(r *request) bool {
	if r.shared.Kept == 0 {
		return false
	}
	l.givePiece(r, nil)
	return true
}

// wholeBody returns a body that was collected as the only piece of it.
func (r *request) wholeBody() []byte {
	r.body.over = true
	return memory.View(r.shared.Body, r.shared.BodyLen)
}

// pauseBody leaves what comes where it is, so that the client has to wait. The body's time stands still; that of the
// handler runs.
func (l *Loop) pauseBody(r *request) {
	if r.body.awaited {
		r.body.leftNs = r.body.timer.left(l.clock.now)
		l.wheel.disarm(&r.body.timer)
	}
	r.become(statePaused)
	l.awaitProgram(r)
}

// resumeBody goes on after a pause.
func (l *Loop) resumeBody(r *request) {
	r.become(stateTaking)
	l.wheel.disarm(&r.timer)
	if r.body.awaited {
		l.wheel.arm(&r.body.timer, l.clock.now+r.body.leftNs)
	}
	r.stream.readBody(l, r)
}

// gatherBody has a body collected after all: the handlers so far, which wanted it piece by piece, have left the request
// to one that does not.
func (l *Loop) gatherBody(r *request, skip int) {
	l.wheel.disarm(&r.timer)
	r.become(stateReceiving)
	r.call.Skip, r.body.skip = skip, skip
	r.body.most = l.cfg.Handlers.Admit(&r.call).Most
	r.body.kind = bodyWanted
}

// abortBody tells a program that waits for the body that no more of it comes.
func (l *Loop) abortBody(r *request) {
	if r.shared.OnBody != 0 {
		l.passAbort(r)
	}
}

func (l *Loop) passAbort(r *request) {
	r.shared.Now, r.shared.Box = uint64(l.clock.now), l.box
	l.cfg.Handlers.Body(&r.call, nil, BodyAborted)
}

// refuseBody ends a request in the middle of its body; reason is for the program.
func (l *Loop) refuseBody(r *request, fault *message.Refusal, reason int) {
	if r.source.open {
		l.cut(r, &grpc.Fault{Code: grpc.OfHTTP(fault.Status), Text: fault.Reason}, reason)
		return
	}
	if !r.isHeld() {
		l.abortBody(r)
		r.stream.refuse(l, r, fault)
		return
	}
	if own := l.detach(r, fault.Status, reason); own != nil {
		l.respondWith(own, Outcome{Status: fault.Status, Detail: fault.Reason})
	}
}

// awaitBody begins the time of the rest of a body, and reports whether that is new: then a client that asked first is to
// be let go on (RFC 9110 §10.1.1).
func (l *Loop) awaitBody(b *inbound) bool {
	if b.awaited {
		return false
	}
	b.awaited = true
	l.wheel.arm(&b.timer, l.clock.now+int64(l.cfg.ReadBodyTimeout))
	return true
}

// endBodyWait is told that the whole body has come.
func (l *Loop) endBodyWait(b *inbound) {
	if b.awaited {
		b.awaited = false
		l.wheel.disarm(&b.timer)
	}
}

// creditBody gives the client another second for each body_min_rate bytes that it has sent, but never more than a whole
// body had at first: one that then falls silent is not waited for longer.
func (l *Loop) creditBody(b *inbound, n int) {
	if rate := l.cfg.BodyMinRate; rate > 0 {
		later := b.timer.deadline + int64(n)*int64(1e9)/rate
		l.wheel.arm(&b.timer, min(later, l.clock.now+int64(l.cfg.ReadBodyTimeout)))
	}
}

// bodyWait is a request as the owner of its body's timer.
type bodyWait request

// expire is told when the rest of the body has not come in time.
func (w *bodyWait) expire(l *Loop) {
	r := (*request)(w)
	c := r.stream.conn()
	l.refuseBody(r, errBodyLate, CloseTimeout)
	c.protocol.proceed(l)
}
