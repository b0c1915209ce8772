package engine

import (
	"libforker/engine/http1"
	"libforker/engine/memory"
	"libforker/engine/message"
)

// Bodies of requests that are collected: in place, in a block or in a file.

// bodyKind says where a body is collected.
type bodyKind uint8

const (
	bodyNone    bodyKind = iota
	bodyInPlace          // Behind its head in the input buffer.
	bodyDirect           // In a block of its full size or in a file, into which it is read.
	bodyChunked          // Decoded into a growing block, then into a file.
	bodyPassed           // Not collected: the program takes it piece by piece.
)

// body is a request's body while it is received.
type body struct {
	kind    bodyKind
	most    int64 // Bytes that it may have.
	need    int   // Bytes of the whole body; bodyChunked: not known.
	got     int
	asks    bool   // The client waits for a 100 before it sends any of it.
	awaited bool   // Its time runs, and the client was told to go on.
	over    bool   // bodyPassed: the program has, or gets now, the last piece.
	at      int    // bodyPassed: bytes behind the head in the input buffer that it has.
	timer   timer  // Runs while the rest is awaited.
	leftNs  int64  // Of its time, when the program paused it.
	skip    int    // How many handlers had said that the request is not theirs when it was begun to be collected.
	trailer int    // Bytes of the trailer section, which lies behind the head in the input buffer.
	block   []byte // bodyDirect and bodyChunked; one byte more than is filled belongs to it, for the NUL.
	file    memory.File
	charged int // Bytes of it in Loop.bodyBytes.
	chunked http1.Chunked
}

const (
	firstChunkBlock = 16 << 10
	// A file grows by so much at a time: the loop does not stand still while the kernel clears pages, and a client that
	// only promises a large body takes little.
	fileStep = 1 << 20
	// Of a chunk so much must be missing that it is read to where it belongs: below that, a read more costs more than a
	// copy.
	directLeast = 16 << 10
)

var (
	errBodyTooLarge = &message.Refusal{Status: 413, Reason: "the body is larger than option max_body"}
	errBodyMemory   = &message.Refusal{Status: 503, Reason: "no memory for the body"}
	errBodyLate     = &message.Refusal{Status: 408, Reason: "the body did not come in time"}
	errBodySpace    = &message.Refusal{Status: 507, Reason: "no space for the body"}
)

// directRoom is where the next bytes from the client belong, if that is not the input buffer.
func (ex *exchange) directRoom() []byte {
	b := &ex.body
	switch {
	case b.kind == bodyDirect:
		return b.block[b.got:min(b.need, len(b.block))]
	case b.kind == bodyChunked && b.chunked.Remaining() >= directLeast && ex.end == ex.start+ex.head && len(b.block)-b.got > directLeast:
		return b.block[b.got:min(len(b.block)-1, b.got+int(b.chunked.Remaining()))]
	}
	return nil
}

// tookDirect takes in that n bytes were read into directRoom.
func (b *body) tookDirect(n int) {
	b.got += n
	if b.kind == bodyChunked {
		b.chunked.Skip(n)
	}
}

func (l *Loop) releaseBody(b *body) {
	if b.file.IsOpen() {
		b.file.Close()
	} else if b.block != nil {
		l.blocks.Put(b.block)
	}
	b.block = nil
	l.charge(b, 0)
	b.kind, b.awaited = bodyNone, false
}

// beginBody decides, once the head is complete, how the body is received.
func (l *Loop) beginBody(ex *exchange) *message.Refusal {
	b := &ex.body
	b.got, b.need, b.trailer, b.skip, b.at = 0, 0, 0, 0, 0
	b.kind, b.over = bodyNone, false
	ex.conn.uploads = false
	if ex.req.Head.Chunked == 0 && ex.req.Head.ContentLength <= 0 {
		return nil
	}
	return l.admitBody(ex)
}

// admitBody begins to receive a body if the program wants it.
func (l *Loop) admitBody(ex *exchange) *message.Refusal {
	head, b := &ex.req.Head, &ex.body
	b.most = l.cfg.MaxBody
	b.asks = head.ExpectContinue != 0 && ex.end == ex.start+ex.head
	b.chunked.Reset()
	if ex.redirected {
		l.passOver(ex)
		return nil
	}
	if !l.cfg.Admits && !b.asks {
		return l.collectBody(ex)
	}
	admission := l.cfg.Handlers.Admit(l.prepareCall(ex))
	if l.cfg.Admits {
		b.most = admission.Most
	}
	// Of a client that asks first, a body that nobody wants is not awaited (RFC 9110 §10.1.1).
	unwanted := b.asks && (admission.None || head.Form == message.FormAsterisk)
	if !admission.Stream && !unwanted {
		return l.collectBody(ex)
	}
	if head.ContentLength > b.most {
		return errBodyTooLarge
	}
	l.passOver(ex)
	return nil
}

// passOver leaves a body uncollected.
func (l *Loop) passOver(ex *exchange) {
	ex.body.kind, ex.body.need = bodyPassed, int(max(ex.req.Head.ContentLength, 0))
	l.makeRoom(ex) // From now on the head must not move.
}

// collectBody begins to collect a body.
func (l *Loop) collectBody(ex *exchange) *message.Refusal {
	head, b := &ex.req.Head, &ex.body
	switch {
	case head.Chunked != 0:
		b.kind = bodyChunked
		return nil
	case head.ContentLength > b.most:
		return errBodyTooLarge
	}
	b.need = int(head.ContentLength)
	if ex.head+b.need <= l.inSize {
		b.kind = bodyInPlace
		return nil
	}
	return l.beginDirect(ex)
}

// beginDirect makes room for a body of known length that does not fit behind its head, and moves what there is of it.
func (l *Loop) beginDirect(ex *exchange) *message.Refusal {
	b := &ex.body
	b.kind = bodyDirect
	ex.conn.uploads = true
	come := ex.in[ex.start+ex.head : ex.end]
	if int64(b.need) <= l.cfg.BodyBuffer {
		if err := l.takeBlock(b, b.need+1); err != nil {
			return err
		}
	}
	if b.block == nil {
		if err := l.growFile(b, max(fileStep, len(come))); err != nil {
			return err
		}
	}
	b.got = copy(b.block[:min(b.need, len(b.block))], come)
	ex.end = ex.start + ex.head
	return nil
}

// receiveBody takes what has come of the body. true: it is complete.
func (l *Loop) receiveBody(c *conn, ex *exchange) bool {
	b := &ex.body
	complete := true
	var err *message.Refusal
	switch b.kind {
	case bodyInPlace:
		b.got = min(ex.end-ex.start-ex.head, b.need)
		complete = b.got == b.need
	case bodyDirect:
		if complete = b.got == b.need; !complete && b.got == len(b.block) {
			err = l.growFile(b, fileStep)
		}
	case bodyChunked:
		complete, err = l.receiveChunks(ex)
	}
	if err == nil && complete && b.file.IsOpen() {
		err = l.sealFile(b)
	}
	switch {
	case err != nil:
		l.refuse(c, err.Status, err.Reason)
		return false
	case !complete:
		l.awaitBody(c, ex)
	}
	return complete
}

// awaitBody starts the body's time, and lets a client go on that asked first (RFC 9110 §10.1.1).
func (l *Loop) awaitBody(c *conn, ex *exchange) {
	if !ex.body.awaited {
		ex.body.awaited = true
		l.wheel.arm(&ex.body.timer, l.clock.now+int64(l.cfg.ReadBodyTimeout))
		if ex.body.asks {
			l.outLen += copy(l.out[l.outLen:], http1.Continue)
		}
	}
}

// creditBody gives the client another second for each body_min_rate bytes that it has sent, but never more than a whole
// body had at first: one that then falls silent is not waited for longer.
func (l *Loop) creditBody(b *body, n int) {
	if rate := l.cfg.BodyMinRate; rate > 0 {
		later := b.timer.deadline + int64(n)*int64(1e9)/rate
		l.wheel.arm(&b.timer, min(later, l.clock.now+int64(l.cfg.ReadBodyTimeout)))
	}
}

// bodyWait is an exchange as the owner of its body's timer.
type bodyWait exchange

// expire is told when the rest of the body has not come in time.
func (w *bodyWait) expire(l *Loop) {
	c := w.conn
	l.refuseBody(c, errBodyLate, CloseTimeout)
	l.flush(c)
}

// receiveChunks decodes the input behind the head, and takes it out of the buffer. The trailer section stays.
func (l *Loop) receiveChunks(ex *exchange) (done bool, err *message.Refusal) {
	b := &ex.body
	at := ex.start + ex.head
	for {
		space := b.block
		if space != nil {
			space = space[b.got : len(space)-1]
		}
		nd, ns, done, err := b.chunked.Decode(space, ex.in[at:ex.end])
		b.got += nd
		at += ns
		if err != nil {
			return false, err
		}
		if int64(b.got) > b.most || b.chunked.Remaining() > uint64(b.most)-uint64(b.got) {
			return false, errBodyTooLarge
		}
		if !done && at < ex.end { // The block is full.
			if err := l.growBlock(b); err != nil {
				return false, err
			}
			continue
		}
		// What follows the body, or nothing, moves up behind the head.
		rest := copy(ex.in[ex.start+ex.head:], ex.in[at:ex.end])
		ex.end = ex.start + ex.head + rest
		if !done {
			return false, nil
		}
		b.trailer, err = b.chunked.Trailer(ex.in[ex.start:ex.end], ex.head, &ex.req.Head, &l.cfg.Limits)
		return b.trailer > 0, err
	}
}

// growBlock makes more room for a body in chunks: the next block, or beyond option body_buffer a file.
func (l *Loop) growBlock(b *body) *message.Refusal {
	if b.file.IsOpen() {
		return l.growFile(b, fileStep)
	}
	old := b.block
	if int64(len(old)) <= l.cfg.BodyBuffer {
		if err := l.takeBlock(b, int(min(max(firstChunkBlock, 2*int64(len(old))), l.cfg.BodyBuffer+1))); err != nil {
			return err
		}
	}
	if len(b.block) == len(old) { // Nothing has come of it.
		return l.spill(b)
	}
	if old != nil {
		copy(b.block, old[:b.got])
		l.blocks.Put(old)
	}
	return nil
}

// takeBlock gives b a block of size bytes, while it has what it had. Without room for that b stays as it is: then a file
// is to take the body.
func (l *Loop) takeBlock(b *body, size int) *message.Refusal {
	block, err := l.blocks.Get(size)
	switch {
	case err != nil:
		return errBodyMemory
	case !l.hasBodyRoom(b, len(block)):
		l.blocks.Put(block)
	default:
		b.block = block[:size]
		l.charge(b, len(block))
	}
	return nil
}

// spill moves what there is of a body from its block to a file.
func (l *Loop) spill(b *body) *message.Refusal {
	block := b.block
	if err := l.growFile(b, b.got+fileStep); err != nil {
		return err
	}
	if block != nil {
		copy(b.block, block[:b.got])
		l.blocks.Put(block)
	}
	return nil
}

// growFile makes the file of a body larger, or makes it, and has the block stand for it. A block from before stays its
// owner's.
func (l *Loop) growFile(b *body, by int) *message.Refusal {
	file := b.file
	size := len(file.Bytes()) + by
	if b.kind == bodyDirect {
		size = min(size, b.need+1)
	}
	if l.fileIsMemory() && !l.hasBodyRoom(b, size) {
		l.cfg.Log(LogWarn, "keep a body: option body_memory is reached; answered 503")
		return errBodyMemory
	}
	if !file.IsOpen() {
		var err error
		if file, err = l.blocks.OpenFile(l.cfg.SpillDir); err != nil {
			l.cfg.Log(LogError, "keep a body: "+err.Error())
			return errBodyMemory
		}
	}
	if err := file.Grow(size); err != nil {
		l.cfg.Log(LogError, "keep a body: "+err.Error())
		if !b.file.IsOpen() {
			file.Close()
		}
		return errBodySpace
	}
	b.file, b.block = file, file.Bytes()
	l.chargeFile(b)
	return nil
}

// sealFile ends the file of a body that is complete.
func (l *Loop) sealFile(b *body) *message.Refusal {
	if err := b.file.Seal(b.got); err != nil {
		l.cfg.Log(LogError, "keep a body: "+err.Error())
		return errBodyMemory
	}
	l.chargeFile(b)
	return nil
}

// fileIsMemory tells if files of bodies take memory too.
func (l *Loop) fileIsMemory() bool { return l.cfg.SpillDir == "" }

// hasBodyRoom tells if b may take so many bytes of memory, instead of those that it has.
func (l *Loop) hasBodyRoom(b *body, size int) bool {
	return l.cfg.BodyMemory == 0 || l.bodyBytes+int64(size-b.charged) <= l.cfg.BodyMemory
}

// charge takes in how many bytes of memory b has.
func (l *Loop) charge(b *body, size int) {
	l.bodyBytes += int64(size - b.charged)
	b.charged = size
}

func (l *Loop) chargeFile(b *body) {
	if l.fileIsMemory() {
		l.charge(b, len(b.file.Bytes()))
	} else {
		l.charge(b, 0)
	}
}

// finishBody fills in where the body is, with a NUL behind it, and returns where the request ends in the input and what
// the NUL took the place of there.
func (l *Loop) finishBody(ex *exchange) (end int, kept byte) {
	b, req := &ex.body, ex.req
	end = ex.start + ex.head + b.trailer
	req.BodyFd = -1
	if b.file.IsOpen() { // The NUL stands there already.
		req.Body, req.BodyLen, req.BodyFd = memory.Address(b.file.Bytes()), uint64(b.got), int32(b.file.Fd())
		return end, ex.in[end]
	}
	if b.block != nil {
		b.block[b.got] = 0
		req.Body, req.BodyLen = memory.Address(b.block), uint64(b.got)
		return end, ex.in[end]
	}
	if b.kind == bodyPassed {
		req.Body, req.BodyLen = memory.Address(l.root[1:2]), 0
		return end, ex.in[end]
	}
	req.Body, req.BodyLen = memory.Address(ex.in[end:]), uint64(b.got)
	if b.kind == bodyInPlace {
		end += b.need
	}
	kept = ex.in[end]
	ex.in[end] = 0
	return end, kept
}
