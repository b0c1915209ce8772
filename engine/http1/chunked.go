package http1

import (
	"libforker/engine/grammar"
	"libforker/engine/message"
)

// The decoder of chunked bodies (RFC 9112 §7.1).

// maxChunkLine bounds the line with a chunk's size, extensions and CRLF included.
const maxChunkLine = 256

// What frames a chunk, its size line and the CRLF behind its data, may have chunkFree bytes and twice as many as the data:
// a byte at a time is fine. What is beyond that adds up, less what other chunks leave of theirs, and may come to
// maxExcess. RFC 9112 §7.1.1 asks for a limit on all extensions of a body together. This one is that of net/http; one
// that does not grow with the data would end long uploads whose chunks are signed.
const (
	chunkFree = 16
	maxExcess = 16 << 10
)

// States of a Chunked.
const (
	chunkStart      uint8 = iota // Before the first digit of a size. → chunkSize
	chunkSize                    // In a size. → chunkSizeGap, chunkExt, chunkLF
	chunkSizeGap                 // In blanks behind a size. → chunkExt
	chunkExt                     // Behind ";", or in blanks there. → chunkExtName
	chunkExtName                 // In an extension's name. → chunkExtNameGap, chunkExt, chunkExtValue, chunkLF
	chunkExtNameGap              // In blanks behind it. → chunkExt, chunkExtValue
	chunkExtValue                // Behind "=", or in blanks there. → chunkExtToken, chunkExtText
	chunkExtToken                // In a value that is a token. → chunkExtGap, chunkExt, chunkLF
	chunkExtText                 // In a quoted string. → chunkExtPair, chunkExtEnd
	chunkExtPair                 // Behind "\" in a quoted string. → chunkExtText
	chunkExtEnd                  // Behind a quoted string. → chunkExtGap, chunkExt, chunkLF
	chunkExtGap                  // In blanks behind a value. → chunkExt
	chunkLF                      // Behind the CR of a size line. → chunkData, chunkTrailer
	chunkData                    // In the data. → chunkDataCR
	chunkDataCR                  // Behind the data. → chunkDataLF
	chunkDataLF                  // Behind its CR. → chunkStart
	chunkTrailer                 // Behind the last chunk, in the trailer section. → chunkDone
	chunkDone                    // The body has ended.
)

// Chunked is a position in a chunked body (RFC 9112 §7.1). The zero value stands before the first chunk.
type Chunked struct {
	size    uint64 // Of the chunk: what is still to come of it.
	excess  uint32 // Of framing, see maxExcess.
	line    uint16 // Length so far of the size line; in the trailer section: where its first line begins that is not parsed.
	scanned uint16 // No LF of the trailer section between line and here.
	state   uint8
}

// Reset puts the decoder before the first chunk of a body.
func (c *Chunked) Reset() { *c = Chunked{} }

// Remaining is how many bytes of data the current chunk still has, 0 outside of a chunk's data. A size that is only
// partly there does not count. A caller that adds it to what it has of the body can refuse one that is too large before
// it comes.
func (c *Chunked) Remaining() uint64 {
	if c.state == chunkData {
		return c.size
	}
	return 0
}

// Skip moves the position by n bytes of the current chunk's data, of which Remaining tells how many there are: the
// caller has read them to where they belong.
func (c *Chunked) Skip(n int) {
	if c.size -= uint64(n); c.size == 0 {
		c.state = chunkDataCR
	}
}

// Decode moves data of the body from src to dst, which must not overlap. It stops when src is used up, when there is
// data but no room for it, behind the last chunk (done; Trailer reads what follows in src), or in front of an offending
// byte. nd bytes were written to dst and ns bytes of src used, with an error too. An empty dst is good for everything
// but data.
//
// Extensions are checked and ignored. Blanks stand only where the grammar of RFC 9112 §7.1.1 has bad white space, which
// RFC 9110 §5.6.3 has receivers take: around ";" and "=", so never before the CR that ends the line.
func (c *Chunked) Decode(dst, src []byte) (nd, ns int, done bool, err *message.Refusal) {
	for c.state < chunkTrailer {
		if c.state == chunkData {
			n := min(uint64(len(dst)-nd), uint64(len(src)-ns), c.size)
			copy(dst[nd:], src[ns:ns+int(n)])
			nd += int(n)
			ns += int(n)
			if c.size -= n; c.size > 0 {
				return nd, ns, false, nil
			}
			c.state = chunkDataCR
		}
		if ns == len(src) {
			return nd, ns, false, nil
		}
		if c.state <= chunkLF {
			err = c.sizeLine(src[ns])
		} else {
			err = c.dataEnd(src[ns])
		}
		if err != nil {
			return nd, ns, false, err
		}
		ns++
	}
	return nd, ns, true, nil
}

// sizeLine takes a byte of the line before a chunk's data.
func (c *Chunked) sizeLine(b byte) *message.Refusal {
	if c.line == maxChunkLine {
		return ErrChunkLine
	}
	err := ErrChunkSize
	next := chunkDone // No state can be followed by this one here.
	switch c.state {
	case chunkStart, chunkSize:
		digit := grammar.Unhex(b)
		switch {
		case digit > 15:
			if c.state == chunkSize {
				next = afterPart(b, chunkSizeGap)
			}
		case c.size >= 1<<56:
			return ErrChunkTooLarge
		default:
			c.size = c.size<<4 | uint64(digit)
			next = chunkSize
		}
	case chunkSizeGap:
		next = afterGap(b, chunkSizeGap)
	case chunkLF:
		if b == '\n' {
			return c.begin()
		}
	default:
		next, err = c.extension(b), ErrChunkExtension
	}
	if next == chunkDone {
		return err
	}
	c.state = next
	c.line++
	return nil
}

// begin goes on to the data of a chunk, whose size line is read.
func (c *Chunked) begin() *message.Refusal {
	framing := int64(c.line) + int64(len("\n")+len("\r\n"))
	excess := max(int64(c.excess)+framing-chunkFree-2*int64(c.size), 0)
	if excess > maxExcess {
		return ErrChunkExcess
	}
	c.excess, c.line = uint32(excess), 0
	if c.state = chunkData; c.size == 0 {
		c.state = chunkTrailer
	}
	return nil
}

// extension returns the state behind a byte of a chunk extension, chunkDone if the byte has no place there.
func (c *Chunked) extension(b byte) uint8 {
	token := grammar.Class[b]&grammar.Token != 0
	switch {
	case c.state == chunkExtPair && grammar.Class[b]&grammar.Value != 0:
		return chunkExtText
	case c.state == chunkExtText && grammar.Class[b]&grammar.Value != 0:
		switch b {
		case '"':
			return chunkExtEnd
		case '\\':
			return chunkExtPair
		}
		return chunkExtText
	case c.state == chunkExtText || c.state == chunkExtPair:
		return chunkDone
	case (c.state == chunkExt || c.state == chunkExtValue) && grammar.IsBlank(b):
		return c.state
	case c.state == chunkExt && token:
		return chunkExtName
	case (c.state == chunkExtName || c.state == chunkExtNameGap) && b == '=':
		return chunkExtValue
	case c.state == chunkExtName && token:
		return chunkExtName
	case c.state == chunkExtValue && b == '"':
		return chunkExtText
	case (c.state == chunkExtValue || c.state == chunkExtToken) && token:
		return chunkExtToken
	case c.state == chunkExtName:
		return afterPart(b, chunkExtNameGap)
	case c.state == chunkExtToken || c.state == chunkExtEnd:
		return afterPart(b, chunkExtGap)
	case c.state == chunkExtNameGap || c.state == chunkExtGap:
		return afterGap(b, c.state)
	}
	return chunkDone
}

// afterPart returns the state behind a byte that follows a size, a name or a value; gap is that in blanks there.
func afterPart(b byte, gap uint8) uint8 {
	if b == '\r' {
		return chunkLF
	}
	return afterGap(b, gap)
}

// afterGap returns the state behind a byte that follows such blanks.
func afterGap(b byte, gap uint8) uint8 {
	switch {
	case b == ';':
		return chunkExt
	case grammar.IsBlank(b):
		return gap
	}
	return chunkDone
}

// dataEnd takes a byte of the CRLF behind a chunk's data.
func (c *Chunked) dataEnd(b byte) *message.Refusal {
	switch {
	case c.state == chunkDataCR && b == '\r':
		c.state = chunkDataLF
	case c.state == chunkDataLF && b == '\n':
		c.state = chunkStart
	default:
		return ErrChunkEnd
	}
	return nil
}
