package engine

import (
	"bytes"

	"libforker/engine/http2"
)

// How a client without TLS begins with HTTP/2, where HTTP/1 is expected first.

// isPreface reports whether the client begins with HTTP/2, of which it has said so much that it can be nothing else (RFC 9113 §3.3).
func (h *h1) isPreface(l *Loop) bool {
	in := &h.c.input
	return in.bytes[in.start] == http2.Preface[0] && l.cfg.HTTP2.Clear && h.c.served == 0 && h.request.head == 0 &&
		bytes.HasPrefix(in.bytes[in.start:in.end], []byte(http2.Preface[:prefaceLine]))
}

// prefaceLine is the length of the preface's first line, which is malformed in HTTP/1.
const prefaceLine = len("PRI * HTTP/2.0\r\n")

// isOfNoVersion reports whether the client of what is no request may be one of HTTP/2, whose preface is wrong: its first line names no version of
// HTTP. It is closed without a response, which such a client would take for frames (RFC 9113 §3.4).
func (h *h1) isOfNoVersion(l *Loop) bool {
	if !l.cfg.HTTP2.Clear || h.c.served > 0 || h.c.tls != nil {
		return false
	}
	in := &h.c.input
	line, _, isWhole := bytes.Cut(in.bytes[in.start:in.end], []byte("\n"))
	return isWhole && !bytes.Contains(line, []byte("HTTP/"))
}

// turnToH2 leaves the connection and its input to HTTP/2.
func (h *h1) turnToH2(l *Loop) {
	c, r := h.c, h.request
	h.forget(l)
	r.become(stateDone)
	l.freeRequest(r)
	*h = h1{}
	l.freeH1 = append(l.freeH1, h)
	l.openH2(c)
}
