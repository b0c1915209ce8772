package engine

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// dialSlow dials with a fixed receive buffer, so that the engine cannot get rid of much. One below the segment size of
// the loopback device would have the kernel wait for timers.
func (s *server) dialSlow() *client {
	s.t.Helper()
	c := s.dial()
	c.must(c.Conn.(*net.TCPConn).SetReadBuffer(128 << 10))
	return c
}

// slowly reads in small pieces, and lets the loop fill up what the kernel has room for every time.
type slowly struct {
	*client
	s *server
}

func (r slowly) Read(b []byte) (int, error) {
	r.s.settle()
	return r.client.Read(b[:min(len(b), 50000)])
}

func TestSlowReader_getsEverythingInOrder(t *testing.T) {
	s := start(t, tcp)
	big := text(8 << 20)
	s.handle("/big", func(c *call) { c.field("Date", "x"); c.req.Response.Flags |= ResponseHasDate; c.respond(200, big) })
	c, other := s.dialSlow(), s.dial()
	c.send(get("/big") + getHello + get("/big") + getHello)
	s.settle()
	other.send(getHello)
	if _, got := other.response("GET"); got != "hello" {
		t.Errorf("another client gets %q", got)
	}
	if s.counts().Requests > 2 {
		t.Errorf("%d requests are served, though the response to the first is not taken", s.counts().Requests)
	}
	c.in.Reset(slowly{c, s})
	for i, want := range []string{big, "hello", big, "hello"} {
		if _, got := c.response("GET"); got != want {
			t.Fatalf("answer %d has %d bytes", i, len(got))
		}
	}
}

func TestSlowReader_pipelinesWithoutEnd(t *testing.T) {
	s := start(t, tcp)
	body := text(1000)
	s.handle("/kilo", func(c *call) { c.respond(200, body) })
	c := s.dialSlow()
	request := get("/kilo")
	sent := 0
	for { // Until the engine does not read any more, since its responses are not taken.
		c.must(c.SetWriteDeadline(time.Now().Add(200 * time.Millisecond)))
		n, err := io.WriteString(c, strings.Repeat(request, 1000))
		sent += n
		if err != nil {
			break
		}
		if sent > 64<<20 {
			t.Fatal("the engine takes requests without end")
		}
	}
	c.must(c.SetWriteDeadline(time.Now().Add(patience)))
	var used int64
	s.do(func() { used = s.loop.blocks.Used() - s.unused })
	if used > 1<<20 {
		t.Errorf("%d bytes are in use for one client", used)
	}
	go func() { // The rest of the request that was cut.
		_, _ = io.WriteString(c, request[sent%len(request):])
	}()
	for i := range (sent + len(request) - 1) / len(request) {
		if _, got := c.response("GET"); got != body {
			t.Fatalf("answer %d is %d bytes: %.100q", i, len(got), got)
		}
	}
}
