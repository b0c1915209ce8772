package http2

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"

	"libforker/engine/http1"
	"libforker/engine/message"
)

// told is all that a caller can learn of a connection that gets some bytes.
type told struct {
	events  string
	control string
	rest    int // Bytes that are not taken.
	fault   string
}

var small = message.Limits{Head: 300, Target: 40, Fields: 6}

// feed gives a connection the first cuts[0], cuts[1] ... bytes of in, then all of it. Streams are released when their request has ended,
// and their bodies taken at once.
func feed(in []byte, cuts ...int) told {
	sh := NewShared(small, 3)
	conn := sh.Open(0)
	var h message.Head
	var log strings.Builder
	body := map[uint32]int{} // Of a body that goes on.
	at := 0
	for _, cut := range append(cuts, len(in)) {
		for conn.Fault() == nil {
			b := slices.Clone(in[at:cut])
			n, ev := conn.Next(b[:len(b):len(b)], 0)
			if n == 0 && ev.Kind == None {
				break
			}
			at += n
			s := ev.Stream
			block := make([]byte, small.Head)
			switch ev.Kind {
			case None:
				continue
			case Head:
				n, refusal := conn.ReadHead(s, block, &h)
				fmt.Fprintf(&log, "head %d %v %d %v %s\n", s.id, ev.End, n, refusal, describe(block, &h))
			case Trailers:
				n, refusal := conn.ReadTrailers(s, block, 0, &h)
				fmt.Fprintf(&log, "%d trailers %d %v %q\n", body[s.id], s.id, refusal, block[:n])
			case Data:
				conn.Take(s, len(conn.Piece()))
				body[s.id] += len(conn.Piece())
				if ev.End {
					fmt.Fprintf(&log, "body %d %d\n", s.id, body[s.id])
				}
			default:
				fmt.Fprintf(&log, "%d %d\n", ev.Kind, ev.Code)
			}
			if s != nil && (ev.End || s.reset) {
				delete(body, s.id)
				_ = conn.AppendData(nil, s, 0, true)
				conn.Release(s)
			}
		}
	}
	for _, s := range slices.Sorted(func(yield func(uint32) bool) {
		for s := range conn.Streams {
			if !yield(s.id) {
				return
			}
		}
	}) {
		fmt.Fprintf(&log, "open %d %d\n", s, body[s])
	}
	t := told{events: log.String(), control: string(conn.AppendControl(nil)), rest: len(in) - at}
	if fault := conn.Fault(); fault != nil {
		t.fault, t.rest = fault.Reason, 0
	}
	sh.Close(conn)
	return t
}

// FuzzConn: what a connection says does not depend on how its input was cut.
func FuzzConn(f *testing.F) {
	c := newClient(f, small, 3)
	hello := Preface + "\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x10"
	seed := func(send func(c *client)) {
		c.in.Reset()
		c.in.WriteString(hello)
		send(c)
		f.Add(bytes.Clone(c.in.Bytes()), len(hello)+7)
	}
	seed(func(c *client) {
		c.headers(1, false, postFields...).data(1, false, 5).headers(1, true, "a: b").headers(3, true, getFields...)
	})
	seed(func(c *client) {
		c.headers(1, false, postFields...).raw(0, 9, 1, "\x02abc\x00\x00").raw(6, 0, 0, "12345678")
	})
	seed(func(c *client) { c.raw(1, 1, 1, "\x82\x86").raw(9, 0, 1, "\x84").raw(9, 4, 1, "\x41\x01h") })
	seed(func(c *client) {
		c.raw(1, 0x2d, 1, "\x01\x00\x00\x00\x03\x10\x82\x86\x84\x41\x01h\x00").raw(3, 0, 1, "\x00\x00\x00\x08")
	})
	seed(func(c *client) { c.raw(8, 0, 0, u31).raw(2, 0, 1, "\x00\x00\x00\x01\x01") })
	seed(func(c *client) {
		c.raw(16, 0, 0, "\x00\x00\x00\x01u=1").raw(7, 0, 0, "\x00\x00\x00\x00\x00\x00\x00\x00bye").data(1, true, 1)
	})
	f.Add([]byte("GET / HTTP/1.1\r\n"), 3)
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		if len(in) > 1<<12 {
			return
		}
		whole := feed(in)
		if got := feed(in, int(uint(cut)%uint(len(in)+1))); got != whole {
			t.Fatalf("%q cut at %d\nwhole %+v\nparts %+v", in, cut, whole, got)
		}
		every := make([]int, len(in)+1)
		for i := range every {
			every[i] = i
		}
		if got := feed(in, every...); got != whole {
			t.Fatalf("%q\nwhole %+v\nbytes %+v", in, whole, got)
		}
	})
}

// FuzzSection: a head that is accepted is one that HTTP/1.1 has too, and means the same there.
func FuzzSection(f *testing.F) {
	f.Add("GET", "/a?b", "h", "a: b\ncookie: c\ncookie: d")
	f.Add("POST", "/%41/../", "[::1]:2", "content-length: 5\nexpect: 100-continue\nhost: [::1]:2\nte: trailers")
	f.Add("OPTIONS", "*", "h:80", "a: \x80\nx:\ncookie: c\nb: d\ncookie: e")
	f.Add("A\nB", "/\r\nX: y", "h\r\n", ":path: /\nA: b\nconnection: close")
	f.Fuzz(func(t *testing.T, method, path, authority, lines string) {
		var block bytes.Buffer
		encoder := hpack.NewEncoder(&block)
		write := func(name, value string) { _ = encoder.WriteField(hpack.HeaderField{Name: name, Value: value}) }
		write(":method", method)
		write(":scheme", "http")
		write(":path", path)
		if authority != "" {
			write(":authority", authority)
		}
		for line := range strings.SplitSeq(lines, "\n") {
			name, value, _ := strings.Cut(line, ":")
			write(name, strings.TrimPrefix(value, " "))
		}
		if block.Len() > maxFrame {
			return
		}
		sh := NewShared(small, 1)
		conn := sh.Open(0)
		in := appendFrameHead([]byte(Preface), 0, frameSettings, 0, 0)
		in = append(appendFrameHead(in, block.Len(), frameHeaders, flagEndHeaders, 1), block.Bytes()...)
		var s *Stream
		for s == nil {
			n, ev := conn.Next(in, 0)
			in, s = in[n:], ev.Stream
		}
		var h message.Head
		text := make([]byte, small.Head)
		if _, refusal := conn.ReadHead(s, text, &h); refusal != nil {
			return
		}
		ours := describe(text, &h)
		if !delimited(text, &h) || h.Version != message.Version20 {
			t.Fatalf("%q: %s", text, ours)
		}
		compareHTTP1(t, text, &h, ours)
	})
}

// compareHTTP1 writes a head as HTTP/1.1 does, and has that parser read it.
func compareHTTP1(t *testing.T, text []byte, h *message.Head, ours string) {
	request := fmt.Sprintf("%s %s HTTP/1.1\r\n", h.Method.In(text), h.Target.In(text))
	for _, f := range h.Fields[:h.FieldCount] {
		request += fmt.Sprintf("%s: %s\r\n", f.Name.In(text), f.Value.In(text))
	}
	request += "\r\n"
	var p http1.Parser
	var other message.Head
	n, refusal := p.Parse([]byte(request), &other, &wide)
	if refusal != nil || n != len(request) {
		t.Fatalf("%q is refused by HTTP/1.1: %v", request, refusal)
	}
	if theirs := describe([]byte(request), &other); theirs != ours {
		t.Fatalf("%s, by HTTP/1.1\n%s", ours, theirs)
	}
	if h.PlainPath != other.PlainPath || h.HasQuery != other.HasQuery || h.Form != other.Form || h.KeepAlive != other.KeepAlive {
		t.Fatalf("%q: %d %d %d %d, by HTTP/1.1 %d %d %d %d", request, h.PlainPath, h.HasQuery, h.Form, h.KeepAlive, other.PlainPath,
			other.HasQuery, other.Form, other.KeepAlive)
	}
}
