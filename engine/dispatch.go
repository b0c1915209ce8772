package engine

import (
	"sync/atomic"

	"libforker/engine/http1"
	"libforker/engine/memory"
	"libforker/engine/message"
)

// How a request comes to its handler, and what becomes of it then.

// handling is the part of an exchange that is about the program's handlers.
type handling struct {
	call       Call
	isHead     bool
	redirected bool // It is not for the program, but for HTTPS.
	logged     logged
	inFlight   bool   // Counted in the slot,
	begun      int64  // since then, on the loop's clock.
	running    bool   // A handler runs on a thread of the pool.
	held       bool   // The program has a handle to the request, through which it answers.
	early      bool   // It has answered before the pool's handler returned:
	event      uint32 // so.
	keptAt     int    // Behind the request in the input a NUL took the place
	kept       byte   // of this.
}

// preparePath decodes the path if it is not plain, so that a malformed one is refused before the body is read.
func (l *Loop) preparePath(ex *exchange) *message.Refusal {
	if ex.req.Head.PlainPath != 0 {
		return nil
	}
	return l.decodePath(ex)
}

func (l *Loop) decodePath(ex *exchange) *message.Refusal {
	raw := ex.req.Head.Path.In(ex.in[ex.start:ex.end])
	if len(raw) == 0 || raw[0] != '/' || http1.PathIsPlain(raw) {
		return nil // Absent and "*" are not decoded.
	}
	block, err := l.blocks.Get(len(raw) + 1)
	if err != nil {
		return errBodyMemory
	}
	path, fault := http1.DecodePath(block[:0:len(raw)], raw)
	if fault != nil {
		l.blocks.Put(block)
		return fault
	}
	block[len(path)] = 0
	ex.path = block
	ex.req.PathLen, ex.req.PathDecoded = uint32(len(path)), 1
	return nil
}

// locatePath fills in where the path is, and returns it.
func (l *Loop) locatePath(ex *exchange) []byte {
	req := ex.req
	if ex.path != nil {
		req.Path = memory.Address(ex.path)
		return ex.path[:req.PathLen]
	}
	path := req.Head.Path.In(ex.in[ex.start:])
	req.PathDecoded = 0
	if len(path) == 0 { // Absolute-form without a path (RFC 9112 §3.2.2).
		path, req.PathDecoded = l.root, 1
	}
	req.Path, req.PathLen = memory.Address(path), uint32(len(path))
	return path
}

// prepareCall makes the present request ready for the handlers.
func (l *Loop) prepareCall(ex *exchange) *Call {
	call := &ex.call
	call.Method, call.Path = ex.req.Head.Method.In(ex.in[ex.start:]), l.locatePath(ex)
	call.Skip, call.Pooled, call.Early = ex.body.skip, false, ex.body.kind == bodyPassed
	call.Outcome = Outcome{}
	return call
}

// dispatch has the handlers serve a request that is complete, or of which it wants no more than the head first, and collects
// the response.
func (l *Loop) dispatch(c *conn, ex *exchange) {
	req := ex.req
	ex.keptAt, ex.kept = l.finishBody(ex)
	input := ex.in[ex.start:]
	call := l.prepareCall(ex)
	ex.isHead = string(call.Method) == "HEAD"
	req.Base = memory.Address(input)
	req.Peer = c.peer
	req.ParamCount, req.Cancelled, req.Interims = 0, 0, 0
	req.Now = uint64(l.clock.now)
	req.Box = l.box
	req.Rest, req.RestLen, req.RestFirst = memory.Address(ex.in[ex.keptAt:]), uint64(ex.end-ex.keptAt), ex.kept
	l.shareTLS(c, ex)
	if !ex.inFlight {
		c.served++
		l.beginRequest(ex)
	}
	switch {
	case ex.redirected:
		l.redirect(c, ex, &call.Outcome)
	case req.Head.Form != message.FormAsterisk:
		l.cfg.Handlers.Serve(call)
	default: // OPTIONS * asks whether the server is there (RFC 9110 §9.3.7).
		call.Outcome.Status = 204
	}
	l.settle(c, ex)
}

// settle goes on with a request that its handler has returned from.
func (l *Loop) settle(c *conn, ex *exchange) {
	outcome := &ex.call.Outcome
	if outcome.Fault != "" {
		l.cfg.Log(LogError, outcome.Fault)
	}
	switch {
	case outcome.Next == Answered && ex.req.Response.Flags&ResponseHijacked != 0 && outcome.Status == 0:
		l.hijack(c, ex)
	case outcome.Next == Answered:
		l.answer(c, ex, outcome)
	case outcome.Next == Deferred:
		ex.held = true
		l.abortBody(ex)
		l.awaitProgram(c)
	case outcome.Next == AsksBody:
		l.takeBody(c, ex)
	case outcome.Next == WantsBody:
		l.gatherBody(c, ex, outcome.Skip)
	default:
		ex.call.Skip = outcome.Skip
		l.submit(c, ex)
	}
}

// response ends the handling of a request with its response.
func (l *Loop) answer(c *conn, ex *exchange, outcome *Outcome) {
	l.stopTimers(ex)
	l.abortBody(ex)
	if ex.body.isOwed() {
		l.leaveBody(c, ex)
	}
	switch {
	case c.closing != keepOpen:
	case ex.req.Head.KeepAlive == 0 && ex.keptAt == ex.end:
		c.closing = closeNow
	case ex.req.Head.KeepAlive == 0 || ex.req.Response.Flags&ResponseClose != 0 || l.isLast(c, ex):
		c.closing = closeLinger
	}
	l.respond(c, ex, outcome)
}

// isLast tells if a connection takes no more requests.
func (l *Loop) isLast(c *conn, ex *exchange) bool {
	if l.cfg.NoKeepAlive || c.served == l.cfg.MaxRequests || l.cfg.MaxAge > 0 && l.clock.now-c.born >= int64(l.cfg.MaxAge) {
		return true
	}
	// The loop begins to drain when it reads the message that says so, which waits while a handler runs. The shared memory
	// says it at once, so that the response of that handler can already tell the client: what the handler learns from
	// forker_request_draining() its client learns too.
	return (l.draining || l.cfg.Slot.LoadDismissed() || l.cfg.Slot.LoadStopAsked() || l.cfg.Shared.LoadStopAsked()) && !ex.hasBehind(c)
}

// hasBehind tells if the client has sent more already, and so could not know that it should not. One that never stops
// to send is told after some time.
func (ex *exchange) hasBehind(c *conn) bool {
	if ex.keptAt == ex.end || c.behind == behindMost {
		return false
	}
	c.behind++
	return true
}

// behindMost is how many requests that came behind others are answered, when a connection is to be closed because the
// loop drains.
const behindMost = 64

// endResponse is called when the response is written, or copied to where it will be: the next request can be looked at.
func (l *Loop) endResponse(c *conn, ex *exchange) {
	ex.in[ex.keptAt] = ex.kept
	ex.start = ex.keptAt
	c.owing, c.finSeen = false, false
	c.state = stateHead
	l.endRequest(ex, CloseDone)
}

// refuse answers a request that cannot be served, and has the connection closed: where the next one would begin is not
// known.
func (l *Loop) refuse(c *conn, status int, reason string) {
	ex := c.ex
	ex.isHead = string(ex.refusedMethod()) == "HEAD"
	c.closing = closeLinger
	ex.req.Response.reset()
	ex.req.Head.Version = message.Version11
	ex.keptAt, ex.kept = ex.end, ex.in[ex.end]
	l.respond(c, ex, &Outcome{Status: status, Detail: reason})
}

// refusedMethod is the method of a request that is refused, as far as it is known. Behind that of a complete head a NUL
// may have taken the place of the space.
func (ex *exchange) refusedMethod() []byte {
	input := ex.in[ex.start:ex.end]
	if ex.head > 0 {
		return ex.req.Head.Method.In(input)
	}
	return http1.Method(input)
}

// cancel tells a handler that asks that its client has left.
func (ex *exchange) cancel() { atomic.StoreUint32(&ex.req.Cancelled, 1) }

// Look finds out for a handler that is running on the loop's thread whether its client has left, of which the loop
// cannot hear meanwhile.
func (l *Loop) Look(req *Request) {
	if ex := l.exchanges[req.Index]; ex.conn.hasEnded() {
		ex.cancel()
	}
}
