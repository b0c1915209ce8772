package engine

import (
	"libforker/engine/grpc"
	"libforker/engine/message"
)

// Messages of calls that are compressed: each is inflated before the program has it, to where bodies are collected.

var errBroken = &message.Refusal{Status: 400, Reason: grpc.ErrBroken.Text}

// inflate writes a message of r to a body, inflated, behind what is there.
func (l *Loop) inflate(r *request, into *inbound, compressed []byte) *message.Refusal {
	if l.inflater == nil {
		l.inflater = new(grpc.Inflater)
	}
	piece, fault := []byte(nil), l.inflater.Begin(compressed, r.rpc.method.MaxMessage)
	for fault == nil {
		if piece, fault = l.inflater.Next(); fault != nil {
			break
		}
		if len(piece) == 0 {
			return nil
		}
		if refusal := l.writeBody(into, piece); refusal != nil {
			return refusal
		}
	}
	if fault == grpc.ErrTooLarge {
		return errTooLarge
	}
	return errBroken
}

// inflateBody puts the message of a body, inflated and with its prefix, in the place of that body.
func (l *Loop) inflateBody(r *request, compressed []byte) *message.Refusal {
	into := inbound{kind: bodyCollected, length: -1, together: r.body.together}
	var prefix [grpc.PrefixLen]byte
	refusal := l.writeBody(&into, prefix[:])
	if refusal == nil {
		refusal = l.inflate(r, &into, compressed)
	}
	if refusal == nil {
		grpc.AppendPrefix(into.block[:0], grpc.Prefix{Size: into.got - grpc.PrefixLen})
		refusal = l.completeBody(&into)
	}
	if refusal != nil {
		l.releaseBody(&into)
		return refusal
	}
	l.takeOver(&r.body, &into)
	l.shareBody(r)
	return nil
}

// passInflated gives the program a message that came compressed.
func (l *Loop) passInflated(r *request, compressed []byte) *message.Refusal {
	into := inbound{kind: bodyCollected, length: -1, together: r.body.together}
	refusal := l.inflate(r, &into, compressed)
	if refusal == nil {
		l.passMessage(r, into.block[:into.got])
	}
	l.releaseBody(&into)
	return refusal
}
