package grpc

import (
	"bytes"
	"strings"
	"testing"
)

func TestTakesGzip(t *testing.T) {
	for value, want := range map[string]bool{
		"gzip": true, "identity,gzip": true, "identity, gzip": true, "gzip ,deflate": true, "\tgzip": true,
		"": false, "identity": false, "gzipped": false, "xgzip": false, "GZIP": false, "gzip;q=0": false, ",": false,
	} {
		if got := TakesGzip([]byte(value)); got != want {
			t.Errorf("%q: %v", value, got)
		}
	}
}

// inflated returns what a message was before.
func inflated(t *testing.T, message []byte) []byte {
	t.Helper()
	var i Inflater
	var whole []byte
	fault := i.Begin(message, 1<<30)
	for fault == nil {
		var piece []byte
		if piece, fault = i.Next(); len(piece) == 0 {
			break
		}
		whole = append(whole, piece...)
	}
	if fault != nil {
		t.Fatal(fault)
	}
	return whole
}

func FuzzDeflater(f *testing.F) {
	f.Add([]byte(""), 1)
	f.Add([]byte("a"), 1000)
	f.Add([]byte("\x00\xff\x01 and so on"), 3)
	f.Add([]byte("message "), 20_000)
	d := NewDeflater()
	f.Fuzz(func(t *testing.T, part []byte, times int) {
		if times < 0 || times*len(part) > 1<<20 {
			return
		}
		message := bytes.Repeat(part, times)
		short := d.Deflate(message)
		if short == nil {
			return
		}
		if len(short) >= len(message) {
			t.Errorf("%d bytes of %d", len(short), len(message))
		}
		if !bytes.Equal(inflated(t, short), message) {
			t.Errorf("%d bytes do not come back", len(message))
		}
	})
}

func TestDeflater_allocatesNothing(t *testing.T) {
	d := NewDeflater()
	message := []byte(strings.Repeat("a message ", 1000))
	if n := testing.AllocsPerRun(100, func() { d.Deflate(message) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
