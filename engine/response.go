package engine

import (
	"libforker/engine/coding"
	"libforker/engine/errorpage"
	"libforker/engine/grammar"
	"libforker/engine/grpc"
	"libforker/engine/http1"
	"libforker/engine/memory"
)

// Responses: what is decided about them, for whichever protocol sends them.

// smallBody is up to which size a body is copied behind its head, so that both are sent together.
const smallBody = 16 << 10

// responseHead is what a protocol needs to know of a response before its body.
type responseHead struct {
	status     int
	length     int64  // Of the body; -1: not known.
	fields     []byte // The program's, "Name: value\r\n".
	added      []byte // The engine's own lines of the same form, valid until the next response.
	allow      []byte // The value of an Allow field, if not empty.
	location   []byte // The value of a Location field, if not empty.
	retryAfter int    // Seconds, for a Retry-After field; 0: none.
	flags      uint8  // Of the program's Response.

	rpc        bool      // It is the response to a call of gRPC, and ends with
	code       grpc.Code // this status
	statusText []byte    // and text, but for a stream's.
	zipped     bool      // Its message is compressed, of a stream some may be.
	web        bool      // It is the response to a call of gRPC-Web, whose end is a part of its body.

	encoder *coding.Encoder // Compresses a body that is sourced; nil: none.

	isOwn     bool           // The body is the engine's own, valid until the next response,
	isText    bool           // a text
	form      errorpage.Form // in this form.
	varies    bool           // Other clients get another one.
	announced bool           // The program has given no body, but said how long it would be.
	hasBody   bool           // A body follows: the request is not for the head alone, and the status allows for one.
	sourced   bool           // It comes from request.source; else it is
	body      []byte         // this.
}

// respondWith responds to a request as outcome says.
func (l *Loop) respondWith(r *request, outcome Outcome) {
	r.call.Outcome = outcome
	l.respond(r)
}

// respond responds to a request as its Outcome says, and the program's Response.
func (l *Loop) respond(r *request) {
	goesOn := r.isDuplex()
	if !goesOn {
		l.stopTimers(r)
		l.abortBody(r)
	}
	if r.shared.Response.File != 0 {
		l.answerOwnFile(r)
	}
	if l.cfg.OwnErrors {
		l.askForError(r)
	}
	l.describe(r)
	head := &r.response
	l.responseReady(&r.observed, head.status)
	l.noteResponse(r, head.status, head.bodyLen())
	switch {
	case goesOn:
	case r.state == stateResponding: // A stream that was dropped before it began.
	case head.sourced && head.flags&ResponseStream != 0:
		r.become(stateStreaming)
	default:
		r.become(stateResponding)
	}
	r.stream.respond(l, r)
}

// bodyLen returns how many bytes the body has that is sent, as far as that is known.
func (h *responseHead) bodyLen() int64 {
	if !h.hasBody {
		return 0
	}
	return h.length
}

// describe decides on the response to r.
func (l *Loop) describe(r *request) {
	response, outcome := &r.shared.Response, &r.call.Outcome
	head := &r.response
	*head = responseHead{}
	head.status, head.flags = outcome.Status, response.Flags
	switch {
	case r.isCall() && l.describeCall(r):
	case head.status != 0:
		head.flags &= ResponseClose
		head.allow, head.location, head.retryAfter = outcome.Allow, outcome.Location, outcome.RetryAfter
		response.Fields.Len = 0
		l.describeText(r, outcome.Detail)
	case r.isFile():
		l.describeFile(r)
	case response.Flags&ResponseError != 0:
		head.status = int(response.Status)
		detail := memory.View(response.Body.Data, min(response.Body.Len, smallBody/2))
		l.describeText(r, string(detail))
	case response.Flags&ResponseStream != 0:
		head.status, head.length, head.sourced = int(response.Status), response.Length, true
	default:
		head.status = int(response.Status)
		head.body = memory.View(response.Body.Data, response.Body.Len)
		head.length = int64(response.bodyLen())
		if response.Flags&ResponseLength != 0 && head.length == 0 {
			head.length, head.announced = response.Length, true
		}
	}
	if head.status == 0 {
		head.status = 200
	}
	if head.status == 205 {
		head.length = 0 // RFC 9110 §15.3.6: there is no body, and its length says so.
	}
	if r.shared.Heads.Len > 0 {
		l.showHead(r)
	}
	head.fields = memory.View(response.Fields.Data, response.Fields.Len)
	isFile := outcome.Status == 0 && r.isFile()
	if isFile {
		head.fields = l.fieldsOfFile(r.file, head.fields)
	}
	if l.cfg.Front != nil {
		l.addFields(r)
	}
	if head.web {
		l.addWebFields(r)
	}
	head.hasBody = !r.isHead && head.length != 0 && http1.HasContent(head.status)
	if !head.isText && head.hasBody && (response.Parts.Len > 0 || head.length > smallBody || isFile && r.file.isSourced()) {
		head.sourced = true
	}
	if plan := r.gated.plan; plan != nil && plan.Compress != nil {
		l.compress(r, plan.Compress)
	}
	if head.sourced {
		r.source.begin(r, head.hasBody)
	}
}

// describeText makes the body a text of the engine's own, valid until the next one.
func (l *Loop) describeText(r *request, detail string) {
	head := &r.response
	head.isText, head.isOwn = true, true
	if !http1.HasContent(head.status) {
		return
	}
	if head.status >= 400 {
		head.form, head.varies = l.errorForm(r), l.cfg.Errors == errorpage.ByAccept
	}
	l.text = errorpage.Append(l.text[:0], head.form, head.status, http1.Reason(head.status), detail)
	head.body, head.length = l.text, int64(len(l.text))
}

// errorForm is the form of an error response to r. Of a client whose head could not be read nothing is known but that.
func (l *Loop) errorForm(r *request) errorpage.Form {
	switch {
	case l.cfg.Errors != errorpage.ByAccept:
		return l.cfg.Errors
	case r.head == 0:
		return r.errorForm
	}
	var wishes errorpage.Wishes
	head := &r.shared.Head
	for i := range head.Fields[:head.FieldCount] {
		if field := &head.Fields[i]; grammar.EqualFold(field.Name.In(r.text), "accept") {
			wishes.Add(field.Value.In(r.text))
		}
	}
	return wishes.Best()
}
