package prefork

import (
	"fmt"
	"time"

	"libforker/slot"
)

// Workers whose handler pool is stuck.

// poolCensus is how the threads of a worker's handler pool do.
type poolCensus struct {
	threads int            // that there can be
	late    int            // that have been in a handler for HangTimeout
	first   *slot.BlackBox // of the one that has been for longest; nil if none is late
	inside  time.Duration  // how long it has been
}

// countPool looks for handlers of the pool that do not come back. Time in which the master did not run does not count.
func (m *master) countPool(w *worker, now time.Duration) poolCensus {
	size, used := w.page.LoadPool()
	c := poolCensus{threads: size}
	for i := range used {
		box := m.sys.Slots.PoolBox(w.index, i)
		if !box.Busy() {
			continue
		}
		inside := now - max(since(box.LoadSinceNs(), now), m.resumed)
		if inside < m.cfg.Health.HangTimeout {
			continue
		}
		c.late++
		if c.first == nil || inside > c.inside {
			c.first, c.inside = box, inside
		}
	}
	return c
}

// examinePool tells if a worker's pool hangs: no thread of it comes back, so that nobody serves its routes any more. As
// long as one is left, the handlers that are late cost a thread each, which is told when there are twice as many as the
// last time.
func (m *master) examinePool(w *worker, now time.Duration) (hangs bool) {
	c := m.countPool(w, now)
	if c.first == nil || c.late < 2*w.seen.late && c.late < c.threads {
		return false
	}
	w.seen.late = c.late
	what := fmt.Sprintf("%d of the %s of its pool have", c.late, plural(c.threads, "thread"))
	if c.late == 1 && c.threads > 1 {
		what = fmt.Sprintf("1 of the %d threads of its pool has", c.threads)
	}
	what += fmt.Sprintf(" been in a handler for over %s, the longest for %s in %s", seconds(m.cfg.Health.HangTimeout), seconds(c.inside),
		request(c.first))
	if c.late < c.threads {
		m.logf(LogWarn, "worker %d (pid %d): %s", w.index, w.pid, what)
		return false
	}
	m.logf(LogError, "worker %d (pid %d) hangs: %s; aborting it", w.index, w.pid, what)
	m.abort(w, c.first.LoadThread(), now)
	return true
}
