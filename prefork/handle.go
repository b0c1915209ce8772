package prefork

import (
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"

	"libforker/prefork/control"
	"libforker/slot"
)

// What each message changes.

// handle takes in one message.
func (m *master) handle(e event, now time.Duration) {
	if e.worker != nil {
		m.handleWorker(&e, now)
		m.discard(&e.message)
		return
	}
	switch {
	case errors.Is(e.err, control.ErrMalformed):
		m.err = fmt.Errorf("%w: %w", ErrProtocol, e.err)
	case errors.Is(e.err, io.EOF):
		m.err = ErrSpawnerGone
	case e.err != nil:
		m.err = fmt.Errorf("%w: %w", ErrSpawnerGone, e.err)
	default:
		m.handleSpawner(&e.message, now)
		m.discard(&e.message)
	}
}

// handleWorker takes in what a worker says, of which readWorker lets through READY alone. Files that came with anything
// else are closed by the caller.
func (m *master) handleWorker(e *event, now time.Duration) {
	w := e.worker
	if !w.lives() || e.generation != w.generation {
		return
	}
	switch {
	case e.err != nil:
		m.logf(LogWarn, "worker %d (pid %d): %v", w.index, w.pid, e.err)
	case w.state == stateBooting:
		m.enterReady(w, now)
	}
}

func (m *master) handleSpawner(msg *control.Message, now time.Duration) {
	switch msg.Type {
	case control.AdoptedAll:
		m.finishAdoption(msg, now)
	case control.Stop:
		m.beginStop(m.within(msg.TimeoutMs()), now)
	case control.Reload:
		m.reconfigure(msg.Payload)
		m.changeDesired()
		if m.adopted { // Else it begins when all that lives is known.
			m.beginReload(now)
		}
	case control.Desired:
		m.changeDesired()
	case control.NewLog:
		m.sys.TakeLog(msg.Log(), msg.Files[0])
		msg.Files = nil
		return
	case control.ReopenAll:
		m.reopenLogs(now)
	case control.Ping:
		m.asked = true
	default:
		m.handleFork(msg, now)
	}
}

// handleFork takes in what the spawner says about a worker.
func (m *master) handleFork(msg *control.Message, now time.Duration) {
	if int64(msg.Slot) >= int64(len(m.workers)) {
		m.err = fmt.Errorf("%w: %v names slot %d of %d", ErrProtocol, msg.Type, msg.Slot, len(m.workers))
		return
	}
	w := m.workers[msg.Slot]
	switch msg.Type {
	case control.Adopt:
		m.adopt(w, msg, now)
	case control.Spawned:
		m.spawned(w, msg, now)
	case control.Failed:
		m.failed(w, msg, now)
	case control.Exited:
		m.exited(w, msg, now)
		m.send(&control.Message{Type: control.Told, Slot: msg.Slot, Generation: msg.Generation})
	default:
		m.err = fmt.Errorf("%w: %v is not for the master", ErrProtocol, msg.Type)
	}
}

// within gives the time that a stop names.
func (m *master) within(ms int32) time.Duration {
	if ms < 0 {
		return m.cfg.DrainTimeout
	}
	return time.Duration(ms) * time.Millisecond
}

// occupy enters the worker that a message is about, and begins to listen to it.
func (m *master) occupy(w *worker, msg *control.Message, now time.Duration) {
	pid, _ := msg.Worker()
	w.occupy(msg.Generation, pid, m.sys.Random())
	for _, fd := range msg.Files {
		link, err := m.sys.Open(fd)
		if err != nil {
			// READY can be read in the slot; drained it cannot be, only killed when the time is over.
			m.logf(LogWarn, "worker %d (pid %d): %v", w.index, w.pid, err)
			continue
		}
		w.link = link
		m.reads.Go(func() { m.readWorker(link, w, msg.Generation) })
	}
	msg.Files = nil
}

// settle enters the state of a worker whom the master did not see begin.
func (m *master) settle(w *worker, state slot.State, now time.Duration) {
	switch state {
	case slot.Ready:
		m.enterReady(w, now)
	case slot.Draining:
		w.state, w.leaving = stateDraining, true
		w.limit = now + killAfter(m.cfg.DrainTimeout)
		w.deadline = w.limit
	default:
		w.state = stateBooting
		w.deadline = since(w.page.LoadBornNs(), now) + m.cfg.BootTimeout
	}
	if m.stop.asked {
		w.dismiss(slot.Stop)
		m.release(w, m.stop.cutoff, m.stop.deadline, now)
	}
}

// adopt takes over a worker that lives already. Its page may be ahead of the message, never behind.
func (m *master) adopt(w *worker, msg *control.Message, now time.Duration) {
	if m.adopted || w.state != stateVacant {
		m.err = fmt.Errorf("%w: ADOPT for slot %d, which is taken", ErrProtocol, w.index)
		return
	}
	m.occupy(w, msg, now)
	_, state := msg.Worker()
	if w.current() {
		state = max(state, w.page.LoadState())
	}
	m.settle(w, state, now)
}

// finishAdoption knows all that lives: the other slots are vacant, and what their pages tell is history.
func (m *master) finishAdoption(msg *control.Message, now time.Duration) {
	if m.adopted {
		m.err = fmt.Errorf("%w: a second ADOPTED_ALL", ErrProtocol)
		return
	}
	m.adopted = true
	adopted, born := 0, time.Duration(-1)
	for _, w := range m.workers {
		if w.lives() {
			adopted++
		} else {
			w.generation = w.page.LoadGeneration()
		}
		if ns := w.page.LoadBornNs(); ns != 0 {
			born = max(born, since(ns, now))
		}
		m.everReady = m.everReady || w.page.LoadReachedReady()
	}
	// Generations that never got ready may have wiped out what the pages knew; the former master's word stands.
	m.everReady = m.everReady || m.sys.Slots.Shared().LoadPhase() != slot.Starting
	if born >= 0 {
		// How many forks there were before the latest one, the pages do not tell.
		m.budget.spend(born)
	}
	if adopted > 0 {
		m.announced = true
		m.sys.Log(LogInfo, "a new master has taken over "+plural(adopted, "worker"))
	}
	m.beginReload(now)
	if m.sys.Slots.Shared().LoadReopens() > 0 {
		// The former master may have died before it told them.
		m.reopenLogs(now)
	}
	if ms := msg.TimeoutMs(); ms >= 0 {
		m.beginStop(m.within(ms), now)
	}
}

// spawned takes in a new worker: also the one of an earlier SPAWN, whose response was not waited for.
func (m *master) spawned(w *worker, msg *control.Message, now time.Duration) {
	m.budget.confirm(now)
	if w.lives() {
		m.err = fmt.Errorf("%w: SPAWNED for slot %d, which is taken", ErrProtocol, w.index)
		return
	}
	m.occupy(w, msg, now)
	m.settle(w, slot.Forked, now)
}

// failed takes in that there is no new worker.
func (m *master) failed(w *worker, msg *control.Message, now time.Duration) {
	m.budget.confirm(now)
	if w.state != stateSpawning {
		return
	}
	switch errno := msg.Errno(); errno {
	case unix.EBUSY, unix.ESTALE:
		m.resync(w, msg, now)
	default:
		w.failures++
		m.failedBoot(w, "", "could not be forked: "+errno.Error(), now)
	}
}

// resync takes over what the spawner knows better: the generation, and who lives in the slot.
func (m *master) resync(w *worker, msg *control.Message, now time.Duration) {
	known := w.generation
	w.generation = msg.Generation
	if w.generation == known {
		w.generation = w.page.LoadGeneration()
	}
	m.logf(LogDebug, "slot %d: %v, the latest generation is %d, not %d", w.index, msg.Errno(), w.generation, known)
	state := w.page.LoadState()
	switch {
	case msg.Errno() == unix.EBUSY && w.current() && state != slot.Empty:
		w.occupy(w.generation, w.page.LoadPid(), m.sys.Random())
		m.settle(w, state, now)
	case w.generation != known:
		w.vacate(now)
	default:
		w.vacate(now + resyncDelay)
	}
}

// exited takes in that a worker is gone.
func (m *master) exited(w *worker, msg *control.Message, now time.Duration) {
	if !w.lives() || msg.Generation != w.generation {
		return
	}
	exit := msg.Exit()
	// EXITED can overtake READY, which comes through another channel. A worker killed for being late was not READY in
	// time.
	served := w.ready || exit.ReachedReady && w.state != stateKilled
	m.everReady = m.everReady || served
	if w.ready && now-w.readyAt >= steadyAfter {
		w.failures = 0
	}
	how := m.describeExit(w, exit, served, now)
	who := fmt.Sprintf(" (pid %d)", exit.Pid)
	if !served && !w.leaving {
		w.failures++
		m.failedBoot(w, who, how, now)
		return
	}
	level := LogWarn
	if w.leaving && (w.state == stateKilled || exit.Status == 0) {
		level = LogInfo
	}
	w.vacate(now)
	if m.belongs(w) {
		how += "; starting another"
	}
	m.logf(level, "worker %d%s %s", w.index, who, how)
	if !w.leaving {
		m.countRestart(w, who+" "+how, now)
	}
}

// failedBoot gives the slot some rest, or gives up: when no worker of any slot was ever READY, and one slot has failed
// bootsToGiveUp times in a row, then it is the program that cannot start.
func (m *master) failedBoot(w *worker, who, how string, now time.Duration) {
	delay := backoff(w.failures, m.sys.Random())
	w.vacate(now + delay)
	over := m.wants(w) && !m.everReady && w.failures >= bootsToGiveUp
	next := ""
	if m.belongs(w) && !over {
		next = "; starting another in " + seconds(delay)
	}
	m.logf(LogWarn, "worker %d%s %s%s", w.index, who, how, next)
	if m.reload.active && w.epoch == m.reload.epoch {
		if m.reload.failures++; m.reload.failures >= bootsToGiveUp {
			m.giveUpReload(fmt.Sprintf("worker %d%s", w.index, who), how)
		}
	}
	switch {
	case over:
		m.giveUp(w, how, now)
	case m.belongs(w):
		m.countRestart(w, who+" "+how, now)
	}
}

// countRestart gives up when workers have died too often of late. The spare one of a reload does not count: that has a
// limit of its own.
func (m *master) countRestart(w *worker, how string, now time.Duration) {
	if m.cfg.Restarts == 0 || !m.belongs(w) {
		return
	}
	for len(m.restarts) > 0 && now-m.restarts[0] >= m.cfg.RestartWindow {
		m.restarts = m.restarts[1:]
	}
	m.restarts = append(m.restarts, now)
	if len(m.restarts) <= m.cfg.Restarts {
		return
	}
	m.reason = fmt.Errorf("%w: %d within %s, the latest: worker %d%s", ErrRestarts, len(m.restarts), seconds(m.cfg.RestartWindow), w.index, how)
	m.send(&control.Message{Type: control.GiveUp, Payload: control.GiveUpPayload(control.TooManyRestarts, m.reason.Error())})
	m.beginStop(m.cfg.DrainTimeout, now)
}

// giveUp makes the program's run fail with the reason.
func (m *master) giveUp(w *worker, how string, now time.Duration) {
	if words := w.page.LastWords(); words != "" && w.current() {
		how += fmt.Sprintf(" (last words: %q)", words)
	}
	m.reason = fmt.Errorf("%w: worker %d %s", ErrNotReady, w.index, how)
	m.send(&control.Message{Type: control.GiveUp, Payload: control.GiveUpPayload(control.NoWorkerReady, m.reason.Error())})
	m.beginStop(0, now)
}
