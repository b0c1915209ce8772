package engine

import (
	"math/bits"
	"strings"
	"testing"
	"time"

	"libforker/slot"
)

func responsesIn(buckets []uint64) (n uint64) {
	for _, c := range buckets {
		n += c
	}
	return n
}

func TestLatency_countsEachResponseToARequest(t *testing.T) {
	s := start(t, tcp)
	c := s.dial()
	c.send(strings.Repeat(getHello, 20))
	for range 20 {
		c.response("GET")
	}
	c.send(get("/missing") + "nonsense\r\n\r\n")
	c.all()
	counts := s.counts()
	if n := responsesIn(counts.Latency[:]); n != 21 || counts.Requests != 21 {
		t.Errorf("%d latencies, %d requests", n, counts.Requests)
	}
	if got := counts.Responses; got[2] != 20 || got[4] != 2 {
		t.Errorf("answers by class: %v", got)
	}
	if counts.LatencySumNs == 0 || counts.LatencySumNs > uint64(patience) {
		t.Errorf("together they took %d ns", counts.LatencySumNs)
	}
}

func TestLatency_isThatOfTheHandler(t *testing.T) {
	const slow = 20 * time.Millisecond
	s := start(t, tcp)
	s.handle("/slow", func(c *call) { time.Sleep(slow); c.respond(200, "") })
	c := s.dial()
	c.send(get("/slow"))
	c.response("GET")
	counts := s.counts()
	if responsesIn(counts.Latency[bits.Len64(uint64(slow)):]) != 1 || counts.LatencySumNs < uint64(slow) {
		t.Errorf("%v, together %d ns", counts.Latency, counts.LatencySumNs)
	}
}

func TestLatency_ofSlowResponsesIsCountedOneByOne(t *testing.T) {
	l := &Loop{cfg: Config{Slot: &slot.Slot{}}}
	if err := l.clock.start(); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		took    int64 // Each response.
		counted uint64
	}{
		{int64(time.Second), 1},
		{-int64(time.Hour), 0}, // Quick, however slow the test is.
	} {
		l.measured = measured{ready: 1, last: l.clock.sinceRead() - row.took}
		l.countReady()
		before := responsesIn(l.cfg.Slot.Latency[:])
		l.measured.ready = 1
		l.responsesSent()
		if n := responsesIn(l.cfg.Slot.Latency[:]) - before; n != row.counted {
			t.Errorf("after a response that took %d ns %d of the next one are counted at once, want %d", row.took, n, row.counted)
		}
	}
	l.countReady()
	if n := responsesIn(l.cfg.Slot.Latency[:]); n != 4 {
		t.Errorf("%d responses of 4 are counted in the end", n)
	}
}

func TestInFlight_isWhileTheHandlerRuns(t *testing.T) {
	s := start(t, tcp)
	inside := make(chan uint64, 2)
	s.handle("/count", func(c *call) { inside <- s.slot.InFlight; c.respond(200, "") })
	c := s.dial()
	c.send(get("/count"))
	c.response("GET")
	if n := <-inside; n != 1 {
		t.Errorf("%d in flight inside of a handler", n)
	}
	c.send("GET /count")
	s.settle()
	c.reset()
	if n := s.counts().InFlight; n != 0 {
		t.Errorf("%d in flight afterwards", n)
	}
}

func TestLatency_hasABucketForEverything(t *testing.T) {
	l := &Loop{cfg: Config{Slot: &slot.Slot{}}}
	for _, ns := range []int64{-5, 0, 1, 2, 3, 1 << 38, 1 << 50} {
		l.countLatency(ns, 1)
	}
	got := l.cfg.Slot.Latency
	if got[0] != 2 || got[1] != 1 || got[2] != 2 || got[39] != 2 {
		t.Errorf("%v", got)
	}
}
