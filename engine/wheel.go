package engine

import "math/bits"

const (
	wheelTick  = 1 << 24 // ns, about 17 ms: how late a timeout may be; for those of thousands at once see Loop.expireDue.
	wheelSlots = 4096    // One turn is about 69 s; later deadlines go round again.
)

// wheel is a hashed timing wheel of connections. A connection stands in the slot of some time that is not after its
// deadline; when that time comes and the deadline has moved on meanwhile, it is put in again. So the deadline of a busy
// connection can be put off by a plain store, once for each request.
type wheel struct {
	slots    [wheelSlots]*conn
	occupied [wheelSlots / 64]uint64
	tick     int64 // The tick up to which slots have been emptied.
	due      *conn // What was in the last one and has not been looked at.
}

func (w *wheel) start(now int64) { w.tick = now / wheelTick }

// arm sets c's deadline, in ns of the loop's clock.
func (w *wheel) arm(c *conn, deadline int64) {
	c.deadline = deadline
	if !c.armed || c.slotTime > deadline {
		w.move(c)
	}
}

// move puts c where its deadline belongs.
func (w *wheel) move(c *conn) {
	w.disarm(c)
	w.insert(c)
}

// disarm takes c out.
func (w *wheel) disarm(c *conn) {
	if !c.armed {
		return
	}
	c.armed = false
	slot := int(c.slotTime / wheelTick % wheelSlots)
	if c.prev != nil {
		c.prev.next = c.next
	} else if c == w.due {
		w.due = c.next
	} else if w.slots[slot] = c.next; c.next == nil {
		w.occupied[slot/64] &^= 1 << (slot % 64)
	}
	if c.next != nil {
		c.next.prev = c.prev
	}
	c.next, c.prev = nil, nil
}

// insert puts c in, at its deadline or as far ahead as the wheel reaches. The tick after now's is the first that can be
// used: that of now may have been looked at already.
func (w *wheel) insert(c *conn) {
	tick := min(max(c.deadline/wheelTick+1, w.tick+1), w.tick+wheelSlots-1)
	slot := int(tick % wheelSlots)
	c.armed, c.slotTime = true, tick*wheelTick
	c.next, c.prev = w.slots[slot], nil
	if c.next != nil {
		c.next.prev = c
	}
	w.slots[slot] = c
	w.occupied[slot/64] |= 1 << (slot % 64)
}

// advance calls expire for connections whose deadline has come, for those of the earliest tick first, and for most of
// them at most. It tells if there are more. expire may arm and disarm connections.
func (w *wheel) advance(now int64, most int, expire func(*conn)) (more bool) {
	last := now / wheelTick
	if last-w.tick > wheelSlots {
		w.tick = last - wheelSlots // The machine slept: every slot is due, once.
	}
	for {
		for w.due != nil {
			if most == 0 {
				return true
			}
			c := w.due
			w.disarm(c)
			if c.deadline > now {
				w.insert(c)
				continue
			}
			most--
			expire(c)
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
