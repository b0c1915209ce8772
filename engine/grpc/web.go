package grpc

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"strconv"
)

// gRPC-Web (PROTOCOL-WEB.md): calls of browsers, by any version of HTTP. What stands in the trailer section of others is behind the messages,
// in a frame of its own; and all of a body can be base64.

// Form is how the messages of a call are framed.
type Form uint8

// The forms of calls.
const (
	NoCall  Form = iota
	Plain        // By HTTP/2, with a trailer section.
	Web          // With a frame behind the messages.
	WebText      // The same as base64.
)

// IsWeb reports whether there is a frame behind the messages.
func (f Form) IsWeb() bool { return f >= Web }

// FormOf is that of a request with this Content-Type.
func FormOf(value []byte) Form {
	switch {
	case isType(value, contentType):
		return Plain
	case isType(value, contentType+"-web"):
		return Web
	case isType(value, contentType+"-web-text"):
		return WebText
	}
	return NoCall
}

// ContentType is that of a response to a call whose own is not known any more.
func (f Form) ContentType() string { return contentType + [...]string{"", "", "-web", "-web-text"}[f] }

const trailerFlag = 1 << 7

// AppendTrailerFrame appends the frame behind the messages: a status, and lines "Name: value\r\n" of which the names become lower-case.
func AppendTrailerFrame(out []byte, code Code, text, lines []byte) []byte {
	start := len(out)
	out = append(out, trailerFlag, 0, 0, 0, 0)
	out = append(strconv.AppendUint(append(out, "grpc-status: "...), uint64(code), 10), "\r\n"...)
	if len(text) > 0 {
		out = append(AppendText(append(out, "grpc-message: "...), text), "\r\n"...)
	}
	for len(lines) > 0 {
		line := lines[:bytes.IndexByte(lines, '\n')+1]
		colon := bytes.IndexByte(line, ':')
		out = append(append(out, bytes.ToLower(line[:colon])...), line[colon:]...)
		lines = lines[len(line):]
	}
	binary.BigEndian.PutUint32(out[start+1:], uint32(len(out)-start-PrefixLen))
	return out
}

// AppendWebText appends bytes as a client takes them that wants base64, in pieces which are complete each.
func AppendWebText(out, b []byte) []byte { return base64.StdEncoding.AppendEncode(out, b) }

// DecodeWebText decodes a body where it lies. It may be several that each have their padding, one behind the other. The result is the beginning of b.
// false: it is not base64.
func DecodeWebText(b []byte) (decoded []byte, ok bool) {
	n := 0
	for rest := b; len(rest) > 0; {
		size := len(rest)
		if at := bytes.IndexByte(rest, '='); at >= 0 {
			size = min(size, at/4*4+4)
		}
		k, err := base64.StdEncoding.Decode(b[n:], rest[:size])
		if err != nil {
			return nil, false
		}
		n, rest = n+k, rest[size:]
	}
	return b[:n], true
}
