package engine

import (
	"libforker/engine/http1"
	"libforker/engine/memory"
)

// preparePath decodes the path if it is not plain, so that a malformed one is refused before the body is read.
func (l *Loop) preparePath(ex *exchange) *http1.Error {
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

// dispatch has the App serve a request that is complete, and collects the answer.
func (l *Loop) dispatch(c *conn, ex *exchange) {
	req := ex.req
	end, kept := l.finishBody(ex)
	input := ex.in[ex.start:]
	path := l.locatePath(ex)
	req.Base = memory.Address(input)
	req.Peer = c.peer
	req.ParamCount = 0
	req.Now = uint64(l.clock.now)
	l.cfg.Slot.Requests++
	var outcome Outcome
	isHead := isHeadMethod(req.Head.Method.In(input))
	if req.Head.Form == http1.FormAsterisk {
		outcome.Status = 204 // OPTIONS * asks whether the server is there (RFC 9110 §9.3.7).
	} else {
		outcome = l.cfg.App.Serve(req, req.Head.Method.In(input), path)
	}
	ex.in[end] = kept
	ex.start = end
	c.state = stateHead
	switch {
	case req.Head.KeepAlive == 0 && ex.start == ex.end:
		c.closing = closeNow
	case req.Head.KeepAlive == 0 || req.Answer.Flags&AnswerClose != 0 || l.draining:
		c.closing = closeLinger
	}
	l.respond(c, ex, &outcome, isHead)
}

func isHeadMethod(method []byte) bool { return string(method) == "HEAD" }

// refuse answers a request that cannot be served, and has the connection closed: where the next one would begin is not known.
func (l *Loop) refuse(c *conn, status int, reason string) {
	ex := c.ex
	isHead := ex.head > 0 && isHeadMethod(ex.req.Head.Method.In(ex.in[ex.start:]))
	c.state = stateHead
	c.closing = closeLinger
	ex.req.Answer.reset()
	ex.req.Head.Minor = 1
	ex.start = ex.end
	l.respond(c, ex, &Outcome{Status: status, Detail: reason}, isHead)
}
