package prefork

import (
	"time"

	"golang.org/x/sys/unix"

	"libforker/prefork/control"
	"libforker/slot"
)

// Slots that are to have a worker, and the forks that are due.

// fill asks for workers for the vacant slots. Which has waited longest comes first, so that some slots whose workers
// crash in a loop do not use up the budget of the others.
func (m *master) fill(now time.Duration) {
	for {
		if at, ok := m.budget.free(now); !ok || at > now {
			return
		}
		var next *worker
		for _, w := range m.workers {
			due := w.state == stateVacant && m.wants(w) && w.notBefore <= now
			if due && (next == nil || w.notBefore < next.notBefore) {
				next = w
			}
		}
		if next == nil {
			return
		}
		next.state = stateSpawning
		next.epoch = m.sys.Slots.Shared().LoadEpoch()
		next.deadline = now + spawnTimeout
		m.budget.sent()
		m.send(&control.Message{Type: control.Spawn, Slot: uint32(next.index), Generation: next.generation})
	}
}

// meetDeadlines acts on every slot that has been in its state for too long.
func (m *master) meetDeadlines(now time.Duration) {
	if !m.adopted && now >= m.handover {
		m.logf(LogWarn, "the spawner has not handed over its workers yet")
		m.handover = now + spawnTimeout
	}
	for _, w := range m.workers {
		if w.state != stateVacant && w.state != stateReady && now >= w.deadline {
			m.meetDeadline(w, now)
		}
	}
}

func (m *master) meetDeadline(w *worker, now time.Duration) {
	switch w.state {
	case stateSpawning:
		m.logf(LogWarn, "the spawner has not answered the request for worker %d", w.index)
		w.vacate(now)
	case stateBooting:
		if w.pageReady() {
			m.enterReady(w, now)
			return
		}
		m.logf(LogWarn, "worker %d (pid %d) is not ready within %s: killing it", w.index, w.pid,
			seconds(m.cfg.BootTimeout))
		w.dismiss(slot.Boot)
		m.kill(w, now)
	case stateDraining:
		m.endDrain(w, now)
	case stateAborted:
		m.logf(LogWarn, "worker %d (pid %d) does not die of SIGABRT: killing it", w.index, w.pid)
		m.kill(w, now)
	case stateKilled:
		m.logf(LogWarn, "worker %d (pid %d) is still there %s after SIGKILL", w.index, w.pid, seconds(killTimeout))
		if m.stop.asked {
			// It hangs in the kernel, as on a dead network disk, and will die when it leaves it. The stop does not wait for
			// that.
			w.vacate(now)
			return
		}
		m.kill(w, now)
	case stateVacant, stateReady:
	}
}

// endDrain kills a worker that has not left in time. If it got ready before it was told to, it has something to finish.
func (m *master) endDrain(w *worker, now time.Duration) {
	started := w.current() && w.page.LoadReachedReady()
	if started && now < w.limit {
		w.deadline = w.limit
		return
	}
	why := "has not drained in time"
	if !started {
		why = "does not leave while it boots"
	}
	m.logf(LogWarn, "worker %d (pid %d) %s: killing it", w.index, w.pid, why)
	m.kill(w, now)
}

// kill sends SIGKILL.
func (m *master) kill(w *worker, now time.Duration) {
	w.state = stateKilled
	w.deadline = now + killTimeout
	m.signal(w, unix.SIGKILL)
}

// enterReady notes that a worker serves.
func (m *master) enterReady(w *worker, now time.Duration) {
	w.state = stateReady
	w.ready = true
	w.readyAt = now
	if w.current() {
		w.readyAt = since(w.page.LoadReadyNs(), now)
	}
	w.seen.moved = w.readyAt
	m.everReady = true
	m.logf(LogDebug, "worker %d (pid %d) is ready", w.index, w.pid)
}

// announce says in the log, once for each number of workers that is wanted, that all of them serve. It comes behind
// publish: who has read the line finds the same in the shared memory, as /readyz does.
func (m *master) announce() {
	if m.announced || !m.adopted || !m.complete() {
		return
	}
	m.announced = true
	m.sys.Log(LogInfo, "all workers are ready: "+plural(m.target(), "worker"))
}
