package prefork

import "time"

// A reload: one generation of workers after the other.

// reload is the replacement of all workers by ones that the spawner forks anew, from what the program has read again.
// It is over when no worker of an earlier epoch is left, or when the new ones do not get up.
type reload struct {
	active   bool
	epoch    uint32 // the reload's, and that of the workers which it starts
	began    time.Duration
	failures int // boots since then
}

// stale tells if a worker is of before the reload.
func (r *reload) stale(w *worker) bool { return r.active && w.epoch != r.epoch }

// beginReload begins the reload that the header tells of; one that is under way begins again.
func (m *master) beginReload(now time.Duration) {
	epoch := m.sys.Slots.Shared().LoadEpoch()
	if epoch == m.sys.Slots.Shared().LoadSettled() {
		return
	}
	m.reload = reload{active: true, epoch: epoch, began: now}
	for _, w := range m.workers {
		w.forgive(now)
	}
	m.sys.Log(LogInfo, "reload: replacing the workers, one at a time")
}

// endReload ends a reload that has nobody to replace any more.
func (m *master) endReload(now time.Duration) {
	if !m.reload.active || !m.adopted {
		return
	}
	for _, w := range m.workers {
		if w.state == stateVacant && !m.belongs(w) {
			continue
		}
		if w.state != stateReady || !m.belongs(w) || m.reload.stale(w) {
			return
		}
	}
	m.settleReload()
	m.sys.Log(LogInfo, "reload: done within "+seconds(now-m.reload.began)+", "+plural(m.target(), "worker"))
}

// giveUpReload keeps the workers there are, once too many new ones have failed to get up.
func (m *master) giveUpReload(who, how string) {
	m.settleReload()
	m.sys.Log(LogError, "reload: given up after "+plural(m.reload.failures, "failed boot")+", the last: "+who+" "+how+
		"; the workers of before stay")
}

func (m *master) settleReload() {
	m.reload.active = false
	m.sys.Slots.Shared().StoreSettled(m.reload.epoch)
}
