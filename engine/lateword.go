package engine

import (
	"libforker/engine/memory"
)

// What the program has to say when a response is about to be made: of its head, and of errors.

// showHead has functions of the program see the head of a response, to which they can add fields.
func (l *Loop) showHead(r *request) {
	const ofFields = ResponseClose | ResponseHasDate | ResponseHasServer | ResponseAnnounces
	response, head := &r.shared.Response, &r.response
	if r.call.Outcome.Status != 0 { // What the program had set is not sent.
		response.Flags &= ResponseClose
	}
	r.shared.Now, r.shared.Box = uint64(l.clock.now), l.box
	l.cfg.Handlers.Head(r.shared, head.status)
	head.flags |= response.Flags & ofFields
}

// askForError asks the program for the response to an error of which the engine would make a text. It is asked about requests
// only, of which the head has come, and not about calls of gRPC, whose errors are no pages.
func (l *Loop) askForError(r *request) {
	response, outcome := &r.shared.Response, r.call.Outcome
	e := ProgramError{Status: outcome.Status, Detail: []byte(outcome.Detail), Allow: outcome.Allow, RetryAfter: outcome.RetryAfter}
	if e.Status == 0 && response.Flags&ResponseError != 0 {
		e.Status = int(response.Status)
		e.Detail = memory.View(response.Body.Data, min(response.Body.Len, smallBody/2))
	}
	if e.Status < 400 || r.head == 0 || r.isCall() {
		return
	}
	if !r.inFlight {
		l.prepareCall(r)
		l.present(r)
	}
	r.shared.Now, r.shared.Box = uint64(l.clock.now), l.box
	r.call.Outcome = Outcome{}
	if !l.cfg.Handlers.Error(r.shared, &e) {
		r.call.Outcome = outcome
	}
}

// present fills in what the program can read of a request that has come to no handler yet, besides its path. It has no body
// then.
func (l *Loop) present(r *request) {
	req := r.shared
	req.Base, req.ParamCount, req.Cancelled, req.Interims = memory.Address(r.text), 0, 0, 0
	req.Body, req.BodyLen, req.BodyFd = memory.Address(l.root[1:2]), 0, -1
	req.Rest, req.RestLen = 0, 0
	req.Fd = int32(r.stream.conn().fd)
	l.shareTLS(r.stream.conn(), r)
}
