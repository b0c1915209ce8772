package slot

import (
	"bytes"
	"strings"
	"sync/atomic"
	"unicode"
	"unicode/utf8"
)

// The page of a worker.

// LoadState gives the state.
func (s *Slot) LoadState() State { return State(atomic.LoadUint32(&s.State)) }

// LoadGeneration gives the generation that lives in the slot, or that lived there last.
func (s *Slot) LoadGeneration() uint32 { return atomic.LoadUint32(&s.Generation) }

// LoadPid gives the process id of the present worker.
func (s *Slot) LoadPid() int32 { return atomic.LoadInt32(&s.Pid) }

// LoadReachedReady tells if the present generation was ever Ready.
func (s *Slot) LoadReachedReady() bool { return atomic.LoadUint32(&s.ReachedReady) != 0 }

// LoadBornNs gives CLOCK_MONOTONIC at the fork of the present generation, in nanoseconds.
func (s *Slot) LoadBornNs() uint64 { return atomic.LoadUint64(&s.BornNs) }

// LoadReadyNs gives CLOCK_MONOTONIC when the present generation became Ready, in nanoseconds.
func (s *Slot) LoadReadyNs() uint64 { return atomic.LoadUint64(&s.ReadyNs) }

// LoadHeartbeatNs gives CLOCK_MONOTONIC of the loop's latest iteration, in nanoseconds; 0 before the first.
func (s *Slot) LoadHeartbeatNs() uint64 { return atomic.LoadUint64(&s.HeartbeatNs) }

// LoadRequests gives how many requests there were, over all generations.
func (s *Slot) LoadRequests() uint64 { return atomic.LoadUint64(&s.Requests) }

// LoadRequestsBefore gives how many of them the generations before this one had.
func (s *Slot) LoadRequestsBefore() uint64 { return atomic.LoadUint64(&s.RequestsBefore) }

// LoadEpoch gives the epoch in which the present generation was forked.
func (s *Slot) LoadEpoch() uint32 { return atomic.LoadUint32(&s.Epoch) }

// LoadPool gives how many threads the handler pool can have, and how many of its boxes have been used: those from 0 on.
func (s *Slot) LoadPool() (size, used int) {
	size = int(min(atomic.LoadUint32(&s.PoolSize), Boxes))
	return size, min(int(atomic.LoadUint32(&s.PoolUsed)), size)
}

// Dismiss is the master's: it says why this generation is let go.
func (s *Slot) Dismiss(reason ExitReason) { atomic.StoreUint32(&s.Dismissed, uint32(reason)) }

// LoadDismissed tells if the master lets this generation go.
func (s *Slot) LoadDismissed() bool { return atomic.LoadUint32(&s.Dismissed) != uint32(NotGone) }

// LoadStopAsked tells if this generation has asked for a stop of the server.
func (s *Slot) LoadStopAsked() bool { return atomic.LoadUint32(&s.AskedStop) != 0 }

// LastWords gives the latest error line of the present generation, with control characters and what is not UTF-8
// replaced by "?"; "" if there is none. The text may be cut or mixed if the worker died while it wrote it.
func (s *Slot) LastWords() string { return words(&s.LastWordsText) }

func words(kept *[LastWordsKept]byte) string {
	text := *kept
	n := bytes.IndexByte(text[:], 0)
	if n < 0 {
		n = len(text)
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) {
			return '?'
		}
		return r
	}, string(text[:n])))
}
