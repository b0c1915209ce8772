package prefork

import "time"

// Times in which the master itself did not run.

// noticeSuspension notices that the master itself has not run for a while: it, or the whole machine, was suspended, or had no
// processor. Then the workers had no chance either, and what has become due meanwhile gets its time again. So a
// suspended laptop or a SIGSTOP of everything kills nobody.
func (m *master) noticeSuspension(now time.Duration) {
	suspended := now - m.expected
	if m.expected == 0 || suspended < suspensionLeast {
		return
	}
	m.logf(LogInfo, "the master has not run for %s; deadlines are put off by as much", seconds(suspended))
	m.resumed = now
	m.handover += suspended
	m.stop.cutoff += suspended
	m.stop.deadline += suspended
	for _, w := range m.workers {
		w.deadline += suspended
		w.limit += suspended
	}
}
