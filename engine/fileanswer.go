package engine

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"strconv"
	"sync/atomic"

	"libforker/engine/gate"
	"libforker/engine/grammar"
	"libforker/engine/http1"
	"libforker/engine/memory"
	"libforker/engine/static"
)

// Responses that are files, or parts of them.

// fileAnswer is a request for a file, and the response to it. Owned by the loop.
type fileAnswer struct {
	mount     *static.Mount
	name      []byte // Which is looked for.
	step      lookStep
	wantsPage bool // The client would take the page that is there for all.

	held   *static.File           // The file that the rest is of; nil: it is the program's,
	own    static.Representation  // which is this.
	from   *static.Representation // What is sent.
	status int
	lines  []byte      // Of fields, perhaps in text.
	text   []byte      // What was written for this response: fields, and what stands between parts.
	pieces []filePiece // The body,
	next   int         // of which this is sent next.
	length int64       // Of all of it.

	waiting  bool         // The disk is asked for what comes next,
	unwanted *atomic.Bool // which is set when that is not needed any more; nil: it is not asked.
	warm     bool         // It was, and what comes next is in memory, also where the file system cannot tell.
	turn     int64        // Bytes since others have had their turn.
}

// filePiece is a part of a body: of fileAnswer.text, or of the file.
type filePiece struct {
	isText   bool
	off, len int64
}

// windowMost is how much of a file is asked for at a time.
const windowMost = 256 << 10

// newAnswer begins the response to r, which is for a file.
func (l *Loop) newAnswer(r *request, m *static.Mount) *fileAnswer {
	var a *fileAnswer
	if n := len(l.freeAnswers); n > 0 {
		a = l.freeAnswers[n-1]
		l.freeAnswers = l.freeAnswers[:n-1]
	} else {
		a = new(fileAnswer)
	}
	a.mount, r.file = m, a
	return a
}

// isFile reports whether the response to r is a file that was found. Of one that was not, it is an error.
func (r *request) isFile() bool { return r.file != nil && r.file.status != 0 }

// keptText is how much room for text an answer keeps for the next one.
const keptText = 16 << 10

// dropAnswer ends the response.
func (l *Loop) dropAnswer(r *request) {
	a := r.file
	r.file = nil
	if a.held != nil {
		a.held.Release()
	}
	if a.unwanted != nil {
		a.unwanted.Store(true)
	}
	text := a.text[:0]
	if cap(text) > keptText {
		text = nil
	}
	own := a.own.Forget()
	*a = fileAnswer{name: a.name[:0], text: text, pieces: a.pieces[:0], own: own}
	l.freeAnswers = append(l.freeAnswers, a)
}

// answerFile responds with a file, or what of it the client wants.
func (l *Loop) answerFile(r *request, f *static.File) {
	wishes := static.Read(&r.shared.Head, r.text, !r.isHead)
	if !l.decide(r, &wishes, wishes.Choose(f)) {
		l.respondWith(r, Outcome{Status: 412})
		return
	}
	f.Hold()
	r.file.held = f
	l.respond(r)
}

// decide makes the response a representation, or what of it the client wants. false: it wants none of this one.
func (l *Loop) decide(r *request, wishes *static.Wishes, from *static.Representation) bool {
	a := r.file
	a.from = from
	switch wishes.Judge(from) {
	case static.NotModified:
		a.status, a.lines = 304, from.Kept
	case static.Failed:
		return false
	default:
		extent, parts := wishes.Ranges(from, &l.ranges)
		a.describe(extent, parts, r.setFields())
	}
	return true
}

// setFields are the fields that the program has set.
func (r *request) setFields() []byte {
	fields := &r.shared.Response.Fields
	return memory.View(fields.Data, fields.Len)
}

// describe makes the response one of these parts of the file. The program has set some fields of it.
func (a *fileAnswer) describe(extent static.Extent, parts []static.Range, set []byte) {
	from := a.from
	switch {
	case extent == static.Whole:
		a.status, a.lines = 200, from.Full
		a.add(filePiece{off: 0, len: from.Size})
	case extent == static.Unsatisfiable:
		a.status = 416
		a.text = strconv.AppendInt(append(a.text, "Content-Range: bytes */"...), from.Size, 10)
		a.text = append(a.text, http1.CRLF...)
		a.lines = a.text
	case len(parts) == 1:
		a.status = 206
		a.text = appendContentRange(append(a.text, from.Full...), parts[0], from.Size)
		a.lines = a.text
		a.add(filePiece{off: parts[0].Start, len: parts[0].Len})
	default:
		a.status = 206
		a.describeParts(parts, set)
	}
}

// describeParts makes the body several parts, each with a head (RFC 9110 §14.6), which has the type of what they are of.
func (a *fileAnswer) describeParts(parts []static.Range, set []byte) {
	from := a.from
	typ := grammar.Line(set, "Content-Type")
	if typ == nil {
		typ = []byte(from.Type)
	}
	boundary := newBoundary()
	a.text = append(append(a.text, "Content-Type: multipart/byteranges; boundary="...), boundary[:]...)
	a.text = append(append(a.text, http1.CRLF...), from.More...)
	fields := len(a.text)
	for _, part := range parts {
		start := len(a.text)
		a.text = append(append(append(a.text, "\r\n--"...), boundary[:]...), http1.CRLF...)
		a.text = appendContentRange(append(a.text, typ...), part, from.Size)
		a.text = append(a.text, http1.CRLF...)
		a.add(filePiece{isText: true, off: int64(start), len: int64(len(a.text) - start)})
		a.add(filePiece{off: part.Start, len: part.Len})
	}
	start := len(a.text)
	a.text = append(append(append(a.text, "\r\n--"...), boundary[:]...), "--\r\n"...)
	a.add(filePiece{isText: true, off: int64(start), len: int64(len(a.text) - start)})
	a.lines = a.text[:fields]
}

func (a *fileAnswer) add(p filePiece) {
	if p.len > 0 {
		a.pieces = append(a.pieces, p)
		a.length += p.len
	}
}

func appendContentRange(b []byte, part static.Range, size int64) []byte {
	b = strconv.AppendInt(append(b, "Content-Range: bytes "...), part.Start, 10)
	b = strconv.AppendInt(append(b, '-'), part.Start+part.Len-1, 10)
	b = strconv.AppendInt(append(b, '/'), size, 10)
	return append(b, http1.CRLF...)
}

// newBoundary makes what separates parts, which no file can be made to have in it: nobody knows it before.
func newBoundary() (b [32]byte) {
	var random [16]byte
	for i := range random {
		random[i] = byte(rand.Uint32())
	}
	hex.Encode(b[:], random[:])
	return b
}

// answerPage responds with a page of HTML.
func (l *Loop) answerPage(r *request, page []byte) {
	const fields = "Content-Type: text/html; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n"
	a := r.file
	a.status = 200
	a.text = append(append(a.text, fields...), page...)
	a.lines = a.text[:len(fields)]
	a.add(filePiece{isText: true, off: int64(len(fields)), len: int64(len(page))})
	l.respond(r)
}

// describeFile decides on the response to r, which is for a file that was found.
func (l *Loop) describeFile(r *request) {
	a, head := r.file, &r.response
	head.status = a.status
	head.flags &= ResponseClose | ResponseHasDate | ResponseHasServer
	if a.status == 416 {
		l.describeText(r, "")
		return
	}
	head.length = a.length
	if len(a.pieces) == 1 {
		head.body = a.inMemory(&a.pieces[0])
	}
}

// isSourced reports whether the body does not go out whole with the head.
func (a *fileAnswer) isSourced() bool {
	return len(a.pieces) > 1 || len(a.pieces) == 1 && (a.length > smallBody || a.inMemory(&a.pieces[0]) == nil)
}

// inMemory returns the bytes of a piece; nil: they are in a file.
func (a *fileAnswer) inMemory(p *filePiece) []byte {
	switch {
	case p.isText:
		return a.text[p.off : p.off+p.len]
	case a.from.Fd < 0:
		return a.from.Data[p.off : p.off+p.len]
	}
	return nil
}

// fieldsOfFile returns the fields of the response: those that the program has set before, and those of the file that it has not.
func (l *Loop) fieldsOfFile(a *fileAnswer, set []byte) []byte {
	if len(set) == 0 {
		return a.lines
	}
	l.merged = l.merged[:0]
	for rest := set; len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n') + 1
		if !a.omits(rest[:end]) {
			l.merged = append(l.merged, rest[:end]...)
		}
		rest = rest[end:]
	}
	kept := len(l.merged)
	for rest := a.lines; len(rest) > 0; {
		line := rest[:bytes.IndexByte(rest, '\n')+1]
		if !gate.HasField(l.merged[:kept], string(line[:bytes.IndexByte(line, ':')])) {
			l.merged = append(l.merged, line...)
		}
		rest = rest[len(line):]
	}
	return l.merged
}

// omits reports whether a field that the program has set is of the file's content where the response has another, or none.
func (a *fileAnswer) omits(line []byte) bool {
	if len(a.pieces) > 1 {
		return grammar.IsNamed(line, "Content-Type")
	}
	return (a.status == 304 || a.status == 416) && (grammar.IsNamed(line, "Content-Type") ||
		grammar.IsNamed(line, "Content-Encoding") || grammar.IsNamed(line, "Content-Language"))
}

// nextOfFile fetches the next segment of a body that is a file or parts of one. It is empty while the disk is asked for
// it, and while others have their turn.
func (l *Loop) nextOfFile(r *request) segment {
	a := r.file
	if a.waiting {
		return segment{}
	}
	p := &a.pieces[a.next]
	if data := a.inMemory(p); data != nil {
		a.advance(&r.source, p.len)
		return segment{data: data}
	}
	size := min(p.len, windowMost)
	switch {
	case a.held == nil: // The program's goes out as other pieces do that it has.
		size = p.len
	case !a.warm && !static.IsWarm(a.from.Fd, p.off+size-1):
		l.warmFile(r, p.off, size)
		return segment{}
	case a.turn >= sendfileMost: // A client can take it as fast as it is sent.
		a.turn, a.waiting = 0, true
		l.disk.later(offloadJob{finish: l.goOnWith(r)})
		return segment{}
	}
	next := segment{file: fileRange{a.from.Fd, p.off, size}}
	a.turn += size
	a.advance(&r.source, size)
	return next
}

// advance takes so many bytes as sent.
func (a *fileAnswer) advance(s *source, size int64) {
	p := &a.pieces[a.next]
	p.off, p.len = p.off+size, p.len-size
	if p.len == 0 {
		a.next++
	}
	a.warm = false
	s.last = a.next == len(a.pieces)
}

// warmFile has a thread read a part of the file, which then is in the kernel's memory.
func (l *Loop) warmFile(r *request, off, size int64) {
	a := r.file
	file, fd, goOn, unwanted := a.held, a.from.Fd, l.goOnWith(r), new(atomic.Bool)
	file.Hold()
	a.waiting, a.turn, a.unwanted = true, 0, unwanted
	l.disk.submit(offloadJob{
		unless: unwanted,
		work:   func() { static.Warm(fd, off, size) },
		finish: func() {
			file.Release()
			goOn()
		},
	})
}

// goOnWith returns what goes on with a response whose next segment was waited for, if it is still being sent then.
func (l *Loop) goOnWith(r *request) func() {
	serial := r.shared.Serial
	return func() {
		if r.shared.Serial == serial {
			r.file.waiting, r.file.warm, r.file.unwanted = false, true, nil
			r.stream.resume(l, r)
		}
	}
}
