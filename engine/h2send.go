package engine

import (
	"strconv"

	"golang.org/x/sys/unix"

	"libforker/engine/http1"
	"libforker/engine/http2"
	"libforker/engine/message"
)

// Responses of HTTP/2.

func (st *h2stream) conn() *conn { return st.h.c }

// interim sends an interim response behind what is collected.
func (st *h2stream) interim(l *Loop, status int, field []byte) error {
	c := st.h.c
	switch {
	case c.state == connDead || st.s.IsReset():
		return ErrClientGone
	case c.blocked && len(c.rest) > interimMost:
		return ErrNoRoom
	}
	l.reserve(c, len(field)+headRoom)
	start := l.outLen
	out := http2.AppendStatus(st.h.session.BeginSection(l.out[:start]), status)
	out = l.h2.AppendFields(out, field)
	l.commit(st.h.session.EndSection(out, start, st.s, false))
	l.send(c)
	switch {
	case c.state == connDead:
		return ErrClientGone
	case c.blocked:
		st.h.await(l)
	}
	return nil
}

// respond puts a response behind what is collected already. A small one is complete with that, if the client's windows have room for it;
// the bodies of others go out in turn.
func (st *h2stream) respond(l *Loop, r *request) {
	h, head := st.h, &r.response
	if !h.leaving && h.isLast(l) {
		h.leave(l)
	}
	trailerRoom := trailerRoom(r)
	l.reserve(h.c, len(head.fields)+len(head.added)+len(head.allow)+len(head.location)+headRoom+smallBody+trailerRoom)
	hasBody := head.hasBody || head.sourced
	start := l.outLen
	out := appendH2Head(h.session.BeginSection(l.out[:start]), l, r)
	if !hasBody && head.rpc {
		out = l.appendTrailers(out, r)
	}
	out = h.session.EndSection(out, start, st.s, !hasBody)
	switch {
	case !hasBody:
	case !head.sourced && len(head.body) <= h.session.Room(st.s):
		out = append(h.session.AppendData(out, st.s, len(head.body), !head.rpc), head.body...)
		if head.rpc {
			out = st.endWithTrailers(l, out, r)
		}
	case head.sourced || st.keepBody(l, r):
		r.source.open = true
		h.sending++
		h.session.Want(st.s)
	}
	l.commit(out)
	if h.c.blocked {
		l.send(h.c)
	}
	if !r.source.open && st.request == r {
		st.endResponse(l, r)
	}
}

// appendH2Head writes the field section of a response.
func appendH2Head(out []byte, l *Loop, r *request) []byte {
	head := &r.response
	out = http2.AppendStatus(out, head.status)
	out = append(out, l.h2Common[head.flags/ResponseHasDate%4]...)
	if head.rpc {
		out = appendCallFields(out, r)
	} else if head.length >= 0 && (http1.HasContent(head.status) || head.status == 304 && head.announced) {
		out = http2.AppendLength(out, head.length)
	}
	if head.isText {
		out = appendH2TextFields(out, head)
	}
	return l.h2.AppendFields(l.h2.AppendFields(out, head.fields), head.added)
}

// appendH2TextFields appends the fields of a response whose body is a text of the engine's own.
func appendH2TextFields(out []byte, head *responseHead) []byte {
	if len(head.allow) > 0 {
		out = http2.AppendField(out, []byte("allow"), head.allow)
	}
	if len(head.location) > 0 {
		out = http2.AppendField(out, []byte("location"), head.location)
	}
	if head.retryAfter > 0 {
		var number [20]byte
		out = http2.AppendField(out, []byte("retry-after"), strconv.AppendInt(number[:0], int64(head.retryAfter), 10))
	}
	if http1.HasContent(head.status) {
		out = http2.AppendField(out, []byte("content-type"), []byte(head.form.MediaType()))
	}
	if head.varies {
		out = http2.AppendField(out, []byte("vary"), []byte("Accept"))
	}
	return out
}

// keepBody makes ready to send a small body that the windows have no room for now. One of the engine's own is copied, because its text
// is valid for now only. false: there is no memory; the stream is over.
func (st *h2stream) keepBody(l *Loop, r *request) bool {
	head := &r.response
	r.source.begin(r, true)
	if !head.isOwn {
		return true
	}
	block, err := l.blocks.Get(len(head.body))
	if err != nil {
		l.cfg.Log(LogError, "no memory for a response: "+err.Error())
		st.abandon(l, http2.InternalError, CloseError)
		return false
	}
	st.text = block
	st.next.data = block[:copy(block, head.body)]
	r.source.last = true
	return true
}

func (st *h2stream) dropText(l *Loop) {
	if st.text != nil {
		l.blocks.Put(st.text)
		st.text = nil
	}
}

// appendBody appends the next frame of the response's body, of no more than room bytes.
func (st *h2stream) appendBody(l *Loop, out []byte, room int) []byte {
	r, session := st.request, st.h.session
	if !st.hasNext() && !r.source.last {
		st.next = l.nextSegment(r)
	}
	if !st.hasNext() && !r.source.last {
		session.Rest(st.s) // Until the program has written more.
		return out
	}
	size := st.readNext(l, out[len(out)+http2.FrameHeadLen:cap(out)], room)
	last := r.source.last && !st.hasNext()
	switch {
	case size < 0 || last && r.isShort():
		st.abandon(l, http2.InternalError, CloseError) // The client learns by the missing end.
		return out
	case size == 0 && !last:
		return out // There is no room.
	}
	trails := trailerRoom(r) > 0
	if size > 0 || !trails {
		out = session.AppendData(out, st.s, size, last && !trails)
		out = out[:len(out)+size]
	}
	if st.waiting {
		st.creditSending(l, size)
	}
	if last {
		if trails {
			out = st.endWithTrailers(l, out, r)
		}
		st.endResponse(l, r)
	}
	return out
}

// endWithTrailers appends the trailer section of the response.
func (st *h2stream) endWithTrailers(l *Loop, out []byte, r *request) []byte {
	session, start := st.h.session, len(out)
	return session.EndSection(l.appendTrailers(session.BeginSection(out), r), start, st.s, true)
}

// hasNext reports whether there is something left of the segment that is being sent.
func (st *h2stream) hasNext() bool { return len(st.next.data) > 0 || st.next.file.left > 0 }

// readNext moves bytes of that segment to room, at most so many, and returns how many. Negative: a file has become shorter.
func (st *h2stream) readNext(l *Loop, room []byte, most int) int {
	room = room[:min(most, len(room), http2.MaxFrame)]
	if f := &st.next.file; f.left > 0 && len(room) > 0 {
		n, err := unix.Pread(f.fd, room[:min(int64(len(room)), f.left)], f.off)
		if n <= 0 && err != unix.EINTR {
			l.cfg.Log(LogError, "a file became shorter while it was sent; the stream is reset")
			return -1
		}
		n = max(n, 0)
		f.off, f.left = f.off+int64(n), f.left-int64(n)
		return n
	}
	n := copy(room, st.next.data)
	st.next.data = st.next.data[n:]
	return n
}

// creditSending gives a client whose window was closed another second for each write_min_rate bytes that it takes.
func (st *h2stream) creditSending(l *Loop, size int) {
	if rate := l.cfg.WriteMinRate; rate > 0 {
		l.wheel.arm(&st.timer, st.timer.deadline+int64(size)*int64(1e9)/rate)
	}
}

// expire is told when the client has not opened its window in time.
func (st *h2stream) expire(l *Loop) {
	h := st.h
	st.abandon(l, http2.Cancel, CloseTimeout)
	h.proceed(l)
}

// endResponse is called when the response is written, or copied to where it will be.
func (st *h2stream) endResponse(l *Loop, r *request) {
	if r.source.open {
		st.h.sending--
	}
	r.counted = st
	l.recycle(r, CloseDone)
}

// refuse responds to a request that is not served, or whose body is not taken.
func (st *h2stream) refuse(l *Loop, r *request, fault *message.Refusal) {
	r.shared.Response.withdraw()
	l.respondWith(r, Outcome{Status: fault.Status, Detail: fault.Reason})
}

// resume goes on with a stream, to which the program has written.
func (st *h2stream) resume(l *Loop, r *request) {
	h := st.h
	h.session.Want(st.s)
	if h.session.Room(st.s) == 0 { // For an end there is always room.
		l.reserve(h.c, trailerRoom(r)+headRoom)
		l.commit(st.appendBody(l, l.out[:l.outLen], 0))
	}
	h.proceed(l)
}

// readBody goes on with the rest of the body.
func (st *h2stream) readBody(l *Loop, _ *request) {
	h := st.h
	st.advance(l)
	h.proceed(l)
}

// replace puts another request in the place of the present one, which has its text in a block of its own.
func (st *h2stream) replace(l *Loop, with *request) {
	l.wheel.disarm(&st.timer)
	if st.request.source.open {
		st.h.sending--
	}
	st.next, st.waiting = segment{}, false
	st.dropKept(l)
	st.unmarkKept()
	st.h.session.Rest(st.s)
	st.request = with
	with.shared.Head.Version = message.Version20
}

// cutWith resets the stream where it cannot end.
func (st *h2stream) cutWith(l *Loop, r *request, end []byte, reason int) {
	session, c := st.h.session, st.h.c
	if st.hasNext() || session.Room(st.s) < len(end) {
		st.abandon(l, http2.Cancel, reason)
		return
	}
	l.reserve(c, len(end)+headRoom)
	l.commit(append(session.AppendData(l.out[:l.outLen], st.s, len(end), true), end...))
	if c.blocked {
		l.send(c)
	}
	st.abandon(l, http2.NoError, reason)
}

// reset ends the stream in the middle of a response. To HEAD there is no middle: the client has all that it gets.
func (st *h2stream) reset(l *Loop, r *request, reason int) {
	h := st.h
	if r.source.open && r.source.silent {
		l.reserve(h.c, headRoom)
		l.commit(h.session.AppendData(l.out[:l.outLen], st.s, 0, true))
		st.endResponse(l, r)
	} else {
		h.send(l)
		if st.request == r {
			st.abandon(l, http2.InternalError, reason)
		}
	}
	h.proceed(l)
}
