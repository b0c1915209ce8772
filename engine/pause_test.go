package engine

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"libforker/engine/memory"
)

// startHolding starts a server with a route /take whose handler has a handle to its request.
func startHolding(t *testing.T, network string, setup ...func(*Config)) (*server, *holder, *upload) {
	t.Helper()
	s, h := startHolder(t, network, append(setup, admits)...)
	return s, h, s.takes("/take", 1<<30, func(c *call) { h.hold(c) })
}

// set changes what an upload does.
func (s *server) set(u *upload, change func(u *upload)) {
	s.t.Helper()
	s.do(func() { change(u) })
}

// resume ends a pause, from another goroutine than the loop's. The request may be over.
func (h *holder) resume(req *Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if entry := h.held[req]; entry == nil || entry.closed || atomic.SwapUint32(&req.Paused, 0) == 0 {
		return
	}
	h.put(Event{Request: memory.AddressOf(req), Serial: req.Serial, Kind: EventResume})
	_, _ = unix.Write(h.fd, []byte{1, 0, 0, 0, 0, 0, 0, 0})
}

// respond answers a request that is held.
func (h *holder) respond(req *Request, status uint16) {
	req.Response.Status, req.Response.State = status, ResponseStarted
	h.tell(req, EventResponse, true, "")
}

func TestPause_takesNothingUntilItIsResumed(t *testing.T) {
	s, h, u := startHolding(t, packets)
	for at, want := range [][]string{{}, {"he"}, {"he", "l"}} {
		s.set(u, func(u *upload) { u.pauses, u.pauseAt = true, at })
		c := s.dial()
		c.send(fiveBytes)
		s.settle()
		for _, packet := range []string{"he", "l", "lo"} {
			c.send(packet)
			s.settle()
		}
		s.expectPieces(u, want...)
		h.resume(u.req)
		s.expectPieces(u, "he", "l", "lo")
		s.expectLast(u, BodyEnds)
		h.respond(u.req, 204)
		c.expect("HTTP/1.1 204 No Content\r\n\r\n")
		c.send(getHello)
		c.expect(hello)
	}
}

// TestPause_cutAnywhere has each piece followed by a pause that another goroutine ends at once, perhaps before the loop
// has begun it.
func TestPause_cutAnywhere(t *testing.T) {
	s, h := startHolder(t, packets, admits)
	u := s.takes("/take", 20, func(c *call) { h.hold(c) })
	s.do(func() {
		s.onBody["/take"] = func(c *call, piece []byte, last int) {
			u.take(c, piece, last)
			req, text := c.req, strings.Join(u.pieces, "")
			switch last {
			case BodyGoesOn:
				atomic.StoreUint32(&req.Paused, 1)
				go h.resume(req)
			case BodyEnds:
				c.respond(200, text)
				go h.tell(req, EventResponse, true, "")
			default:
				go h.tell(req, EventDrop, true, "")
			}
		}
	})
	s.cutAnywhere()
	s.eventually("all requests to be taken back", func() bool { return len(s.loop.freeRequests) == len(s.loop.byIndex) })
}

func TestPause_holdsTheClientUp(t *testing.T) {
	s, h, u := startHolding(t, tcp)
	s.set(u, func(u *upload) { u.pauses, u.pauseAt = true, 1 })
	body := text(40 << 20)
	c := s.dial()
	sent := make(chan error, 1)
	go func() {
		_, err := c.Write([]byte(post("/take", body)))
		sent <- err
	}()
	s.eventually("a pause", func() bool { return len(u.pieces) == 1 })
	select {
	case <-sent:
		t.Error("a client could send 40 MiB to a program that has paused")
	case <-time.After(300 * time.Millisecond):
	}
	s.do(func() {
		if len(u.pieces) != 1 || len(u.pieces[0]) > s.loop.inSize {
			t.Errorf("%d pieces came in a pause", len(u.pieces))
		}
	})
	h.resume(u.req)
	s.must(<-sent)
	s.eventually("the end of the body", func() bool { return len(u.lasts) > 0 && u.lasts[len(u.lasts)-1] == BodyEnds })
	s.do(func() {
		if strings.Join(u.pieces, "") != body {
			t.Error("the body has changed on its way")
		}
	})
	h.respond(u.req, 204)
	c.response("POST")
}

func TestPause_atTheHeadKeepsTheClientWaitingFor100(t *testing.T) {
	s, h, u := startHolding(t, packets)
	s.set(u, func(u *upload) { u.pauses = true })
	c := s.dial()
	c.send(strings.Replace(fiveBytes, "\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n", 1))
	s.settle()
	if n := s.counts().BytesOut; n != 0 {
		t.Errorf("%d bytes were sent in a pause", n)
	}
	h.resume(u.req)
	c.expect("HTTP/1.1 100 Continue\r\n\r\n")
	c.send("hello")
	s.expectLast(u, BodyEnds)
	h.respond(u.req, 204)
	c.expect("HTTP/1.1 204 No Content\r\n\r\n")
}

func TestPause_ofOneRequestIsNotThatOfTheNext(t *testing.T) {
	s, h, u := startHolding(t, packets)
	s.set(u, func(u *upload) { u.pauses = true })
	c := s.dial()
	c.send(fiveBytes)
	s.settle()
	h.respond(u.req, 403)
	if got := c.receive(); !strings.HasPrefix(got, "HTTP/1.1 403 ") || !strings.Contains(got, "Connection: close") {
		t.Errorf("%q", got)
	}
	_ = c.Close()
	s.expectLast(u, BodyAborted)

	s.takes("/take", 5, asks)
	c = s.dial()
	c.send(fiveBytes)
	s.settle()
	c.send("hello")
	c.expect(hello)
}

func TestPause_stopsTheTimeOfTheBody(t *testing.T) {
	for _, late := range []time.Duration{0, 2 * time.Minute} {
		s, h, u := startHolding(t, packets, func(cfg *Config) { cfg.ReadBodyTimeout = 30 * time.Minute })
		s.set(u, func(u *upload) { u.pauses, u.pauseAt = true, 1 })
		c := s.dial()
		c.send(fiveBytes)
		s.settle()
		s.pass(20 * time.Minute)
		c.send("he")
		s.settle()
		s.pass(10 * time.Hour)
		h.resume(u.req)
		s.settle()
		s.pass(9*time.Minute + late)
		if late > 0 {
			c.expectTimeout("the body did not come in time")
			s.expectLast(u, BodyAborted)
			if got := h.reasons(t, 1); got[0] != CloseTimeout {
				t.Errorf("reason %d", got[0])
			}
			h.tell(u.req, EventDrop, true, "")
			continue
		}
		c.send("llo")
		s.expectLast(u, BodyEnds)
		h.respond(u.req, 204)
		c.expect("HTTP/1.1 204 No Content\r\n\r\n")
	}
}

func TestPause_isLimitedByTheTimeOfTheHandler(t *testing.T) {
	s, h, u := startHolding(t, packets, func(cfg *Config) { cfg.HandlerTimeout = 10 * time.Second })
	s.set(u, func(u *upload) { u.pauses, u.pauseAt = true, 1 })
	c := s.dial()
	c.send(fiveBytes)
	s.settle()
	s.pass(time.Minute) // The client has an hour.
	c.send("he")
	s.settle()
	s.pass(10*time.Second + shortly)
	if got := c.receive(); !strings.HasPrefix(got, "HTTP/1.1 504 ") {
		t.Errorf("%q", got)
	}
	c.expectEnd()
	s.expectLast(u, BodyAborted)
	s.do(func() {
		if !u.over {
			t.Error("the end of the body is told when the request is not cancelled")
		}
	})
	h.tell(u.req, EventDrop, true, "")
}

// TestPause_isLimitedEachForItself: a program that is as slow as its disk, but never stuck, gets the whole body; and
// what follows its end has a time of its own too.
func TestPause_isLimitedEachForItself(t *testing.T) {
	s, h, u := startHolding(t, packets, func(cfg *Config) { cfg.HandlerTimeout = 10 * time.Second })
	c := s.dial()
	c.send(fiveBytes)
	for at, packet := range []string{"h", "e", "l", "l"} {
		s.set(u, func(u *upload) { u.pauses, u.pauseAt = true, at+1 })
		c.send(packet)
		s.settle()
		s.pass(9 * time.Second)
		h.resume(u.req)
		s.settle()
	}
	c.send("o")
	s.expectPieces(u, "h", "e", "l", "l", "o")
	s.expectLast(u, BodyEnds)
	s.pass(9 * time.Second)
	h.respond(u.req, 204)
	c.expect("HTTP/1.1 204 No Content\r\n\r\n")
}

func TestPause_endsWhenTheClientResets(t *testing.T) {
	s, h, u := startHolding(t, tcp)
	s.set(u, func(u *upload) { u.pauses, u.pauseAt = true, 1 })
	c := s.dial()
	c.send(fiveBytes + "he")
	s.eventually("a pause", func() bool { return len(u.pieces) == 1 })
	c.reset()
	if got := h.reasons(t, 1); got[0] != CloseClient {
		t.Errorf("reason %d", got[0])
	}
	s.expectLast(u, BodyAborted)
	h.tell(u.req, EventDrop, true, "")
	s.eventually("the request to be taken back", func() bool { return len(s.loop.freeRequests) == len(s.loop.byIndex) })
}

// TestPause_seesTheEndOfTheClient: what has come before it is still given to the program, unless an end is taken as
// having left.
func TestPause_seesTheEndOfTheClient(t *testing.T) {
	for _, row := range []struct {
		name      string
		halfClose bool
		body      string
		last      int
	}{
		{"the whole body", true, "hello", BodyEnds},
		{"a part of it", true, "hel", BodyAborted},
		{"the whole body, to a server that wants none", false, "hello", BodyAborted},
	} {
		s, h, u := startHolding(t, tcp)
		s.do(func() { s.loop.cfg.HalfClose = row.halfClose })
		s.set(u, func(u *upload) { u.pauses = true })
		c := s.dial()
		c.send(fiveBytes)
		s.eventually("a pause", func() bool { return u.calls == 1 })
		c.send(row.body)
		c.halfClose()
		s.eventually("the end to be seen", func() bool { return atomic.LoadUint32(&u.req.Cancelled) == 1 })
		if row.halfClose {
			s.expectPieces(u)
			h.resume(u.req)
			s.eventually("the end of the body", func() bool { return len(u.lasts) > 0 && u.lasts[len(u.lasts)-1] != BodyGoesOn })
		}
		s.expectLast(u, row.last)
		if row.last == BodyEnds {
			h.respond(u.req, 204)
			c.response("POST")
			c.expectEnd()
			continue
		}
		c.expectClosed()
		if got := h.reasons(t, 1); got[0] != CloseClient {
			t.Errorf("%s: reason %d", row.name, got[0])
		}
		h.tell(u.req, EventDrop, true, "")
	}
}

// TestPause_isWaitedForInADrain up to its limit.
func TestPause_isWaitedForInADrain(t *testing.T) {
	for _, resumes := range []bool{true, false} {
		s, h, u := startHolding(t, packets, grace)
		s.set(u, func(u *upload) {
			u.pauses, u.pauseAt = true, 1
			s.onBody["/take"] = func(c *call, piece []byte, last int) {
				u.take(c, piece, last)
				if last == BodyAborted {
					h.tell(c.req, EventDrop, true, "") // Nobody would hear of it later.
				}
			}
		})
		c := s.dial()
		c.send(fiveBytes)
		s.settle()
		c.send("he")
		s.settle()
		s.drain(time.Minute)
		s.pass(time.Second)
		if resumes {
			h.resume(u.req)
			c.send("llo")
			s.expectLast(u, BodyEnds)
			h.respond(u.req, 204)
			c.expect("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
			c.expectEnd()
			_ = c.Close()
			s.wait()
			continue
		}
		s.do(func() { s.loop.clock.baseNs += int64(time.Minute) })
		s.wait()
		if u.lasts[len(u.lasts)-1] != BodyAborted {
			t.Errorf("the program was told %v", u.lasts)
		}
		if got := h.reasons(t, 1); got[0] != CloseShutdown {
			t.Errorf("reason %d", got[0])
		}
	}
}
