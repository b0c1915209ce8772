package engine

import (
	"io"
	"net"
	"strings"
	"testing"
)

// dialSlow dials with a fixed receive buffer, so that the engine cannot get rid of much. One below the segment size of
// the loopback device would have the kernel wait for timers.
func (s *server) dialSlow() *client {
	s.t.Helper()
	c := s.dial()
	c.must(c.socket.(*net.TCPConn).SetReadBuffer(128 << 10))
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
	const requests = 60_000 // Whose responses the kernel has no room for.
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(c, strings.Repeat(get("/kilo"), requests))
		sent <- err
	}()
	blocked := func() bool {
		for _, of := range s.loop.conns {
			if of != nil && of.blocked {
				return true
			}
		}
		return false
	}
	s.eventually("the client to be waited for", blocked)
	var used int64
	s.do(func() { used = s.loop.blocks.Used() - s.unused })
	if used > 1<<20 {
		t.Errorf("%d bytes are in use for one client", used)
	}
	for i := range requests {
		if _, got := c.response("GET"); got != body {
			t.Fatalf("response %d is %d bytes: %.100q", i, len(got), got)
		}
	}
	s.must(<-sent)
}

// TestOutput_hasRoomForMoreThanWasReserved: whoever reserves too little costs memory, and not the worker.
func TestOutput_hasRoomForMoreThanWasReserved(t *testing.T) {
	s := start(t, tcp)
	c := s.dial()
	c.send(getHello)
	c.response("GET")
	large := text(2*outSize + 1)
	s.do(func() {
		for _, to := range s.loop.conns {
			if to == nil {
				continue
			}
			for _, piece := range []string{"a", large, "b"} {
				s.loop.reserve(to, 1)
				s.loop.commit(append(s.loop.out[:s.loop.outLen], piece...))
			}
			s.loop.send(to)
		}
	})
	got := make([]byte, len(large)+2)
	if _, err := io.ReadFull(c.in, got); err != nil || string(got) != "a"+large+"b" {
		t.Errorf("%v, %d bytes", err, len(got))
	}
	c.send(getHello)
	if _, got := c.response("GET"); got != "hello" {
		t.Errorf("%q", got)
	}
}
