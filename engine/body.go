package engine

import (
	"libforker/engine/http1"
	"libforker/engine/memory"
)

// bodyKind says where a body is collected.
type bodyKind uint8

const (
	bodyNone    bodyKind = iota
	bodyInPlace          // Behind its head in the input buffer.
	bodyDirect           // In a block of its full size, into which it is read.
	bodyChunked          // Decoded into a growing block.
)

// body is a request's body while it is received.
type body struct {
	kind    bodyKind
	need    int // Bytes of the whole body; bodyChunked: not known.
	got     int
	asks    bool   // The client waits for a 100 before it sends any of it.
	awaited bool   // Its time runs, and the client was told to go on.
	trailer int    // Bytes of the trailer section, which lies behind the head in the input buffer.
	block   []byte // bodyDirect and bodyChunked; one byte more than is filled belongs to it, for the NUL.
	chunked http1.Chunked
}

const firstChunkBlock = 16 << 10

var (
	errBodyTooLarge = &http1.Error{Status: 413, Reason: "the body is larger than option max_body"}
	errBodyMemory   = &http1.Error{Status: 503, Reason: "no memory for the body"}
)

func (b *body) wantsDirect() bool { return b.kind == bodyDirect }
func (b *body) room() []byte      { return b.block[b.got:b.need] }

func (l *Loop) releaseBody(b *body) {
	if b.block != nil {
		l.blocks.Put(b.block)
		b.block = nil
	}
	b.kind, b.awaited = bodyNone, false
}

// beginBody decides, once the head is complete, how the body is received.
func (l *Loop) beginBody(ex *exchange) *http1.Error {
	head, b := &ex.req.Head, &ex.body
	b.got, b.need, b.trailer = 0, 0, 0
	b.asks = head.ExpectContinue != 0 && ex.end == ex.start+ex.head
	switch {
	case head.Chunked != 0:
		b.kind = bodyChunked
		b.chunked.Reset()
		return nil
	case head.ContentLength <= 0:
		b.kind = bodyNone
		return nil
	case head.ContentLength > l.cfg.MaxBody:
		return errBodyTooLarge
	}
	b.need = int(head.ContentLength)
	if ex.head+b.need <= l.inSize {
		b.kind = bodyInPlace
		return nil
	}
	block, err := l.blocks.Get(b.need + 1)
	if err != nil {
		return errBodyMemory
	}
	b.kind, b.block = bodyDirect, block
	b.got = copy(block[:b.need], ex.in[ex.start+ex.head:ex.end])
	ex.end = ex.start + ex.head
	return nil
}

// receiveBody takes what has come of the body. true: it is complete.
func (l *Loop) receiveBody(c *conn, ex *exchange) (bool, *http1.Error) {
	b := &ex.body
	complete := true
	switch b.kind {
	case bodyNone:
	case bodyInPlace:
		b.got = min(ex.end-ex.start-ex.head, b.need)
		complete = b.got == b.need
	case bodyDirect:
		complete = b.got == b.need
	case bodyChunked:
		var err *http1.Error
		if complete, err = l.receiveChunks(ex); err != nil {
			return false, err
		}
	}
	if !complete {
		l.awaitBody(c, ex)
	}
	return complete, nil
}

// awaitBody starts the body's time, and lets a client go on that asked first (RFC 9110 §10.1.1).
func (l *Loop) awaitBody(c *conn, ex *exchange) {
	if !ex.body.awaited {
		ex.body.awaited = true
		l.wheel.arm(c, l.clock.now+int64(l.cfg.ReadBodyTimeout))
		if ex.body.asks {
			l.outLen += copy(l.out[l.outLen:], "HTTP/1.1 100 Continue\r\n\r\n")
		}
	}
}

// receiveChunks decodes the input behind the head, and takes it out of the buffer. The trailer section stays.
func (l *Loop) receiveChunks(ex *exchange) (done bool, err *http1.Error) {
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
		if int64(b.got) > l.cfg.MaxBody || b.chunked.Remaining() > uint64(l.cfg.MaxBody)-uint64(b.got) {
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

func (l *Loop) growBlock(b *body) *http1.Error {
	block, err := l.blocks.Get(max(firstChunkBlock, 2*len(b.block)))
	if err != nil {
		return errBodyMemory
	}
	if b.block != nil {
		copy(block, b.block[:b.got])
		l.blocks.Put(b.block)
	}
	b.block = block
	return nil
}

// finishBody fills in where the body is, with a NUL behind it, and returns where the request ends in the input and what the
// NUL took the place of there.
func (l *Loop) finishBody(ex *exchange) (end int, kept byte) {
	b, req := &ex.body, ex.req
	end = ex.start + ex.head + b.trailer
	if b.block != nil {
		b.block[b.got] = 0
		req.Body, req.BodyLen = memory.Address(b.block), uint64(b.got)
		return end, ex.in[end]
	}
	if b.kind == bodyInPlace {
		req.Body = memory.Address(ex.in[end:])
		end += b.need
	} else {
		req.Body = memory.Address(ex.in[end:])
	}
	req.BodyLen = uint64(b.got)
	kept = ex.in[end]
	ex.in[end] = 0
	return end, kept
}
