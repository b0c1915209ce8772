package engine

import (
	"bytes"
	"strconv"

	"libforker/engine/http1"
	"libforker/engine/memory"
	"libforker/engine/message"
)

// Responses of HTTP/1: their heads, the framing of their bodies, and what they say of the connection.

// headRoom is what a head needs at most beyond the program's own fields and the server's name.
const headRoom = 1024

// respond puts a response behind what is collected already. A small one is complete with that; of others the head goes
// out at once, with as much of the body as the client takes.
func (h *h1) respond(l *Loop, r *request) {
	c, head := h.c, &r.response
	if h.closing == keepOpen {
		h.decideEnd(l, r)
	}
	l.reserve(c, len(head.fields)+len(head.added)+len(head.allow)+len(head.location)+len(l.common)+headRoom+smallBody)
	h.appendHead(l, r)
	if head.sourced {
		h.beginSource(l, r)
		return
	}
	if head.hasBody {
		l.commit(append(l.out[:l.outLen], head.body...))
	}
	if c.blocked {
		l.send(c)
	}
	h.endResponse(l)
}

// decideEnd decides what follows the response: the next request, or the end of the connection.
func (h *h1) decideEnd(l *Loop, r *request) {
	if r.body.kind == bodyPassed {
		h.leaveBody(l, r)
	}
	in, keepAlive := &h.c.input, r.shared.Head.KeepAlive != 0
	switch {
	case h.closing != keepOpen:
	case !keepAlive && h.end == in.end:
		h.closing = closeNow
	case !keepAlive || r.response.flags&ResponseClose != 0 || h.isLast(l):
		h.closing = closeLinger
	}
}

// isLast reports whether the connection takes no more requests.
func (h *h1) isLast(l *Loop) bool {
	c := h.c
	if l.cfg.NoKeepAlive || int(c.served) == l.cfg.MaxRequests || l.cfg.MaxAge > 0 && l.clock.now >= c.oldAt(l) {
		return true
	}
	return l.isLeaving() && !h.hasBehind()
}

// hasBehind reports whether the client has sent more already, and so could not know that it should not. One that never
// stops to send is told after some time.
func (h *h1) hasBehind() bool {
	if h.end == h.c.input.end || h.late == lateMost {
		return false
	}
	h.late++
	return true
}

// lateMost is how many requests that came behind others are responded to, when a connection is to be closed because the
// loop drains.
const lateMost = 64

// appendHead writes a response's head behind what is collected.
func (h *h1) appendHead(l *Loop, r *request) {
	head, version := &r.response, r.shared.Head.Version
	out := l.out[:l.outLen]
	switch {
	case head.status == 200 && head.flags&(ResponseHasDate|ResponseHasServer) == 0 && head.length >= 0:
		out = http1.AppendKnown(append(out, l.ok...), head.length)
	case head.status == 304 && head.announced: // RFC 9110 §8.6
		out = http1.AppendKnown(http1.AppendPrefix(out, head.status, l.commonFor(head.flags)), head.length)
	default:
		out = http1.AppendHead(out, head.status, l.commonFor(head.flags), head.length, version)
	}
	if head.isText {
		out = appendTextFields(out, head)
	}
	if head.flags&ResponseAnnounces != 0 && (head.length >= 0 || version == message.Version10 || !http1.HasContent(head.status)) {
		out = appendWithoutTrailer(out, head.fields)
	} else {
		out = append(out, head.fields...)
	}
	out = append(out, head.added...)
	if head.length < 0 && version == message.Version10 && http1.HasContent(head.status) {
		h.closing = closeLinger // The end of the body is that of the connection.
	}
	l.commit(http1.AppendHeadEnd(out, version, h.closing != keepOpen))
}

// appendWithoutTrailer appends the program's fields but those that announce trailer fields: none will follow.
func appendWithoutTrailer(out, fields []byte) []byte {
	const name = "Trailer:"
	for len(fields) > 0 {
		n := bytes.IndexByte(fields, '\n') + 1
		if n < len(name) || !bytes.EqualFold(fields[:len(name)], []byte(name)) {
			out = append(out, fields[:n]...)
		}
		fields = fields[n:]
	}
	return out
}

// appendTextFields appends the fields of a response whose body is a text of the engine's own.
func appendTextFields(out []byte, head *responseHead) []byte {
	if len(head.allow) > 0 {
		out = append(append(append(out, "Allow: "...), head.allow...), http1.CRLF...)
	}
	if len(head.location) > 0 {
		out = append(append(append(out, "Location: "...), head.location...), http1.CRLF...)
	}
	if head.retryAfter > 0 {
		out = append(strconv.AppendInt(append(out, "Retry-After: "...), int64(head.retryAfter), 10), http1.CRLF...)
	}
	if http1.HasContent(head.status) {
		out = append(append(append(out, "Content-Type: "...), head.form.MediaType()...), http1.CRLF...)
	}
	if head.varies {
		out = append(out, "Vary: Accept\r\n"...)
	}
	return out
}

// commonFor returns the Server and Date lines that the program did not set.
func (l *Loop) commonFor(flags uint8) []byte {
	switch flags & (ResponseHasDate | ResponseHasServer) {
	case ResponseHasDate:
		return l.common[:l.serverLen]
	case ResponseHasServer:
		return l.common[l.serverLen:]
	case ResponseHasDate | ResponseHasServer:
		return nil
	}
	return l.common
}

// beginSource sends the head that is collected, and the body after it.
func (h *h1) beginSource(l *Loop, r *request) {
	r.source.open = true
	if h.c.blocked {
		l.send(h.c)
		return
	}
	if !r.isStream() && r.source.encoder == nil && !r.source.web {
		h.fill(l) // So that it leaves together with the head.
	}
	l.send(h.c)
}

// fill puts the next segment of the present response's body into the output. false: there is none now; if that was all,
// the response has ended.
func (h *h1) fill(l *Loop) bool {
	c, r := h.c, h.request
	switch {
	case c.state != connOpen || r == nil || !r.source.open:
		return false
	case r.isStream() || r.source.encoder != nil:
		return h.fillStream(l, r)
	case !r.source.last:
		next := l.nextSegment(r)
		c.body, c.file = next.data, next.file
		if len(c.body) > 0 || c.file.left > 0 {
			return true
		}
		if !r.source.last { // The disk is asked for it.
			return false
		}
	}
	h.endResponse(l)
	return false
}

// fillStream is fill for streams, and for bodies whose length is not known because they are compressed.
func (h *h1) fillStream(l *Loop, r *request) bool {
	c, s := h.c, &r.source
	switch {
	case h.trailers:
		h.trailers = false
		h.appendLast(r)
		return true
	case s.last:
		h.endResponse(l)
		return false
	}
	data := l.nextSegment(r).data
	if h.peerEnded && h.isEndless() {
		l.closeConn(c, CloseClient)
		return false
	}
	switch {
	case r.response.length >= 0 || r.shared.Head.Version == message.Version10 || s.silent:
		c.body = data
		if s.last && r.isShort() {
			h.closing = closeNow // The client learns by the missing end.
		}
	case len(data) > 0:
		h.appendChunk(r, data)
	case s.last:
		h.appendLast(r)
	}
	return len(c.rest)+len(c.body)+len(c.tail) > 0 || s.last
}

// appendChunk frames a segment (RFC 9112 §7.1). Behind the last one stands what ends the body, unless that is a trailer
// section: that goes out by itself, once the data is written.
func (h *h1) appendChunk(r *request, data []byte) {
	c := h.c
	c.rest = http1.AppendChunkSize(h.size[:0], len(data))
	c.body, c.tail = data, http1.ChunkEnd
	if r.source.last {
		if h.trailers = r.shared.Response.Trailers.Len > 0; !h.trailers {
			c.tail = http1.ChunkEndLast
		}
	}
}

// appendLast ends a body in chunks.
func (h *h1) appendLast(r *request) {
	trailers := &r.shared.Response.Trailers
	h.c.rest, h.c.body, h.c.tail = http1.AppendLastChunk(h.size[:0]), memory.View(trailers.Data, trailers.Len), http1.ChunkEnd
}

// endResponse is called when the response is written, or copied to where it will be: the next request can be looked at.
func (h *h1) endResponse(l *Loop) {
	r, in := h.request, &h.c.input
	l.endRequest(r, CloseDone)
	if in.bytes != nil { // Else the request before was detached, and took it along.
		in.bytes[h.end] = h.behind
		in.start = h.end
		memory.Poison(in.bytes[:in.start])
	}
	h.parser.Reset()
	h.peerEnded = false
	r.become(stateReceiving)
}

// isEndless reports whether the present response is a stream of unknown length whose end the program has not said yet.
// Such a one, of events perhaps, is of no use to a client that has sent its end: it has left, or would wait for as long as
// that takes. A client that only half-closes can wait for any other response, which has an end by itself.
func (h *h1) isEndless() bool {
	r := h.request
	return r != nil && r.state == stateStreaming && r.shared.Response.Length < 0
}

// owes returns what is missing of the present response. One of unknown length to a client of HTTP/1.0 ends with the
// connection (RFC 9112 §6.3).
func (h *h1) owes() owed {
	r := h.request
	switch {
	case r == nil || !r.source.open:
		return owesNothing
	case r.shared.Head.Version == message.Version10 && r.isStream() && r.shared.Response.Length < 0 && !r.source.silent:
		return owesEnd
	}
	return owesRest
}

// resume goes on with a stream, to which the program has written.
func (h *h1) resume(l *Loop, _ *request) {
	if h.c.blocked {
		return // It is taken when the client has taken the rest.
	}
	l.pump(h.c)
	h.proceed(l)
}

// reset ends the connection in the middle of a response. To HEAD there is no middle: the client has all that it gets.
func (h *h1) reset(l *Loop, r *request, reason int) {
	if r.source.open && r.source.silent {
		h.endResponse(l)
		h.proceed(l)
		return
	}
	if !h.c.blocked {
		l.pump(h.c)
	}
	l.closeConn(h.c, reason)
}

// cutWith ends the connection where it cannot go on behind the response.
func (h *h1) cutWith(l *Loop, r *request, end []byte, reason int) {
	c := h.c
	if !c.blocked {
		l.reserve(c, len(end)+headRoom)
		out := l.out[:l.outLen]
		if r.shared.Head.Version == message.Version10 {
			out = append(out, end...)
		} else {
			out = append(append(http1.AppendChunkSize(out, len(end)), end...), http1.ChunkEndLast...)
		}
		r.source.open = false
		l.commit(out)
		l.send(c)
		if c.state == connOpen && h.closing == keepOpen {
			h.goOnWithout(l, r, reason)
			return
		}
	}
	l.closeConn(c, reason)
}

// goOnWithout lets the present request go, whose response has ended before the program has done with it, and goes on with what has come
// behind it.
func (h *h1) goOnWithout(l *Loop, r *request, reason int) {
	in, end, behind := h.c.input, h.end, h.behind
	h.part(l)
	h.peerEnded = false
	if h.begin(l) {
		if next := &h.c.input; end < in.end {
			next.end = copy(next.bytes, in.bytes[end:in.end])
			next.bytes[0] = behind
		}
	}
	l.leave(r, reason)
}

// replace lets the present request go with the input, and puts another one there for the connection's last response.
func (h *h1) replace(l *Loop, with *request) {
	h.part(l)
	h.receive(l, with)
	h.closing = closeLinger
	with.shared.Head.Version = message.Version11
}

// interim sends an interim response behind what is collected.
func (h *h1) interim(l *Loop, status int, field []byte) error {
	c := h.c
	if c.blocked && len(c.rest) > interimMost {
		return ErrNoRoom
	}
	l.reserve(c, len(field)+headRoom)
	l.commit(http1.AppendInterim(l.out[:l.outLen], status, field))
	l.send(c)
	if c.state == connDead {
		return ErrClientGone
	}
	if c.blocked {
		h.await(l)
	}
	return nil
}
