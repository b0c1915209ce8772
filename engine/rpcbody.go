package engine

import (
	"libforker/engine/grpc"
	"libforker/engine/message"
)

// The messages of a call whose method takes any number: each is given to the program when it is whole, where it came if all of it is
// there, else from a block that it was gathered in.

// keptMessage is how much memory a call keeps for its next message.
const keptMessage = 64 << 10

var (
	errPrefix     = &message.Refusal{Status: 400, Reason: grpc.ErrPrefix.Text}
	errCutShort   = &message.Refusal{Status: 400, Reason: grpc.ErrCutShort.Text}
	errTooLarge   = &message.Refusal{Status: 413, Reason: grpc.ErrTooLarge.Text}
	errCompressed = &message.Refusal{Status: 400, Reason: grpc.ErrFlag.Text}
)

// passMessages gives the program the messages that a piece of the body completes.
func (st *h2stream) passMessages(l *Loop, piece []byte) {
	r := st.request
	for len(piece) > 0 && r.state == stateTaking {
		whole, n, refusal := l.gather(r, piece)
		piece = piece[n:]
		st.h.session.Take(st.s, n)
		if refusal != nil {
			l.refuseBody(r, refusal, CloseError)
			return
		}
		if whole != nil {
			r.shared.RPC.Compressed = whole[0]
			if message := whole[grpc.PrefixLen:]; whole[0] == 0 {
				l.passMessage(r, message)
			} else if refusal = l.passInflated(r, message); refusal != nil {
				l.refuseBody(r, refusal, CloseError)
				return
			}
			if st.request != r || r.stream == nil {
				return
			}
			l.dropGathered(&r.body)
		}
	}
	switch {
	case r.state == statePaused && len(piece) > 0:
		st.keep(l, piece)
	case r.state == stateTaking && st.ended && r.body.got > 0:
		l.refuseBody(r, errCutShort, CloseError)
	case r.state == stateTaking && st.ended:
		r.body.over = true
		l.passPiece(r, nil)
	}
}

// gather takes n bytes of piece, which complete a message, that is not nil then and has its prefix, or are all of piece.
func (l *Loop) gather(r *request, piece []byte) (whole []byte, n int, refusal *message.Refusal) {
	b := &r.body
	if b.got == 0 && len(piece) >= grpc.PrefixLen {
		size, refusal := r.sizeOf(piece)
		if refusal != nil || len(piece) >= size {
			return piece[:size], size, refusal
		}
	}
	b.length = -1
	if b.got < grpc.PrefixLen {
		n = min(grpc.PrefixLen-b.got, len(piece))
		if refusal = l.writeBody(b, piece[:n]); refusal != nil || b.got < grpc.PrefixLen {
			return nil, n, refusal
		}
	}
	size, refusal := r.sizeOf(b.block)
	if refusal == nil {
		more := min(size-b.got, len(piece)-n)
		refusal = l.writeBody(b, piece[n:n+more])
		n += more
	}
	if refusal != nil || b.got < size {
		return nil, n, refusal
	}
	return b.block[:size], n, nil
}

// sizeOf returns how many bytes a message has with the prefix that it begins with.
func (r *request) sizeOf(b []byte) (size int, refusal *message.Refusal) {
	p, ok := grpc.ReadPrefix(b)
	switch {
	case !ok:
		return 0, errPrefix
	case int64(p.Size) > r.rpc.method.MaxMessage:
		return 0, errTooLarge
	case p.Compressed && !r.rpc.gzip:
		return 0, errCompressed
	}
	return grpc.PrefixLen + p.Size, nil
}

// passMessage gives the program a message, and carries out what it says.
func (l *Loop) passMessage(r *request, whole []byte) {
	req := r.shared
	req.Now, req.Box = uint64(l.clock.now), l.box
	r.call.Outcome = Outcome{}
	r.become(stateHandling)
	l.cfg.Handlers.Body(&r.call, whole, BodyGoesOn)
	l.carryOut(r)
}

// dropGathered makes room for the next message.
func (l *Loop) dropGathered(b *inbound) {
	if b.got = 0; b.file.IsOpen() {
		b.file.Close()
	} else if len(b.block) > keptMessage {
		l.blocks.Put(b.block)
	} else {
		return
	}
	b.block = nil
	l.charge(b, 0)
	b.hold(0)
}

// isDuplex reports whether a response begins while the program takes more of the request.
func (r *request) isDuplex() bool {
	return r.isCall() && r.shared.Response.RPC == RPCStream && r.call.Outcome.Status == 0 && r.shared.OnBody != 0 &&
		(r.state == stateTaking || r.state == statePaused)
}
