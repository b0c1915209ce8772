package coding

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func TestAccept_best(t *testing.T) {
	all := []Coding{Zstd, Gzip}
	for _, row := range []struct {
		fields string // Separated by "|".
		want   Coding
	}{
		{"", Identity},
		{"gzip", Gzip},
		{"GZIP, deflate, br", Gzip},
		{"x-gzip", Gzip},
		{"gzip, zstd", Zstd},
		{"gzip;q=1, zstd;q=0.5", Gzip},
		{"gzip;q=0.5, *;q=0", Gzip},
		{"gzip;q=0", Identity},
		{"*", Zstd},
		{"*;q=0", Identity},
		{"zstd;q=0, *", Gzip},
		{"identity;q=0, gzip;q=0.001", Gzip},
		{"identity, gzip;q=0.5", Identity},
		{"gzip;q=2, zstd;q=x", Identity},
		{"br|zstd;q=0.2|gzip;q=0.3", Gzip},
		{"gzip;q=0.5|*;q=0.8", Zstd},
		{" , ;q=1, gzip ; q=0.7 ", Gzip},
	} {
		accept := NewAccept()
		for field := range strings.SplitSeq(row.fields, "|") {
			accept.Add([]byte(field))
		}
		if got := accept.Best(all); got != row.want {
			t.Errorf("%q: %v, want %v", row.fields, got, row.want)
		}
	}
}

func TestPolicy_takes(t *testing.T) {
	p := NewPolicy("on", "text/*, application/JSON", 0)
	for value, want := range map[string]bool{
		"text/html": true, "Text/Html; charset=utf-8": true, "application/json ;x=y": true, "application/jsonx": false,
		"text/event-stream": false, "image/png": false, "text/": false, "": false, "text": false,
	} {
		if p.Takes([]byte(value)) != want {
			t.Errorf("%q: %v", value, !want)
		}
	}
	if p := NewPolicy("on", "*, text/event-stream", 0); !p.Takes([]byte("text/event-stream")) || !p.Takes([]byte("image/png")) {
		t.Error("what is named is not taken")
	}
	if NewPolicy("off", "*", 0) != nil {
		t.Error("off is a policy")
	}
}

func TestRead(t *testing.T) {
	for _, row := range []struct {
		lines string
		want  Fields
	}{
		{"", Fields{}},
		{"Content-Type:  text/a \r\nETag: \"x\"\r\n", Fields{Type: []byte("text/a"), Tag: 30}},
		{"etag: W/\"x\"\r\n", Fields{}},
		{"Vary: Origin, accept-encoding\r\n", Fields{Varies: true}},
		{"Vary: *\r\n", Fields{Varies: true}},
		{"Vary: Origin\r\n", Fields{}},
		{"Cache-Control: private, No-Transform\r\n", Fields{Forbids: true}},
		{"Content-Encoding: br\r\n", Fields{Forbids: true}},
		{"content-range: bytes 0-1/2\r\n", Fields{Forbids: true}},
		{"X:\r\n", Fields{}},
	} {
		got := Read([]byte(row.lines))
		if !bytes.Equal(got.Type, row.want.Type) || got.Tag != row.want.Tag || got.Varies != row.want.Varies || got.Forbids != row.want.Forbids {
			t.Errorf("%q: %+v", row.lines, got)
		}
	}
}

func decode(t *testing.T, c Coding, coded io.Reader) string {
	t.Helper()
	var r io.Reader
	var err error
	if c == Gzip {
		r, err = gzip.NewReader(coded)
	} else {
		r, err = zstd.NewReader(coded)
	}
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

func TestEncoder_isDecoded(t *testing.T) {
	text := strings.Repeat("some text that comes again and again, ", 10000)
	for _, c := range []Coding{Gzip, Zstd} {
		e := NewEncoder(c)
		for _, size := range []int{0, 1, 100, len(text)} {
			var coded bytes.Buffer
			e.Begin()
			for left := text[:size]; ; {
				piece := left[:min(len(left), 50000)]
				left = left[len(piece):]
				out := e.Encode([]byte(piece), left == "")
				if coded.Write(out); len(out) == 0 {
					t.Errorf("%v: nothing of %d bytes", c, len(piece))
				}
				if left == "" {
					break
				}
			}
			if decode(t, c, &coded) != text[:size] {
				t.Errorf("%v: %d bytes are others", c, size)
			}
		}
	}
}

// Whatever was encoded before, a piece can be read as soon as it is encoded.
func TestEncoder_flushes(t *testing.T) {
	for _, c := range []Coding{Gzip, Zstd} {
		r, w := io.Pipe()
		e := NewEncoder(c)
		e.Begin()
		go func() {
			for _, piece := range []string{"one", "two", ""} {
				_, _ = w.Write(bytes.Clone(e.Encode([]byte(piece), piece == "")))
			}
			_ = w.Close()
		}()
		if got := decode(t, c, r); got != "onetwo" {
			t.Errorf("%v: %q", c, got)
		}
	}
}

func TestEncoder_allocatesLittle(t *testing.T) {
	text := []byte(strings.Repeat("some text that comes again and again, ", 300))
	for _, c := range []Coding{Gzip, Zstd} {
		e := NewEncoder(c)
		if n := testing.AllocsPerRun(50, func() { e.Begin(); e.Encode(text, false); e.Encode(text, true) }); n > 2 { // Of zstd.
			t.Errorf("%v: %v allocations", c, n)
		}
	}
}
