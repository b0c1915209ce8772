package prefork

import (
	"fmt"
	"math"
	"time"

	"golang.org/x/sys/unix"

	"libforker/prefork/control"
	"libforker/slot"
)

// Workers that hang, are old or have grown.

// Health is when a worker that serves is not to go on serving. 0 is never.
type Health struct {
	HangTimeout time.Duration // its loop, or every thread of its handler pool, has stood still for so long
	MaxRequests uint64        // it has had so many requests, and up to a tenth more
	MaxAge      time.Duration // it has lived for so long, and up to a tenth longer
	MemorySoft  int64         // it has so many bytes resident: it is replaced
	MemoryHard  int64         // it has so many bytes resident: it is killed
}

// healthSpread is how much workers that were started together differ in what they are replaced at.
const healthSpread = 0.1

// wanted tells if there is anything to look at.
func (c *Health) wanted() bool { return *c != Health{} }

// interval is how often to look. Requests can come fast.
func (c *Health) interval() time.Duration {
	if c.MaxRequests > 0 {
		return 100 * time.Millisecond
	}
	return time.Second
}

// seen is what the check of health knows of a worker from the last time it looked.
type seen struct {
	requests uint64        // over all generations
	moved    time.Duration // when its loop was last known to turn
	spread   float64       // of this worker, up to healthSpread
	tired    string        // why it is to be replaced, "" if it is not
	late     int           // how many threads of the pool were in a handler for too long when that was last told
}

// checkHealth looks after the workers that serve.
func (m *master) checkHealth(now time.Duration) {
	if !m.cfg.Health.wanted() || !m.adopted || m.stop.asked || now < m.healthAt {
		return
	}
	m.healthAt = now + m.cfg.Health.interval()
	for _, w := range m.workers {
		if w.state == stateReady && w.current() {
			m.examine(w, now)
		}
	}
}

func (m *master) examine(w *worker, now time.Duration) {
	c := &m.cfg.Health
	w.feel(now)
	if still := now - max(w.seen.moved, m.resumed); c.HangTimeout > 0 && still >= c.HangTimeout+heartbeatMost {
		m.abortStill(w, still, now)
		return
	}
	if c.HangTimeout > 0 && m.examinePool(w, now) {
		return
	}
	resident := m.resident(w, now)
	if c.MemoryHard > 0 && resident >= c.MemoryHard {
		m.logf(LogWarn, "worker %d (pid %d) has %s of memory, over worker_memory_hard: killing it", w.index, w.pid,
			mebibytes(resident))
		w.dismiss(slot.Memory)
		m.kill(w, now)
		return
	}
	if w.seen.tired == "" {
		w.seen.tired = w.tiredOf(c, resident, now)
	}
}

// feel notes whether the loop has turned since the last time. It has if it has begun another request: one iteration can
// serve many, and says so only at its end.
func (w *worker) feel(now time.Duration) {
	p := &w.seen
	if beat := w.page.LoadHeartbeatNs(); beat != 0 {
		p.moved = max(p.moved, since(beat, now))
	}
	if requests := w.page.LoadRequests(); requests != p.requests {
		p.requests, p.moved = requests, now
	}
}

// tiredOf tells what a worker has had enough of, "" if of nothing.
func (w *worker) tiredOf(c *Health, resident int64, now time.Duration) string {
	age := now - since(w.page.LoadBornNs(), now)
	before := w.page.LoadRequestsBefore()
	served := min(max(w.seen.requests, before)-before, math.MaxInt) // Both can be anything.
	more := 1 + w.seen.spread
	switch {
	case c.MaxRequests > 0 && float64(served) >= float64(c.MaxRequests)*more:
		return plural(int(served), "request")
	case c.MaxAge > 0 && float64(age) >= float64(c.MaxAge)*more:
		return "an age of " + seconds(age)
	case c.MemorySoft > 0 && resident >= c.MemorySoft:
		return mebibytes(resident) + " of memory"
	}
	return ""
}

// resident gives the bytes of memory that a worker has resident, 0 if nobody asks or it cannot be told.
func (m *master) resident(w *worker, now time.Duration) int64 {
	if m.cfg.Health.MemorySoft == 0 && m.cfg.Health.MemoryHard == 0 {
		return 0
	}
	n, ok := m.sys.Resident(w.pid)
	if !ok {
		m.logf(LogWarn, "the memory of worker %d (pid %d) cannot be told: /proc does not say", w.index, w.pid)
	}
	return int64(n)
}

// abortStill ends a worker whose loop hangs.
func (m *master) abortStill(w *worker, still, now time.Duration) {
	what := ""
	if box := &w.page.Box; box.Busy() {
		what = " in " + request(box)
	}
	m.logf(LogError, "worker %d (pid %d) hangs: it has stood still for %s%s; aborting it", w.index, w.pid, seconds(still), what)
	m.abort(w, 0, now)
}

// abort has a worker that hangs report where it is, by SIGABRT to the thread that does, before it is killed.
func (m *master) abort(w *worker, thread int32, now time.Duration) {
	w.dismiss(slot.Hang)
	w.state = stateAborted
	w.deadline = now + abortTimeout
	m.send(&control.Message{
		Type: control.Kill, Slot: uint32(w.index), Generation: w.generation, Payload: control.SignalPayload(unix.SIGABRT, thread),
	})
}

// signal sends a signal through the spawner, who alone knows that the pid still is that worker's.
func (m *master) signal(w *worker, signal unix.Signal) {
	m.send(&control.Message{
		Type: control.Kill, Slot: uint32(w.index), Generation: w.generation, Payload: control.SignalPayload(signal, 0),
	})
}

func mebibytes(n int64) string { return fmt.Sprintf("%d MiB", n>>20) }
