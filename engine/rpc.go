package engine

import (
	"libforker/engine/grammar"
	"libforker/engine/grpc"
	"libforker/engine/http1"
	"libforker/engine/http2"
	"libforker/engine/memory"
	"libforker/engine/message"
)

// Calls of gRPC: requests that take messages, have a time of their own, and end with a status: in the trailer section of HTTP/2, or of gRPC-Web, by
// any version, in the body.

// RPCConfig says how gRPC is spoken.
type RPCConfig struct {
	On     bool      // The program has methods: requests are looked at for being calls.
	Common RPCMethod // For those that have nothing of their own.
}

// RPCMethod is what holds for the calls of a method.
type RPCMethod struct {
	MaxMessage int64 // Bytes that a message of the client may have.
	Compress   int64 // From how many bytes on a message that is sent is compressed; 0: none is.
}

// rpc is what a request has that is a call.
type rpc struct {
	form   grpc.Form    // NoCall: it is none.
	made   []byte       // Of one of gRPC-Web: the body of its response, or of a stream the present segment as base64.
	gzip   bool         // Its messages may be compressed.
	method *RPCMethod   // What holds for it.
	single bool         // Its method takes one message, which is found before the program is called.
	typ    message.Span // The content type, which is also that of the response.
	timer  timer        // Runs while the call has a time.
}

func (r *request) isCall() bool { return r.rpc.form != grpc.NoCall }

// mostType is up to where a content type is sent back: it has a place in headRoom.
const mostType = 256

var errTimeout = &message.Refusal{Status: 400, Reason: "the grpc-timeout is malformed"}

// beginCall finds out whether a request whose head is there is a call, and begins its time.
func (l *Loop) beginCall(r *request) *message.Refusal {
	head := &r.shared.Head
	var timeout, encoding []byte
	takes := false
	for i := range head.Fields[:head.FieldCount] {
		field := &head.Fields[i]
		name, value := field.Name.In(r.text), field.Value.In(r.text)
		switch {
		case grammar.EqualFold(name, "content-type"):
			r.rpc.form = grpc.FormOf(value)
			if r.rpc.typ = field.Value; field.Value.Len > mostType {
				r.rpc.typ = message.Span{}
			}
		case grammar.EqualFold(name, "grpc-timeout"):
			timeout = value
		case grammar.EqualFold(name, "grpc-encoding"):
			encoding = value
		case grammar.EqualFold(name, "grpc-accept-encoding"):
			takes = takes || grpc.TakesGzip(value)
		}
	}
	if r.rpc.form == grpc.Plain && head.Version != message.Version20 || string(head.Method.In(r.text)) != "POST" {
		r.rpc.form = grpc.NoCall
	}
	if !r.isCall() {
		return nil
	}
	if r.rpc.form.IsWeb() {
		r.shared.RPC.Web = 1
	}
	r.shared.RPC.Is, r.rpc.method = 1, &l.cfg.RPC.Common
	if takes {
		r.shared.RPC.Takes = 1
	}
	if timeout != nil {
		ns, ok := grpc.ParseTimeout(timeout)
		if !ok {
			return errTimeout
		}
		l.beginDeadline(r, ns)
	}
	switch r.rpc.gzip = string(encoding) == "gzip"; {
	case encoding == nil || r.rpc.gzip || string(encoding) == "identity":
		return nil
	}
	return errEncoding
}

var errEncoding = &message.Refusal{Status: 501, Reason: "the grpc-encoding is not one that this server knows"}

func (l *Loop) beginDeadline(r *request, ns int64) {
	deadline := l.clock.now + ns
	if deadline < 0 {
		return // Beyond the end of time.
	}
	r.shared.RPC.Deadline = uint64(deadline)
	l.wheel.arm(&r.rpc.timer, deadline)
}

// beginMethod takes in what the first method that matches says of a call.
func (r *request) beginMethod(admission *Admission) {
	r.rpc.single = admission.Single
	if admission.Method != nil {
		r.rpc.method = admission.Method
	}
}

// endCall is called when a request has no client any more.
func (l *Loop) endCall(r *request) {
	l.wheel.disarm(&r.rpc.timer)
	r.rpc = rpc{timer: r.rpc.timer}
	r.shared.RPC = RPC{}
}

// openCall finds the message of a call whose method takes one, unless the program hears of the call first. false: there is none, and the
// client was told.
func (l *Loop) openCall(r *request) bool {
	if !r.rpc.single || r.body.kind == bodyPassed {
		return true
	}
	fault := l.openMessage(r)
	if fault != nil {
		l.respondWith(r, Outcome{Status: 400, Code: fault.Code, Detail: fault.Text})
	}
	return fault == nil
}

// openMessage finds the message of a call whose method takes one, in the body that is there.
func (l *Loop) openMessage(r *request) *grpc.Fault {
	req := r.shared
	if r.rpc.form == grpc.WebText {
		coded := memory.View(req.Body, req.BodyLen)
		decoded, ok := grpc.DecodeWebText(coded)
		if !ok {
			return grpc.ErrText
		}
		if req.BodyLen = uint64(len(decoded)); len(decoded) < len(coded) {
			coded[len(decoded)] = 0
		}
	}
	single, compressed, fault := grpc.Single(memory.View(req.Body, req.BodyLen), r.rpc.method.MaxMessage)
	switch {
	case fault != nil:
		return fault
	case compressed && !r.rpc.gzip:
		return grpc.ErrFlag
	case compressed:
		if refusal := l.inflateBody(r, single); refusal != nil {
			return &grpc.Fault{Code: grpc.OfHTTP(refusal.Status), Text: refusal.Reason}
		}
		req.RPC.Message, req.RPC.Len, req.RPC.Compressed = req.Body+grpc.PrefixLen, req.BodyLen-grpc.PrefixLen, 1
		return nil
	}
	req.RPC.Message, req.RPC.Len = req.Body+grpc.PrefixLen, uint64(len(single))
	return nil
}

// rpcDeadline is a request as the owner of its call's timer.
type rpcDeadline request

// expire is told when the call has had its time.
func (d *rpcDeadline) expire(l *Loop) {
	r := (*request)(d)
	c := r.stream.conn()
	late := Outcome{Status: 504, Detail: "the deadline of the call has passed"}
	switch {
	case r.source.open:
		l.cut(r, &grpc.Fault{Code: grpc.DeadlineExceeded, Text: late.Detail}, CloseTimeout)
	case r.state == stateReceiving:
		l.respondWith(r, late)
	default:
		if own := l.detach(r, late.Status, CloseTimeout); own != nil {
			l.respondWith(own, late)
		}
	}
	if c.state != connDead {
		c.protocol.proceed(l)
	}
}

// cut ends a response in its middle, with a status. What waits to be sent is dropped.
func (l *Loop) cut(r *request, fault *grpc.Fault, reason int) {
	if r.rpc.form.IsWeb() {
		l.cutWeb(r, fault, reason)
		return
	}
	st := r.stream.(*h2stream) // Nothing else has such calls.
	h := st.h
	l.reserve(h.c, 3*len(fault.Text)+headRoom)
	start := l.outLen
	out := appendStatus(h.session.BeginSection(l.out[:start]), fault.Code, []byte(fault.Text))
	l.commit(h.session.EndSection(out, start, st.s, true))
	if h.c.blocked {
		l.send(h.c)
	}
	h.session.Reset(st.s, http2.NoError)
	st.detach(l, r)
	l.leave(r, reason)
}

// describeCall decides on the response to a call: what the program has given, or a status for what the engine has to say. false: the
// program has answered it like any other request.
func (l *Loop) describeCall(r *request) bool {
	response, outcome, head := &r.shared.Response, &r.call.Outcome, &r.response
	switch {
	case outcome.Status != 0:
		head.code = outcome.Code
		if head.code == grpc.OK {
			head.code = grpc.OfHTTP(outcome.Status)
		}
		head.flags &= ResponseClose
		response.Fields.Len, response.Trailers.Len = 0, 0
		l.describeStatus(head, outcome.Status, []byte(outcome.Detail))
	case response.RPC == RPCNone && response.Flags&ResponseError != 0:
		head.code = grpc.OfHTTP(int(response.Status))
		l.describeStatus(head, int(response.Status), memory.View(response.Body.Data, response.Body.Len))
	case response.RPC == RPCNone:
		return false
	case response.RPC == RPCStream:
		head.length, head.sourced = -1, true
		head.zipped = r.mayDeflate() // Each message says of itself whether it is.
	case response.RPC == RPCMessage:
		head.zipped = l.deflate(r)
		head.body = memory.View(response.Body.Data, response.Body.Len)
		head.length = int64(response.Body.Len)
	default:
		head.code = grpc.Code(response.Code)
		l.describeStatus(head, 0, memory.View(response.Body.Data, response.Body.Len))
	}
	head.status, head.rpc = 200, !r.rpc.form.IsWeb()
	if !head.rpc {
		l.describeWeb(r)
	}
	return true
}

// mostStatusText is up to where the text of a status is sent: clients take heads of 8 KiB at least.
const mostStatusText = 1 << 10

// describeStatus makes the response a status without a message. Without a text it is the reason that HTTP has.
func (l *Loop) describeStatus(head *responseHead, status int, text []byte) {
	if len(text) == 0 && status != 0 {
		text = []byte(http1.Reason(status))
	}
	l.text = append(l.text[:0], text[:min(len(text), mostStatusText)]...)
	head.statusText = l.text
}

// appendCallFields appends the fields that the response to a call begins with.
func appendCallFields(out []byte, r *request) []byte {
	if typ := r.rpc.typ.In(r.text); len(typ) == 0 || string(typ) == plainCall {
		out = append(out, plainCallField...)
	} else {
		out = http2.AppendField(out, []byte("content-type"), typ)
	}
	if r.response.zipped {
		out = http2.AppendField(out, []byte("grpc-encoding"), []byte("gzip"))
	}
	return append(out, encodingsField...)
}

const plainCall = "application/grpc"

// Fields that nearly all responses to calls have.
var (
	plainCallField = http2.AppendField(nil, []byte("content-type"), []byte(plainCall))
	encodingsField = http2.AppendField(nil, []byte("grpc-accept-encoding"), []byte(grpc.Encodings))
	statusOKField  = http2.AppendField(nil, []byte("grpc-status"), grpc.AppendCode(nil, grpc.OK))
)

// appendStatus appends the fields that a response to a call ends with.
func appendStatus(out []byte, code grpc.Code, text []byte) []byte {
	if code == grpc.OK && len(text) == 0 {
		return append(out, statusOKField...)
	}
	var room [3 * 64]byte
	out = http2.AppendField(out, []byte("grpc-status"), grpc.AppendCode(room[:0], code))
	if len(text) > 0 {
		out = http2.AppendField(out, []byte("grpc-message"), grpc.AppendText(room[:0], text))
	}
	return out
}

// trailerRoom is how many bytes the trailer section of a response needs at most; 0: there is none.
func trailerRoom(r *request) int {
	response := &r.shared.Response
	switch {
	case r.response.rpc:
		return int(response.Trailers.Len) + 3*mostStatusText + headRoom
	case response.Trailers.Len > 0:
		return int(response.Trailers.Len) + headRoom
	}
	return 0
}

// appendTrailers appends the fields of the trailer section of a response.
func (l *Loop) appendTrailers(out []byte, r *request) []byte {
	response, head := &r.shared.Response, &r.response
	if head.rpc {
		code, text := head.code, head.statusText
		if response.RPC == RPCStream && head.sourced {
			text = memory.View(response.Body.Data, min(response.Body.Len, mostStatusText))
			code = grpc.Code(response.Code)
		}
		out = appendStatus(out, code, text)
	}
	return l.h2.AppendFields(out, memory.View(response.Trailers.Data, response.Trailers.Len))
}
