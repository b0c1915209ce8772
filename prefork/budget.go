package prefork

import "time"

// How many processes may be forked in a second.

// How many forks there may be in which time. The spawner keeps the same by itself (capi/spawner.h, compared in
// capi/agreement.go).
const (
	ForksPerWindow = 20
	ForkWindow     = time.Second
)

// forkBudget allows ForksPerWindow forks in any ForkWindow, wherever the window starts.
//
// The master does not see the moment of a fork, only that it lies between SPAWN and the answer. A SPAWN therefore
// counts from when it is sent until a whole window after its answer: however late the spawner comes to it, the forks
// themselves keep the limit.
type forkBudget struct {
	pending  int             // SPAWNs without an answer
	answered []time.Duration // the answers of the last window, oldest first
}

// free tells when the next SPAWN may be sent; ok is false if that depends on an answer.
func (b *forkBudget) free(now time.Duration) (at time.Duration, ok bool) {
	for len(b.answered) > 0 && now-b.answered[0] >= ForkWindow {
		b.answered = b.answered[1:]
	}
	switch {
	case b.pending+len(b.answered) < ForksPerWindow:
		return now, true
	case len(b.answered) > 0:
		return b.answered[0] + ForkWindow, true
	}
	return 0, false
}

func (b *forkBudget) sent() { b.pending++ }

func (b *forkBudget) answer(now time.Duration) {
	b.pending = max(b.pending-1, 0)
	b.answered = append(b.answered, now)
	if len(b.answered) > ForksPerWindow {
		b.answered = b.answered[1:]
	}
}

// spend makes a window full as of the given time: for the forks of which only the last one is known.
func (b *forkBudget) spend(at time.Duration) {
	b.answered = b.answered[:0]
	for range ForksPerWindow {
		b.answered = append(b.answered, at)
	}
}
