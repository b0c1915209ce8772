package static

import (
	"bytes"
	"strings"
	"testing"

	"libforker/engine/coding"
	"libforker/engine/message"
)

func TestIsServable(t *testing.T) {
	for path, want := range map[string]bool{
		"": true, "a": true, "a/": true, "a/b.c": true, "a b": true, "a..": true, "a./b": true, "\xff": true, ".well-known/x": true, ".well-known": true,
		".": false, "..": false, ".a": false, "a/.b": false, "a/.b/": false, "/": false, "//": false, "a//b": false, "/a": false, `a\b`: false,
		"a/.well-known/x": false, "a\x00": false, ".well-known/.x": false,
	} {
		if got := IsServable([]byte(path)); got != want {
			t.Errorf("%q: %v", path, got)
		}
	}
}

func TestEscapesSlash(t *testing.T) {
	for raw, want := range map[string]bool{
		"": false, "/a%2Fb": true, "/a%2fb": true, "%2F": true, "/%20%2f": true, "/a/b": false, "%2": false, "%": false, "%252F": false, "%22f": false,
	} {
		if got := EscapesSlash([]byte(raw)); got != want {
			t.Errorf("%q: %v", raw, got)
		}
	}
}

func TestMatches(t *testing.T) {
	for row, want := range map[string]bool{
		"*|": true, "*|a": true, "*.js|a.js": true, "*.js|a.jsx": false, "a*b*c|aXbYc": true, "a*b*c|abc": true, "a*b*c|acb": false,
		"|": true, "|a": false, "a|a": true, "**|x": true, "*.min.*|a.min.js": true, "*aab|aaaab": true, "assets/*|assets/a/b": true,
	} {
		pattern, text, _ := strings.Cut(row, "|")
		if got := matches(strings.TrimSpace(pattern), text); got != want {
			t.Errorf("%q: %v", row, got)
		}
	}
	// No pattern takes long.
	if matches(strings.Repeat("*a", 100)+"b", strings.Repeat("a", 4000)) {
		t.Error("a text without a b matches")
	}
}

func TestMount_saysTypeAndCacheControl(t *testing.T) {
	m, err := Open(t.TempDir(), Options{CacheControl: " *.js = public, max-age=1 ;docs/*=private; *=no-cache;", Types: "JS=application/x-own, log = text/x-log"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for _, row := range []struct{ name, typ, control string }{
		{"a.js", "application/x-own", "public, max-age=1"},
		{"docs/a.html", "text/html; charset=utf-8", "private"},
		{"docs/a.JS", "application/x-own", "private"},
		{"x/docs/a.log", "text/x-log; charset=utf-8", "no-cache"},
		{"js", unknown, "no-cache"},
		{"a.", unknown, "no-cache"},
		{"a.tar.GZ", "application/gzip", "no-cache"},
		{"dir.html/x", unknown, "no-cache"},
	} {
		if typ, control := m.typeOf(row.name), m.cacheControl(row.name); typ != row.typ || control != row.control {
			t.Errorf("%s: %q, %q", row.name, typ, control)
		}
	}
}

// wishesOf reads lines of fields.
func wishesOf(lines string) Wishes {
	var head message.Head
	text := []byte(lines)
	for at := 0; at < len(text); {
		end := at + bytes.IndexByte(text[at:], '\n')
		colon := at + bytes.IndexByte(text[at:end], ':')
		head.Fields[head.FieldCount] = message.Field{
			Name:  message.Span{Off: uint32(at), Len: uint32(colon - at)},
			Value: message.Span{Off: uint32(colon + 1), Len: uint32(end - colon - 1)},
		}
		head.FieldCount++
		at = end + 1
	}
	return Read(&head, text, true)
}

func FuzzRanges(f *testing.F) {
	for _, seed := range []string{"bytes=0-1", "bytes=-5,7-", "bytes=0-0,2-3,5-", "bytes=99999999999999999999-", "lines=1", "bytes=,,1-2,"} {
		f.Add(seed, int64(1000))
	}
	f.Fuzz(func(t *testing.T, value string, size int64) {
		if size <= 0 {
			return
		}
		var room [MostRanges]Range
		extent, parts := parseRanges([]byte(value), size, &room)
		if (extent == Parts) != (len(parts) > 0) {
			t.Fatalf("%d with %d parts", extent, len(parts))
		}
		total := int64(0)
		for i, p := range parts {
			if p.Start < 0 || p.Len <= 0 || p.Start > size-p.Len || overlaps(parts[:i], p) {
				t.Fatalf("%q of %d: %v", value, size, parts)
			}
			total += p.Len
		}
		if total > size {
			t.Fatalf("%q of %d: %d bytes", value, size, total)
		}
	})
}

func FuzzWishes(f *testing.F) {
	f.Add("gzip;q=0.5, *;q=0", `W/"a", "b"`, "Sat, 03 Feb 2001 04:05:06 GMT", "text/html")
	f.Fuzz(func(t *testing.T, codings, tags, date, accept string) {
		for _, value := range []string{codings, tags, date, accept} {
			if strings.ContainsAny(value, "\n\r\x00") {
				return
			}
		}
		w := wishesOf("accept-encoding:" + codings + "\nif-none-match:" + tags + "\nIf-Range:" + date + "\nRange:bytes=0-1\naccept:" + accept + "\nif-modified-since:" + date + "\n")
		file := &File{Representation: Representation{Fd: -1, Size: 10, tag: []byte("b")}}
		file.compressed[coding.Gzip] = &Representation{Fd: -1, Size: 5, tag: []byte("b-gzip")}
		r := w.Choose(file)
		if r == nil {
			t.Fatal("nothing is chosen")
		}
		w.Judge(r)
		w.WantsPage()
		var room [MostRanges]Range
		w.Ranges(r, &room)
	})
}
