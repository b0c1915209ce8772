package engine

import (
	"libforker/engine/http1"
	"libforker/engine/memory"
	"libforker/engine/message"
)

// How a request comes to its handler, and what becomes of it then.

// preparePath decodes the path if it is not plain, so that a malformed one is refused before the body is read.
func (l *Loop) preparePath(r *request) *message.Refusal {
	if r.shared.Head.PlainPath != 0 {
		return nil
	}
	return l.decodePath(r)
}

func (l *Loop) decodePath(r *request) *message.Refusal {
	raw := r.shared.Head.Path.In(r.text)
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
	r.path = block
	r.shared.PathLen, r.shared.PathDecoded = uint32(len(path)), 1
	return nil
}

// locatePath fills in where the path is, and returns it.
func (l *Loop) locatePath(r *request) []byte {
	req := r.shared
	if r.path != nil {
		req.Path = memory.Address(r.path)
		return r.path[:req.PathLen]
	}
	path := req.Head.Path.In(r.text)
	req.PathDecoded = 0
	if len(path) == 0 { // Absolute-form without a path (RFC 9112 §3.2.2).
		path, req.PathDecoded = l.root, 1
	}
	req.Path, req.PathLen = memory.Address(path), uint32(len(path))
	return path
}

// prepareCall makes a request ready for the handlers.
func (l *Loop) prepareCall(r *request) *Call {
	call := &r.call
	call.Method, call.Path = r.shared.Head.Method.In(r.text), l.locatePath(r)
	call.Skip, call.Pooled, call.Early = r.body.skip, false, r.body.kind == bodyPassed
	call.Plan, call.Within = r.gated.plan, l.cfg.HandlerTimeout
	call.Outcome = Outcome{} // By itself, so that it is not copied from a temporary one.
	if l.cfg.Hosts {
		call.Host = r.host()
	}
	return call
}

// dispatch has the handlers serve a request that is complete, or of whose body the program wants to hear first, and
// carries out what they say. The protocol has filled in where the body is, and what has come behind the request.
func (l *Loop) dispatch(r *request) {
	req := r.shared
	call := l.prepareCall(r)
	if r.body.kind != bodyPassed {
		l.endBodyWait(&r.body)
	}
	r.isHead = string(call.Method) == "HEAD"
	req.Base = memory.Address(r.text)
	req.ParamCount, req.Cancelled, req.Interims = 0, 0, 0
	req.Fd = int32(r.stream.conn().fd)
	req.Now, req.Box = uint64(l.clock.now), l.box
	if !r.inFlight {
		l.beginRequest(&r.observed)
	}
	r.become(stateHandling)
	switch {
	case r.gated.barrier == awaitsUser:
		l.checkUser(r)
		return
	case r.gated.barrier != passes:
		l.bar(r, &call.Outcome)
	case r.body.isCoded():
		l.serveDecoded(r)
		return
	case req.Head.Form != message.FormAsterisk:
		l.cfg.Handlers.Serve(call)
	default: // OPTIONS * asks whether the server is there (RFC 9110 §9.3.7).
		call.Outcome.Status = 204
	}
	l.carryOut(r)
}

// carryOut does what the handler of a request has said, which has returned.
func (l *Loop) carryOut(r *request) {
	outcome := &r.call.Outcome
	if outcome.Route != 0 {
		r.logged.route = outcome.Route
	}
	if outcome.Fault != "" {
		l.cfg.Log(LogError, outcome.Fault)
	}
	switch {
	case outcome.Next == Answered && r.shared.Response.Flags&ResponseHijacked != 0 && outcome.Status == 0:
		l.giveAway(r)
	case outcome.Next == Answered:
		l.respond(r)
	case outcome.Next == Deferred && r.source.open: // A call, whose response has begun before all messages had come.
		r.become(stateStreaming)
	case outcome.Next == Deferred:
		r.midway = outcome.Midway
		r.become(stateHeld)
		l.abortBody(r)
		l.awaitProgram(r)
	case outcome.Next == AsksBody:
		l.takeBody(r)
	case outcome.Next == WantsBody:
		l.gatherBody(r, outcome.Skip)
	case outcome.Next == Filed:
		l.serveFile(r)
	case outcome.Next == Gated:
		l.passNext(r, outcome.Skip)
	default:
		r.call.Skip = outcome.Skip
		l.submit(r)
	}
}

// awaitProgram begins the time that the program may have a request while the loop goes on.
func (l *Loop) awaitProgram(r *request) {
	l.probe(r.stream.conn())
	if r.call.Within <= 0 {
		l.wheel.disarm(&r.timer) // It may run yet for a handler that has left the request to the next one.
		return
	}
	l.wheel.arm(&r.timer, l.clock.now+int64(r.call.Within))
}
