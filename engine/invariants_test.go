//go:build invariants

package engine

import (
	"bytes"
	"testing"

	"libforker/engine/memory"
)

// A program that reads a request's text or body when it is over finds nonsense, also while more of the connection's
// input lies behind it in the same buffer.
func TestInvariants_poisonARequestThatIsOver(t *testing.T) {
	s := start(t, packets)
	var kept [][]byte
	expectPoisoned := func() {
		for _, old := range kept {
			if bytes.Count(old, []byte{0xdb}) < len(old) {
				t.Errorf("a request that is over reads %q", old)
			}
		}
	}
	s.handle("/keep", func(c *call) {
		expectPoisoned()
		kept = append(kept, memory.View(c.req.Base, uint64(len("POST /keep"))), c.body())
		c.respond(200, "kept")
	})
	c := s.dial()
	c.send(post("/keep", "some") + post("/keep", "more"))
	c.expect(ok("kept") + ok("kept"))
	s.do(expectPoisoned)
	if len(kept) != 4 {
		t.Errorf("%d texts were kept", len(kept))
	}
}

// A held request keeps the text that it came as when its client leaves, whoever uses the connection's memory then.
func TestInvariants_aHeldRequestKeepsItsText(t *testing.T) {
	s, h := startHolder(t, packets)
	requests := h.holdAll(s, "/later")
	c := s.dial()
	c.send(post("/later?q=1", "body"))
	req := <-requests
	c.must(c.Close())
	s.eventually("the connection to be closed", func() bool { return s.loop.open == 0 })
	other := s.dial()
	other.send(post("/echo", text(3000)))
	other.receive()
	s.do(func() {
		kept := &call{program: s.program, req: req}
		if target, body := kept.text(req.Head.Target), string(kept.body()); target != "/later?q=1" || body != "body" {
			t.Errorf("it reads %q and %q", target, body)
		}
	})
	h.tell(req, EventResponse, true, "")
	s.expectAllBack()
}

// A request that goes from one state to another as lifecycle.go does not allow is a bug.
func TestInvariants_stateOfARequest(t *testing.T) {
	legal := &request{state: stateReceiving}
	for _, next := range []state{stateHandling, stateTaking, statePaused, stateTaking, stateStreaming, stateResponding, stateDone} {
		legal.become(next)
	}
	defer func() {
		if recover() == nil {
			t.Error("a request that is done becomes held")
		}
	}()
	legal.become(stateHeld)
}
