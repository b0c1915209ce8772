package engine

import (
	"runtime"
	"time"
)

// For how long the loop has had a processor of the Go scheduler.

// A busy loop gives its processor up every now and then, although nobody else may want it: one that has been the same
// goroutine's for 10 ms is taken from a handler, and then the runtime looks after it thousands of times a second
// (docs/rationale/runtime.md). Half of that leaves room for a handler, and for a look that is late.
const (
	yieldEvery = int64(5 * time.Millisecond)
	yieldLeast = int64(time.Millisecond) // So much of it was spent on requests, or else handlers are seldom met.
)

// tenure begins when the processor was given up last.
type tenure struct {
	yield   func()
	sinceNs int64
	busyNs  int64 // From then to the present iteration.
}

func newTenure() tenure { return tenure{yield: runtime.Gosched} }

// goOn is called when an iteration begins, of which nothing is measured yet.
func (t *tenure) goOn(m *measured) {
	t.busyNs += m.last
	m.last = 0
}

// yieldIfDue is called behind each step that may have called handlers. The time of the last response is late enough, and
// there already.
func (l *Loop) yieldIfDue() {
	spent := l.measured.last
	now := l.clock.now + spent
	if now-l.tenure.sinceNs < yieldEvery || l.tenure.busyNs+spent < yieldLeast {
		return
	}
	l.tenure.sinceNs, l.tenure.busyNs = now, -spent
	l.tenure.yield()
}
