package http2

// What a client may cost that asks for nothing.

const (
	// Streams that are reset cost as much as those that are served: CVE-2023-44487 has the client reset them, CVE-2025-8671 has it make
	// the server do so. A page of a browser that is left resets some dozens at once.
	resetBurst     = 200
	resetsASecond  = 33
	uselessBurst   = 1000 // Frames between two requests, or pieces of a body in either direction.
	uselessASecond = 1    // So that a client which only keeps its connection alive may do that for ever.

	mostContinuations = 8
)

// MostControl bounds what AppendControl appends, but for a last frame.
const MostControl = 16<<10 + 512

// mostControl is how many bytes of frames may wait that the client has caused and does not read.
const mostControl = 16 << 10

// bucket has tokens, of which some are put in each second, up to a number.
type bucket struct {
	tokens int64
	at     int64 // When tokens was right.
}

func (b *bucket) fill(now, tokens int64) { b.tokens, b.at = tokens, now }

// take takes a token; false: there is none.
func (b *bucket) take(now, most, perSecond int64) bool {
	const second = 1e9
	if earned := (now - b.at) / (second / perSecond); earned > 0 {
		b.tokens = min(b.tokens+earned, most)
		b.at += earned * (second / perSecond)
	}
	if b.tokens == 0 {
		return false
	}
	b.tokens--
	return true
}

// countReset counts a stream that was reset, by either side.
func (c *Conn) countReset() {
	if !c.resets.take(c.now, resetBurst, resetsASecond) {
		c.fail(ErrResets)
	}
}

// countUseless counts a frame that is neither a request nor a piece of a body.
func (c *Conn) countUseless() {
	if !c.useless.take(c.now, uselessBurst, uselessASecond) {
		c.fail(ErrUseless)
	}
}

// progress is called for a request, and for bytes of a body in either direction.
func (c *Conn) progress() { c.useless.tokens = uselessBurst }
