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
