package prefork

import (
	"time"

	"libforker/slot"
)

// Which workers are too many or outdated, and who goes next.

// roll decides which workers are too many, and where one more is to be started.
//
// The slots below the target are kept full, and a worker beyond it is always one too many. To replace a worker, a spare
// one is started in the first slot beyond the target; when it is READY, there is one READY worker too many, and an
// outdated one is drained. Its slot is filled again, again there is one too many, and so on, until nobody is outdated
// and the spare one itself is drained. So there are never fewer READY workers than were wanted, and never more than one
// process too many.
func (m *master) roll(now time.Duration) {
	m.spare = nil
	if !m.adopted || m.stop.asked {
		return
	}
	c := m.count()
	for i, w := range c.booting {
		if c.outdated == nil || len(c.extras) > 0 || i > 0 {
			m.retire(w, slot.Scale, now)
		}
	}
	for c.ready > m.target() && len(c.extras) > 1 {
		last := len(c.extras) - 1
		m.retire(c.extras[last], m.surplus(c.extras[last]), now)
		c.extras = c.extras[:last]
		c.ready--
	}
	switch {
	case c.ready > m.target() && c.outdated != nil:
		m.retire(c.outdated, m.outdated(c.outdated), now)
	case c.ready > m.target():
		m.retire(c.extras[0], m.surplus(c.extras[0]), now)
	case c.outdated != nil && c.ready == m.target() && !c.beyond:
		m.spare = m.workers[m.target()]
		m.spareFor = m.outdated(c.outdated)
	}
}

// tally is how many workers there are of each kind.
type tally struct {
	ready    int       // workers that serve, wherever
	outdated *worker   // the first below the target that is ready and is to be replaced, or nil
	extras   []*worker // those beyond the target that are ready
	booting  []*worker // those beyond the target that are not ready yet
	beyond   bool      // there is any process beyond the target, or will be
}

func (m *master) count() tally {
	var c tally
	for _, w := range m.workers {
		if w.state == stateVacant {
			continue
		}
		below := w.index < m.target()
		c.beyond = c.beyond || !below
		switch {
		case w.state == stateBooting && !below:
			c.booting = append(c.booting, w)
		case w.state != stateReady:
		case !below:
			c.ready++
			c.extras = append(c.extras, w)
		default:
			c.ready++
			if c.outdated == nil && m.outdated(w) != slot.NotGone {
				c.outdated = w
			}
		}
	}
	return c
}

// outdated tells why a worker is to be replaced; NotGone if it is not.
func (m *master) outdated(w *worker) slot.ExitReason {
	if m.reload.stale(w) {
		return slot.Reload
	}
	if w.seen.tired != "" {
		return slot.Recycle
	}
	return slot.NotGone
}

// surplus tells why a worker beyond the target is let go: as the spare one whose work is done, or because the target
// has fallen.
func (m *master) surplus(w *worker) slot.ExitReason {
	if w.index == m.target() && m.spareFor != slot.NotGone {
		return m.spareFor
	}
	return slot.Scale
}

// retire lets a worker go that is not needed any more.
func (m *master) retire(w *worker, why slot.ExitReason, now time.Duration) {
	if w.seen.tired != "" {
		m.logf(LogInfo, "worker %d (pid %d) is replaced after %s", w.index, w.pid, w.seen.tired)
	} else {
		m.logf(LogDebug, "worker %d (pid %d) is let go: %v", w.index, w.pid, why)
	}
	w.dismiss(why)
	m.release(w, now+m.cfg.DrainTimeout, now+killAfter(m.cfg.DrainTimeout), now)
}

// target is how many workers there should be now.
func (m *master) target() int {
	if m.stop.asked || m.held {
		return 0
	}
	return m.wanted
}

// belongs tells if the slot is one of those to be kept full.
func (m *master) belongs(w *worker) bool { return w.index < m.target() }

// wants tells if a worker may be started in the slot now, if it is vacant.
func (m *master) wants(w *worker) bool { return m.adopted && (m.belongs(w) || w == m.spare) }
