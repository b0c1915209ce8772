package engine

import (
	"fmt"

	"golang.org/x/sys/unix"

	"libforker/engine/memory"
	"libforker/engine/message"
	"libforker/engine/poller"
)

// A request is away while the program has it after the loop went on: a handler of the pool runs, or the program holds a
// handle. The connection waits in stateProgram. If the client leaves meanwhile, the exchange stays the program's until
// it has done with it.

func (ex *exchange) isAway() bool { return ex.running || ex.held }

// awaitProgram leaves c waiting for the program.
func (l *Loop) awaitProgram(c *conn) {
	c.state = stateProgram
	l.probe(c)
	if l.cfg.HandlerTimeout > 0 {
		l.wheel.arm(&c.ex.timer, l.clock.now+int64(l.cfg.HandlerTimeout))
	}
}

// leaveExchange parts c, which is being closed, from its exchange.
func (l *Loop) leaveExchange(c *conn, reason int) {
	ex := c.ex
	c.ex = nil
	ex.conn = nil
	l.stopTimers(ex)
	if !ex.running {
		l.abortBody(ex)
	}
	if ex.isAway() {
		ex.cancel()
		l.part(ex, reason)
		return
	}
	l.recycle(ex, reason)
}

// part tells the program that a request has no client any more, and takes it back if the program has done with it.
func (l *Loop) part(ex *exchange, reason int) {
	if ex.held && l.cfg.Holders.Closed(ex.req, reason) {
		ex.held = false
	}
	l.reclaim(ex)
}

// reclaim takes back an exchange that nobody uses any more.
func (l *Loop) reclaim(ex *exchange) {
	if ex.conn == nil && !ex.isAway() {
		l.recycle(ex, CloseDone)
	}
}

// hearWhileAway is told of something on a connection whose request is with the program.
func (l *Loop) hearWhileAway(c *conn, events uint32) {
	switch {
	case events&(unix.EPOLLHUP|unix.EPOLLERR) != 0:
		l.closeConn(c, CloseClient)
	case events&poller.PeerEnd != 0:
		if !l.cfg.HalfClose || c.isEndless() {
			l.closeConn(c, CloseClient)
			return
		}
		c.finSeen = true
		c.ex.cancel()
		l.setInterest(c, 0)
	default:
		// The next request, or more of a body that is paused; it is read when its time has come.
		l.setInterest(c, poller.PeerEnd)
	}
}

// detach leaves the present exchange to the program, which has a handle to it, and gives c another one for the engine's
// own response, its last, with this status. false: no memory, c is closed.
func (l *Loop) detach(c *conn, status, reason int) bool {
	ex := c.ex
	if !l.newExchange(c) {
		return false
	}
	c.ex.isHead, c.ex.req.Head.Version = ex.isHead, message.Version11
	c.state, c.closing = stateHead, closeLinger
	ex.conn = nil
	l.stopTimers(ex)
	ex.cancel()
	if !ex.running {
		l.abortBody(ex)
	}
	l.noteResponse(c, ex, status, 0)
	c.ex.logged.alias = true
	l.part(ex, reason)
	return true
}

// expire is told when the program has had the request for too long.
func (ex *exchange) expire(l *Loop) { l.expireHandler(ex.conn) }

// expireHandler ends a request that the program has had for too long.
func (l *Loop) expireHandler(c *conn) {
	l.cfg.Log(LogWarn, fmt.Sprintf("the handler of %s %s has not answered within handler_timeout; answered 504", c.ex.call.Method,
		c.ex.call.Path))
	if l.detach(c, 504, CloseTimeout) {
		l.respond(c, c.ex, &Outcome{Status: 504, Detail: "the handler did not answer in time"})
		l.flush(c)
	}
}

// collect takes in what the program has done to requests that it holds.
func (l *Loop) collect() {
	for {
		n := l.cfg.Holders.Collect(l.events[:])
		for i := range l.events[:n] {
			l.take(&l.events[i])
			l.bury()
		}
		if n == 0 {
			return
		}
	}
}

// take takes in one event. What the program has handed over of the request before comes first.
func (l *Loop) take(e *Event) {
	if e.Kind == EventInterim {
		l.sendInterims()
		return
	}
	req := memory.At[Request](e.Request)
	if req.hasInterims() {
		l.sendInterims()
	}
	if req.Serial == e.Serial { // Else it has ended by now: its client did not take what was just sent.
		l.hear(l.exchanges[req.Index], e.Kind)
	}
}

// hear takes in what the program has done to one request.
func (l *Loop) hear(ex *exchange, kind uint32) {
	switch {
	case ex.running && kind == EventResume:
		return // There was no pause for the loop yet, and will be none.
	case ex.running: // The handle was used before the handler returned.
		ex.early, ex.event = true, kind
		return
	case kind == EventResume:
		if c := ex.conn; c != nil && c.state == statePaused && !ex.isPaused() {
			l.resumeBody(c, ex)
		}
		return
	}
	if kind != EventStream {
		ex.held = false
	}
	c := ex.conn
	switch {
	case c == nil:
		l.reclaim(ex)
	case kind == EventDrop && ex.req.Response.Flags&ResponseStream != 0:
		l.dropStream(c, ex)
	case kind == EventDrop:
		l.cfg.Log(LogError, fmt.Sprintf("the handler of %s %s dropped its handle without a response%s; answered 500", ex.call.Method,
			ex.call.Path, l.cfg.Holders.Failure(ex.req)))
		l.respondLate(c, ex, &Outcome{Status: 500})
	case c.owing: // A stream goes on.
		l.resumeStream(c)
	default:
		l.respondLate(c, ex, &Outcome{})
	}
}

// respondLate answers a request that was away, and goes on with what came behind it, unless the client turns out to have
// left.
func (l *Loop) respondLate(c *conn, ex *exchange, outcome *Outcome) {
	l.answer(c, ex, outcome)
	l.serve(c)
}
