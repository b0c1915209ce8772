package engine

import (
	"math/bits"
	"time"

	"libforker/slot"
)

// Latency is measured from when the loop learned of a request, which is the clock of that iteration, until its answer is handed to
// the kernel. Answers that go out with one write are ready at the same time, so that one reading of the clock does for all of them:
// it costs as much as 1 % of that write. RATIONALE.md says what is left out.

// measured is what the loop keeps for that.
type measured struct {
	ready uint64 // Answers to requests of this iteration, since the last flush.
}

// beginRequest counts a request that goes to the App.
func (l *Loop) beginRequest(ex *exchange) {
	ex.inFlight = true
	l.cfg.Slot.Requests++
	l.cfg.Slot.InFlight++
}

// answerReady counts an answer whose head is about to be sent.
func (l *Loop) answerReady(ex *exchange, status int) {
	l.cfg.Slot.Answers[status/100]++
	switch {
	case !ex.inFlight: // The engine's own, to what is no request.
	case ex.req.Now == uint64(l.clock.now):
		l.measured.ready++
	default:
		l.countLatency(l.clock.now-int64(ex.req.Now), 1)
	}
}

// answersSent counts what has become ready since the last call.
func (l *Loop) answersSent() {
	if n := l.measured.ready; n > 0 {
		l.measured.ready = 0
		l.countLatency(l.clock.sinceRead(), n)
	}
}

// leaveFlight is called when the request ends, answered or not.
func (l *Loop) leaveFlight(ex *exchange) {
	if ex.inFlight {
		ex.inFlight = false
		l.cfg.Slot.InFlight--
	}
}

func (l *Loop) countLatency(ns int64, answers uint64) {
	took := uint64(max(ns, 0))
	l.cfg.Slot.Latency[min(bits.Len64(took), slot.LatencyBuckets-1)] += answers
	l.cfg.Slot.LatencySumNs += took * answers
}

// sinceRead is how long ago the iteration's clock was read.
func (k *clock) sinceRead() int64 { return k.baseNs + int64(time.Since(k.base)) - k.now }
