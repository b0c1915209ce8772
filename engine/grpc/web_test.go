package grpc

import (
	"bytes"
	"encoding/base64"
	"testing"
)

func TestAppendTrailerFrame(t *testing.T) {
	for _, row := range []struct {
		code        Code
		text, lines string
		want        string
	}{
		{OK, "", "", "\x80\x00\x00\x00\x10grpc-status: 0\r\n"},
		{NotFound, "100 %\n", "", "\x80\x00\x00\x00\x2agrpc-status: 5\r\ngrpc-message: 100 %25%0A\r\n"},
		{Unauthenticated, "", "X-A: B\r\nx-b: X: Y\r\n", "\x80\x00\x00\x00\x24grpc-status: 16\r\nx-a: B\r\nx-b: X: Y\r\n"},
	} {
		got := AppendTrailerFrame([]byte("before"), row.code, []byte(row.text), []byte(row.lines))
		if string(got) != "before"+row.want {
			t.Errorf("%q, want %q", got[len("before"):], row.want)
		}
	}
}

func TestDecodeWebText(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "AA==": "\x00", "AAE=": "\x00\x01", "AAEC": "\x00\x01\x02", "AA==AAE=AAEC": "\x00\x00\x01\x00\x01\x02", "AAECAA==": "\x00\x01\x02\x00",
	} {
		if got, ok := DecodeWebText([]byte(text)); string(got) != want || !ok {
			t.Errorf("%q: %q, %v", text, got, ok)
		}
	}
	for _, text := range []string{"A", "AA", "AAA", "A===", "=AAA", "AA=A", "AAAA=", "AA*A", "AA==A", "===="} {
		if got, ok := DecodeWebText([]byte(text)); ok {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// What is encoded in pieces comes back, decoded where it lies, and what does not decode is refused without a step outside.
func FuzzDecodeWebText(f *testing.F) {
	f.Add([]byte("a message"), 4)
	f.Add([]byte("AA==AAE=AAEC"), 1)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		cut = int(uint(cut) % uint(len(b)+1))
		text := AppendWebText(AppendWebText(nil, b[:cut]), b[cut:])
		if got, ok := DecodeWebText(text); !ok || !bytes.Equal(got, b) {
			t.Errorf("%q comes back as %q, %v", b, got, ok)
		}
		text = bytes.Clone(b)
		got, ok := DecodeWebText(text[:len(text):len(text)])
		if want, err := base64.StdEncoding.DecodeString(string(b)); err == nil && (!ok || !bytes.Equal(got, want)) && !bytes.ContainsAny(b, "\r\n") {
			t.Errorf("%q: %q, %v", b, got, ok)
		}
	})
}
