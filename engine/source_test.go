package engine

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

const (
	chunkedHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	getIn10     = "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
)

// write writes to a stream; the first time its head comes before. ends: nothing follows.
func (h *holder) write(req *Request, text string, ends bool) { h.tell(req, EventStream, ends, text) }

// begin makes the response a stream; length -1: not known.
func begin(req *Request, length int64) {
	req.Response.Status, req.Response.State, req.Response.Length = 200, ResponseWhole, length
	req.Response.Flags |= ResponseStream
}

func TestStream_inChunks(t *testing.T) {
	s, h := startHolder(t, packets, func(cfg *Config) { cfg.HandlerTimeout = time.Minute }) // Until it begins.
	requests := h.holdAll(s, "/stream")
	c := s.dial()
	for range 2 {
		c.send(get("/stream") + getHello)
		req := <-requests
		begin(req, -1)
		h.write(req, "", false)
		c.expect(chunkedHead)
		h.write(req, "hello", false)
		c.expect("5\r\nhello\r\n")
		s.pass(30 * time.Minute) // It may be silent for as long as it likes.
		h.write(req, "0123456789abcdef", false)
		c.expect("10\r\n0123456789abcdef\r\n")
		h.write(req, "", true)
		c.expect("0\r\n\r\n")
		c.expect(hello)
	}
	s.expectAllBack()
}

func TestStream_trailers(t *testing.T) {
	s, h := startHolder(t, tcp)
	for _, body := range []string{"", "data"} {
		s.handle("/stream", func(c *call) {
			req := h.hold(c)
			begin(req, -1)
			s.add(&req.Response.Trailers, "Sum: 42\r\n")
			h.write(req, body, true)
		})
		c := s.dial()
		c.send(get("/stream") + getHello)
		if res, got := c.response("GET"); got != body || res.Trailer.Get("Sum") != "42" {
			t.Errorf("%q %v", got, res.Trailer)
		}
		if _, got := c.response("GET"); got != "hello" {
			t.Errorf("%q", got)
		}
	}
}

func TestStream_framing(t *testing.T) {
	s, h := startHolder(t, tcp)
	const data = "some data"
	for _, row := range []struct {
		name, request string
		length        int64
		head, body    string
		open          bool
	}{
		{"length", get("/stream"), 9, "Content-Length: 9\r\n\r\n", data, true},
		{"length in 1.0", getIn10, 9, "Content-Length: 9\r\nConnection: keep-alive\r\n\r\n", data, true},
		{"no length in 1.0", getIn10, -1, "Connection: close\r\n\r\n", data, false},
		{"HEAD", "HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n", -1, "Transfer-Encoding: chunked\r\n\r\n", "", true},
		{"HEAD with length", "HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n", 9, "Content-Length: 9\r\n\r\n", "", true},
		{"shorter than promised", get("/stream"), 10, "Content-Length: 10\r\n\r\n", data, false},
	} {
		s.handle("/stream", func(c *call) {
			req := h.hold(c)
			begin(req, row.length)
			h.write(req, data[:4], false)
			h.write(req, data[4:], true)
		})
		c := s.dial()
		c.send(row.request + getHello)
		c.halfClose()
		want := "HTTP/1.1 200 OK\r\n" + row.head + row.body
		if row.open {
			want += hello
		}
		if got := c.all(); got != want {
			t.Errorf("%s: %q", row.name, got)
		}
	}
}

func TestStream_droppedInTheMiddle(t *testing.T) {
	s, h := startHolder(t, packets)
	requests := h.holdAll(s, "/stream")
	c := s.dial()
	c.send(get("/stream") + getHello)
	req := <-requests
	begin(req, -1)
	h.write(req, "", false)
	c.expect(chunkedHead)
	h.write(req, "some", false)
	c.expect("4\r\nsome\r\n")
	h.tell(req, EventDrop, true, "last")
	c.expect("4\r\nlast\r\n")
	c.expectEnd()
	if got := h.reasons(t, 1); got[0] != CloseError {
		t.Errorf("reason %d", got[0])
	}
	s.expectAllBack()
}

// TestStream_droppedForHEAD: the client has had all of that response, so its next request is answered.
func TestStream_droppedForHEAD(t *testing.T) {
	s, h := startHolder(t, packets)
	requests := h.holdAll(s, "/stream")
	c := s.dial()
	c.send("HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n" + getHello)
	req := <-requests
	begin(req, -1)
	h.write(req, "some", false)
	c.expect(chunkedHead)
	h.tell(req, EventDrop, true, "")
	c.expect(hello)
	s.expectAllBack()
}

func TestStream_clientLeaves(t *testing.T) {
	s, h := startHolder(t, tcp)
	requests := h.holdAll(s, "/stream")
	c := s.dial()
	c.send(get("/stream"))
	req := <-requests
	begin(req, -1)
	h.write(req, text(64<<20), false) // More than the kernel takes: the engine is in the middle of it.
	s.settle()
	c.reset()
	if got := h.reasons(t, 1); got[0] != CloseClient {
		t.Errorf("reason %d", got[0])
	}
	h.write(req, "more", true)
	s.expectAllBack()
}

func TestStream_slowReaderGetsEverything(t *testing.T) {
	s, h := startHolder(t, tcp)
	requests := h.holdAll(s, "/stream")
	c := s.dialSlow()
	c.send(get("/stream") + getHello)
	req := <-requests
	begin(req, -1)
	piece := text(1 << 20)
	for i := range 16 {
		h.write(req, piece, i == 15)
		s.settle()
	}
	c.in.Reset(slowly{c, s})
	if _, got := c.response("GET"); got != strings.Repeat(piece, 16) {
		t.Errorf("%d bytes", len(got))
	}
	if _, got := c.response("GET"); got != "hello" {
		t.Errorf("%q", got)
	}
	s.expectAllBack()
}

// expectAllBack demands that no request is with the program any more.
func (s *server) expectAllBack() {
	s.t.Helper()
	s.eventually("the requests to be taken back", func() bool { return len(s.loop.freeRequests) == len(s.loop.byIndex) })
}

// file returns a file with a text.
func (s *server) file(text string) *os.File {
	s.t.Helper()
	f, err := os.CreateTemp(s.t.TempDir(), "")
	s.must(err)
	s.t.Cleanup(func() { _ = f.Close() })
	_, err = io.WriteString(f, text)
	s.must(err)
	return f
}

func TestParts_inOrder(t *testing.T) {
	s := start(t, tcp)
	large := text(5 << 20)
	small, big := s.file("0123456789"), s.file(large)
	s.handle("/parts", func(c *call) {
		c.respond(200, "one ")
		c.lent("two ")
		c.part(Part{Kind: PartFile, Fd: int32(small.Fd()), Off: 3, Len: 4})
		c.part(Part{Kind: PartFile, Fd: int32(small.Fd()), Len: 0})
		c.respond(200, " three ")
		c.respond(200, "four ")
		c.part(Part{Kind: PartFile, Fd: int32(big.Fd()), Len: 5 << 20})
		c.lent(large)
		c.respond(200, " five")
	})
	want := "one two 3456 three four " + large + large + " five"
	quick, slow := s.dial(), s.dialSlow()
	slow.in.Reset(slowly{slow, s})
	for _, c := range []*client{quick, slow} {
		c.send("HEAD /parts HTTP/1.1\r\nHost: h\r\n\r\n" + get("/parts") + getHello)
		if res, _ := c.response("HEAD"); res.ContentLength != int64(len(want)) {
			t.Errorf("the length is %d, want %d", res.ContentLength, len(want))
		}
		if _, got := c.response("GET"); got != want {
			t.Errorf("%d bytes, want %d", len(got), len(want))
		}
		if _, got := c.response("GET"); got != "hello" {
			t.Errorf("%q", got)
		}
	}
}

func TestParts_clientLeaves(t *testing.T) {
	s := start(t, tcp)
	big := s.file(text(32 << 20))
	s.handle("/parts", func(c *call) {
		c.lent("head ")
		c.part(Part{Kind: PartFile, Fd: int32(big.Fd()), Len: 32 << 20})
		c.lent("tail ")
	})
	for range 5 {
		c := s.dial()
		c.send(get("/parts"))
		s.settle()
		c.reset()
	}
	s.eventually("what was lent to come back", func() bool { return len(s.lent) == 0 })
}

func TestParts_fileThatShrinksClosesTheConnection(t *testing.T) {
	s := start(t, tcp)
	f := s.file("short")
	s.handle("/parts", func(c *call) { c.part(Part{Kind: PartFile, Fd: int32(f.Fd()), Len: 100}) })
	c := s.dial()
	c.send(get("/parts") + getHello)
	if got := c.all(); got != "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort" {
		t.Errorf("%q", got)
	}
	if s.logged("a file became shorter while it was sent") != 1 {
		t.Errorf("%q", s.lines)
	}
}
