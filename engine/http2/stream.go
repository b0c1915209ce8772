package http2

// Streams and the table of those that are open.

// Stream is a request's place on its connection, from the request's head until it is released.
type Stream struct {
	Owner any // The caller's.

	id         uint32
	urgency    uint8
	received   bool // The client has sent its end. (RFC 9113 §5.1: half-closed (remote))
	sent       bool // Our end is sent. (half-closed (local); both: closed)
	reset      bool // Either side has reset it: nothing is sent, what comes is ignored. (closed)
	wants      bool // There is something of its response to send.
	left       int64
	sendWindow int64 // Can be negative, RFC 9113 §6.9.2.
	recvWindow int64
	taken      int64   // What was taken of the body, but not credited yet.
	chain      *Stream // In the table.
	next, prev *Stream // In its ring, while there is something to send and the window is open; else nil.
}

// ID returns the stream's number.
func (s *Stream) ID() uint32 { return s.id }

// IsReset reports whether the stream was reset, by either side: what is sent on it has no effect.
func (s *Stream) IsReset() bool { return s.reset }

// Ended reports whether all of the response was sent.
func (s *Stream) Ended() bool { return s.sent }

// streamTable has the streams by their numbers: clients count by two.
type streamTable struct {
	buckets [64]*Stream
	count   int
}

func (t *streamTable) bucket(id uint32) **Stream { return &t.buckets[id>>1%uint32(len(t.buckets))] }

func (t *streamTable) find(id uint32) *Stream {
	s := *t.bucket(id)
	for s != nil && s.id != id {
		s = s.chain
	}
	return s
}

func (t *streamTable) add(s *Stream) {
	bucket := t.bucket(s.id)
	s.chain, *bucket = *bucket, s
	t.count++
}

func (t *streamTable) remove(s *Stream) {
	p := t.bucket(s.id)
	for *p != s {
		p = &(*p).chain
	}
	*p = s.chain
	t.count--
}

// Streams yields the streams that are not released. The one that it has just yielded may be.
func (c *Conn) Streams(yield func(*Stream) bool) {
	for _, s := range &c.streams.buckets {
		for s != nil {
			next := s.chain
			if !yield(s) {
				return
			}
			s = next
		}
	}
}

// Count returns how many streams are not released.
func (c *Conn) Count() int { return c.streams.count }

// Reset ends a stream before its time. The client learns why.
func (c *Conn) Reset(s *Stream, code Code) {
	if s.reset || s.sent && s.received {
		return
	}
	c.endByReset(s, code)
	if code != NoError { // A response that is complete makes the rest of its request superfluous: no harm is in that.
		c.countReset()
	}
}

// endByReset resets a stream for what the client has done, or not.
func (c *Conn) endByReset(s *Stream, code Code) {
	c.sendReset(s.id, code)
	c.end(s)
}

// end is called when a stream was reset, by either side.
func (c *Conn) end(s *Stream) {
	s.reset = true
	c.Rest(s)
}

// sendReset resets a stream, of which frames can be on their way.
func (c *Conn) sendReset(id uint32, code Code) {
	c.queue(appendReset(c.control, id, code))
	c.recent[c.recentAt%uint32(len(c.recent))] = id
	c.recentAt++
}

// wasReset reports whether a stream that is not open any more was reset by us lately, so that frames on it are nobody's fault.
func (c *Conn) wasReset(id uint32) bool {
	for _, other := range &c.recent {
		if other == id {
			return true
		}
	}
	return false
}

// Release takes back a stream that its owner has done with. If its response is complete but not its request, the client is told that it
// can stop (RFC 9113 §8.1); if the response is not complete, that there will be no more of it.
func (c *Conn) Release(s *Stream) {
	if !s.sent {
		c.Reset(s, InternalError)
	} else {
		c.Reset(s, NoError)
	}
	if c.reading == s {
		c.skipSection()
	}
	if c.data.stream == s {
		c.data.stream = nil
	}
	c.Rest(s)
	c.streams.remove(s)
	c.shared.freeStream(s)
}
