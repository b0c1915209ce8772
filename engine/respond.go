package engine

import (
	"bytes"
	"strconv"

	"libforker/engine/http1"
	"libforker/engine/memory"
	"libforker/engine/message"
)

// The heads of responses, and bodies that go out with them.

// headRoom is what a head needs at most beyond the program's own fields and the server's name.
const headRoom = 1024

// respond puts the response to ex's request behind what is collected already for c. A small one is complete with that; of
// others the head goes out at once, with as much of the body as the client takes.
func (l *Loop) respond(c *conn, ex *exchange, outcome *Outcome) {
	response := &ex.req.Response
	head, body := l.describe(response, outcome)
	l.responseReady(ex, head.status)
	l.reserve(c, len(head.fields)+len(outcome.Allow)+len(outcome.Location)+len(l.common)+headRoom+smallBody)
	withBody := !ex.isHead && head.length != 0 && http1.HasContent(head.status)
	if withBody {
		l.noteResponse(c, ex, head.status, head.length)
	} else {
		l.noteResponse(c, ex, head.status, 0)
	}
	l.appendHead(c, ex, &head)
	own := outcome.Status == 0 && response.Flags&ResponseError == 0 // Else the body is the engine's own.
	if own && (response.Flags&ResponseStream != 0 || withBody && (response.Parts.Len > 0 || head.length > smallBody)) {
		l.startBody(c, ex, withBody)
		return
	}
	if withBody {
		l.outLen += copy(l.out[l.outLen:], body)
	}
	if c.blocked {
		l.send(c)
	}
	l.endResponse(c, ex)
}

// describe gives what a response's head is made of, and the body, as far as it is one piece.
func (l *Loop) describe(response *Response, outcome *Outcome) (head responseHead, body []byte) {
	head = responseHead{status: outcome.Status, outcome: outcome}
	switch {
	case head.status != 0:
		response.Flags = 0
		response.Fields.Len = 0
		body = l.errorText(head.status, outcome.Detail)
		head.length = int64(len(body))
	case response.Flags&ResponseError != 0:
		head.status = int(response.Status)
		detail := memory.View(response.Body.Data, min(response.Body.Len, smallBody/2))
		body = l.errorText(head.status, string(detail))
		head.length = int64(len(body))
	case response.Flags&ResponseStream != 0:
		head.status, head.length = int(response.Status), response.Length
	default:
		head.status = int(response.Status)
		body = memory.View(response.Body.Data, response.Body.Len)
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
	head.fields = memory.View(response.Fields.Data, response.Fields.Len)
	return head, body
}

// responseHead is what a head is made of.
type responseHead struct {
	status  int
	length  int64 // -1: not known.
	fields  []byte
	outcome *Outcome

	announced bool // The program has given no body, but said how long it would be.
}

func (l *Loop) appendHead(c *conn, ex *exchange, h *responseHead) {
	flags, version := ex.req.Response.Flags, ex.req.Head.Version
	out := l.out[:l.outLen]
	switch {
	case h.status == 200 && flags&(ResponseHasDate|ResponseHasServer) == 0 && h.length >= 0:
		out = http1.AppendKnown(append(out, l.ok...), h.length)
	case h.status == 304 && h.announced: // RFC 9110 §8.6
		out = http1.AppendKnown(http1.AppendPrefix(out, h.status, l.commonFor(flags)), h.length)
	default:
		out = http1.AppendHead(out, h.status, l.commonFor(flags), h.length, version)
	}
	if h.outcome.Status != 0 || flags&ResponseError != 0 {
		out = appendErrorFields(out, h)
	}
	if flags&ResponseAnnounces != 0 && (h.length >= 0 || version == message.Version10 || !http1.HasContent(h.status)) {
		out = appendWithoutTrailer(out, h.fields)
	} else {
		out = append(out, h.fields...)
	}
	if h.length < 0 && version == message.Version10 && http1.HasContent(h.status) {
		c.closing = closeLinger // The end of the body is that of the connection.
	}
	l.outLen = len(http1.AppendHeadEnd(out, version, c.closing != keepOpen))
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

func appendErrorFields(out []byte, h *responseHead) []byte {
	if len(h.outcome.Allow) > 0 {
		out = append(append(append(out, "Allow: "...), h.outcome.Allow...), "\r\n"...)
	}
	if len(h.outcome.Location) > 0 {
		out = append(append(append(out, "Location: "...), h.outcome.Location...), "\r\n"...)
	}
	if h.outcome.RetryAfter > 0 {
		out = append(strconv.AppendInt(append(out, "Retry-After: "...), int64(h.outcome.RetryAfter), 10), "\r\n"...)
	}
	if http1.HasContent(h.status) {
		out = append(out, "Content-Type: text/plain; charset=utf-8\r\n"...)
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

// errorText returns the body of a response of the engine's own, valid until the next one.
func (l *Loop) errorText(status int, detail string) []byte {
	if !http1.HasContent(status) {
		return nil
	}
	l.text = strconv.AppendInt(l.text[:0], int64(status), 10)
	l.text = append(append(append(l.text, ' '), http1.Reason(status)...), '\n')
	if detail != "" {
		l.text = append(append(l.text, detail...), '\n')
	}
	return l.text
}
