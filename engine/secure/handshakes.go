package secure

import (
	"errors"
	"io"
	"sync"
)

// Handshakes, on goroutines beside the loop. For brief ones see brief.go.

// Handshakes runs handshakes beside the loop: those that compute at a time are so few that a processor is left for the
// loop, those that wait for their client cost a goroutine each. Brief ones it runs on the loop's own thread, if it may.
type Handshakes struct {
	// Immutable.
	wake    func()        // Has the loop call Take. Called on any goroutine that is counted in running.
	compute chan struct{} // Has a place for each handshake that may compute.
	oneWay  bool          // All calls come from one thread, out of one call of C's, so that coroutines can be used.

	// Owned by the loop: of brief handshakes.
	idle []*routine // Which have none.
	here int        // How many are under way.
	left []*Session // Closed, but their handshakes know nothing of that.

	mu      sync.Mutex // Guards the following.
	told    []*Session // Those that have something for the loop.
	running int        // Goroutines.
	closing bool       // The loop waits for their end. Written by the loop.
}

// NewHandshakes makes room for `computing` handshakes at a time, at least 1. oneWay: all calls for it will come from one
// goroutine, and if this is a call from C, from that one call. Only then are brief handshakes made at once.
func NewHandshakes(computing int, oneWay bool, wake func()) *Handshakes {
	return &Handshakes{wake: wake, oneWay: oneWay, compute: make(chan struct{}, max(computing, 1))}
}

// Next is what a handshake waits for.
type Next int

const (
	WantsInput Next = iota // What the client sends.
	Computes               // Nothing; when it wants more input it will be in Take's list.
	HasNews                // Nothing, and Collect has something at once.
)

// fedMost is how much of the client's input may wait for the handshake; a record is less.
const fedMost = 64 << 10

var errClosed = errors.New("the connection is closed")

// IsHere tells if the handshake of s is made by Begin and Feed themselves, as far as that is known.
func (h *Handshakes) IsHere(s *Session) bool { return s.brief && h.oneWay }

// Begin begins the handshake of s with what the client has sent.
func (h *Handshakes) Begin(s *Session, in []byte) Next {
	s.shaking, s.pass = true, h
	s.feed(in)
	return h.run(s)
}

// run has the handshake of s run, where it belongs by the client's first record.
func (h *Handshakes) run(s *Session) Next {
	if h.IsHere(s) {
		if s.isStarved() {
			return WantsInput
		}
		if s.brief = !s.ended && agreesBriefly(s.in); s.brief {
			return h.beginHere(s)
		}
	}
	s.running = true
	h.mu.Lock()
	h.running++
	h.mu.Unlock()
	go h.runBeside(s)
	return WantsInput
}

// Feed gives the handshake of s what has come.
func (h *Handshakes) Feed(s *Session, in []byte) Next {
	switch {
	case s.routine != nil:
		s.feed(in)
		return h.resume(s)
	case !s.running:
		s.feed(in)
		return h.run(s)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.feed(in)
	if s.waiting && isWhole(s.in) {
		s.wake.Signal()
	}
	if s.full = !s.waiting && len(s.in) >= fedMost; s.full {
		return Computes
	}
	return WantsInput
}

// feed puts input behind what there is. With mu.
func (s *Session) feed(in []byte) {
	if s.kept == nil {
		s.kept = buffers.Get()
	}
	if len(s.in) == 0 {
		s.kept.B = append(s.kept.B[:0], in...)
		s.in = s.kept.B
		return
	}
	taken := len(s.kept.B) - len(s.in)
	s.kept.B = append(s.kept.B, in...)
	s.in = s.kept.B[taken:]
}

// EndOf tells the handshake of s that the client has sent its end.
func (h *Handshakes) EndOf(s *Session) Next {
	switch {
	case s.routine != nil:
		s.ended = true
		return h.resume(s)
	case !s.running:
		s.ended = true
		return h.run(s)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.wake.Signal()
	return Computes
}

// runBeside is a handshake's goroutine.
func (h *Handshakes) runBeside(s *Session) {
	h.compute <- struct{}{}
	err := s.tls.Handshake()
	<-h.compute
	s.mu.Lock()
	s.over, s.err = true, err
	if s.closed {
		s.release()
	}
	first := h.tell(s)
	s.mu.Unlock()
	if first {
		h.wake()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.running--; h.closing {
		h.wake()
	}
}

// tell puts s among those that the loop is to look at. first: the loop is to be woken for it, when s.mu is free: it would
// only wait for that. With s.mu.
func (h *Handshakes) tell(s *Session) (first bool) {
	if s.told || s.closed {
		return false
	}
	s.told = true
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told = append(h.told, s)
	return len(h.told) == 1
}

// readWaiting gives the handshake the next bytes of the present record, and waits for it.
func (s *Session) readWaiting(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.isStarved() {
		s.await()
	}
	return s.readAwaited(b)
}

// readAwaited gives the handshake what it has waited for.
func (s *Session) readAwaited(b []byte) (int, error) {
	if s.closed {
		return 0, errClosed
	}
	n, err := s.readRecord(b)
	if errors.Is(err, io.EOF) && len(s.in) > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// isStarved reports whether there is nothing to go on with. With mu.
func (s *Session) isStarved() bool { return s.left == 0 && !isWhole(s.in) && !s.ended && !s.closed }

// await waits for what the client answers to what it is sent now. Another handshake may compute meanwhile. With mu.
func (s *Session) await() {
	h := s.pass
	<-h.compute
	s.waiting = true
	if s.full || s.out != nil {
		s.full = false
		if h.tell(s) {
			s.mu.Unlock()
			h.wake()
			s.mu.Lock()
		}
	}
	for s.isStarved() {
		s.wake.Wait()
	}
	s.waiting = false
	s.mu.Unlock() // Whoever computes may need it for the loop.
	h.compute <- struct{}{}
	s.mu.Lock()
}

// Progress is what a handshake wants of the loop.
type Progress struct {
	Out  []byte // For the client. Valid until the next call.
	Over bool   // It has ended,
	Err  error  // and if this is nil the session is open.
}

// Take returns the sessions that have something for the loop, which calls Collect for each.
func (h *Handshakes) Take(room []*Session) []*Session {
	h.mu.Lock()
	defer h.mu.Unlock()
	told := h.told
	clear(room)
	h.told = room[:0]
	return told
}

// Collect appends what the client is to get to out, and tells how far s is.
func (h *Handshakes) Collect(s *Session, out []byte) Progress {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = false
	if s.out != nil {
		out = append(out, s.out.B...)
		release(&s.out)
	}
	if s.over {
		s.shaking, s.running, s.pass = false, false, nil
		s.more = s.err == nil && isWhole(s.in)
	}
	return Progress{Out: out, Over: s.over, Err: s.err}
}

// Return gives back the end of what Collect gave that the client has not taken.
func (h *Handshakes) Return(s *Session, out []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rest := buffers.Get()
	rest.B = append(rest.B, out...)
	if s.out != nil {
		rest.B = append(rest.B, s.out.B...)
		release(&s.out)
	}
	s.out = rest
}

// Close has the loop woken whenever a goroutine ends. Their sessions are about to be closed.
func (h *Handshakes) Close() {
	h.mu.Lock()
	h.closing = true
	h.mu.Unlock()
	h.endIdle()
}

// IsEmpty tells if no goroutine is left, and no coroutine.
func (h *Handshakes) IsEmpty() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.running == 0 && h.here == 0
}
