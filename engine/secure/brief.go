package secure

import "iter"

// Brief handshakes, on the loop's thread.

// routine is a coroutine that makes one handshake after the other, on the stack that the first has had grow. It runs on
// the goroutine that resumes it, always the same one, and at the same depth of calls from C: the Go runtime ends the
// process of a coroutine that is resumed on another thread.
type routine struct {
	next  func() (struct{}, bool) // Runs it until it yields: it is starved, or its handshake is over.
	stop  func()                  // Ends it, between two handshakes.
	yield func(struct{}) bool
	s     *Session // Whose handshake it makes; nil: none.
}

// idleRoutines is how many coroutines without a handshake are kept, with a stack of some 32 KiB each.
const idleRoutines = 8

func newRoutine() *routine {
	r := &routine{}
	r.next, r.stop = iter.Pull(r.run)
	return r
}

func (r *routine) run(yield func(struct{}) bool) {
	for r.yield = yield; ; {
		r.s.err = r.s.tls.Handshake()
		r.s.over = true
		if !yield(struct{}{}) {
			return
		}
	}
}

// beginHere begins a brief handshake.
func (h *Handshakes) beginHere(s *Session) Next {
	if n := len(h.idle); n > 0 {
		s.routine = h.idle[n-1]
		h.idle = h.idle[:n-1]
	} else {
		s.routine = newRoutine()
	}
	s.routine.s = s
	h.here++
	return h.resume(s)
}

// resume goes on with a brief handshake, as far as its input reaches.
func (h *Handshakes) resume(s *Session) Next {
	if s.isStarved() {
		return WantsInput
	}
	s.routine.next()
	switch {
	case s.over:
		h.retire(s.routine)
		s.routine = nil
		h.here--
		return HasNews
	case s.out != nil:
		return HasNews
	}
	return WantsInput
}

// retire takes in a coroutine whose handshake is over.
func (h *Handshakes) retire(r *routine) {
	r.s = nil
	if len(h.idle) == idleRoutines || h.closing {
		r.stop()
		return
	}
	h.idle = append(h.idle, r)
}

// EndLeft ends the brief handshakes whose sessions were closed meanwhile. It is for the loop, between its steps.
func (h *Handshakes) EndLeft() {
	for _, s := range h.left {
		h.resume(s)
		s.release()
	}
	clear(h.left)
	h.left = h.left[:0]
}

// endIdle ends the coroutines that have no handshake; with closing the others end with theirs.
func (h *Handshakes) endIdle() {
	for _, r := range h.idle {
		r.stop()
	}
	h.idle = nil
}

// readHere gives a brief handshake the next bytes of the present record, and has the loop go on until they are there.
func (s *Session) readHere(b []byte) (int, error) {
	for s.isStarved() {
		s.routine.yield(struct{}{})
	}
	return s.readAwaited(b)
}
