package engine

import (
	"fmt"

	"libforker/engine/grpc"
	"libforker/engine/memory"
)

// A request is pending while the program has it after the loop went on: a handler of the pool runs, or the program holds
// a handle. If the client leaves meanwhile, the request stays the program's until it has let it go.

// expire is told when the program has had the request for too long.
func (r *request) expire(l *Loop) {
	l.cfg.Log(LogWarn, fmt.Sprintf("the handler of %s %s has not answered within handler_timeout; answered 504", r.call.Method,
		r.call.Path))
	c := r.stream.conn()
	if r.source.open {
		l.cut(r, &grpc.Fault{Code: grpc.DeadlineExceeded, Text: "the handler has paused for too long"}, CloseTimeout)
		c.protocol.proceed(l)
		return
	}
	if own := l.detach(r, 504, CloseTimeout); own != nil {
		l.respondWith(own, Outcome{Status: 504, Detail: "the handler did not answer in time"})
		c.protocol.proceed(l)
	}
}

// collect takes in what the program has done to requests that it holds.
func (l *Loop) collect() {
	for {
		n := l.cfg.Holders.Collect(l.events[:])
		for i := range l.events[:n] {
			l.takeEvent(&l.events[i])
			l.bury()
		}
		if n == 0 {
			return
		}
	}
}

// takeEvent takes in one event. What the program has handed over of the request before comes first.
func (l *Loop) takeEvent(e *Event) {
	if e.Kind == EventInterim {
		l.sendInterims()
		return
	}
	req := memory.At[Request](e.Request)
	if req.hasInterims() {
		l.sendInterims()
	}
	if req.Serial == e.Serial { // Else it has ended by now: its client did not take what was just sent.
		l.follow(l.byIndex[req.Index], e.Kind)
	}
}

// follow goes on with a request as the program has said by its handle.
func (l *Loop) follow(r *request, kind uint32) {
	switch {
	case r.state == statePooled:
		if kind != EventResume { // There was no pause for the loop yet, and will be none.
			r.early = kind // The handle was used before the handler returned.
		}
	case kind == EventResume:
		l.endPause(r)
	case r.stream == nil:
		if kind != EventStream {
			l.recycle(r, CloseDone)
		}
	case kind == EventDrop:
		l.drop(r)
	case kind == EventNext:
		l.askNext(r)
	case r.source.open: // A stream goes on.
		r.stream.resume(l, r)
		l.endPause(r)
	default:
		l.respondLate(r, Outcome{})
		l.endPause(r)
	}
}

// endPause goes on with the body if the program has ended its pause. Of calls, an event of the response may stand for that too.
func (l *Loop) endPause(r *request) {
	if r.state == statePaused && !r.isPaused() {
		l.resumeBody(r)
	}
}

// drop ends a request whose handle the program has dropped: with a stream in its middle, or without a response.
func (l *Loop) drop(r *request) {
	if r.shared.Response.Flags&ResponseStream == 0 {
		l.cfg.Log(LogError, fmt.Sprintf("the handler of %s %s dropped its handle without a response%s; answered 500", r.call.Method,
			r.call.Path, l.cfg.Holders.Failure(r.shared)))
		l.respondLate(r, Outcome{Status: 500})
		return
	}
	r.become(stateResponding)
	if !r.source.open { // It can have begun since the loop has last heard of it.
		l.respondWith(r, Outcome{})
	}
	r.stream.reset(l, r, CloseError)
}

// askNext goes on with a request that was deferred midway: the next handler is asked.
func (l *Loop) askNext(r *request) {
	c := r.stream.conn()
	l.wheel.disarm(&r.timer)
	l.cfg.Holders.Resumed(r.shared)
	r.shared.Now, r.shared.Box = uint64(l.clock.now), l.box
	r.call.Pooled, r.call.Outcome, r.midway = false, Outcome{}, false
	r.become(stateHandling)
	l.cfg.Handlers.Serve(&r.call)
	l.carryOut(r)
	l.resume(r, c)
}

// resume goes on with the connection of a request that was pending, whose next handler has been asked.
func (l *Loop) resume(r *request, c *conn) {
	if r.stream != nil && (r.wantsInput() || r.state == statePooled) {
		r.stream.readBody(l, r)
		return
	}
	c.protocol.proceed(l)
}

// respondLate responds to a request that was pending, and goes on with what came behind it, unless the client turns out
// to have left.
func (l *Loop) respondLate(r *request, outcome Outcome) {
	c := r.stream.conn()
	l.respondWith(r, outcome)
	c.protocol.proceed(l)
}
