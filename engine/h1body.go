package engine

import (
	"libforker/engine/http1"
	"libforker/engine/memory"
	"libforker/engine/message"
)

// Bodies of HTTP/1 requests: what frames them is taken off here.

// directLeast is how much of a chunk must be missing for it to be read to where it belongs: below that, a read more costs
// more than a copy.
const directLeast = 16 << 10

// beginBody decides, once the head is complete, how the body is received.
func (h *h1) beginBody(l *Loop, r *request) *message.Refusal {
	in, head := &h.c.input, &r.shared.Head
	h.taken, h.trailer, h.uploads = 0, 0, false
	length := int(max(head.ContentLength, 0))
	if head.Chunked != 0 {
		length = -1
		h.chunked.Reset()
	}
	err := l.beginBody(r, length, head.ExpectContinue != 0 && in.end == in.start+r.head)
	if r.body.kind == bodyPassed {
		h.makeRoom() // From now on the head must not move.
	}
	return err
}

// receiveBody takes what has come of a body that is collected. true: it is complete.
func (h *h1) receiveBody(l *Loop, r *request) bool {
	b := &r.body
	var complete bool
	var err *message.Refusal
	if b.kind == bodyWanted {
		err = h.collectBody(l, r)
	}
	if err == nil {
		complete, err = h.receiveContent(l, r)
	}
	if err == nil && complete {
		err = l.completeBody(b)
	}
	switch {
	case err != nil:
		h.refuse(l, r, err)
		return false
	case !complete:
		h.awaitBody(l, r)
	}
	return complete
}

// collectBody decides where a body is collected. One that does not fit behind its head is read to where it belongs, and
// what there is of it moves there.
func (h *h1) collectBody(l *Loop, r *request) *message.Refusal {
	in, b := &h.c.input, &r.body
	if b.length >= 0 && r.head+b.length <= l.inSize {
		b.kind = bodyInPlace
		return nil
	}
	if err := l.openBody(b); err != nil || b.length < 0 {
		return err
	}
	h.uploads = true
	come := in.bytes[in.start+r.head : in.end]
	in.end = in.start + r.head
	return l.writeBody(b, come)
}

// receiveContent takes the content out of the input, unless it stays there or has been read to where it belongs.
func (h *h1) receiveContent(l *Loop, r *request) (complete bool, err *message.Refusal) {
	in, b := &h.c.input, &r.body
	switch {
	case b.kind == bodyInPlace:
		b.got = min(in.end-in.start-r.head, b.length)
	case b.length < 0:
		return h.receiveChunks(l, r)
	case b.got < b.length && len(b.room()) == 0:
		err = l.growBody(b)
	}
	return b.got == b.length, err
}

// awaitBody lets a client go on that waits for that, and has the time of the body begin.
func (h *h1) awaitBody(l *Loop, r *request) {
	if l.awaitBody(&r.body) && r.body.asks {
		l.commit(append(l.out[:l.outLen], http1.Continue...))
	}
}

// contentRoom returns where the next bytes from the client belong, if that is not the input.
func (h *h1) contentRoom(r *request) []byte {
	in, b := &h.c.input, &r.body
	if b.kind != bodyCollected {
		return nil
	}
	room := b.room()
	if b.length >= 0 {
		return room
	}
	if left := h.chunked.Remaining(); left >= directLeast && in.end == in.start+r.head && len(room) >= directLeast {
		return room[:min(uint64(len(room)), left)]
	}
	return nil
}

// tookContent takes in that n bytes were read into contentRoom.
func (h *h1) tookContent(r *request, n int) {
	r.body.got += n
	if r.body.length < 0 {
		h.chunked.Skip(n)
	}
}

// receiveChunks decodes the input behind the head, and takes it out of there. The trailer section stays.
func (h *h1) receiveChunks(l *Loop, r *request) (done bool, err *message.Refusal) {
	in, b := &h.c.input, &r.body
	at := in.start + r.head
	for {
		nd, ns, done, err := h.chunked.Decode(b.room(), in.bytes[at:in.end])
		b.got += nd
		at += ns
		if err != nil {
			return false, err
		}
		if int64(b.got) > b.most || h.chunked.Remaining() > uint64(b.most)-uint64(b.got) {
			return false, errBodyTooLarge
		}
		if !done && at < in.end { // The block is full.
			if err := l.growBody(b); err != nil {
				return false, err
			}
			continue
		}
		// What follows the body, or nothing, moves up behind the head.
		in.closeUp(in.start+r.head, at)
		if !done {
			return false, nil
		}
		return h.receiveTrailer(l, r)
	}
}

// receiveTrailer parses the trailer section, which stands behind the head now.
func (h *h1) receiveTrailer(l *Loop, r *request) (done bool, err *message.Refusal) {
	in := &h.c.input
	h.trailer, err = h.chunked.Trailer(in.bytes[in.start:in.end], r.head, &r.shared.Head, &l.cfg.Limits)
	return h.trailer > 0, err
}

// finishInput finds where the request ends in the input, and tells the program where the body is. Where that is in the
// input, and where there is none, a NUL takes the place of what follows the request, until the response is sent.
func (h *h1) finishInput(l *Loop, r *request) {
	in, b, req := &h.c.input, &r.body, r.shared
	h.end = in.start + r.head + h.trailer
	if b.kind != bodyNone && b.kind != bodyInPlace {
		h.behind = in.bytes[h.end]
		l.shareBody(r)
		return
	}
	req.Body, req.BodyLen, req.BodyFd = memory.Address(in.bytes[h.end:]), uint64(b.got), -1
	h.end += b.got
	h.behind = in.bytes[h.end]
	in.bytes[h.end] = 0
}

// passBody gives the program what has come of the body. true: the next request can be looked at.
func (h *h1) passBody(l *Loop, r *request) bool {
	for h.request == r && r.state == stateTaking {
		if l.passKept(r) || l.passDecoded(r) {
			continue
		}
		if r.isDecodeTurn() {
			l.letOthersGo(h.c)
			return false
		}
		piece, fault := h.nextPiece(l, r)
		switch {
		case fault != nil:
			l.refuseBody(r, fault, CloseError)
			return false
		case len(piece) == 0 && !r.body.over:
			h.dropTaken(r)
			h.awaitBody(l, r)
			return false
		}
		l.passPiece(r, piece)
	}
	return h.request == r && r.state == stateReceiving && h.hasMore()
}

// nextPiece takes what has come of the body out of the input, as far as it is one piece. body.over says whether it is the
// last one, which may be empty.
func (h *h1) nextPiece(l *Loop, r *request) ([]byte, *message.Refusal) {
	in, b := &h.c.input, &r.body
	if b.kind != bodyPassed {
		return r.wholeBody(), nil
	}
	come := in.bytes[in.start+r.head+h.taken : in.end]
	if b.length < 0 {
		return h.nextOfChunks(l, r, come)
	}
	piece := come[:min(len(come), b.length-b.got)]
	h.taken += len(piece)
	b.got += len(piece)
	b.over = b.got == b.length
	return piece, nil
}

func (h *h1) nextOfChunks(l *Loop, r *request, come []byte) ([]byte, *message.Refusal) {
	b := &r.body
	_, framing, done, err := h.chunked.Decode(nil, come)
	if err == nil && h.chunked.Remaining() > uint64(b.most)-uint64(b.got) {
		err = errBodyTooLarge
	}
	if err != nil {
		return nil, err
	}
	h.taken += framing
	if !done {
		n := int(min(uint64(len(come)-framing), h.chunked.Remaining()))
		if n > 0 {
			h.chunked.Skip(n)
		}
		h.taken += n
		b.got += n
		return come[framing : framing+n], nil
	}
	h.dropTaken(r)
	b.over, err = h.receiveTrailer(l, r)
	return nil, err
}

// dropTaken takes what the program has had of the body out of the input. The head stays where it is.
func (h *h1) dropTaken(r *request) {
	at := h.c.input.start + r.head
	h.c.input.closeUp(at, at+h.taken)
	h.taken = 0
}

// readBody goes on with the rest of the body.
func (h *h1) readBody(l *Loop, _ *request) {
	h.peerEnded = false
	h.proceed(l)
}

// leaveBody finds where a request ends whose body the program has taken piece by piece. What has not come of that is not
// waited for: the connection ends with the response.
func (h *h1) leaveBody(l *Loop, r *request) {
	in, b := &h.c.input, &r.body
	end := in.start + r.head + h.taken + b.length - b.got
	switch {
	case b.over:
		h.dropTaken(r)
		end = in.start + r.head + h.trailer
	case b.length < 0:
		end = h.endOfChunks(l, r)
	}
	if end > in.end {
		h.closing = closeLinger
		return
	}
	b.over = true
	h.end, h.behind = end, in.bytes[end]
}

// endOfChunks returns where a body in chunks ends in the input; behind its end: not there, or nowhere, because it is
// malformed. Nothing is moved, and no trailer field is given to the program, which may be reading the request.
func (h *h1) endOfChunks(l *Loop, r *request) int {
	in := &h.c.input
	nowhere := in.end + 1
	for at := in.start + r.head + h.taken; ; {
		_, framing, done, err := h.chunked.Decode(nil, in.bytes[at:in.end])
		at += framing
		switch n := int(min(uint64(in.end-at), h.chunked.Remaining())); {
		case done:
			l.left.FieldCount, l.left.TrailerCount = 0, 0
			size, err := h.chunked.Trailer(in.bytes[in.start:in.end], at-in.start, &l.left, &l.cfg.Limits)
			if size == 0 || err != nil {
				return nowhere
			}
			return at + size
		case err != nil || n == 0:
			return nowhere
		default:
			h.chunked.Skip(n)
			at += n
		}
	}
}
