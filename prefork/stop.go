package prefork

import (
	"time"

	"golang.org/x/sys/unix"

	"libforker/prefork/control"
	"libforker/slot"
)

// The end of everything.

// stop is the end of everything, once it was asked for.
type stop struct {
	asked    bool
	cutoff   time.Duration // until when requests in flight may take
	deadline time.Duration // when the workers that are left are killed
}

// beginStop stops everything within a time. A later call can only shorten it.
func (m *master) beginStop(within, now time.Duration) {
	next := stop{asked: true, cutoff: now + within, deadline: now + killAfter(within)}
	if m.stop.asked {
		if next.cutoff >= m.stop.cutoff {
			return
		}
		next.deadline = min(next.deadline, m.stop.deadline)
	}
	m.stop = next
	for _, w := range m.workers {
		if w.state == stateSpawning {
			w.deadline = m.stop.deadline
		}
		w.dismiss(slot.Stop)
		m.release(w, m.stop.cutoff, m.stop.deadline, now)
	}
}

// stopped tells if nothing is left to stop.
func (m *master) stopped(now time.Duration) bool {
	if !m.stop.asked || !m.adopted && now < m.stop.deadline {
		return false
	}
	for _, w := range m.workers {
		if w.state != stateVacant {
			return false
		}
	}
	return true
}

// release lets a worker go: it is told to drain until cutoff, and killed at the deadline. A worker that is about to
// leave can only be hurried. One that boots has nothing to drain: SIGTERM ends it at once, unless it gets ready in that
// moment and drains.
func (m *master) release(w *worker, cutoff, deadline, now time.Duration) {
	switch w.state {
	case stateBooting:
		w.state, w.limit, w.deadline = stateDraining, deadline, min(deadline, now+exitGrace)
		m.signal(w, unix.SIGTERM)
	case stateReady:
		w.state, w.limit, w.deadline = stateDraining, deadline, deadline
	case stateDraining:
		w.limit, w.deadline = min(w.limit, deadline), min(w.deadline, deadline)
	case stateVacant, stateSpawning, stateAborted, stateKilled:
		return
	}
	w.leaving = true
	if w.link == nil {
		return
	}
	left := min((max(cutoff-now, 0)+time.Millisecond-1)/time.Millisecond, maxMilliseconds)
	err := w.link.TrySend(&control.Message{
		Type: control.Drain, Slot: uint32(w.index), Generation: w.generation, Payload: control.TimeoutPayload(int32(left)),
	})
	if err != nil {
		// It is dead, or will be at the deadline.
		m.logf(LogDebug, "worker %d (pid %d) cannot be told to drain: %v", w.index, w.pid, err)
	}
}

// killAfter gives when a worker is killed that has a time to drain.
func killAfter(within time.Duration) time.Duration {
	if within == 0 {
		return exitGrace
	}
	return within
}
