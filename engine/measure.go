package engine

import (
	"math/bits"
	"time"

	"libforker/slot"
)

// Latency is measured from when the loop learned of a request, which is the clock of that iteration, until its response
// is handed to the kernel. A reading of the clock costs as much as 1 % of that, so one does for several responses while
// they are quick: it is then late by fewer than measuredTogether*quickNs. docs/rationale/time.md says what is left out.

const (
	measuredTogether = 8     // Responses, at most, if they are quick.
	quickNs          = 20000 // So fast is a quick one.
)

// measured is what the loop keeps for that.
type measured struct {
	ready  uint64 // Responses to requests of this iteration that are not counted yet.
	enough uint64 // So many are counted together.
	last   int64  // When that was done last, in ns of this iteration.
}

// beginRequest counts a request that goes to the program.
func (l *Loop) beginRequest(o *observed) {
	o.inFlight, o.begun = true, l.clock.now
	l.cfg.Slot.Requests++
	l.cfg.Slot.InFlight++
}

// responseReady counts a response whose head is about to be sent.
func (l *Loop) responseReady(o *observed, status int) {
	l.cfg.Slot.Responses[status/100]++
	switch {
	case !o.inFlight: // The engine's own, to what is no request.
	case o.begun == l.clock.now:
		l.measured.ready++
	default:
		l.countLatency(l.clock.now-o.begun, 1)
	}
}

// responsesSent is called when responses were handed to the kernel.
func (l *Loop) responsesSent() {
	if l.measured.ready > 0 && l.measured.ready >= l.measured.enough {
		l.countReady()
	}
}

// countReady counts what has become ready since the last call.
func (l *Loop) countReady() {
	m := &l.measured
	if m.ready == 0 {
		return
	}
	now := l.clock.sinceRead()
	m.enough = 1
	if now-m.last < quickNs*int64(m.ready) {
		m.enough = measuredTogether
	}
	l.countLatency(now, m.ready)
	m.ready, m.last = 0, now
}

// leaveFlight is called when the request ends, answered or not.
func (l *Loop) leaveFlight(o *observed) {
	if o.inFlight {
		o.inFlight = false
		l.cfg.Slot.InFlight--
	}
}

func (l *Loop) countLatency(ns int64, responses uint64) {
	took := uint64(max(ns, 0))
	l.cfg.Slot.Latency[min(bits.Len64(took), slot.LatencyBuckets-1)] += responses
	l.cfg.Slot.LatencySumNs += took * responses
}

// sinceRead is how long ago the iteration's clock was read.
func (k *clock) sinceRead() int64 { return k.baseNs + int64(time.Since(k.base)) - k.now }
