package prefork

import (
	"time"

	"libforker/slot"
)

// What the master knows of a slot and its worker.

// state is what the master knows of a slot. It is coarser than slot.State where nothing is decided by the difference,
// and finer where the spawner has yet to answer.
type state int

const (
	stateVacant   state = iota // no worker; next: spawning
	stateSpawning              // SPAWN is sent; next: booting, or vacant if it failed
	stateBooting               // forked, not READY yet; next: ready, draining, killed, vacant
	stateReady                 // serves; next: draining, aborted, killed, vacant
	stateDraining              // told to finish and leave; next: killed, vacant
	stateAborted               // SIGABRT is sent; next: killed, vacant
	stateKilled                // SIGKILL is sent; next: vacant
)

// worker is a slot and who lives in it.
type worker struct {
	// Immutable.
	index int
	page  *slot.Slot

	// Of the present worker.
	state    state
	pid      int32
	link     Link          // nil if there is none
	deadline time.Duration // of the state; has no meaning while vacant or ready
	limit    time.Duration // of a drain; the deadline is before it while the worker has not been ready
	ready    bool          // it was READY, in time
	readyAt  time.Duration
	leaving  bool // it was told to leave: its exit is expected
	seen     seen

	// Over all generations.
	generation uint32 // the latest that is known
	epoch      uint32 // in which it was forked, or is about to be
	failures   int    // failed boots in a row
	notBefore  time.Duration
}

// lives tells if there is a process whose exit will be reported.
func (w *worker) lives() bool { return w.state >= stateBooting }

// current tells if the shared page is about the generation that the master means.
func (w *worker) current() bool { return w.page.LoadGeneration() == w.generation }

// pageReady tells if the worker says in the shared memory that it is READY: it does so before it sends the message,
// which a former master may have taken with it.
func (w *worker) pageReady() bool { return w.current() && w.page.LoadState() == slot.Ready }

// dismiss notes in the shared memory why the worker is let go, for the spawner who counts the exits.
func (w *worker) dismiss(reason slot.ExitReason) {
	if w.lives() && w.current() {
		w.page.Dismiss(reason)
	}
}

// occupy enters a new worker. random is at least 0 and less than 1.
func (w *worker) occupy(generation uint32, pid int32, random float64) {
	w.generation, w.pid, w.epoch = generation, pid, w.page.LoadEpoch()
	w.link = nil
	w.ready, w.readyAt, w.leaving = false, 0, false
	w.seen = seen{requests: w.page.LoadRequests(), spread: healthSpread * random}
}

// forgive forgets the failed boots of a slot: what failed is not what is to be forked now.
func (w *worker) forgive(now time.Duration) {
	w.failures, w.notBefore = 0, now
}

// vacate leaves the slot free for another worker from the given time on.
func (w *worker) vacate(notBefore time.Duration) {
	if w.link != nil {
		// The channel ends here in any case, and its reader with it.
		_ = w.link.Close()
		w.link = nil
	}
	w.state, w.notBefore = stateVacant, notBefore
}

// since gives a time of the shared page, which may be garbage, as one that is not in the future.
func since(ns uint64, now time.Duration) time.Duration {
	if ns == 0 || ns > uint64(now) {
		return now
	}
	return time.Duration(ns)
}
