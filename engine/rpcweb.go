package engine

import (
	"libforker/engine/grpc"
	"libforker/engine/http1"
	"libforker/engine/memory"
)

// Responses to calls of gRPC-Web. They are like those of HTTP, whichever version: the status and what others have in their trailer section are the
// end of the body. One with no more than a message is made at once, and of a stream the segments have it behind the last one.

// mostOfCall is how many bytes a body may have of which so many are left when it is decoded; only that of a method is.
func (r *request) mostOfCall(most int64) int64 {
	const often = 1 << 40 // Far from where that would overflow.
	if !r.rpc.single || r.rpc.form != grpc.WebText || most > often {
		return most
	}
	return (most+2)/3*4 + 4
}

// describeWeb describes the body of a response of which all else is decided.
func (l *Loop) describeWeb(r *request) {
	head := &r.response
	if head.web = true; head.length < 0 {
		return // A stream.
	}
	const frame = 64 // More than the frame behind a message has besides text and trailers.
	room := len(head.body) + 3*len(head.statusText) + int(r.shared.Response.Trailers.Len) + frame
	whole := l.appendWebEnd(append(make([]byte, 0, room), head.body...), r)
	if r.rpc.form == grpc.WebText {
		whole = grpc.AppendWebText(nil, whole)
	}
	r.rpc.made, head.body, head.length = whole, whole, int64(len(whole))
}

// appendWebEnd appends what ends the body of a response.
func (l *Loop) appendWebEnd(out []byte, r *request) []byte {
	response, head := &r.shared.Response, &r.response
	code, text := head.code, head.statusText
	if head.length < 0 {
		code, text = grpc.Code(response.Code), memory.View(response.Body.Data, min(response.Body.Len, mostStatusText))
	}
	out = grpc.AppendTrailerFrame(out, code, text, memory.View(response.Trailers.Data, response.Trailers.Len))
	response.Trailers.Len = 0
	return out
}

// addWebFields adds the fields that the response begins with.
func (l *Loop) addWebFields(r *request) {
	head := &r.response
	added := head.added
	if added == nil {
		added = l.added[:0]
	}
	added = append(added, "Content-Type: "...)
	if typ := r.rpc.typ.In(r.text); len(typ) > 0 {
		added = append(added, typ...)
	} else {
		added = append(added, r.rpc.form.ContentType()...)
	}
	added = append(append(added, http1.CRLF...), "Grpc-Accept-Encoding: "+grpc.Encodings+http1.CRLF...)
	if head.zipped {
		added = append(added, "Grpc-Encoding: gzip\r\n"...)
	}
	l.added, head.added = added, added
}

// nextOfWeb fetches the next segment of the body.
func (l *Loop) nextOfWeb(r *request) segment {
	s := &r.source
	if !r.isStream() {
		s.last = true
		return segment{data: r.rpc.made}
	}
	var data []byte
	if !s.webLast {
		if s.deflates {
			data = l.nextDeflated(r).data
		} else {
			data = l.nextPlain(r).data
		}
		s.webLast, s.last = s.last, false
	}
	if len(data) == 0 && s.webLast {
		s.last = true
		data = l.appendWebEnd(nil, r)
		r.logged.bytes += int64(len(data))
	}
	if r.rpc.form == grpc.WebText {
		data = r.asText(data)
	}
	return segment{data: data}
}

// asText makes a segment base64, where the one before was; the memory of a large one goes before a small one comes.
func (r *request) asText(data []byte) []byte {
	made := r.rpc.made[:0]
	if cap(made) > keptMessage && len(data) < keptMessage/2 {
		made = nil
	}
	r.rpc.made = grpc.AppendWebText(made, data)
	r.logged.bytes += int64(len(r.rpc.made) - len(data))
	return r.rpc.made
}

// cutWeb ends a response in its middle. What was fetched of a stream are whole messages, behind which its status can stand.
func (l *Loop) cutWeb(r *request, fault *grpc.Fault, reason int) {
	if !r.isStream() {
		r.stream.reset(l, r, reason)
		return
	}
	end := grpc.AppendTrailerFrame(nil, fault.Code, []byte(fault.Text), nil)
	if r.rpc.form == grpc.WebText {
		end = grpc.AppendWebText(nil, end)
	}
	r.stream.cutWith(l, r, end, reason)
}
