package engine

import (
	"strings"
	"testing"
	"time"
)

// finish answers a request that is held.
func (h *holder) finish(s *server, req *Request, body string) {
	s.t.Helper()
	s.do(func() {
		(&call{program: s.program, req: req}).respond(200, body)
		h.tell(req, EventResponse, true, "")
	})
}

func TestDeferred_pipelineKeepsItsOrder(t *testing.T) {
	s, h := startHolder(t, packets)
	requests := h.holdAll(s, "/later")
	c := s.dial()
	c.send(getHello + get("/later") + getHello + get("/later") + getHello)
	c.expect(hello)
	s.settle()
	if n := s.counts().Requests; n != 2 {
		t.Errorf("%d requests are served, though the second is not answered", n)
	}
	h.finish(s, <-requests, "one")
	c.expect(ok("one") + hello)
	h.finish(s, <-requests, "two")
	c.expect(ok("two") + hello)
	s.expectAllBack()
}

func TestDeferred_halfClosedClientWaits(t *testing.T) {
	s, h := startHolder(t, packets)
	requests := h.holdAll(s, "/later")
	c := s.dial()
	c.send(get("/later") + getHello)
	c.halfClose()
	s.settle()
	h.finish(s, <-requests, "late")
	c.expect(ok("late") + hello)
	c.expectEnd()
	s.expectAllBack()
}

func TestDeferred_drop(t *testing.T) {
	s, h := startHolder(t, packets)
	requests := h.holdAll(s, "/later")
	c := s.dial()
	c.send(get("/later") + getHello)
	h.tell(<-requests, EventDrop, true, "")
	if got := c.receive(); !strings.HasPrefix(got, "HTTP/1.1 500 ") || !strings.HasSuffix(got, hello) {
		t.Errorf("%q", got)
	}
	if s.logged("dropped its handle without a response") != 1 {
		t.Errorf("%q", s.lines)
	}
	s.expectAllBack()
}

func TestDeferred_manyEventsAtOnce(t *testing.T) {
	s, h := startHolder(t, packets)
	requests := h.holdAll(s, "/later")
	clients := map[*Request]*client{}
	for range 100 {
		c := s.dial()
		c.send(get("/later"))
		clients[<-requests] = c
	}
	s.do(func() {
		n := 0
		for req, c := range clients {
			if n++; n%10 == 0 { // The client leaves as the response is there.
				_ = c.Close()
				delete(clients, req)
			}
			h.tell(req, EventResponse, true, "")
		}
	})
	for _, c := range clients {
		c.expect(ok(""))
	}
	s.expectAllBack()
}

// TestDeferred_clientLeavesWithTheResponse: the loop learns that the client has left only as it writes.
func TestDeferred_clientLeavesWithTheResponse(t *testing.T) {
	s, h := startHolder(t, packets)
	requests := h.holdAll(s, "/later")
	for _, kind := range []uint32{EventResponse, EventDrop} {
		for _, size := range []int{0, 2 * smallBody} { // A small response is written with those behind it, a large one by itself.
			c := s.dial()
			c.send(get("/later") + getHello)
			req := <-requests
			s.do(func() {
				(&call{program: s.program, req: req}).respond(200, text(size))
				h.tell(req, kind, true, "") // First, so that it is heard first.
				_ = c.Close()
			})
			s.eventually("the connection to be closed", func() bool { return s.loop.open == 0 })
		}
	}
	s.expectAllBack()
}

// TestPool_answeredBeforeTheHandlerReturns: a handle can be used by another thread while the handler that made it still
// runs. What that leaves must not be taken for the next request's.
func TestPool_answeredBeforeTheHandlerReturns(t *testing.T) {
	s, h := startHolder(t, packets)
	requests, returns := make(chan *Request), make(chan bool)
	s.handle("/pool", func(c *call) {
		requests <- h.hold(c)
		<-returns
	})
	stays := s.dial()
	stays.send(get("/pool"))
	h.finish(s, <-requests, "early")
	s.settle()
	returns <- true
	stays.expect(ok("early"))

	leaves := s.dial()
	leaves.send(get("/pool"))
	h.finish(s, <-requests, "early")
	s.settle()
	leaves.must(leaves.Close())
	s.eventually("the connection to be closed", func() bool { return s.loop.open == 1 })
	returns <- true
	s.expectAllBack()

	next := s.dial() // It gets the same memory.
	next.send(get("/pool"))
	req := <-requests
	returns <- true
	s.eventually("the handler to have returned", func() bool { return s.loop.byIndex[req.Index].state != statePooled })
	s.settle()
	h.finish(s, req, "in time")
	next.expect(ok("in time"))
	s.expectAllBack()
}

func TestDrain_waitsForWhatIsPending(t *testing.T) {
	s, h := startHolder(t, packets, grace)
	requests := h.holdAll(s, "/later")
	c := s.dial()
	c.send(get("/later"))
	req := <-requests
	s.drain(time.Minute)
	s.pass(2 * time.Second)
	h.finish(s, req, "late")
	c.expect("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nlate")
	c.expectEnd()
	_ = c.Close()
	s.wait()
}
