package http2

import (
	"bytes"

	"libforker/engine/grammar"
	"libforker/engine/message"
)

// Field sections of requests, as the text of a head (RFC 9113 §8.2, §8.3).

// What a section has had so far.
const (
	seenMethod uint8 = 1 << iota
	seenScheme
	seenPath
	seenAuthority
	seenRegular
	seenHost
	seenLength
	seenAll = seenMethod | seenScheme | seenPath
)

// section is where the fields of a section go: as lines "name: value", those of pseudo-fields without their names.
type section struct {
	block   []byte
	len     int // Bytes of block that are used.
	head    *message.Head
	limits  *message.Limits
	refusal *message.Refusal // Nothing that follows is looked at.
	cookie  int              // The place of the Cookie field in head.Fields; -1: none.
	urgency uint8
	seen    uint8
	trails  bool // It is a trailer section.
}

// take takes a field.
func (s *section) take(f *field) {
	switch {
	case s.refusal != nil:
	case s.trails:
		s.trailer(f)
	case f.kind >= kindMethod:
		s.pseudo(f)
	default:
		s.seen |= seenRegular
		s.regular(f)
	}
}

func (s *section) refuse(why *message.Refusal) {
	if s.refusal == nil {
		s.refusal = why
	}
}

// pseudo takes a pseudo-field (RFC 9113 §8.3.1).
func (s *section) pseudo(f *field) {
	if f.kind == kindPseudo || s.seen&seenRegular != 0 {
		s.refuse(ErrPseudo)
		return
	}
	bit := seenMethod << (f.kind - kindMethod)
	if s.seen&bit != 0 {
		s.refuse(ErrPseudo)
		return
	}
	s.seen |= bit
	switch f.kind {
	case kindMethod:
		s.method(f.value)
	case kindScheme:
		if !grammar.EqualFold(f.value, "http") && !grammar.EqualFold(f.value, "https") {
			s.refuse(ErrScheme)
		}
	case kindPath:
		s.path(f.value)
	case kindAuthority:
		if !grammar.ValidHost(f.value) {
			s.refuse(ErrHost)
			return
		}
		s.host(f.value)
	}
}

func (s *section) method(value []byte) {
	switch {
	case grammar.Prefix(value, grammar.Token) < len(value) || len(value) == 0:
		s.refuse(ErrMethod)
	case len(value) > grammar.MaxMethod:
		s.refuse(ErrMethodTooLong)
	default:
		s.head.Method = s.line(nil, value)
	}
}

// path takes the target, of which the forms are those of RFC 9113 §8.3.1.
func (s *section) path(value []byte) {
	if len(value) == 0 || value[0] != '/' && string(value) != "*" {
		s.refuse(ErrPath)
		return
	}
	end, query := 0, uint8(0)
	var classes uint8 // Of all bytes of the path.
	for _, c := range value {
		if grammar.Class[c]&grammar.Path == 0 {
			break
		}
		classes |= grammar.Class[c]
		end++
	}
	if end < len(value) && value[end] == '?' {
		query = 1
	}
	switch {
	case end < len(value) && (query == 0 || !grammar.AllInClass(value[end:], grammar.Target)):
		s.refuse(ErrTarget)
		return
	case len(value) > s.limits.Target:
		s.refuse(ErrTargetTooLong)
		return
	}
	h, target := s.head, s.line(nil, value)
	h.Target = target
	h.Path = message.Span{Off: target.Off, Len: uint32(end)}
	h.Query = message.Span{Off: target.Off + uint32(end) + uint32(query), Len: target.Len - uint32(end) - uint32(query)}
	h.HasQuery = query
	if value[0] == '*' {
		h.Form = message.FormAsterisk
	} else if classes&grammar.Special == 0 {
		h.PlainPath = 1
	}
}

var hostName = []byte("host")

// host takes the authority as the Host field, which the program asks for.
func (s *section) host(value []byte) {
	s.add(hostName, value)
	if s.refusal == nil {
		s.head.Host = s.head.Fields[s.head.FieldCount-1].Value
	}
}

// regular takes a field that is none of the pseudo-fields.
func (s *section) regular(f *field) {
	switch {
	case f.kind == kindBadName:
		s.refuse(ErrFieldName)
	case f.kind == kindConnection || f.kind == kindTE && !grammar.EqualFold(f.value, "trailers"):
		s.refuse(ErrConnection)
	case f.bad:
		s.refuse(ErrFieldValue)
	case f.kind == kindOther:
		s.add(f.name, f.value)
	default:
		s.known(f)
	}
}

// known takes a field that means something here.
func (s *section) known(f *field) {
	switch f.kind {
	case kindHost:
		s.hostField(f.value)
		return
	case kindCookie:
		s.crumb(f)
		return
	case kindLength:
		n, ok := grammar.Length(f.value)
		if !ok || s.seen&seenLength != 0 {
			s.refuse(ErrLength)
			return
		}
		s.seen |= seenLength
		s.head.ContentLength = n
	case kindExpect:
		if !grammar.EqualFold(f.value, "100-continue") {
			s.refuse(ErrExpectation)
			return
		}
		s.head.ExpectContinue = 1
	case kindPriority:
		s.urgency = urgencyOf(f.value, s.urgency)
	}
	s.add(f.name, f.value)
}

// hostField takes a Host field. Beside an :authority it says the same or is wrong (RFC 9113 §8.3.1).
func (s *section) hostField(value []byte) {
	switch {
	case s.seen&seenHost != 0:
		s.refuse(ErrHostTwice)
	case s.seen&seenAuthority != 0:
		if !bytes.EqualFold(value, s.head.Host.In(s.block)) {
			s.refuse(ErrHostTwice)
		}
	case !grammar.ValidHost(value):
		s.refuse(ErrHost)
	default:
		s.host(value)
	}
	s.seen |= seenHost
}

// crumb takes a Cookie field, or a piece of one: they are joined (RFC 9113 §8.2.3). Between two crumbs there can be other fields: then
// what there is of the cookie moves behind them, and leaves its place unused.
func (s *section) crumb(f *field) {
	if s.cookie < 0 {
		s.cookie = int(s.head.FieldCount)
		s.add(f.name, f.value)
		return
	}
	cookie := &s.head.Fields[s.cookie]
	size := int(cookie.Value.Len) + len("; ") + len(f.value) + len("\r\n")
	start := int(cookie.Value.Off)
	if end := start + int(cookie.Value.Len) + len("\r\n"); end < s.len {
		start = s.len
	}
	if start+size > s.room() {
		s.refuse(ErrHeadTooLarge)
		return
	}
	at := start + copy(s.block[start:], cookie.Value.In(s.block))
	at += copy(s.block[at:], "; ")
	at += copy(s.block[at:], f.value)
	cookie.Value = message.Span{Off: uint32(start), Len: uint32(at - start)}
	s.len = at + copy(s.block[at:], "\r\n")
}

// add takes a field as it is.
func (s *section) add(name, value []byte) {
	h := s.head
	if int(h.FieldCount) >= min(s.limits.Fields, message.MaxFields) {
		s.refuse(ErrTooManyFields)
		return
	}
	if span := s.line(name, value); s.refusal == nil {
		h.Fields[h.FieldCount] = message.Field{Name: message.Span{Off: span.Off - uint32(len(name)) - 2, Len: uint32(len(name))}, Value: span}
		h.FieldCount++
	}
}

// line writes a line, without the name if that is nil, and returns where its value is.
func (s *section) line(name, value []byte) message.Span {
	size := len(name) + len(value) + len(": \r\n")
	if s.len+size > s.room() {
		s.refuse(ErrHeadTooLarge)
		return message.Span{}
	}
	at := s.len
	if name != nil {
		at += copy(s.block[at:], name)
		at += copy(s.block[at:], ": ")
	}
	span := message.Span{Off: uint32(at), Len: uint32(len(value))}
	at += copy(s.block[at:], value)
	s.len = at + copy(s.block[at:], "\r\n")
	return span
}

// room is how much of the block may be used.
func (s *section) room() int { return min(len(s.block), s.limits.Head) }

// finish judges what only the whole section tells.
func (s *section) finish(ends bool) {
	h := s.head
	h.Version, h.KeepAlive = message.Version20, 1
	connect := string(h.Method.In(s.block)) == "CONNECT"
	switch {
	case s.refusal != nil:
	case connect:
		s.refuse(ErrConnect)
	case s.seen&seenAll != seenAll:
		s.refuse(ErrPseudoMissing)
	case h.Form == message.FormAsterisk && string(h.Method.In(s.block)) != "OPTIONS":
		s.refuse(ErrPath)
	case s.seen&(seenHost|seenAuthority) == 0:
		s.refuse(ErrHostMissing)
	case ends && h.ContentLength > 0:
		s.refuse(ErrLengthDiffers)
	}
}

// trailer takes a field of a trailer section. Those that do not belong there are left out, as in HTTP/1.
func (s *section) trailer(f *field) {
	switch {
	case f.kind >= kindMethod:
		s.refuse(ErrTrailer)
	case f.kind == kindBadName:
		s.refuse(ErrFieldName)
	case f.kind == kindConnection:
		s.refuse(ErrConnection)
	case f.bad:
		s.refuse(ErrFieldValue)
	case !grammar.IsForbiddenInTrailer(f.name):
		s.addTrailer(f)
	}
}

func (s *section) addTrailer(f *field) {
	h := s.head
	n := int(h.FieldCount) + int(h.TrailerCount)
	if n >= message.MaxFields || int(h.TrailerCount) >= s.limits.Fields {
		s.refuse(ErrTooManyFields)
		return
	}
	if span := s.line(f.name, f.value); s.refusal == nil {
		h.Fields[n] = message.Field{Name: message.Span{Off: span.Off - uint32(len(f.name)) - 2, Len: uint32(len(f.name))}, Value: span}
		h.TrailerCount++
	}
}
