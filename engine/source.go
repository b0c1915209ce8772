package engine

import (
	"libforker/engine/coding"
	"libforker/engine/memory"
)

// Bodies of responses that do not go out whole with their head: parts, files, streams. What they consist of is fetched
// here, segment by segment; the protocols frame it.

// source is how much of such a body was fetched.
type source struct {
	open     bool  // The response is on its way.
	part     int   // The next of the response's parts.
	last     bool  // The last segment was fetched.
	silent   bool  // The client gets no body (HEAD): a stream is fetched and thrown away.
	promised int64 // Of a stream with a length: what is still to come.

	encoder  *coding.Encoder // The body is compressed; nil: it is sent as it is.
	deflates bool            // It is messages of gRPC, of which each is compressed.
	web      bool            // It is the response to a call of gRPC-Web.
	webLast  bool            // Of such a stream all messages were fetched.
	raw      []byte          // What of a segment is still to be compressed.
	rawLast  bool            // It is the last one.
}

// segment is the next piece of a body, where it lies: bytes, or a range of a file.
type segment struct {
	data []byte // Valid until the next one is fetched.
	file fileRange
}

// begin makes ready for the response to r.
func (s *source) begin(r *request, hasBody bool) {
	*s = source{silent: !hasBody, encoder: r.response.encoder, web: r.response.web}
	if r.isStream() { // Of others Length says nothing more, or is that of an earlier response.
		s.promised = r.shared.Response.Length
		s.deflates = r.response.zipped
	}
}

// isStream reports whether the body is a stream of the program's.
func (r *request) isStream() bool { return r.shared.Response.Flags&ResponseStream != 0 }

// isShort reports whether a stream has ended before it had the length that was promised.
func (r *request) isShort() bool {
	return r.source.promised > 0 && !r.source.silent
}

// nextSegment fetches the next segment of r's body. It is empty if there is none now; source.last tells if nothing
// follows.
func (l *Loop) nextSegment(r *request) segment {
	switch {
	case r.source.encoder != nil:
		return l.nextCompressed(r)
	case r.source.web:
		return l.nextOfWeb(r)
	case r.source.deflates:
		return l.nextDeflated(r)
	}
	return l.nextPlain(r)
}

// takeRaw fetches the next segment to be compressed, when nothing is left of the one before.
func (l *Loop) takeRaw(r *request) {
	if s := &r.source; len(s.raw) == 0 && !s.rawLast {
		s.raw = l.nextPlain(r).data
		s.rawLast, s.last = s.last, false
	}
}

// nextPlain is nextSegment of a body as the program gives it.
func (l *Loop) nextPlain(r *request) segment {
	if r.isStream() {
		return l.nextOfStream(r)
	}
	if r.isFile() {
		return l.nextOfFile(r)
	}
	response, at := &r.shared.Response, &r.source
	body := memory.View(response.Body.Data, response.Body.Len)
	parts := memory.Array[Part](response.Parts.Data, response.Parts.Len)
	for at.part < len(parts) {
		p := &parts[at.part]
		at.part++
		switch {
		case p.Len == 0:
		case p.Kind == PartBody:
			return segment{data: body[p.Off : p.Off+p.Len]}
		case p.Kind == PartLent:
			return segment{data: memory.View(p.Data, p.Len)}
		case p.Kind == PartFile:
			return segment{file: fileRange{int(p.Fd), int64(p.Off), int64(p.Len)}}
		}
	}
	at.last = true
	return segment{data: body[response.Parted:]}
}

// nextOfStream takes what the program has written meanwhile.
func (l *Loop) nextOfStream(r *request) segment {
	piece := l.cfg.Holders.Stream(r.shared)
	s := &r.source
	if piece.Ended {
		s.last = true
		l.stopTimers(r)
		l.abortBody(r)
		r.become(stateResponding)
	}
	if s.silent {
		return segment{}
	}
	if r.shared.Response.Length < 0 && s.encoder == nil && !s.deflates {
		r.logged.bytes += int64(len(piece.Data))
	}
	s.promised -= int64(len(piece.Data))
	return segment{data: piece.Data}
}
