package coding

import (
	"bytes"
	"strings"
	"testing"
)

// flow decodes a text that comes in pieces of some size.
func flow(d *Decoder, coded []byte, size int) (string, State) {
	f := NewInflow(d)
	defer f.Close()
	var plain strings.Builder
	for at := 0; ; {
		piece, state := f.Next()
		plain.Write(piece)
		switch {
		case state == Hungry && at == len(coded)+1: // It was told that nothing follows.
			return plain.String(), Failed
		case state == Hungry:
			end := min(at+size, len(coded))
			f.Feed(coded[at:end], end == len(coded))
			if at = end; at == len(coded) {
				at++
			}
		case state != Full:
			return plain.String(), state
		}
	}
}

func TestInflow_isTheSameHoweverItComes(t *testing.T) {
	text := strings.Repeat("some text that comes again and again, ", 5000)
	for _, c := range []Coding{Gzip, Zstd} {
		e, d := NewEncoder(c), NewDecoder(c)
		e.Begin()
		whole := bytes.Clone(e.Encode([]byte(text), true))
		for _, size := range []int{1, 7, 1000, len(whole)} {
			if got, state := flow(d, whole, size); state != Ended || got != text {
				t.Errorf("%v in pieces of %d: %d bytes, state %d", c, size, len(got), state)
			}
			for cut := 1; cut < len(whole); cut += 1 + cut/2 {
				if got, state := flow(d, whole[:cut], size); state != Failed || !strings.HasPrefix(text, got) {
					t.Errorf("%v cut at %d, in pieces of %d: %d bytes, state %d", c, cut, size, len(got), state)
				}
			}
		}
		// It can be left at any time, and the decoder goes on with another body.
		for n := range 4 {
			f := NewInflow(d)
			for range n {
				f.Feed(whole[:20], false)
				f.Next()
			}
			f.Close()
		}
		if got, state := flow(d, whole, 100); state != Ended || got != text {
			t.Errorf("%v afterwards: %d bytes, state %d", c, len(got), state)
		}
	}
}

func FuzzInflow(f *testing.F) {
	for _, c := range []Coding{Gzip, Zstd} {
		e := NewEncoder(c)
		e.Begin()
		f.Add(bytes.Clone(e.Encode([]byte(strings.Repeat("hello ", 100)), true)), 3)
	}
	gzip, zstd := NewDecoder(Gzip), NewDecoder(Zstd)
	f.Fuzz(func(t *testing.T, coded []byte, size int) {
		if size < 1 || len(coded) > 1<<16 {
			return
		}
		for _, d := range []*Decoder{gzip, zstd} {
			whole, state := flow(d, coded, len(coded)+1)
			if pieces, same := flow(d, coded, size); same != state || state == Ended && pieces != whole {
				t.Errorf("%v: %d bytes and state %d as a whole, %d bytes and state %d in pieces of %d", d.Coding(), len(whole), state, len(pieces), same, size)
			}
		}
	})
}
