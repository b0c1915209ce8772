package http1

import (
	"bytes"

	"libforker/engine/grammar"
	"libforker/engine/message"
)

// Trailer sections behind chunked bodies (RFC 9110 §6.5).

// MaxTrailer bounds a trailer section, its last CRLF included.
const MaxTrailer = 8 << 10

// Trailer reads the trailer section behind the last chunk (RFC 9112 §7.1.2), once Decode is done. b is everything that
// is kept of the request, of which the section begins at b[at]: it may end anywhere, and may go on behind the section.
//
// n > 0: the section is complete, is b[at:at+n], and its fields stand in h behind those of the head: spans of b, with a
// delimiter behind each. n == 0 without an error: call again, with the same at and h, when b has grown. As in
// Parser.Parse, a line is judged when it is complete, its length before its content.
//
// Fields that a trailer must not have (RFC 9110 §6.5.1) are checked like others and then left out: who reads the fields
// cannot mistake one for what the head said.
func (c *Chunked) Trailer(b []byte, at int, h *message.Head, lim *message.Limits) (n int, err *message.Refusal) {
	section := b[at:]
	maxFields := min(lim.Fields, message.MaxFields-int(h.FieldCount))
	for c.state == chunkTrailer {
		line := int(c.line)
		i := bytes.IndexByte(section[c.scanned:min(len(section), MaxTrailer)], '\n')
		if i < 0 {
			if len(section) >= MaxTrailer {
				return 0, ErrTrailerTooLarge
			}
			c.scanned = uint16(len(section))
			return 0, nil
		}
		lf := int(c.scanned) + i
		if lf == line || section[lf-1] != '\r' {
			return 0, ErrTrailer
		}
		c.line, c.scanned = uint16(lf+1), uint16(lf+1)
		if lf == line+1 {
			c.state = chunkDone
			return lf + 1, nil
		}
		if err = addTrailer(h, section[line:lf-1], uint32(at+line), maxFields); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// addTrailer takes a line of the trailer section that begins at offset off.
func addTrailer(h *message.Head, line []byte, off uint32, maxFields int) *message.Refusal {
	f, err := splitField(line, off)
	if err != nil {
		return ErrTrailer
	}
	if grammar.IsForbiddenInTrailer(line[:f.Name.Len]) {
		return nil
	}
	if int(h.TrailerCount) >= maxFields {
		return ErrTooManyTrailers
	}
	h.Fields[h.FieldCount+h.TrailerCount] = f
	h.TrailerCount++
	return nil
}
