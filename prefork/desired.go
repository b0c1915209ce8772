package prefork

import (
	"fmt"
	"time"

	"libforker/prefork/control"
	"libforker/slot"
)

// How many workers are wanted.

// readDesired takes in how many workers are wanted. The header keeps it for the next master.
func (m *master) readDesired() {
	shared := m.sys.Slots.Shared()
	wanted := int(shared.LoadWanted())
	if wanted == 0 {
		wanted = m.cfg.Workers
		if wanted == 0 {
			wanted = AutoWorkers()
		}
	}
	wanted += shared.TakeScale()
	if most := len(m.workers) - 1; wanted > most {
		m.sys.Log(LogWarn, fmt.Sprintf("%d workers are more than the %d that there is room for", wanted, most))
		wanted = most
	}
	m.wanted = max(wanted, 1)
	m.held = shared.LoadHeld()
	shared.StoreWanted(m.wanted)
}

// changeDesired does so while serving.
func (m *master) changeDesired() {
	wanted, held := m.wanted, m.held
	m.readDesired()
	switch {
	case m.held && !held:
		m.sys.Log(LogInfo, "draining all workers; a reload or a change of scale starts them again")
	case held && !m.held:
		m.sys.Log(LogInfo, "starting "+plural(m.wanted, "worker")+" again")
	case m.wanted != wanted:
		m.sys.Log(LogInfo, fmt.Sprintf("scaling from %d to %s", wanted, plural(m.wanted, "worker")))
	default:
		return
	}
	m.announced = m.held
	m.spareFor = slot.NotGone
}

// reconfigure takes over the options of a reload. A number of workers that it brings goes before what they were scaled
// to.
func (m *master) reconfigure(options []byte) {
	cfg := m.sys.Reload(options)
	if err := cfg.check(); err != nil {
		m.sys.Log(LogError, "reload: "+err.Error())
		return
	}
	if cfg.Workers != m.cfg.Workers {
		m.sys.Slots.Shared().StoreWanted(0)
	}
	m.cfg = cfg
}

// reopenLogs has the workers use the log files that were opened anew.
func (m *master) reopenLogs(now time.Duration) {
	for _, w := range m.workers {
		if w.link == nil || !w.lives() {
			continue
		}
		if err := m.passLogs(w); err != nil {
			m.logf(LogDebug, "worker %d (pid %d) cannot be told to use new logs: %v", w.index, w.pid, err)
		}
	}
}

func (m *master) passLogs(w *worker) error {
	for which, fd := range m.sys.Logs() {
		err := w.link.TrySend(&control.Message{
			Type: control.NewLog, Slot: uint32(w.index), Generation: w.generation, Payload: control.LogPayload(which), Files: []int{fd},
		})
		if err != nil {
			return err
		}
	}
	return w.link.TrySend(&control.Message{Type: control.Reopen, Slot: uint32(w.index), Generation: w.generation})
}
