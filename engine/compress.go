package engine

import (
	"libforker/engine/coding"
	"libforker/engine/grammar"
	"libforker/engine/http1"
	"libforker/engine/memory"
	"libforker/engine/message"
)

// Compression of responses. A small body is compressed when the response is described, and has its length in the head. Any
// other goes through an encoder of its own, segment by segment, and its length is not known before.

// compressMost is how much of a body is compressed before others have their turn.
const compressMost = 64 << 10

// keptEncoders is how many encoders of a coding are kept while nobody uses them.
const keptEncoders = 4

// compressing is what the loop compresses with.
type compressing struct {
	small     [coding.Count]*coding.Encoder   // For bodies that are compressed at once.
	encoders  [coding.Count][]*coding.Encoder // Free ones, for the others.
	busy      int                             // How many of these are in use.
	rewritten []byte                          // The fields of a response whose ETag is weakened.
	spent     int                             // Bytes that were compressed in this turn of a connection.
}

// compress has a response compressed that is described but for where its body comes from, if it may be and its client takes it.
func (l *Loop) compress(r *request, policy *coding.Policy) {
	head := &r.response
	if head.isText || head.rpc || head.web || !isCompressible(r) {
		return
	}
	fields := coding.Read(head.fields)
	if fields.Forbids || !policy.Takes(fields.Type) || head.length >= 0 && head.length < policy.Least {
		return
	}
	if !fields.Varies {
		head.added = append(head.added, "Vary: Accept-Encoding\r\n"...)
	}
	accepted := r.accepted()
	best := accepted.Best(policy.Codings)
	if best == coding.Identity {
		l.added = head.added
		return
	}
	if r.isHead || l.encode(r, best) {
		head.added = append(append(append(head.added, "Content-Encoding: "...), best.String()...), http1.CRLF...)
		l.weaken(head, fields.Tag)
	}
	if r.isHead {
		head.length = -1 // It would have to be compressed to know that.
	}
	l.added = head.added
}

// isCompressible reports whether a response is a whole one with a body that the program has given as bytes, or a stream whose
// length it has not promised.
func isCompressible(r *request) bool {
	head, response := &r.response, &r.shared.Response
	switch {
	case head.status == 206, !http1.HasContent(head.status), head.length == 0, head.announced, r.isFile():
		return false
	case r.isStream():
		return head.length < 0 && r.shared.Head.Version != message.Version10
	case head.length > smallBody && r.shared.Head.Version == message.Version10:
		return false
	}
	for _, part := range memory.Array[Part](response.Parts.Data, response.Parts.Len) {
		if part.Kind == PartFile {
			return false
		}
	}
	return true
}

// accepted is what the client says of codings.
func (r *request) accepted() coding.Accept {
	accept := coding.NewAccept()
	head := &r.shared.Head
	for i := range head.Fields[:head.FieldCount] {
		if field := &head.Fields[i]; grammar.EqualFold(field.Name.In(r.text), "accept-encoding") {
			accept.Add(field.Value.In(r.text))
		}
	}
	return accept
}

// encode compresses a small body, or has an encoder do so for any other while it goes out. false: it stays as it is, because it would not
// become smaller, or all encoders are in use.
func (l *Loop) encode(r *request, c coding.Coding) bool {
	head := &r.response
	if head.sourced {
		head.encoder = l.takeEncoder(c)
		if head.encoder != nil {
			head.length = -1
		}
		return head.encoder != nil
	}
	e := l.small[c]
	if e == nil {
		e = coding.NewEncoder(c)
		l.small[c] = e
	}
	e.Begin()
	out := e.Encode(head.body, true)
	if len(out) >= len(head.body) {
		return false
	}
	head.body, head.length, head.isOwn = out, int64(len(out)), true
	return true
}

// weaken makes a strong ETag weak: another body has it too now (RFC 9110 §8.8.1).
func (l *Loop) weaken(head *responseHead, at int) {
	if at > 0 {
		l.rewritten = append(append(append(l.rewritten[:0], head.fields[:at]...), "W/"...), head.fields[at:]...)
		head.fields = l.rewritten
	}
}

// takeEncoder returns an encoder; nil: as many as may be are in use.
func (l *Loop) takeEncoder(c coding.Coding) *coding.Encoder {
	if l.busy >= l.cfg.CompressStreams {
		return nil
	}
	l.busy++
	var e *coding.Encoder
	if free := l.encoders[c]; len(free) > 0 {
		e = free[len(free)-1]
		l.encoders[c] = free[:len(free)-1]
	} else {
		e = coding.NewEncoder(c)
	}
	e.Begin()
	return e
}

// leaveEncoder gives back the encoder of a body that has ended.
func (l *Loop) leaveEncoder(s *source) {
	if e := s.encoder; e != nil {
		s.encoder, s.raw = nil, nil
		l.busy--
		if free := &l.encoders[e.Coding()]; len(*free) < keptEncoders {
			*free = append(*free, e)
		}
	}
}

// nextCompressed fetches the next segment of a body that is compressed.
func (l *Loop) nextCompressed(r *request) segment {
	s := &r.source
	l.takeRaw(r)
	if len(s.raw) == 0 && !s.rawLast {
		return segment{}
	}
	piece := s.raw[:min(len(s.raw), compressMost)]
	s.raw = s.raw[len(piece):]
	s.last = s.rawLast && len(s.raw) == 0
	l.spent += len(piece)
	out := s.encoder.Encode(piece, s.last)
	r.logged.bytes += int64(len(out))
	return segment{data: out}
}

// isSpent reports whether a connection has had as much compressed as it may at a time: others have their turn first.
func (l *Loop) isSpent() bool { return l.spent >= compressMost }
