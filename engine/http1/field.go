package http1

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"libforker/engine/grammar"
	"libforker/engine/message"
)

// Field lines, and the fields that say how a message is framed.

// plainField reads a field line that begins at b[line], if it is like most: a token, a colon, at most one space, a
// value without tabs and with no space behind it, CRLF. next is where the line behind it begins; 0: the line has to be
// looked at more closely, also because it may not be complete. A field without a name stands for the empty line. It
// looks at each byte once, and lets nothing pass that anyField would not.
func plainField(b []byte, line int) (f message.Field, next int) {
	i := line + grammar.Prefix(b[line:], grammar.Token)
	if i+1 >= len(b) || i == line || b[i] != ':' {
		if i == line && i+1 < len(b) && b[i] == '\r' && b[i+1] == '\n' {
			return message.Field{}, i + 2
		}
		return message.Field{}, 0
	}
	start := i + 1
	if b[start] == ' ' {
		start++
	}
	end := valueEnd(b, start)
	if end+1 >= len(b) || b[end] != '\r' || b[end+1] != '\n' || end > start && (b[start] == ' ' || b[end-1] == ' ') {
		return message.Field{}, 0
	}
	return message.Field{Name: message.Span{Off: uint32(line), Len: uint32(i - line)}, Value: message.Span{Off: uint32(start), Len: uint32(end - start)}}, end + 2
}

// valueEnd returns where from i on the first byte stands that is a control or DEL, or len(b). Eight bytes are judged at
// a time, as by validValue; the lowest high bit is always that of such a byte.
func valueEnd(b []byte, i int) int {
	for ; len(b)-i >= 8; i += 8 {
		if found := grammar.Controls(binary.LittleEndian.Uint64(b[i:])); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(b) && b[i] >= ' ' && b[i] != 0x7f {
		i++
	}
	return i
}

// anyField reads the line that begins at p.line, whatever it is like. next is 0 only if the line is not complete.
func (p *Parser) anyField(b []byte, h *message.Head, lim *message.Limits) (f message.Field, next int, err *message.Refusal) {
	line := int(p.line)
	i := bytes.IndexByte(b[p.scanned:], '\n')
	if i < 0 {
		p.scanned = uint32(len(b))
		if len(b) > lim.Head {
			return message.Field{}, 0, ErrHeadTooLarge
		}
		return message.Field{}, 0, nil
	}
	lf := int(p.scanned) + i
	switch {
	case lf >= lim.Head:
		return message.Field{}, 0, ErrHeadTooLarge
	case lf == line || b[lf-1] != '\r':
		return message.Field{}, 0, ErrLineEnd
	case lf == line+1:
		return message.Field{}, lf + 1, nil
	case int(h.FieldCount) >= min(lim.Fields, message.MaxFields):
		return message.Field{}, 0, ErrTooManyFields
	}
	f, err = splitField(b[line:lf-1], uint32(line))
	return f, lf + 1, err
}

// splitField splits a field line (RFC 9112 §5).
func splitField(s []byte, off uint32) (message.Field, *message.Refusal) {
	i := grammar.Prefix(s, grammar.Token)
	if i == 0 || i >= len(s) || s[i] != ':' {
		if grammar.IsBlank(s[0]) {
			return message.Field{}, ErrFieldFold
		}
		return message.Field{}, ErrFieldName
	}
	start, end := i+1, len(s)
	for start < end && grammar.IsBlank(s[start]) {
		start++
	}
	for start < end && grammar.IsBlank(s[end-1]) {
		end--
	}
	if !grammar.ValidValue(s[start:end]) {
		return message.Field{}, ErrFieldValue
	}
	return message.Field{Name: message.Span{Off: off, Len: uint32(i)}, Value: message.Span{Off: off + uint32(start), Len: uint32(end - start)}}, nil
}

// known takes from a field what the framing of the message and the fate of the connection depend on.
func (p *Parser) known(name, value []byte, field *message.Field, h *message.Head) *message.Refusal {
	switch len(name) {
	case len("host"):
		if grammar.EqualFold(name, "host") {
			return p.host(value, field, h)
		}
	case len("expect"):
		// HTTP/1.0 knows no expectations: they are ignored, RFC 9110 §10.1.1.
		if grammar.EqualFold(name, "expect") && h.Version > message.Version10 {
			if !grammar.EqualFold(value, "100-continue") {
				return ErrExpectation
			}
			h.ExpectContinue = 1
		}
	case len("connection"):
		if grammar.EqualFold(name, "connection") {
			p.connection(value)
		}
	case len("content-length"):
		if grammar.EqualFold(name, "content-length") {
			return p.contentLength(value, h)
		}
	case len("transfer-encoding"):
		if grammar.EqualFold(name, "transfer-encoding") {
			return p.transferEncoding(value, h)
		}
	}
	return nil
}

// host takes the Host field, of which there is exactly one (RFC 9112 §3.2). RFC 9110 §7.2 allows an empty one for
// targets without an authority; http and https have none of those. Where the target has an authority, that is the value
// of the field, whatever has come as such (RFC 9112 §3.2.2).
func (p *Parser) host(value []byte, field *message.Field, h *message.Head) *message.Refusal {
	if p.seen&seenHost != 0 {
		return ErrHostTwice
	}
	if !grammar.ValidHost(value) {
		return ErrHost
	}
	p.seen |= seenHost
	if p.seen&seenAuthority == 0 {
		h.Host = field.Value
	} else {
		field.Value = h.Host
	}
	return nil
}

// connection notes the options of a Connection field that matter here (RFC 9110 §7.6.1).
func (p *Parser) connection(value []byte) {
	for {
		option, rest, more := bytes.Cut(value, comma)
		for len(option) > 0 && grammar.IsBlank(option[0]) {
			option = option[1:]
		}
		for len(option) > 0 && grammar.IsBlank(option[len(option)-1]) {
			option = option[:len(option)-1]
		}
		if grammar.EqualFold(option, "close") {
			p.seen |= seenClose
		} else if grammar.EqualFold(option, "keep-alive") {
			p.seen |= seenKeepAlive
		}
		if !more {
			return
		}
		value = rest
	}
}

var comma = []byte{','}

// contentLength takes the one Content-Length. RFC 9110 §8.6 would let a list of equal numbers pass, but does not ask
// for it.
func (p *Parser) contentLength(value []byte, h *message.Head) *message.Refusal {
	if p.seen&seenCoding != 0 {
		return ErrLengthAndCoded
	}
	if p.seen&seenLength != 0 {
		return ErrLengthTwice
	}
	n, ok := grammar.Length(value)
	if !ok {
		return ErrLength
	}
	p.seen |= seenLength
	h.ContentLength = n
	return nil
}

// transferEncoding takes the one coding that every server knows. RFC 9112 §6.1 allows 501 for others; as a wrong guess
// about the framing is how requests are smuggled, all of them are a malformed message here.
func (p *Parser) transferEncoding(value []byte, h *message.Head) *message.Refusal {
	switch {
	case h.Version == message.Version10:
		return ErrCodingVersion
	case p.seen&seenLength != 0:
		return ErrLengthAndCoded
	case p.seen&seenCoding != 0 || !grammar.EqualFold(value, "chunked"):
		return ErrCoding
	}
	p.seen |= seenCoding
	h.Chunked = 1
	return nil
}
