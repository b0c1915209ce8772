package engine

import (
	"sync/atomic"
	"time"

	"libforker/slot"
)

// The end of a worker: what is under way is finished, and nothing new begun.

// Drain makes the loop finish: it takes what is queued on the listeners and then closes them, answers what arrives with
// "Connection: close", closes idle connections after the grace period, and everything after limit. Run returns when no
// connection is left. A later call can only shorten the limit; 0 closes everything at once. On the loop's thread.
func (l *Loop) Drain(limit time.Duration) {
	if l.clock.read() { // Anew: the grace is not to be shorter by the time that this iteration has taken.
		l.renewDate()
	}
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
	for i, ln := range l.listeners {
		if l.pausedUntil == 0 {
			// First, because the kernel wakes only one worker for a connection: were it this one, after it has looked for the
			// last time, nobody would take it. It is watched, so removing it cannot fail.
			_ = l.poll.Remove(ln.fd)
		}
		for n := 0; n < lastAccepts && l.acceptOne(&l.listeners[i]); n++ {
		}
	}
	l.closeListeners()
	for _, c := range l.conns {
		if c != nil && c.state == connOpen {
			c.protocol.warn(l)
		}
	}
}

// lastAccepts is how many connections a draining loop takes of each listener at most: under a load that never ends the
// queue does not either, and then it is for the other workers.
const lastAccepts = 4096

// checkDrain closes what need not be waited for any longer.
func (l *Loop) checkDrain() {
	if l.clock.now >= l.drainNs {
		l.stopped = true
		return
	}
	if l.clock.now >= l.drainGraceNs {
		l.closeIdle()
	}
	l.endLingering()
	l.stopped = l.open == 0
}

// suspensionLeast is how much longer than it wanted a loop must have waited, to have been stopped. It is that of the master
// (prefork).
const suspensionLeast = int64(time.Second)

// noticeSuspension puts a drain off by a time in which this process did not run, though it had nothing else to do than to wait:
// it was stopped, or the whole machine was. The clients had no chance to get on either, and the master does the same
// with its own deadline.
func (l *Loop) noticeSuspension(suspended int64) {
	if suspended >= suspensionLeast {
		l.drainNs += suspended
		l.drainGraceNs += suspended
	}
}

// closeIdle has the connections closed that nothing is under way on, and comes back for the others.
func (l *Loop) closeIdle() {
	for _, c := range l.conns {
		if c != nil && c.state == connOpen {
			c.protocol.drain(l)
		}
	}
	l.bury()
}

// firstNs is how long a new connection may take at least until its first request, in a draining loop. Nobody connects
// to say nothing; but the first packet can be lost and sent again, and the client can be slow.
const firstNs = 2 * int64(time.Second)

// isLeaving reports whether responses are to tell that they are the last. The loop begins to drain when it reads the
// message that says so, which waits while a handler runs. The shared memory says it at once, so that the response of that
// handler can already tell the client: what the handler learns from forker_request_draining() its client learns too.
func (l *Loop) isLeaving() bool {
	return l.draining || l.cfg.Slot.LoadDismissed() || l.cfg.Slot.LoadStopAsked() || l.cfg.Shared.LoadStopAsked()
}

func (l *Loop) nextDrainCheck(next int64) int64 {
	due := l.drainNs
	if l.clock.now < l.drainGraceNs {
		due = min(due, l.drainGraceNs)
	}
	if l.lingering > 0 {
		due = min(due, l.lingerLookNs)
	}
	if next < 0 {
		return due
	}
	return min(next, due)
}
