package engine

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"libforker/slot"
)

func grace(cfg *Config) { cfg.DrainGrace = time.Second }

func TestDrain_nothingOpen(t *testing.T) {
	s := start(t, tcp, grace)
	s.drain(time.Hour)
	s.wait()
	if _, err := net.Dial(s.network, s.address); err == nil {
		t.Error("the listener is open")
	}
	if s.slot.LoadState() != slot.Draining {
		t.Error(s.slot.LoadState())
	}
}

func TestDrain_isToldByTheSharedMemoryBeforeTheLoopHearsOfIt(t *testing.T) {
	for name, tell := range map[string]func(s *server){
		"the master": func(s *server) { s.slot.Dismiss(slot.Stop) },
		"a stop":     func(s *server) { atomic.StoreInt32(&s.shared.StopTimeoutMs, 1000) },
	} {
		s := start(t, tcp, grace)
		s.handle("/told", func(c *call) { tell(s); c.respond(200, "meanwhile") })
		c := s.dial()
		c.send(get("/told"))
		if res, got := c.response("GET"); got != "meanwhile" || !res.Close {
			t.Errorf("by %s: %q, close %v", name, got, res.Close)
		}
	}
}

func TestDrain_takesQueuedConnections(t *testing.T) {
	s := start(t, tcp, grace)
	var clients []*client
	s.do(func() {
		for range 40 { // More than are accepted in one go.
			c := s.dial()
			c.send(getHello)
			clients = append(clients, c)
		}
		s.loop.Drain(time.Hour)
	})
	for _, c := range clients {
		if res, got := c.response("GET"); got != "hello" || !res.Close {
			t.Errorf("%v, close %v", got, res.Close)
		}
		_ = c.Close()
	}
	s.wait()
}

func TestDrain_idleConnectionsHaveGrace(t *testing.T) {
	s := start(t, packets, grace)
	idle, used := s.dial(), s.dial()
	for _, c := range []*client{idle, used} {
		c.send(getHello)
		c.expect(hello)
	}
	s.drain(time.Hour)
	s.pass(900 * time.Millisecond)
	used.send(getHello)
	used.expect(helloLast)
	used.expectEnd()
	_ = used.Close()
	if !s.running() {
		t.Error("an idle connection got no grace")
	}
	s.do(func() { s.loop.clock.baseNs += int64(200 * time.Millisecond) })
	idle.expectEnd()
	s.wait()
}

func TestDrain_givesNewConnectionsTimeForTheirFirstRequest(t *testing.T) {
	s := start(t, packets, grace)
	silent, slow := s.dial(), s.dial()
	s.settle()
	s.drain(time.Hour)
	s.pass(1900 * time.Millisecond)
	slow.send(getHello)
	slow.expect(helloLast)
	slow.expectEnd()
	_ = slow.Close()
	if !s.running() {
		t.Error("a connection without a request was closed")
	}
	s.do(func() { s.loop.clock.baseNs += int64(200 * time.Millisecond) })
	silent.expectEnd()
	s.wait()
}

func TestDrain_answersARequestThatComesAsTheGraceEnds(t *testing.T) {
	s := start(t, tcp, grace)
	c := s.dial()
	c.send(getHello)
	c.response("GET")
	s.drain(time.Hour)
	s.do(func() {
		// The loop looks for idle connections before it hears of this.
		s.loop.clock.baseNs += int64(2 * time.Second)
		s.loop.clock.now += int64(2 * time.Second)
		c.send(getHello)
	})
	if res, got := c.response("GET"); got != "hello" || !res.Close {
		t.Errorf("%v, close %v", got, res.Close)
	}
	_ = c.Close()
	s.wait()
}

func TestDrain_finishesWhatHasBegun(t *testing.T) {
	s := start(t, packets, grace)
	head, body := s.dial(), s.dial()
	head.send("GET")
	body.send(post("/echo", "hello")[:53])
	s.settle()
	s.drain(time.Hour)
	s.pass(time.Minute)
	head.send(getHello[3:] + getHello) // It could not know.
	head.expect(hello + helloLast)
	head.expectEnd()
	_ = head.Close()
	body.send(post("/echo", "hello")[53:])
	body.expect(helloLast)
	body.expectEnd()
	_ = body.Close()
	s.wait()
}

func TestDrain_endsAClientThatNeverStopsSending(t *testing.T) {
	s := start(t, tcp, grace)
	c := s.dial()
	s.do(func() {
		c.send(strings.Repeat(getHello, lateMost+2))
		s.loop.Drain(time.Hour)
	})
	for i := range lateMost + 1 {
		if res, got := c.response("GET"); got != "hello" || res.Close != (i == lateMost) {
			t.Fatalf("answer %d: %q, close %v", i, got, res.Close)
		}
	}
	if got := c.all(); got != "" {
		t.Errorf("%q", got)
	}
	_ = c.Close()
	s.wait()
}

func TestDrain_limit(t *testing.T) {
	s := start(t, packets, grace)
	c := s.dial()
	c.send("GET")
	s.settle()
	s.drain(10 * time.Second)
	s.drain(time.Hour) // A later call can only shorten it.
	s.pass(9 * time.Second)
	if !s.running() {
		t.Error("cut off before the limit")
	}
	s.drain(5 * time.Second)
	s.do(func() { s.loop.clock.baseNs += int64(1100 * time.Millisecond) })
	c.expectEnd()
	s.wait()
}

func TestDrain_isPutOffByTimeInWhichNothingRan(t *testing.T) {
	s := start(t, packets, grace)
	idle, half := s.dial(), s.dial()
	idle.send(getHello)
	idle.expect(hello)
	half.send("GET")
	s.settle()
	s.drain(10 * time.Second)
	s.do(func() {
		s.loop.noticeSuspension(int64(20 * time.Second))
		s.loop.noticeSuspension(suspensionLeast - 1) // This is none.
	})
	s.pass(20*time.Second + 500*time.Millisecond)
	idle.send(getHello) // Of its grace it had a second left.
	idle.expect(helloLast)
	idle.expectEnd()
	_ = idle.Close()
	s.pass(9 * time.Second) // And half a request the whole limit.
	if !s.running() {
		t.Error("cut off before the limit")
	}
	s.do(func() { s.loop.clock.baseNs += int64(200 * time.Millisecond) })
	half.expectEnd()
	s.wait()
}

func TestDrain_doesNotWaitForAClientThatHasEverythingAndDoesNotClose(t *testing.T) {
	for _, network := range []string{tcp, packets} {
		t.Run(network, func(t *testing.T) {
			s := start(t, network, grace)
			c := s.dial()
			s.drain(time.Hour)
			begin := time.Now()
			c.send(getHello)
			c.response("GET")
			s.wait()
			if took := time.Since(begin); took > time.Second { // Without a look it is lingerNs.
				t.Errorf("it was waited for %v", took)
			}
			c.expectEnd()
		})
	}
}

// The response is not what a client reads first that is still sending.
func TestDrain_waitsForAClientThatGoesOnSending(t *testing.T) {
	s := start(t, tcp, grace)
	c := s.refused()
	s.drain(time.Hour)
	for range 20 {
		c.send("more")
		time.Sleep(50 * time.Millisecond) // This is what it does, and no wait for anything.
		if !s.running() {
			t.Fatal("closed too early")
		}
	}
	s.wait()
}

func TestDrain_atOnce(t *testing.T) {
	s := start(t, packets, grace)
	c := s.dial()
	c.send("GET")
	s.settle()
	s.drain(0)
	c.expectClosed()
	s.wait()
}

func TestDrain_slowReaderGetsItsResponse(t *testing.T) {
	s := start(t, tcp, grace)
	big := text(8 << 20)
	s.handle("/big", func(c *call) { c.respond(200, big) })
	c := s.dialSlow()
	c.send(get("/big") + getHello)
	s.settle()
	s.drain(time.Hour)
	s.pass(time.Minute)
	if _, got := c.response("GET"); got != big {
		t.Errorf("%d bytes", len(got))
	}
	// The head of the large response was written before the loop knew that it was the last one.
	if got := c.all(); !strings.Contains(got, "Connection: close") {
		t.Errorf("%q", got)
	}
	_ = c.Close()
	s.wait()
}

func TestDrain_givesGraceToWhatBecomesIdleLater(t *testing.T) {
	s := start(t, tcp, func(cfg *Config) { cfg.DrainGrace = 10 * time.Minute })
	big := text(8 << 20)
	s.handle("/big", func(c *call) { c.respond(200, big) })
	c := s.dialSlow()
	c.send(get("/big"))
	s.settle()
	s.drain(time.Hour)
	s.pass(20 * time.Minute)
	if res, got := c.response("GET"); got != big || res.Close {
		t.Errorf("%d bytes, close %v", len(got), res.Close)
	}
	s.pass(5 * time.Minute)
	c.send(getHello) // On its way since before the client could know.
	if res, got := c.response("GET"); got != "hello" || !res.Close {
		t.Errorf("%q, close %v", got, res.Close)
	}
	_ = c.Close()
	s.wait()
}
