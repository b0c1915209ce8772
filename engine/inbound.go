package engine

import (
	"libforker/engine/coding"
	"libforker/engine/memory"
	"libforker/engine/message"
)

// Bodies of requests as they come in: how each is received, and the block or file that it is collected in. The protocols
// feed it with content; of how that is framed nothing is known here.

// bodyKind says how a body is received.
type bodyKind uint8

const (
	bodyNone      bodyKind = iota
	bodyWanted             // To be collected; the protocol says how, when it goes on.
	bodyInPlace            // Where the protocol has received it, behind the head.
	bodyCollected          // In a block or a file.
	bodyPassed             // Not collected: the program takes it piece by piece.
)

// inbound is a request's body while it is received.
type inbound struct {
	kind    bodyKind
	coding  coding.Coding // That it is still to be decoded from; Identity: none.
	most    int64         // Bytes that it may have.
	length  int           // Bytes of the whole body; -1: not known.
	got     int
	asks    bool   // The client waits for a 100 before it sends any of it.
	awaited bool   // Its time runs, and the client was told to go on.
	over    bool   // The program has, or gets now, the last piece.
	skip    int    // How many handlers had said that the request is not theirs when it was begun to be collected.
	timer   timer  // Runs while the rest is awaited.
	leftNs  int64  // Of its time, when the program paused it.
	block   []byte // bodyCollected: one byte more than is filled belongs to it, for a NUL.
	file    memory.File
	charged int // Bytes of it in Loop.bodyBytes.

	together *int64 // Bytes of the blocks that bodies of one connection are in at a time; nil: the connection has one body at a time.
	held     int    // This body's among them.
}

const (
	firstGrowingBlock = 16 << 10
	// A file grows by so much at a time: the loop does not stand still while the kernel clears pages, and a client that
	// only promises a large body takes little.
	fileStep = 1 << 20
)

var (
	errBodyTooLarge = &message.Refusal{Status: 413, Reason: "the body is larger than option max_body"}
	errBodyMemory   = &message.Refusal{Status: 503, Reason: "no memory for the body"}
	errBodyLate     = &message.Refusal{Status: 408, Reason: "the body did not come in time"}
	errBodySpace    = &message.Refusal{Status: 507, Reason: "no space for the body"}
)

// beginBody decides, once the head is complete, how a body of length bytes is received; -1: it is not known. asks: the
// client waits for a 100 before it sends any of it.
func (l *Loop) beginBody(r *request, length int, asks bool) *message.Refusal {
	b := &r.body
	b.kind, b.length, b.got, b.asks, b.over, b.skip = bodyNone, length, 0, asks, false, 0
	b.coding, b.together = coding.Identity, nil
	r.gated.barrier = passes
	r.call.Found.Is = false
	if l.cfg.Front != nil || l.redirects {
		l.passGates(r)
	}
	if length == 0 && !r.isCall() {
		return nil
	}
	refusal := l.admitBody(r)
	if length == 0 { // There is no message; the method counts for what is sent.
		b.kind, r.rpc.single = bodyNone, false
	}
	return refusal
}

func (l *Loop) admitBody(r *request) *message.Refusal {
	b := &r.body
	b.kind, b.most = bodyWanted, l.cfg.MaxBody
	awaits := r.gated.barrier == awaitsUser
	if r.gated.barrier != passes && !awaits {
		b.kind = bodyPassed
		return nil
	}
	if l.cfg.Admits || b.asks {
		admission := r.gated.admission
		if !r.gated.admitted {
			admission = l.cfg.Handlers.Admit(l.prepareCall(r))
		}
		if l.cfg.Admits {
			b.most = admission.Most
		}
		// A body that nobody wants is not awaited of a client that asks first (RFC 9110 §10.1.1), nor the messages of a call, which
		// may go on for long.
		unwanted := (b.asks || r.isCall()) && (admission.None || r.shared.Head.Form == message.FormAsterisk)
		if r.isCall() {
			r.beginMethod(admission)
			b.most = r.mostOfCall(b.most)
		}
		if admission.Stream || unwanted {
			b.kind = bodyPassed
		}
	}
	if awaits { // Nothing of it is taken of nobody.
		b.kind = bodyPassed
	}
	if int64(b.length) > b.most {
		return r.tooLarge()
	}
	return nil
}

// tooLarge is the refusal of a body that is larger than it may be.
func (r *request) tooLarge() *message.Refusal {
	if r.rpc.single {
		return errTooLarge
	}
	return errBodyTooLarge
}

// openBody makes room for a body that is collected in a block or a file. One whose length is not known grows as it comes.
func (l *Loop) openBody(b *inbound) *message.Refusal {
	b.kind = bodyCollected
	if b.length < 0 {
		return nil
	}
	if int64(b.length) <= l.cfg.BodyBuffer {
		if err := l.takeBlock(b, b.length+1); err != nil {
			return err
		}
	}
	if b.block == nil {
		return l.growFile(b, fileStep)
	}
	return nil
}

// room returns where the next bytes of a collected body belong, as far as there is room for them.
func (b *inbound) room() []byte {
	switch {
	case b.length >= 0:
		return b.block[b.got:min(b.length, len(b.block))]
	case b.block == nil:
		return nil
	}
	return b.block[b.got : len(b.block)-1]
}

// write puts content behind what there is of a collected body.
func (l *Loop) writeBody(b *inbound, content []byte) *message.Refusal {
	for {
		n := copy(b.room(), content)
		b.got += n
		if content = content[n:]; len(content) == 0 {
			return nil
		}
		if err := l.growBody(b); err != nil {
			return err
		}
	}
}

// growBody makes more room for a collected body: the next block, or beyond option body_buffer a file.
func (l *Loop) growBody(b *inbound) *message.Refusal {
	if b.file.IsOpen() {
		return l.growFile(b, fileStep)
	}
	old := b.block
	if int64(len(old)) <= l.cfg.BodyBuffer {
		if err := l.takeBlock(b, int(min(max(firstGrowingBlock, 2*int64(len(old))), l.cfg.BodyBuffer+1))); err != nil {
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

// takeBlock gives b a block of size bytes, while it has what it had. Without room for that, by option body_memory or beside other bodies of
// its connection, b stays as it is: then a file is to take the body.
func (l *Loop) takeBlock(b *inbound, size int) *message.Refusal {
	block, err := l.blocks.Get(size)
	switch {
	case err != nil:
		return errBodyMemory
	case !l.hasBodyRoom(b, len(block)) || !b.fitsBeside(len(block), l.cfg.BodyBuffer):
		l.blocks.Put(block)
	default:
		b.block = block[:size]
		l.charge(b, len(block))
		b.hold(len(block))
	}
	return nil
}

// spill moves what there is of a body from its block to a file.
func (l *Loop) spill(b *inbound) *message.Refusal {
	block := b.block
	if err := l.growFile(b, b.got+fileStep); err != nil {
		return err
	}
	if block != nil {
		copy(b.block, block[:b.got])
		l.blocks.Put(block)
	}
	b.hold(0)
	return nil
}

// growFile makes the file of a body larger, or makes it, and has the block stand for it. A block from before stays its
// owner's.
func (l *Loop) growFile(b *inbound, by int) *message.Refusal {
	file := b.file
	size := len(file.Bytes()) + by
	if b.length >= 0 {
		size = min(size, b.length+1)
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

// completeBody ends the file of a collected body, if it is in one.
func (l *Loop) completeBody(b *inbound) *message.Refusal {
	if !b.file.IsOpen() {
		return nil
	}
	if err := b.file.Seal(b.got); err != nil {
		l.cfg.Log(LogError, "keep a body: "+err.Error())
		return errBodyMemory
	}
	l.chargeFile(b)
	return nil
}

// shareBody tells the program where a body is that the protocol does not have in place, with a NUL behind it.
func (l *Loop) shareBody(r *request) {
	b, req := &r.body, r.shared
	req.BodyLen, req.BodyFd = uint64(b.got), -1
	switch {
	case b.kind == bodyPassed || b.block == nil:
		req.Body, req.BodyLen = memory.Address(l.root[1:2]), 0
	case b.file.IsOpen(): // The NUL stands there already.
		req.Body, req.BodyFd = memory.Address(b.file.Bytes()), int32(b.file.Fd())
	default:
		b.block[b.got] = 0
		req.Body = memory.Address(b.block)
	}
}

func (l *Loop) releaseBody(b *inbound) {
	if b.file.IsOpen() {
		b.file.Close()
	} else if b.block != nil {
		l.blocks.Put(b.block)
	}
	b.block = nil
	l.charge(b, 0)
	b.hold(0)
	b.kind, b.awaited = bodyNone, false
}

// takeOver puts what another body was decoded to in the place of b.
func (l *Loop) takeOver(b, from *inbound) {
	l.releaseBody(b)
	b.kind, b.length, b.got = bodyCollected, from.got, from.got
	b.block, b.file, b.charged, b.together, b.held = from.block, from.file, from.charged, from.together, from.held
	*from = inbound{}
}

// fileIsMemory reports whether files of bodies take memory too.
func (l *Loop) fileIsMemory() bool { return l.cfg.SpillDir == "" }

// hasBodyRoom reports whether b may take so many bytes of memory, instead of those that it has.
func (l *Loop) hasBodyRoom(b *inbound, size int) bool {
	return l.cfg.BodyMemory == 0 || l.bodyBytes+int64(size-b.charged) <= l.cfg.BodyMemory
}

// fitsBeside reports whether a block of so many bytes, instead of what b has, fits beside those of other bodies of its connection: together
// they have as much as one may have. The only one fits.
func (b *inbound) fitsBeside(size int, most int64) bool {
	if b.together == nil {
		return true
	}
	others := *b.together - int64(b.held)
	return others == 0 || others+int64(size) <= most
}

// hold takes in how many bytes b's block has, of which the connection's bodies have some together.
func (b *inbound) hold(size int) {
	if b.together != nil {
		*b.together += int64(size - b.held)
		b.held = size
	}
}

// charge takes in how many bytes of memory b has.
func (l *Loop) charge(b *inbound, size int) {
	l.bodyBytes += int64(size - b.charged)
	b.charged = size
}

func (l *Loop) chargeFile(b *inbound) {
	if l.fileIsMemory() {
		l.charge(b, len(b.file.Bytes()))
	} else {
		l.charge(b, 0)
	}
}
