package slot

import "sync/atomic"

// Workers that have clearly more connections than others.

// crowd is how many connections above the mean make a worker crowded: less would only be noise.
const crowd = 8

// mostConnections is more than a worker can have: what a page says beyond is not true, and would overflow a product.
const mostConnections = 1 << 32

// Crowded tells if slot i has clearly more open connections than those that are Ready have in the mean.
func (t *Table) Crowded(i int) bool {
	var sum, ready uint64
	for _, s := range t.slots {
		if s.LoadGeneration() == 0 {
			break // Slots are used from the first on; a page that nobody has used need not be touched.
		}
		if s.LoadState() == Ready {
			sum += s.loadConnections()
			ready++
		}
	}
	own := t.slots[i].loadConnections()
	return ready > 1 && own*ready > sum+crowd*ready
}

func (s *Slot) loadConnections() uint64 {
	return min(atomic.LoadUint64(&s.Connections), mostConnections)
}
