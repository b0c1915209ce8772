//go:build invariants

package engine

import (
	"bytes"
	"testing"

	"libforker/engine/memory"
)

// A program that reads a request's text or body when it is over finds nonsense, also while more of the connection's
// input lies behind it in the same buffer.
func TestInvariants_mangleARequestThatIsOver(t *testing.T) {
	s := start(t, packets)
	var kept [][]byte
	expectMangled := func() {
		for _, old := range kept {
			if bytes.Count(old, []byte{0xdb}) < len(old) {
				t.Errorf("a request that is over reads %q", old)
			}
		}
	}
	s.handle("/keep", func(c *call) {
		expectMangled()
		kept = append(kept, memory.View(c.req.Base, uint64(len("POST /keep"))), c.body())
		c.respond(200, "kept")
	})
	c := s.dial()
	c.send(post("/keep", "some") + post("/keep", "more"))
	c.expect(ok("kept") + ok("kept"))
	s.do(expectMangled)
	if len(kept) != 4 {
		t.Errorf("%d texts were kept", len(kept))
	}
}
