package engine

import (
	"bytes"
	"io"

	"libforker/engine/coding"
	"libforker/engine/gate"
	"libforker/engine/memory"
	"libforker/engine/message"
)

// Bodies of requests that come compressed. One that is collected is decoded when all of it is there, into a block or file as
// any other body; one that the program takes piece by piece is decoded as it comes. Either way what it is decoded to is held
// to the limits of bodies, and others have their turn meanwhile.

// decoding is what bodies are decoded with.
type decoding struct {
	decoders [coding.Count][]*coding.Decoder // Free ones.
	decodes  *offload                        // Has bodies go on that let others go first; nil: none is decoded. It has no threads.
	decoded  []byte                          // Where the next piece of one is decoded to.
}

// decode is a request's body that is being decoded.
type decode struct {
	decoder *coding.Decoder
	charged int // Bytes of the decoder in Loop.bodyBytes.

	// Of a body that has been collected.
	from  bytes.Reader // What has come,
	plain inbound      // and what that is.

	// Of one that is taken piece by piece.
	inflow *coding.Inflow
	given  int  // Bytes that the program has had.
	more   bool // There may be more without being fed.
	ended  bool // The program has, or gets now, the last piece.
	turn   int  // Bytes since others have had their turn.
}

const (
	// decodePiece is how much is decoded at a time,
	decodePiece = 64 << 10
	// decodeTurn how much before others have their turn,
	decodeTurn = 256 << 10
	// and keptDecoders how many decoders of a coding are kept while nobody uses them.
	keptDecoders = 2
)

var errBodyCoding = &message.Refusal{Status: 400, Reason: "the body is not what its Content-Encoding says"}

// startDecoding makes ready for bodies that are compressed, if some are decoded.
func (l *Loop) startDecoding() error {
	if l.cfg.Front == nil || !l.cfg.Front.Decodes {
		return nil
	}
	l.decoded = make([]byte, decodePiece)
	var err error
	l.decodes, err = l.openOffload(0, 0)
	return err
}

// passCoding looks at how the body is coded that is to come. The program sees it decoded, and no fields about what it was.
func (l *Loop) passCoding(r *request) barrier {
	b := &r.body
	if b.kind != bodyNone || b.length == 0 || r.isCall() {
		return passes
	}
	var known bool
	if b.coding, known = gate.FindCoding(&r.shared.Head, r.text); !known {
		return barredByCoding
	}
	if b.coding != coding.Identity {
		gate.HideCoding(&r.shared.Head, r.text)
	}
	return passes
}

// isCoded reports whether the body has been collected, and not decoded.
func (b *inbound) isCoded() bool {
	return b.coding != coding.Identity && b.kind != bodyNone && b.kind != bodyPassed
}

// beginDecode gets what a body is decoded with.
func (l *Loop) beginDecode(r *request) *message.Refusal {
	c := r.body.coding
	var d *coding.Decoder
	if free := l.decoders[c]; len(free) > 0 {
		d = free[len(free)-1]
		l.decoders[c] = free[:len(free)-1]
	} else {
		d = coding.NewDecoder(c)
	}
	r.decode = &decode{decoder: d}
	if cost := d.Cost(); l.cfg.BodyMemory == 0 || l.bodyBytes+int64(cost) <= l.cfg.BodyMemory {
		r.decode.charged = cost
		l.bodyBytes += int64(cost)
		return nil
	}
	l.endDecode(&r.received)
	return errBodyMemory
}

// endDecode gives that back.
func (l *Loop) endDecode(in *received) {
	d := in.decode
	in.decode = nil
	if d.inflow != nil {
		d.inflow.Close()
	}
	_ = d.decoder.Begin(bytes.NewReader(nil)) // It lets go of the body. That there is none is an error.
	if free := &l.decoders[d.decoder.Coding()]; len(*free) < keptDecoders {
		*free = append(*free, d.decoder)
	}
	l.bodyBytes -= int64(d.charged)
	if d.plain.kind != bodyNone {
		l.releaseBody(&d.plain)
	}
}

// serveDecoded decodes a body that has been collected, and has the handlers serve the request then. It may take several turns.
func (l *Loop) serveDecoded(r *request) {
	if fault := l.beginCollected(r); fault != nil {
		l.refuseDecoded(r, fault)
		return
	}
	l.decodeCollected(r)
}

func (l *Loop) beginCollected(r *request) *message.Refusal {
	if r.shared.BodyLen == 0 {
		return nil
	}
	if fault := l.beginDecode(r); fault != nil {
		return fault
	}
	d := r.decode
	d.plain.kind, d.plain.length, d.plain.most, d.plain.together = bodyCollected, -1, r.body.most, r.body.together
	d.from.Reset(memory.View(r.shared.Body, r.shared.BodyLen))
	return faultOf(d.decoder.Begin(&d.from))
}

// refuseDecoded answers in place of the handlers. The whole body has come, so the connection goes on.
func (l *Loop) refuseDecoded(r *request, fault *message.Refusal) {
	if r.decode != nil {
		l.endDecode(&r.received)
	}
	l.respondWith(r, Outcome{Status: fault.Status, Detail: fault.Reason})
}

// decodeCollected goes on with it for a turn.
func (l *Loop) decodeCollected(r *request) {
	ended, fault := r.decode == nil, (*message.Refusal)(nil)
	for n := 0; n < decodeTurn && !ended && fault == nil; n += decodePiece {
		ended, fault = l.decodeOnce(r.decode)
	}
	switch {
	case fault != nil:
		l.refuseDecoded(r, fault)
	case !ended:
		l.decodeLater(r)
	default:
		l.takePlain(r)
		l.cfg.Handlers.Serve(&r.call)
		l.carryOut(r)
	}
}

// decodeOnce decodes the next piece to where it belongs.
func (l *Loop) decodeOnce(d *decode) (ended bool, fault *message.Refusal) {
	n, err := d.decoder.Read(l.decoded)
	if int64(d.plain.got+n) > d.plain.most {
		return false, errBodyTooLarge
	}
	if n > 0 {
		if fault := l.writeBody(&d.plain, l.decoded[:n]); fault != nil {
			return false, fault
		}
	}
	if err == io.EOF {
		return true, l.completeBody(&d.plain)
	}
	return false, faultOf(err)
}

// faultOf is what a client is told of an error of a decoder.
func faultOf(err error) *message.Refusal {
	if err == nil {
		return nil
	}
	return errBodyCoding
}

// decodeLater goes on in the next iteration.
func (l *Loop) decodeLater(r *request) {
	r.become(statePooled)
	l.decodes.later(offloadJob{finish: func() {
		if r.stream == nil {
			l.finishDetached(r)
			return
		}
		c := r.stream.conn()
		r.become(stateHandling)
		l.decodeCollected(r)
		l.resume(r, c)
	}})
}

// takePlain puts what a body was decoded to in its place.
func (l *Loop) takePlain(r *request) {
	b := &r.body
	b.coding = coding.Identity
	if d := r.decode; d != nil {
		l.takeOver(b, &d.plain)
		l.endDecode(&r.received)
		l.shareBody(r)
	}
	r.shared.Head.ContentLength = int64(r.shared.BodyLen)
}

// passCoded takes a piece of a body that is decoded as it comes, and gives the program what that is.
func (l *Loop) passCoded(r *request, piece []byte) {
	b := &r.body
	if r.decode == nil {
		if b.over && b.got == 0 { // There is none.
			b.coding = coding.Identity
			l.givePiece(r, nil)
			return
		}
		if fault := l.beginDecode(r); fault != nil {
			l.refuseBody(r, fault, CloseError)
			return
		}
		r.decode.inflow = coding.NewInflow(r.decode.decoder)
	}
	r.decode.inflow.Feed(piece, b.over)
	l.giveDecoded(r)
}

// giveDecoded gives the program the next piece of what has been fed, if that comes to one.
func (l *Loop) giveDecoded(r *request) {
	d, b := r.decode, &r.body
	piece, state := d.inflow.Next()
	d.more = state == coding.Full
	d.turn += len(piece)
	d.given += len(piece)
	switch {
	case state == coding.Failed, state == coding.Ended && !b.over:
		l.refuseBody(r, errBodyCoding, CloseError)
	case int64(d.given) > b.most:
		l.refuseBody(r, errBodyTooLarge, CloseError)
	case state == coding.Full:
		l.givePiece(r, piece)
	case state == coding.Ended:
		d.ended = true
		l.givePiece(r, nil)
	}
}

// passDecoded gives the program more of what has come, without reading. false: there is nothing, or others have their turn first.
func (l *Loop) passDecoded(r *request) bool {
	d := r.decode
	if d == nil || !d.more || d.turn >= decodeTurn {
		return false
	}
	l.giveDecoded(r)
	return true
}

// isDecodeTurn reports whether there is more of what has come, for when others have had their turn.
func (r *request) isDecodeTurn() bool {
	if !r.hasUndecoded() {
		return false
	}
	r.decode.turn = 0
	return true
}

// hasUndecoded reports whether there may be more to give the program of what has come.
func (r *request) hasUndecoded() bool { return r.decode != nil && r.decode.more }

// isOver reports whether the program has, or gets now, all of the body.
func (r *request) isOver() bool {
	return r.body.over && (r.body.coding == coding.Identity || r.decode != nil && r.decode.ended)
}
