package http2

import (
	"bytes"
	"encoding/binary"
)

// The urgency of responses (RFC 9218). The trees of RFC 7540 are ignored.

// urgencyOf returns the urgency that a value of the Priority field gives (RFC 9218 §4.1); otherwise, if it gives none. It is a dictionary
// (RFC 8941 §3.2), of which the last member with a name counts.
func urgencyOf(value []byte, otherwise uint8) uint8 {
	for more := true; more; {
		var member []byte
		member, value, more = bytes.Cut(value, comma)
		member, _, _ = bytes.Cut(bytes.Trim(member, " \t"), semicolon)
		if len(member) == 3 && member[0] == 'u' && member[1] == '=' && member[2] >= '0' && member[2] < '0'+urgencies {
			otherwise = member[2] - '0'
		}
	}
	return otherwise
}

var comma, semicolon = []byte{','}, []byte{';'}

// priorityUpdate takes a PRIORITY_UPDATE frame (RFC 9218 §7.1). For a stream that has not begun it is not kept: its request has a field.
func (c *Conn) priorityUpdate(payload []byte) Event {
	if len(payload) < 4 {
		return c.fail(ErrFrameSize)
	}
	c.countUseless()
	id := binary.BigEndian.Uint32(payload) & lastStream
	if id%2 == 0 {
		return c.fail(ErrPriority)
	}
	if s := c.streams.find(id); s != nil {
		c.rings.leave(s)
		s.urgency = urgencyOf(payload[4:], defaultUrgency)
		c.admit(s)
	}
	return Event{}
}

// priorityFrame takes a PRIORITY frame, which has no meaning but can be wrong (RFC 9113 §6.3).
func (c *Conn) priorityFrame(f *frameHead, payload []byte) Event {
	s := c.streams.find(f.stream)
	switch {
	case f.stream == 0:
		return c.fail(ErrOnConnection)
	case len(payload) != 5 && s != nil && !s.reset:
		return c.abort(s, FrameSizeError)
	case len(payload) != 5:
		return c.fail(ErrFrameSize)
	case binary.BigEndian.Uint32(payload)&lastStream != f.stream:
	case s != nil && !s.reset:
		return c.abort(s, ProtocolError)
	default:
		return c.fail(ErrDependency)
	}
	c.countUseless()
	return Event{}
}
