package http2

import (
	"encoding/binary"
	"math/bits"
)

// What is sent: field sections and bodies of responses, in the order of their urgency, and windows.

// urgencies are those of RFC 9218 §4.1: 0 is the first to be served.
const (
	urgencies      = 8
	defaultUrgency = 3
)

// rings has the streams that can go on, by urgency. Of streams with the same one each sends a frame in turn, whether it is incremental or
// not: a response that never ends must not hold up the others.
type rings struct {
	turn  [urgencies]*Stream // Whose turn it is, in each ring.
	ready uint8              // A bit for each ring that has streams.
}

func (r *rings) enter(s *Stream) {
	first := r.turn[s.urgency]
	if first == nil {
		s.next, s.prev = s, s
		r.turn[s.urgency] = s
		r.ready |= 1 << s.urgency
		return
	}
	s.next, s.prev = first, first.prev
	s.prev.next, s.next.prev = s, s
}

func (r *rings) leave(s *Stream) {
	switch {
	case s.next == nil:
		return
	case s.next == s:
		r.turn[s.urgency] = nil
		r.ready &^= 1 << s.urgency
	default:
		s.prev.next, s.next.prev = s.next, s.prev
		if r.turn[s.urgency] == s {
			r.turn[s.urgency] = s.next
		}
	}
	s.next, s.prev = nil, nil
}

// Want says that there is something of s's body to send.
func (c *Conn) Want(s *Stream) {
	if !s.reset && !s.sent {
		s.wants = true
		c.admit(s)
	}
}

// admit puts a stream into its ring if it can go on.
func (c *Conn) admit(s *Stream) {
	if s.wants && s.next == nil && s.sendWindow > 0 {
		c.rings.enter(s)
	}
}

// Rest says that there is nothing of s's body to send, for now or for ever.
func (c *Conn) Rest(s *Stream) {
	s.wants = false
	c.rings.leave(s)
}

// Turn returns the stream that is to send the next frame of its body, and how many bytes that may have. nil: there is none, or the client
// takes no more now.
func (c *Conn) Turn() (s *Stream, room int) {
	if c.rings.ready == 0 || c.sendWindow <= 0 {
		return nil, 0
	}
	s = c.rings.turn[bits.TrailingZeros8(c.rings.ready)]
	return s, int(min(s.sendWindow, c.sendWindow, maxFrame))
}

// Room returns how many bytes may go out on s now, in any number of frames.
func (c *Conn) Room(s *Stream) int { return int(max(min(s.sendWindow, c.sendWindow), 0)) }

// AppendData begins a frame of s's body, behind which the caller puts size bytes: no more than Turn has said, or 0 at any time. With the
// last one the response ends.
func (c *Conn) AppendData(out []byte, s *Stream, size int, last bool) []byte {
	if s.reset || s.sent {
		return out
	}
	var flags uint8
	if last {
		flags = flagEndStream
	}
	out = appendFrameHead(out, size, frameData, flags, s.id)
	s.sendWindow -= int64(size)
	c.sendWindow -= int64(size)
	if size > 0 {
		c.progress()
	}
	switch {
	case last:
		s.sent = true
		c.Rest(s)
	case s.sendWindow <= 0:
		c.rings.leave(s)
	case s.next != nil:
		c.rings.turn[s.urgency] = s.next
	}
	return out
}

// Blocked reports whether there is something to send that no window has room for.
func (c *Conn) Blocked(s *Stream) bool { return s.wants && (s.sendWindow <= 0 || c.sendWindow <= 0) }

// BeginSection begins a field section of a response at the end of out: AppendStatus, AppendLength and AppendFields go on, and EndSection
// ends it.
func (c *Conn) BeginSection(out []byte) []byte {
	var head [frameHeadLen]byte
	out = append(out, head[:]...)
	if !c.tableTold {
		out = append(out, noTable)
	}
	return out
}

// EndSection ends a section of s that begins at out[start]. last: the response ends with it. It is taken out again if s was reset.
func (c *Conn) EndSection(out []byte, start int, s *Stream, last bool) []byte {
	if s.reset || s.sent {
		return out[:start]
	}
	c.tableTold = true
	var flags uint8
	if last {
		flags = flagEndStream
		s.sent = true
		c.Rest(s)
	}
	size := len(out) - start - frameHeadLen
	if size <= maxFrame {
		putFrameHead(out[start:], size, frameHeaders, flags|flagEndHeaders, s.id)
		return out
	}
	return splitSection(out, start, flags, s.id)
}

// splitSection makes several frames of a section that is too large for one: from the last one on, each moves back by as many heads as
// there are before it.
func splitSection(out []byte, start int, flags uint8, id uint32) []byte {
	size := len(out) - start - frameHeadLen
	more := (size - 1) / maxFrame
	for range more {
		var head [frameHeadLen]byte
		out = append(out, head[:]...)
	}
	for i, last := more, uint8(flagEndHeaders); i > 0; i, last = i-1, 0 {
		from, to := start+frameHeadLen+i*maxFrame, start+i*(maxFrame+frameHeadLen)
		n := min(size-i*maxFrame, maxFrame)
		copy(out[to+frameHeadLen:], out[from:from+n])
		putFrameHead(out[to:], n, frameContinuation, last, id)
	}
	putFrameHead(out[start:], maxFrame, frameHeaders, flags, id)
	return out
}

// Take says that the program has taken so many bytes of s's body: the client may send as many more.
func (c *Conn) Take(s *Stream, size int) {
	s.taken += int64(size)
	if s.taken >= streamWindow/2 && !s.received && !s.reset {
		c.queue(appendWindow(c.control, s.id, uint32(s.taken)))
		s.recvWindow += s.taken
		s.taken = 0
	}
}

// creditConn says that so many bytes have come, of whichever stream.
func (c *Conn) creditConn(size int) {
	c.taken += int64(size)
	if c.taken >= connWindow/2 {
		c.queue(appendWindow(c.control, 0, uint32(c.taken)))
		c.recvWindow += c.taken
		c.taken = 0
	}
}

// queue takes control with frames that were appended to it.
func (c *Conn) queue(control []byte) {
	c.control = control
	if len(control) > mostControl && c.fault == nil {
		c.fail(ErrUnread)
	}
}

// HasControl reports whether AppendControl has something.
func (c *Conn) HasControl() bool { return len(c.control) > 0 }

// keptControl is how much room for control frames an idle connection keeps.
const keptControl = 512

// AppendControl appends the frames that are about streams and the connection, which go out before any others.
func (c *Conn) AppendControl(out []byte) []byte {
	out = append(out, c.control...)
	if cap(c.control) > keptControl {
		c.control = nil
	}
	c.control = c.control[:0]
	return out
}

// GoAway tells the client that the connection is about to end. At first it only learns that it should begin nothing new here, because
// requests are on their way; the last time, that those which have not come by now are not served (RFC 9113 §6.8).
func (c *Conn) GoAway(last bool) {
	switch {
	case c.fault != nil || c.goAway < lastStream:
		return
	case last:
		c.goAway = c.lastID
	case c.leaving:
		return
	}
	c.leaving = true
	c.queue(appendGoAway(c.control, c.goAway, NoError, ""))
}

// fail ends the connection.
func (c *Conn) fail(why *Fault) Event {
	if c.fault == nil {
		c.fault = why
		c.control = appendGoAway(c.control, min(c.lastID, c.goAway), why.Code, why.Reason)
	}
	return Event{}
}

// appendPing appends the response to a PING.
func appendPing(out, payload []byte) []byte {
	return append(appendFrameHead(out, len(payload), framePing, flagAck, 0), payload...)
}

// increment reads a window's increment (RFC 9113 §6.9).
func increment(payload []byte) int64 { return int64(binary.BigEndian.Uint32(payload) & maxWindow) }
