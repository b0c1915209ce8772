package engine

import (
	"strconv"

	"libforker/engine/memory"
)

// headRoom is what a head needs at most beyond the program's own fields and the server's name.
const headRoom = 1024

// respond puts the answer to ex's request behind what is collected already for c, and ends the request. A large body is sent
// from where it lies, at once.
func (l *Loop) respond(c *conn, ex *exchange, outcome *Outcome, isHead bool) {
	answer := &ex.req.Answer
	status, body := outcome.Status, []byte(nil)
	switch {
	case status != 0:
		answer.reset()
		body = l.errorText(status, outcome.Detail)
	case answer.Flags&AnswerError != 0:
		status = int(answer.Status)
		body = l.errorText(status, string(memory.View(answer.Body.Data, answer.Body.Len)))
	default:
		status = int(answer.Status)
		body = memory.View(answer.Body.Data, answer.Body.Len)
	}
	if status == 0 {
		status = 200
	}
	if status == 205 {
		body = nil // RFC 9110 §15.3.6: there is none, and its length says so.
	}
	l.cfg.Slot.Answers[status/100]++
	fields := memory.View(answer.Fields.Data, answer.Fields.Len)
	l.reserve(c, len(fields)+len(outcome.Allow)+len(l.common)+headRoom+smallBody)
	if c.ex == nil {
		return // The client is gone.
	}
	l.appendHead(c, ex, answerHead{status, len(body), fields, outcome})
	if isHead || !hasContent(status) {
		body = nil
	}
	l.appendBody(c, ex, body)
}

// appendBody copies a small body, or sends a large one.
func (l *Loop) appendBody(c *conn, ex *exchange, body []byte) {
	if len(body) <= smallBody {
		l.outLen += copy(l.out[l.outLen:], body)
		if c.state == stateWrite {
			l.send(c, nil)
		}
	} else {
		l.send(c, body)
		if c.ex == nil {
			return
		}
		if len(c.restBody) > 0 {
			c.owing = true // The answer is still needed: the request ends when it is written.
			return
		}
	}
	l.endRequest(ex)
}

// answerHead is what a head is made of.
type answerHead struct {
	status  int
	length  int
	fields  []byte
	outcome *Outcome
}

func (l *Loop) appendHead(c *conn, ex *exchange, h answerHead) {
	flags := ex.req.Answer.Flags
	out := l.out[:l.outLen]
	lengthWritten := false
	if h.status == 200 && flags&(AnswerHasDate|AnswerHasServer) == 0 {
		out = append(out, l.ok...)
		out = append(strconv.AppendInt(out, int64(h.length), 10), "\r\n"...)
		lengthWritten = true
	} else {
		out = append(out, statusLines[h.status]...)
		out = l.appendCommon(out, flags)
	}
	if !lengthWritten && hasContent(h.status) {
		out = append(out, "Content-Length: "...)
		out = append(strconv.AppendInt(out, int64(h.length), 10), "\r\n"...)
	}
	if h.outcome.Status != 0 || flags&AnswerError != 0 {
		out = appendErrorFields(out, h)
	}
	out = append(out, h.fields...)
	if c.closing != keepOpen {
		out = append(out, "Connection: close\r\n"...)
	} else if ex.req.Head.Minor == 0 {
		out = append(out, "Connection: keep-alive\r\n"...)
	}
	out = append(out, "\r\n"...)
	l.outLen = len(out)
}

func appendErrorFields(out []byte, h answerHead) []byte {
	if len(h.outcome.Allow) > 0 {
		out = append(append(append(out, "Allow: "...), h.outcome.Allow...), "\r\n"...)
	}
	if hasContent(h.status) {
		out = append(out, "Content-Type: text/plain; charset=utf-8\r\n"...)
	}
	return out
}

// appendCommon writes the Server and Date that the program did not set.
func (l *Loop) appendCommon(out []byte, flags uint8) []byte {
	if flags&(AnswerHasDate|AnswerHasServer) == 0 {
		return append(out, l.common...)
	}
	if flags&AnswerHasServer == 0 && l.cfg.ServerName != "" {
		out = append(append(append(out, "Server: "...), l.cfg.ServerName...), "\r\n"...)
	}
	if flags&AnswerHasDate == 0 {
		out = append(append(append(out, "Date: "...), l.clock.date[:]...), "\r\n"...)
	}
	return out
}

// errorText returns the body of an answer of the engine's own, valid until the next one.
func (l *Loop) errorText(status int, detail string) []byte {
	if !hasContent(status) {
		return nil
	}
	l.text = strconv.AppendInt(l.text[:0], int64(status), 10)
	l.text = append(append(append(l.text, ' '), reasons[status]...), '\n')
	if detail != "" {
		l.text = append(append(l.text, detail...), '\n')
	}
	return l.text
}
