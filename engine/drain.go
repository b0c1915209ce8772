package engine

import (
	"sync/atomic"
	"time"

	"libforker/slot"
)

// Drain makes the loop finish: it takes what is queued on the listeners and then closes them, answers what arrives with
// "Connection: close", closes idle connections after the grace period, and everything after limit. Run returns when no
// connection is left. A later call can only shorten the limit; 0 closes everything at once. On the loop's thread.
func (l *Loop) Drain(limit time.Duration) {
	end := l.clock.now + int64(limit)
	if limit <= 0 {
		l.stopped = true
		return
	}
	if l.draining {
		l.drainNs = min(l.drainNs, end)
		return
	}
	l.draining = true
	l.drainNs = end
	l.drainGraceNs = l.clock.now + int64(min(l.cfg.DrainGrace, limit))
	atomic.StoreUint32(&l.cfg.Slot.State, uint32(slot.Draining))
	for _, ln := range l.listeners {
		for l.acceptOne(ln.fd) {
		}
	}
	l.closeListeners()
}

// checkDrain closes what need not be waited for any longer.
func (l *Loop) checkDrain() {
	if l.clock.now >= l.drainNs {
		l.stopped = true
		return
	}
	if l.clock.now >= l.drainGraceNs {
		for _, c := range l.conns {
			if c != nil && c.state == stateHead && c.ex == nil {
				l.closeConn(c, CloseShutdown)
			}
		}
	}
	l.stopped = l.open == 0
}

func (l *Loop) nextDrainCheck(next int64) int64 {
	due := l.drainNs
	if l.clock.now < l.drainGraceNs {
		due = min(due, l.drainGraceNs)
	}
	if next < 0 {
		return due
	}
	return min(next, due)
}
