package engine

import (
	"bytes"
	"slices"
	"testing"

	"libforker/engine/grpc"
)

// gatherAll gathers the messages of a stream that comes in pieces of so many bytes, and returns them with how many bytes are left of
// the next one. refused: there is one that is not taken.
func gatherAll(l *Loop, r *request, stream []byte, size int) (messages []string, left int, refused bool) {
	defer func() {
		l.releaseBody(&r.body)
		r.body.got = 0
	}()
	for piece := range slices.Chunk(stream, size) {
		for len(piece) > 0 {
			whole, n, refusal := l.gather(r, piece)
			if refusal != nil {
				return messages, 0, true
			}
			piece = piece[n:]
			if whole != nil {
				messages = append(messages, string(whole))
				l.dropGathered(&r.body)
			}
		}
	}
	return messages, r.body.got, false
}

// split is what gatherAll should give.
func split(stream []byte, most int64) (messages []string, left int, refused bool) {
	for len(stream) >= grpc.PrefixLen {
		p, ok := grpc.ReadPrefix(stream)
		if !ok || int64(p.Size) > most {
			return messages, 0, true
		}
		if len(stream) < grpc.PrefixLen+p.Size {
			break
		}
		messages = append(messages, string(stream[:grpc.PrefixLen+p.Size]))
		stream = stream[grpc.PrefixLen+p.Size:]
	}
	return messages, len(stream), false
}

// FuzzGather: the same messages come out of a stream however it is cut, in memory and in files, up to the first that is refused.
func FuzzGather(f *testing.F) {
	message := func(size int, compressed bool) []byte {
		return append(grpc.AppendPrefix(nil, grpc.Prefix{Compressed: compressed, Size: size}), bytes.Repeat([]byte("m"), size)...)
	}
	f.Add(slices.Concat(message(0, false), message(3, true), message(500, false)), 1)
	f.Add(slices.Concat(message(1, false), message(2000, false)), 7)
	f.Add(slices.Concat(message(1, true), []byte("\x02\x00\x00\x00\x00")), 4)
	f.Add(message(100, false)[:50], 9)
	var l Loop
	l.cfg.BodyBuffer = 200
	r := &request{rpc: rpc{form: grpc.Plain, gzip: true, method: &RPCMethod{MaxMessage: 1000}}}
	f.Fuzz(func(t *testing.T, stream []byte, size int) {
		if size <= 0 || len(stream) > 4000 {
			return
		}
		messages, left, refused := split(stream, r.rpc.method.MaxMessage)
		for _, size := range []int{size, max(len(stream), 1)} {
			got, gotLeft, gotRefused := gatherAll(&l, r, stream, size)
			if !slices.Equal(got, messages) || gotLeft != left || gotRefused != refused {
				t.Errorf("in pieces of %d: %q, %d left, refused: %v; want %q, %d, %v", size, got, gotLeft, gotRefused, messages, left, refused)
			}
		}
		if l.bodyBytes != 0 {
			t.Errorf("%d bytes of bodies are not given back", l.bodyBytes)
		}
	})
}
