package prefork

import "time"

// How many processes may be forked in a second.

// How many forks there may be in which time. The spawner keeps the same by itself (capi/supervisor/spawner.h, compared in
// capi/agreement.go).
const (
	ForksPerWindow = 20
	ForkWindow     = time.Second
)

// forkBudget allows ForksPerWindow forks in any ForkWindow, wherever the window starts.
//
// The master does not see the moment of a fork, only that it lies between SPAWN and the response. A SPAWN therefore
// counts from when it is sent until a whole window after its response: however late the spawner comes to it, the forks
// themselves keep the limit.
type forkBudget struct {
	pending   int             // SPAWNs without a response
	confirmed []time.Duration // the responses of the last window, oldest first
}

// free tells when the next SPAWN may be sent; ok is false if that depends on a response.
func (b *forkBudget) free(now time.Duration) (at time.Duration, ok bool) {
	for len(b.confirmed) > 0 && now-b.confirmed[0] >= ForkWindow {
		b.confirmed = b.confirmed[1:]
	}
	switch {
	case b.pending+len(b.confirmed) < ForksPerWindow:
		return now, true
	case len(b.confirmed) > 0:
		return b.confirmed[0] + ForkWindow, true
	}
	return 0, false
}

func (b *forkBudget) sent() { b.pending++ }

func (b *forkBudget) confirm(now time.Duration) {
	b.pending = max(b.pending-1, 0)
	b.confirmed = append(b.confirmed, now)
	if len(b.confirmed) > ForksPerWindow {
		b.confirmed = b.confirmed[1:]
	}
}

// spend makes a window full as of the given time: for the forks of which only the last one is known.
func (b *forkBudget) spend(at time.Duration) {
	b.confirmed = b.confirmed[:0]
	for range ForksPerWindow {
		b.confirmed = append(b.confirmed, at)
	}
}
