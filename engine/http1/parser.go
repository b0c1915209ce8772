package http1

import "libforker/engine/message"

// The parser of heads, which goes on where it stopped when more has come.

// Stages of a Parser.
const (
	stageStart       uint8 = iota // Nothing judged. → stageRequestLine
	stageRequestLine              // The request line's first byte is good. → stageFields
	stageFields                   // The request line is read. → stageStart
)

// What a Parser has seen in the fields so far.
const (
	seenHost uint8 = 1 << iota
	seenAuthority
	seenLength
	seenCoding
	seenClose
	seenKeepAlive
)

// requestLineSlack is what a request line may be longer than Limits.Target: a method of 24 bytes, two spaces, version
// and CRLF need 36.
const requestLineSlack = 64

// Parser is a position in a head that has not come in whole. The zero value stands before a request.
type Parser struct {
	line    uint32 // Offset of the first line that is not parsed.
	scanned uint32 // No LF between line and here.
	stage   uint8
	seen    uint8
}

// Reset puts the parser before a request.
func (p *Parser) Reset() { *p = Parser{} }

// Parse reads a head. b is everything received since the request's first byte: it may end anywhere, and may go on
// behind the head.
//
// n > 0: the head is complete, is b[:n] (with the one empty line that may precede it, RFC 9112 §2.2) and described by
// h; the parser stands before the next request. n == 0 without an error: call again, with the same h, when b has grown.
// With an error, h describes the lines before the offending one, and the parser needs a Reset.
//
// A line is parsed once, when it is complete; until then only its new bytes are searched for LF. So cutting the input
// costs no more than the calls, and changes no verdict: limits on length are applied to a line before its content is
// judged, whether it is complete or not, and a content before anything of the lines behind it. Only the very first byte
// is judged at once, which answers TLS and other binary protocols without waiting for a line that never ends.
func (p *Parser) Parse(b []byte, h *message.Head, lim *message.Limits) (n int, err *message.Refusal) {
	if p.stage == stageStart {
		if n = plainLine(h, b, lim); n > 0 {
			p.line, p.scanned, p.stage = uint32(n), uint32(n), stageFields
		}
	}
	if p.stage != stageFields {
		if err = p.requestLine(b, h, lim); err != nil || p.stage != stageFields {
			return 0, err
		}
	}
	for {
		var f message.Field
		n = 0
		if p.scanned == p.line {
			f, n = plainField(b, int(p.line))
		}
		if n == 0 || n > lim.Head || int(h.FieldCount) >= min(lim.Fields, message.MaxFields) {
			if f, n, err = p.anyField(b, h, lim); err != nil || n == 0 {
				return 0, err
			}
		}
		if f.Name.Len == 0 {
			return n, p.finish(h)
		}
		field := &h.Fields[h.FieldCount]
		*field = f
		if err = p.known(f.Name.In(b), f.Value.In(b), field, h); err != nil {
			return 0, err
		}
		h.FieldCount++
		p.line, p.scanned = uint32(n), uint32(n)
	}
}

// finish judges what only the whole head tells.
func (p *Parser) finish(h *message.Head) *message.Refusal {
	seen := p.seen
	*p = Parser{}
	if h.Version == message.Version11 {
		if seen&seenHost == 0 {
			return ErrHostMissing
		}
		seen |= seenKeepAlive // The default of HTTP/1.1, RFC 9112 §9.3.
	}
	if seen&(seenClose|seenKeepAlive) == seenKeepAlive {
		h.KeepAlive = 1
	}
	return nil
}
