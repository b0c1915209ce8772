package http1

import (
	"bytes"
	"strings"
	"testing"

	"libforker/engine/message"
)

var headSeeds = []string{
	wrkRequest, browserRequest, "\r\nOPTIONS * HTTP/1.0\r\n\r\nGET", "GET http://h:1?q HTTP/1.1\r\nHost: [::1]:2\r\nConnection: close , keep-alive\r\n\r\n",
	"POST /a?b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
	"PUT /%41/../ HTTP/1.0\r\nContent-Length: 5\r\nConnection: keep-alive\r\nA:\t\xff \r\n\r\nhello", "GET / HTTP/1.1\nHost: h\n\n",
	"GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x16\x03\x01\x02",
}

var chunkedSeeds = []string{
	"5\r\nhello\r\n0\r\n\r\nGET", "3;a=b;c=\"\\\"\"\r\nhel\r\n02\r\nlo\r\n0\r\nA: b\r\n\r\n", "fffffffffffffff\r\nabc", "1 \r\n", "0\n",
	"0\r\nA: b\r\nHost: c\r\nA:\t d \r\n\r\n", "1;a\r\nx\r\n0\r\nA: b\r\n c\r\n\r\n", "000000000000000001\r\nx\r\n0\r\n\r\n", "1\nx\n0\n\n",
}

// FuzzHead: the verdict does not depend on the cut, and what is accepted is made of what came.
func FuzzHead(f *testing.F) {
	for i, in := range headSeeds {
		f.Add(in, i*7, i%3*100)
	}
	f.Fuzz(func(t *testing.T, in string, cut, head int) {
		if len(in) > 1<<12 {
			return
		}
		lim := &message.Limits{Head: 64 + head&0x3ff, Target: 40, Fields: 6}
		whole := feed(in, lim)
		if got := feed(in, lim, int(uint(cut)%uint(len(in)+1))); got != whole {
			t.Fatalf("%q cut at %d\nwhole %+v\nparts %+v", in, cut, whole, got)
		}
		if got := feed(in, lim, everyByte(in)...); got != whole {
			t.Fatalf("%q\nwhole %+v\nbytes %+v", in, whole, got)
		}
		if whole.n == 0 {
			return
		}
		if whole.n > lim.Head || !strings.HasSuffix(in[:whole.n], "\r\n\r\n") {
			t.Fatalf("%q: %d bytes are not a head", in, whole.n)
		}
		if got := feed(in[:whole.n], lim); got != whole {
			t.Fatalf("%q depends on what follows the head", in)
		}
		if got := feed(in[:whole.n-1], lim); got != (outcome{}) {
			t.Fatalf("%q is complete before its last byte: %+v", in, got)
		}
	})
}

// FuzzTarget: a target that is accepted is put together again from its parts, however it was cut, and its path decodes
// to one that is rooted.
func FuzzTarget(f *testing.F) {
	for i, in := range []string{"/", "/a/b?c=d", "/a?", "*", "http://h:1/a?b", "HTTPS://[::1]?q", "http://h", "/%2e%2e/%00", "/a#b", "//x/../y", "http://u@h/"} {
		f.Add(in, i)
	}
	f.Fuzz(func(t *testing.T, target string, cut int) {
		if len(target) > 1<<10 {
			return
		}
		in := "OPTIONS " + target + " HTTP/1.1\r\nHost: h\r\n\r\n"
		whole := feed(in, &wide)
		if got := feed(in, &wide, int(uint(cut)%uint(len(in)+1))); got != whole {
			t.Fatalf("%q cut at %d\nwhole %+v\nparts %+v", in, cut, whole, got)
		}
		if whole.n != len(in) {
			return // Refused, or cut short by a line end in it.
		}
		var p Parser
		var h message.Head
		if _, err := p.Parse([]byte(in), &h, &wide); err != nil {
			t.Fatal(err)
		}
		part := func(s message.Span) string { return string(s.In([]byte(in))) }
		rest := part(h.Path)
		if h.HasQuery != 0 {
			rest += "?" + part(h.Query)
		}
		switch authority := part(h.Host); {
		case part(h.Target) != target:
			t.Fatalf("%q: the target is %q", target, part(h.Target))
		case h.Form == message.FormAbsolute && !strings.HasSuffix(target, "://"+authority+rest):
			t.Fatalf("%q is taken for %q and %q", target, authority, rest)
		case h.Form != message.FormAbsolute && rest != target:
			t.Fatalf("%q is taken for %q", target, rest)
		}
		path, err := DecodePath(nil, []byte(part(h.Path)))
		if err == nil && (len(path) == 0 || path[0] != '/' || bytes.IndexByte(path, 0) >= 0) {
			t.Fatalf("%q: the path is %q", target, path)
		}
	})
}

// FuzzChunked: the verdict depends neither on the cut nor on the room, and data is neither lost nor made up.
func FuzzChunked(f *testing.F) {
	for i, in := range chunkedSeeds {
		f.Add(in, i, i)
	}
	f.Fuzz(func(t *testing.T, in string, cut, size int) {
		if len(in) > 1<<12 {
			return
		}
		whole := decode(in, 0, len(in))
		if got := decode(in, int(uint(cut)%uint(len(in)+1)), 1+size&0xff); got != whole {
			t.Fatalf("%q cut at %d, room for %d\nwhole %+v\nparts %+v", in, cut, size, whole, got)
		}
		if got := decodeBytes(in); got != whole {
			t.Fatalf("%q\nwhole %+v\nbytes %+v", in, whole, got)
		}
		if len(whole.body) > whole.used || whole.used > len(in) {
			t.Fatalf("%q: a body of %q out of %d bytes", in, whole.body, whole.used)
		}
		if whole.done && decode(in[:whole.used-1], 0, len(in)).done {
			t.Fatalf("%q is done before its last byte", in)
		}
	})
}

// FuzzPath: a decoded path is rooted, has no dot segments and no NUL, and is left alone by another round unless it has
// a "%".
func FuzzPath(f *testing.F) {
	for _, in := range []string{"/", "/a/../b/./c//", "/%2e%2e/%2f..%2f", "/%25%32%65", "/%00", "..", "/a//../..//."} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		dst := make([]byte, 0, len(raw)+1)
		got, err := DecodePath(dst, raw)
		plain := PathIsPlain(raw)
		if err != nil {
			if plain || bytes.IndexByte(raw, '%') < 0 {
				t.Fatalf("%q is refused: %v", raw, err)
			}
			return
		}
		if plain != bytes.Equal(got, raw) {
			t.Fatalf("%q: plain is %v, decoded %q", raw, plain, got)
		}
		if cap(got) != cap(dst) || len(got) == 0 || got[0] != '/' {
			t.Fatalf("%q: %q", raw, got)
		}
		for segment := range bytes.SplitSeq(got[1:], []byte{'/'}) {
			if s := string(segment); s == "." || s == ".." {
				t.Fatalf("%q: %q has a dot segment", raw, got)
			}
		}
		if bytes.IndexByte(raw, 0) < 0 && bytes.IndexByte(got, 0) >= 0 {
			t.Fatalf("%q: %q has a NUL", raw, got)
		}
		if bytes.IndexByte(got, '%') < 0 && !PathIsPlain(got) {
			t.Fatalf("%q: %q is not plain", raw, got)
		}
	})
}
