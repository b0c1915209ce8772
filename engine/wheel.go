package engine

import "math/bits"

// Deadlines of connections and requests, in a timing wheel.

const (
	wheelTick  = 1 << 24 // ns, about 17 ms: how late a timeout may be; for those of thousands at once see Loop.expireDue.
	wheelSlots = 4096    // One turn is about 69 s; later deadlines go round again.
)

// timer is a deadline in a wheel. It lies in what it is for, and serves one purpose.
type timer struct {
	// Immutable.
	owner interface{ expire(l *Loop) } // Is told on the loop's thread when the deadline has come.

	// The wheel's.
	deadline   int64
	slotTime   int64 // Of the slot that it stands in; 0: it is not armed.
	next, prev *timer
}

// left returns how much of its time an armed timer still has.
func (t *timer) left(now int64) int64 { return t.deadline - now }

// wheel is a hashed timing wheel. A timer stands in the slot of some time that is not after its deadline; when that time
// comes and the deadline has moved on meanwhile, it is put in again. So the deadline of a busy connection can be put off
// by a plain store, once for each request.
type wheel struct {
	slots    [wheelSlots]*timer
	occupied [wheelSlots / 64]uint64
	tick     int64  // The tick up to which slots have been emptied.
	due      *timer // What was in the last one and has not been looked at.
}

func (w *wheel) start(now int64) { w.tick = now / wheelTick }

// arm sets t's deadline, in ns of the loop's clock.
func (w *wheel) arm(t *timer, deadline int64) {
	t.deadline = deadline
	if t.slotTime == 0 || t.slotTime > deadline {
		w.move(t)
	}
}

// move puts t where its deadline belongs.
func (w *wheel) move(t *timer) {
	w.disarm(t)
	w.insert(t)
}

// disarm takes t out. Small, because most timers of a request have not been armed when it ends.
func (w *wheel) disarm(t *timer) {
	if t.slotTime != 0 {
		w.remove(t)
	}
}

func (w *wheel) remove(t *timer) {
	slot := int(t.slotTime / wheelTick % wheelSlots)
	t.slotTime = 0
	if t.prev != nil {
		t.prev.next = t.next
	} else if t == w.due {
		w.due = t.next
	} else if w.slots[slot] = t.next; t.next == nil {
		w.occupied[slot/64] &^= 1 << (slot % 64)
	}
	if t.next != nil {
		t.next.prev = t.prev
	}
	t.next, t.prev = nil, nil
}

// insert puts t in, at its deadline or as far ahead as the wheel reaches. The tick after now's is the first that can be
// used: that of now may have been looked at already.
func (w *wheel) insert(t *timer) {
	tick := min(max(t.deadline/wheelTick+1, w.tick+1), w.tick+wheelSlots-1)
	slot := int(tick % wheelSlots)
	t.slotTime = tick * wheelTick
	t.next, t.prev = w.slots[slot], nil
	if t.next != nil {
		t.next.prev = t
	}
	w.slots[slot] = t
	w.occupied[slot/64] |= 1 << (slot % 64)
}

// advance calls expire for timers whose deadline has come, for those of the earliest tick first, and for most of
// them at most. It reports whether there are more. expire may arm and disarm timers.
func (w *wheel) advance(now int64, most int, expire func(*timer)) (more bool) {
	last := now / wheelTick
	if last-w.tick > wheelSlots {
		w.tick = last - wheelSlots // The machine slept: every slot is due, once.
	}
	for {
		for w.due != nil {
			if most == 0 {
				return true
			}
			t := w.due
			w.disarm(t)
			if t.deadline > now {
				w.insert(t)
				continue
			}
			most--
			expire(t)
		}
		if w.tick >= last {
			return false
		}
		w.tick++
		if slot := int(w.tick % wheelSlots); w.occupied[slot/64]&(1<<(slot%64)) != 0 {
			w.due, w.slots[slot] = w.slots[slot], nil
			w.occupied[slot/64] &^= 1 << (slot % 64)
		}
	}
}

// late tells by how many ticks advance is behind.
func (w *wheel) late(now int64) int64 { return now/wheelTick - w.tick }

// next returns the time of the first slot that holds something, or -1.
func (w *wheel) next() int64 {
	if w.due != nil {
		return w.tick * wheelTick
	}
	first := (w.tick + 1) % wheelSlots
	for i := int64(0); i <= wheelSlots/64; i++ {
		word := (first/64 + i) % (wheelSlots / 64)
		set := w.occupied[word]
		if i == 0 {
			set &= ^uint64(0) << (first % 64)
		} else if i == wheelSlots/64 {
			set &= 1<<(first%64) - 1
		}
		if set != 0 {
			slot := word*64 + int64(bits.TrailingZeros64(set))
			return (w.tick + 1 + (slot-first+wheelSlots)%wheelSlots) * wheelTick
		}
	}
	return -1
}
