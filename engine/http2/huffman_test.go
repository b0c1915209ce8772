package http2

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"golang.org/x/net/http2/hpack"
)

// The library's table and coder are the oracle of ours.
func TestHuffman_isThatOfTheLibrary(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 2000 {
		s := make([]byte, random.IntN(60))
		for j := range s {
			s[j] = byte(random.Uint32())
		}
		if i < 256 {
			s = []byte{byte(i)}
		}
		want := hpack.AppendHuffmanString(nil, string(s))
		got := appendCoded(nil, s)
		if !bytes.Equal(got, want) || codedLen(s) != len(want) {
			t.Fatalf("%q: %x of %d bytes, want %x", s, got, codedLen(s), want)
		}
		back, ok := appendDecoded([]byte("before"), want)
		if !ok || string(back) != "before"+string(s) {
			t.Fatalf("%q: %q, %v", s, back, ok)
		}
	}
}

func TestHuffman_padding(t *testing.T) {
	for _, row := range []struct {
		in   string
		want string
		ok   bool
	}{
		{"", "", true},
		{"\x1f", "a", true},                      // 00011 111
		{"\x1e", "a", false},                     // Not all ones.
		{"\x1f\xff", "a", false},                 // More than 7 bits.
		{"\xff", "", false},                      // Nothing but padding.
		{"\xff\xff\xff\xff", "", false},          // EOS.
		{"\xfe\x3f", "!", true},                  // 1111111000 111111
		{"\xff\xff\xff\xfc", "", false},          // A code is cut short: 30 bits of 28.
		{"\xff\xff\xff\xf3", "\n", true},         // 30 bits and 2 of padding
		{"\x1f\xff\xff\xff\xff\xff", "a", false}, // EOS behind a symbol.
		{"\x30\xff\x30\x61\xff\xff\xff\xff\x30\x30\x30\x30", "iaXEF", false}, // It is at the beginning of 64 bits.
		{"\x18\xc6\x31\x8c\x63", "aaaaaaaa", true},                           // 40 bits, no padding.
		{"\x18\xc6\x31\x8c\x63\xff", "aaaaaaaa", false},
	} {
		got, ok := appendDecoded(nil, []byte(row.in))
		want, err := hpack.HuffmanDecodeToString([]byte(row.in))
		if ok != (err == nil) || ok && string(got) != want {
			t.Errorf("%x: %q, %v; the library %q, %v", row.in, got, ok, want, err)
		}
		if ok != row.ok || ok && string(got) != row.want {
			t.Errorf("%x: %q, %v, want %q", row.in, got, ok, row.want)
		}
	}
}

func FuzzHuffman(f *testing.F) {
	f.Add([]byte("\x1f"))
	f.Add([]byte("\xff\xff\xff\xf3"))
	f.Add([]byte("\x30\xff\x30\x61\xff\xff\xff\xff\x30\x30\x30\x30"))
	f.Add(hpack.AppendHuffmanString(nil, "text/html; charset=utf-8"))
	f.Fuzz(func(t *testing.T, in []byte) {
		got, ok := appendDecoded(nil, in)
		want, err := hpack.HuffmanDecodeToString(in)
		if ok != (err == nil) || ok && string(got) != want {
			t.Fatalf("%x: %q, %v; the library %q, %v", in, got, ok, want, err)
		}
		coded := appendCoded(nil, in)
		if back, ok := appendDecoded(nil, coded); !ok || !bytes.Equal(back, in) {
			t.Fatalf("%x becomes %x", in, back)
		}
	})
}
