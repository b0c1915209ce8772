package http2

import "encoding/binary"

// What comes besides field sections: bodies, and frames about streams, windows and the connection.

// beginData takes the head of a DATA frame, which counts for the windows at once, and what there is of its data (RFC 9113 §6.1).
func (c *Conn) beginData(f *frameHead, in []byte) (n int, ev Event) {
	n = frameHeadLen
	d := pieces{left: f.length, ends: f.has(flagEndStream)}
	overhead := 0 // Bytes that are not the program's to take.
	switch {
	case f.stream == 0:
		return n, c.fail(ErrOnConnection)
	case f.has(flagPadded) && f.length == 0:
		return n, c.fail(ErrFrameSize)
	case f.has(flagPadded):
		if len(in) == n {
			return 0, Event{}
		}
		d.padding = int(in[n])
		n++
		overhead = 1 + d.padding
		if d.left -= overhead; d.left < 0 {
			return n, c.fail(ErrPadding)
		}
	}
	if c.recvWindow -= int64(f.length); c.recvWindow < 0 {
		return n, c.fail(ErrOverrun)
	}
	c.creditConn(f.length)
	s := c.streams.find(f.stream)
	stray := s == nil || s.reset
	if d.left == 0 && (stray || !d.ends) {
		c.countUseless()
	}
	if stray {
		ev = c.strayData(f, s)
	} else if ev = c.chargeData(s, f.length, &d); ev.Kind == None {
		d.stream = s
		c.Take(s, overhead)
	}
	c.data = d
	if d.stream == nil || c.fault != nil {
		return n, ev
	}
	if d.left == 0 {
		return n, c.pieceCame(nil)
	}
	taken, ev := c.piece(in[n:])
	return n + taken, ev
}

// strayData takes a DATA frame of a stream that does not take any.
func (c *Conn) strayData(f *frameHead, s *Stream) Event {
	switch {
	case s != nil || c.wasReset(f.stream):
	case f.stream > c.lastID || f.stream%2 == 0:
		return c.fail(ErrIdle)
	case f.stream <= c.goAway:
		c.countUseless()
		c.sendReset(f.stream, StreamClosed)
	}
	return Event{}
}

// chargeData judges whether a stream may have a frame.
func (c *Conn) chargeData(s *Stream, length int, d *pieces) Event {
	switch {
	case s.received:
		return c.abort(s, StreamClosed)
	case int64(length) > s.recvWindow:
		return c.abort(s, FlowControlError)
	case s.left >= 0 && (int64(d.left) > s.left || d.ends && int64(d.left) < s.left):
		return c.abort(s, ProtocolError) // It is not as long as its content-length, RFC 9113 §8.1.1.
	}
	s.recvWindow -= int64(length)
	if s.left >= 0 {
		s.left -= int64(d.left)
	}
	return Event{}
}

// piece takes what has come of a DATA frame.
func (c *Conn) piece(in []byte) (n int, ev Event) {
	d := &c.data
	if d.left == 0 || d.stream == nil || d.stream.reset {
		n = min(d.left, len(in))
		d.left -= n
		padding := min(d.padding, len(in)-n)
		d.padding -= padding
		return n + padding, Event{}
	}
	if len(in) == 0 {
		return 0, Event{}
	}
	n = min(d.left, len(in))
	d.left -= n
	return n, c.pieceCame(in[:n:n])
}

func (c *Conn) pieceCame(data []byte) Event {
	d := &c.data
	s := d.stream
	end := d.ends && d.left == 0
	if end {
		s.received = true
	}
	if d.left == 0 {
		d.stream = nil
	}
	d.came = data
	if len(data) > 0 {
		c.progress()
	} else if !end {
		return Event{}
	}
	return Event{Kind: Data, Stream: s, End: end}
}

// resetFrame takes a RST_STREAM frame (RFC 9113 §6.4).
func (c *Conn) resetFrame(f *frameHead, payload []byte) Event {
	s := c.streams.find(f.stream)
	switch {
	case f.stream == 0:
		return c.fail(ErrOnConnection)
	case len(payload) != 4:
		return c.fail(ErrFrameSize)
	case s == nil && (f.stream > c.lastID || f.stream%2 == 0):
		return c.fail(ErrIdle)
	case s == nil || s.reset:
		c.countUseless()
		return Event{}
	}
	c.end(s)
	c.countReset()
	return Event{Kind: Reset, Stream: s, Code: Code(binary.BigEndian.Uint32(payload))}
}

// windowFrame takes a WINDOW_UPDATE frame (RFC 9113 §6.9).
func (c *Conn) windowFrame(f *frameHead, payload []byte) Event {
	if len(payload) != 4 {
		return c.fail(ErrFrameSize)
	}
	c.countUseless()
	by := increment(payload)
	if f.stream == 0 {
		c.sendWindow += by
		switch {
		case by == 0:
			return c.fail(ErrIncrement)
		case c.sendWindow > maxWindow:
			return c.fail(ErrWindow)
		}
		return Event{}
	}
	s := c.streams.find(f.stream)
	switch {
	case s == nil && (f.stream > c.lastID || f.stream%2 == 0):
		return c.fail(ErrIdle)
	case s == nil || s.reset:
		return Event{}
	case by == 0:
		return c.abort(s, ProtocolError)
	}
	if s.sendWindow += by; s.sendWindow > maxWindow {
		return c.abort(s, FlowControlError)
	}
	c.admit(s)
	return Event{}
}

// connectionFrame takes a frame about the connection.
func (c *Conn) connectionFrame(f *frameHead, payload []byte) Event {
	switch f.kind {
	case frameSettings:
		return c.settings(f, payload)
	case framePriorityUpdate:
		return c.priorityUpdate(payload)
	case frameGoAway:
		if len(payload) < 8 {
			return c.fail(ErrFrameSize)
		}
		c.countUseless()
		return Event{Kind: Leaving, Code: Code(binary.BigEndian.Uint32(payload[4:]))}
	}
	if len(payload) != 8 { // PING
		return c.fail(ErrFrameSize)
	}
	c.countUseless()
	if !f.has(flagAck) {
		c.queue(appendPing(c.control, payload))
	}
	return Event{}
}

// settings takes a SETTINGS frame (RFC 9113 §6.5). What matters to this server is the window alone: its sections use no table, and its
// frames are no larger than every client takes.
func (c *Conn) settings(f *frameHead, payload []byte) Event {
	c.stage = stageFrames
	if f.has(flagAck) && len(payload) > 0 || len(payload)%6 != 0 {
		return c.fail(ErrFrameSize)
	}
	c.countUseless()
	if f.has(flagAck) {
		return Event{}
	}
	window := c.firstWindow
	for ; len(payload) > 0; payload = payload[6:] {
		id, value := binary.BigEndian.Uint16(payload), binary.BigEndian.Uint32(payload[2:])
		switch {
		case id == settingWindow && value > maxWindow:
			return c.fail(ErrSettingWindow)
		case id == settingWindow:
			window = int64(value)
		case (id == settingPush || id == settingNoPriorityOfTrees) && value > 1,
			id == settingFrameSize && (value < maxFrame || value >= 1<<24):
			return c.fail(ErrSetting)
		}
	}
	c.queue(appendFrameHead(c.control, 0, frameSettings, flagAck, 0))
	c.changeWindows(window)
	return Event{}
}

// changeWindows takes a new initial window, which changes those of open streams too (RFC 9113 §6.9.2).
func (c *Conn) changeWindows(window int64) {
	by := window - c.firstWindow
	if by == 0 {
		return
	}
	c.firstWindow = window
	for s := range c.Streams {
		if s.sendWindow += by; s.sendWindow > maxWindow {
			c.fail(ErrWindow)
			return
		}
		if s.sendWindow <= 0 {
			c.rings.leave(s)
		} else {
			c.admit(s)
		}
	}
}
