package http1

import (
	"bytes"

	"libforker/engine/grammar"
	"libforker/engine/message"
)

// The request line: method, target and version (RFC 9112 §3).

// plainLine reads the request line that b begins with, if it is like most: a method, a target in origin-form and
// HTTP/1.1, within the limits. end is where the line behind it begins; 0: the line has to be looked at more closely,
// also because it may not be complete. It lets nothing pass that requestLine would not.
func plainLine(h *message.Head, b []byte, lim *message.Limits) (end int) {
	method := grammar.Prefix(b, grammar.Token)
	start := method + 1
	if method == 0 || method > grammar.MaxMethod || start >= len(b) || b[method] != ' ' || b[start] != '/' {
		return 0
	}
	i := start
	var classes uint8
	for _, c := range b[start:] {
		if grammar.Class[c]&grammar.Path == 0 {
			break
		}
		classes |= grammar.Class[c]
		i++
	}
	pathEnd, query := i, uint8(0)
	if i < len(b) && b[i] == '?' {
		query = 1
		i += grammar.Prefix(b[i:], grammar.Target)
	}
	const rest = " HTTP/1.1\r\n"
	end = i + len(rest)
	if end > len(b) || end > lim.Head || i-start > lim.Target || string(b[i:end]) != rest || string(b[:method]) == "CONNECT" {
		return 0
	}
	h.Reset()
	h.Method.Len = uint32(method)
	h.Target = message.Span{Off: uint32(start), Len: uint32(i - start)}
	h.Path = message.Span{Off: uint32(start), Len: uint32(pathEnd - start)}
	h.Query = message.Span{Off: uint32(pathEnd + int(query)), Len: uint32(i - pathEnd - int(query))}
	h.Host.Off = uint32(i)
	h.HasQuery, h.Version = query, message.Version11
	if classes&grammar.Special == 0 {
		h.PlainPath = 1
	}
	return end
}

// requestLine reads the request line, and the empty line that may precede it, if they have come in: then the stage is
// stageFields.
func (p *Parser) requestLine(b []byte, h *message.Head, lim *message.Limits) *message.Refusal {
	if p.stage == stageStart {
		h.Reset()
		if err := p.start(b); err != nil || p.stage == stageStart {
			return err
		}
	}
	start, from := int(p.line), int(p.scanned)
	i := bytes.IndexByte(b[from:], '\n')
	end := len(b)
	if i >= 0 {
		end = from + i + 1
	}
	// The lower of the two limits decides, as it is the one which a line that comes byte by byte would meet first. Either
	// leaves room for more than a method.
	if lineMax := start + lim.Target + requestLineSlack; end > lineMax || end > lim.Head {
		switch {
		case grammar.Prefix(b[start:start+grammar.MaxMethod+1], grammar.Token) > grammar.MaxMethod:
			return ErrMethodTooLong
		case lineMax <= lim.Head:
			return ErrTargetTooLong
		}
		return ErrHeadTooLarge
	}
	if i < 0 {
		p.scanned = uint32(len(b))
		return nil
	}
	if b[end-2] != '\r' {
		return ErrLineEnd
	}
	if err := p.parts(b[start:end-2], uint32(start), h, lim.Target); err != nil {
		return err
	}
	p.line, p.scanned, p.stage = uint32(end), uint32(end), stageFields
	return nil
}

// Method returns the method of a request whose head is refused or has not come whole, of which b is what there is; empty
// if that does not tell.
func Method(b []byte) []byte {
	b = bytes.TrimPrefix(b, crlf)
	if n := grammar.Prefix(b, grammar.Token); n < len(b) && b[n] == ' ' {
		return b[:n]
	}
	return nil
}

var crlf = []byte(CRLF)

// start skips one empty line and judges the byte behind it.
func (p *Parser) start(b []byte) *message.Refusal {
	at := 0
	if len(b) > 0 && b[0] == '\r' {
		if len(b) > 1 && b[1] != '\n' {
			return ErrLineEnd
		}
		at = 2
	}
	if len(b) <= at {
		return nil
	}
	if c := b[at]; grammar.Class[c]&grammar.Token == 0 {
		switch {
		case c == '\r' && at > 0:
			return ErrEmptyLine
		case c == '\n':
			return ErrLineEnd
		}
		return ErrRequestLine
	}
	p.line, p.scanned, p.stage = uint32(at), uint32(at), stageRequestLine
	return nil
}

// parts splits a request line, given without its CRLF, that begins at offset off (RFC 9112 §3).
func (p *Parser) parts(s []byte, off uint32, h *message.Head, maxTarget int) *message.Refusal {
	i := grammar.Prefix(s, grammar.Token)
	if i >= len(s) || s[i] != ' ' {
		return ErrRequestLine
	}
	method, t := s[:i], i+1
	i = t
	var classes uint8 // Of all bytes of the path.
	for _, c := range s[t:] {
		if grammar.Class[c]&grammar.Path == 0 {
			break
		}
		classes |= grammar.Class[c]
		i++
	}
	pathEnd := i
	if i < len(s) && s[i] == '?' {
		i += grammar.Prefix(s[i:], grammar.Target)
	}
	if i >= len(s) || i == t && s[i] == ' ' {
		return ErrRequestLine
	}
	if s[i] != ' ' {
		return ErrTarget
	}
	number, err := version(s[i+1:])
	if err != nil {
		return err
	}
	switch {
	case len(method) > grammar.MaxMethod:
		return ErrMethodTooLong
	case string(method) == "CONNECT":
		return ErrConnect
	case i-t > maxTarget:
		return ErrTargetTooLong
	}
	target := s[t:i]
	pathStart, host, form := t, message.Span{Off: off + uint32(i)}, message.FormOrigin
	if target[0] != '/' {
		var authority message.Span
		if form, authority, err = targetForm(method, target); err != nil {
			return err
		}
		if form == message.FormAbsolute {
			host = message.Span{Off: off + uint32(t) + authority.Off, Len: authority.Len}
			pathStart = t + int(authority.Off+authority.Len)
			p.seen |= seenAuthority
		}
	}
	h.Method = message.Span{Off: off, Len: uint32(len(method))}
	h.Target = message.Span{Off: off + uint32(t), Len: uint32(len(target))}
	h.Path = message.Span{Off: off + uint32(pathStart), Len: uint32(pathEnd - pathStart)}
	h.Query = message.Span{Off: off + uint32(i)}
	if pathEnd < i {
		h.Query = message.Span{Off: off + uint32(pathEnd+1), Len: uint32(i - pathEnd - 1)}
		h.HasQuery = 1
	}
	if target[0] == '/' && classes&grammar.Special == 0 {
		h.PlainPath = 1
	}
	h.Host, h.Form, h.Version = host, form, number
	return nil
}

// targetForm judges a target that does not begin with "/". Of an absolute-form it gives the authority, as a span of the
// target.
func targetForm(method, target []byte) (form uint8, authority message.Span, err *message.Refusal) {
	if string(target) == "*" {
		if string(method) != "OPTIONS" {
			return 0, message.Span{}, ErrAsterisk
		}
		return message.FormAsterisk, message.Span{}, nil
	}
	start := 0
	switch {
	case len(target) >= 7 && grammar.EqualFold(target[:7], "http://"):
		start = 7
	case len(target) >= 8 && grammar.EqualFold(target[:8], "https://"):
		start = 8
	default:
		return 0, message.Span{}, ErrTargetForm
	}
	end := start
	for end < len(target) && target[end] != '/' && target[end] != '?' {
		end++
	}
	if !grammar.ValidHost(target[start:end]) {
		return 0, message.Span{}, ErrAuthority
	}
	return message.FormAbsolute, message.Span{Off: uint32(start), Len: uint32(end - start)}, nil
}

// version reads "HTTP/1.1" and its like (RFC 9112 §2.3).
func version(s []byte) (number uint8, err *message.Refusal) {
	switch string(s) {
	case "HTTP/1.1":
		return message.Version11, nil
	case "HTTP/1.0":
		return message.Version10, nil
	}
	if len(s) != 8 || string(s[:5]) != "HTTP/" || s[6] != '.' || !grammar.IsDigit(s[5]) || !grammar.IsDigit(s[7]) {
		return 0, ErrVersion
	}
	if s[5] != '1' {
		return 0, ErrVersionMajor
	}
	return message.Version11, nil
}
