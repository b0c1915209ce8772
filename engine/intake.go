package engine

import (
	"sync/atomic"

	"libforker/engine/memory"
	"libforker/engine/message"
)

// A program takes a body piece by piece if its handler asks for that (Request.OnBody). For a route that streams, the
// handler is called when the head is complete, and the pieces lie in the input buffer as they come; for others the
// whole body is one piece. Either way exactly one call of Handlers.Body is the last one: for the end of the body, or to say
// that it will not come.

// isPaused tells if the program wants no pieces for now. Any thread may end that.
func (ex *exchange) isPaused() bool { return atomic.LoadUint32(&ex.req.Paused) != 0 }

// isOwed tells if the client may still be sending the body that nobody has collected.
func (b *body) isOwed() bool { return b.kind == bodyPassed && !b.over }

// passBody gives the program what has come of the body. true: the next request can be looked at.
func (l *Loop) passBody(c *conn, ex *exchange) bool {
	for c.ex == ex && c.state == stateBody && ex.req.OnBody != 0 {
		piece, fault := l.nextPieceOfBody(ex)
		switch {
		case fault != nil:
			l.refuseBody(c, fault, CloseError)
			return false
		case len(piece) == 0 && !ex.body.over:
			ex.closeUp()
			l.awaitBody(c, ex)
			return false
		}
		l.passPiece(c, ex, piece)
	}
	return c.ex == ex && c.state == stateHead && ex.start < ex.end
}

// passPiece calls the program with a piece, and goes on as it says.
func (l *Loop) passPiece(c *conn, ex *exchange, piece []byte) {
	last := BodyGoesOn
	if ex.body.over {
		last = BodyEnds
	}
	req := ex.req
	req.Now, req.Box = uint64(l.clock.now), l.box
	ex.call.Outcome = Outcome{}
	l.cfg.Handlers.Body(&ex.call, piece, last)
	if ex.call.Outcome.Next == AsksBody && !ex.isPaused() {
		return
	}
	if ex.body.kind == bodyPassed {
		ex.closeUp()
		ex.keptAt = ex.start + ex.head + ex.body.trailer
		ex.kept = ex.in[ex.keptAt]
	}
	l.settle(c, ex)
}

// nextPieceOfBody takes what has come of the body out of the input, as far as it is one piece. body.over tells if it is
// the last one, which may be empty.
func (l *Loop) nextPieceOfBody(ex *exchange) ([]byte, *message.Refusal) {
	b := &ex.body
	if b.kind != bodyPassed {
		b.over = true
		return memory.View(ex.req.Body, ex.req.BodyLen), nil
	}
	come := ex.in[ex.start+ex.head+b.at : ex.end]
	if ex.req.Head.Chunked != 0 {
		return l.nextPieceOfChunks(ex, come)
	}
	piece := come[:min(len(come), b.need-b.got)]
	b.at += len(piece)
	b.got += len(piece)
	b.over = b.got == b.need
	return piece, nil
}

func (l *Loop) nextPieceOfChunks(ex *exchange, come []byte) ([]byte, *message.Refusal) {
	b := &ex.body
	_, framing, done, err := b.chunked.Decode(nil, come)
	if err == nil && b.chunked.Remaining() > uint64(b.most)-uint64(b.got) {
		err = errBodyTooLarge
	}
	if err != nil {
		return nil, err
	}
	b.at += framing
	if !done {
		n := int(min(uint64(len(come)-framing), b.chunked.Remaining()))
		if n > 0 {
			b.chunked.Skip(n)
		}
		b.at += n
		b.got += n
		return come[framing : framing+n], nil
	}
	ex.closeUp()
	b.trailer, err = b.chunked.Trailer(ex.in[ex.start:ex.end], ex.head, &ex.req.Head, &l.cfg.Limits)
	b.over = b.trailer > 0
	return nil, err
}

// closeUp moves the input that follows what was taken of the body up behind the head, which stays where it is.
func (ex *exchange) closeUp() {
	if at := ex.start + ex.head; ex.body.at > 0 {
		ex.end = at + copy(ex.in[at:], ex.in[at+ex.body.at:ex.end])
		ex.body.at = 0
	}
}

// takeBody begins to give the program the body, which its handler has asked for.
func (l *Loop) takeBody(c *conn, ex *exchange) {
	ex.held = ex.req.Deferred != 0
	if ex.isPaused() {
		l.pauseBody(c, ex)
		return
	}
	l.wheel.disarm(&ex.timer)
	c.state = stateBody
}

// pauseBody leaves what comes in the kernel, so that the client has to wait. Its time stands still; that of the handler
// runs.
func (l *Loop) pauseBody(c *conn, ex *exchange) {
	if ex.body.awaited {
		ex.body.leftNs = ex.body.timer.left(l.clock.now)
		l.wheel.disarm(&ex.body.timer)
	}
	l.awaitProgram(c)
	c.state = statePaused
}

// resumeBody goes on after a pause.
func (l *Loop) resumeBody(c *conn, ex *exchange) {
	c.state, c.finSeen = stateBody, false
	l.wheel.disarm(&ex.timer)
	if ex.body.awaited {
		l.wheel.arm(&ex.body.timer, l.clock.now+ex.body.leftNs)
	}
	l.serve(c)
}

// gatherBody collects a body after all: the handlers so far, which wanted it piece by piece, have left the request to
// one that does not.
func (l *Loop) gatherBody(c *conn, ex *exchange, skip int) {
	l.wheel.disarm(&ex.timer)
	c.state = stateBody
	ex.call.Skip, ex.body.skip = skip, skip
	ex.body.most = l.cfg.Handlers.Admit(&ex.call).Most
	if err := l.collectBody(ex); err != nil {
		l.refuse(c, err.Status, err.Reason)
	}
}

// leaveBody is called when the response is there before the end of the body. What has not come yet is not waited for: the
// connection ends with the response.
func (l *Loop) leaveBody(c *conn, ex *exchange) {
	end := ex.start + ex.head + ex.body.at + ex.body.need - ex.body.got
	if ex.req.Head.Chunked != 0 {
		end = l.endOfChunks(ex)
	}
	if end > ex.end {
		c.closing = closeLinger
		return
	}
	ex.body.over = true
	ex.keptAt, ex.kept = end, ex.in[end]
}

// endOfChunks returns where a body in chunks ends in the input; behind its end: not there, or nowhere, because it is
// malformed. Nothing is moved, and no trailer field is given to the program, which may be reading the request.
func (l *Loop) endOfChunks(ex *exchange) int {
	b, nowhere := &ex.body, ex.end+1
	for at := ex.start + ex.head + b.at; ; {
		_, framing, done, err := b.chunked.Decode(nil, ex.in[at:ex.end])
		at += framing
		switch n := int(min(uint64(ex.end-at), b.chunked.Remaining())); {
		case done:
			l.left.FieldCount, l.left.TrailerCount = 0, 0
			size, err := b.chunked.Trailer(ex.in[ex.start:ex.end], at-ex.start, &l.left, &l.cfg.Limits)
			if size == 0 || err != nil {
				return nowhere
			}
			return at + size
		case err != nil || n == 0:
			return nowhere
		default:
			b.chunked.Skip(n)
			at += n
		}
	}
}

// abortBody tells a program that waits for the body that no more of it comes.
func (l *Loop) abortBody(ex *exchange) {
	if ex.req.OnBody != 0 {
		l.passAbort(ex)
	}
}

func (l *Loop) passAbort(ex *exchange) {
	ex.req.Now, ex.req.Box = uint64(l.clock.now), l.box
	l.cfg.Handlers.Body(&ex.call, nil, BodyAborted)
}

// refuseBody ends a request in the middle of its body; reason is for the program.
func (l *Loop) refuseBody(c *conn, fault *message.Refusal, reason int) {
	if !c.ex.held {
		l.abortBody(c.ex)
		l.refuse(c, fault.Status, fault.Reason)
		return
	}
	if l.detach(c, fault.Status, reason) {
		l.respond(c, c.ex, &Outcome{Status: fault.Status, Detail: fault.Reason})
	}
}
