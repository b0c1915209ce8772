package prefork

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"libforker/prefork/control"
	"libforker/slot"
)

// The master's loop, and the state that it owns.

// master is the state of Run.
type master struct {
	// Immutable.
	cfg    Config
	sys    System
	events chan event
	over   chan struct{} // closed when the loop has ended
	reads  sync.WaitGroup

	// Owned by the loop.
	workers   []*worker
	budget    forkBudget
	adopted   bool          // ADOPTED_ALL has come
	handover  time.Duration // when it should have
	everReady bool          // some worker was READY once, also under a former master
	announced bool
	published publication
	asked     bool            // the spawner waits for PUBLISHED
	wanted    int             // workers
	held      bool            // none is wanted for now
	spare     *worker         // the vacant slot beyond the target where a replacement is to be started, or nil
	spareFor  slot.ExitReason // why the latest replacement was started
	reload    reload
	healthAt  time.Duration   // when to look after the workers next
	dailyAt   time.Duration   // when System.Daily is due
	resumed   time.Duration   // when the master last came back from a suspension
	expected  time.Duration   // when the loop should be here again at the latest
	oomKills  uint64          // so many were counted when a worker was last killed
	restarts  []time.Duration // of the last RestartWindow, oldest first
	stop      stop
	reason    error // why the master gave up
	err       error // why the loop must end at once
}

// event is what a reader has received. The spawner has no worker.
type event struct {
	worker     *worker
	generation uint32
	message    control.Message
	err        error
}

// publication is what the spawner is told of by PUBLISHED.
type publication struct {
	phase    slot.Phase
	complete bool
	settled  uint32
}

// Run keeps cfg.Workers workers alive until everything is stopped: then it gives nil, or ErrNotReady with the reason if
// it gave up. It gives ErrSpawnerGone at once when the spawner is gone.
func Run(cfg Config, sys System) error {
	m, err := newMaster(cfg, sys)
	if err != nil {
		_ = sys.Spawner.Close()
		return fmt.Errorf("master: %w", err)
	}
	defer m.close()
	m.handover, m.dailyAt = sys.Now()+spawnTimeout, sys.Now()+day
	m.send(&control.Message{Type: control.Hello})
	m.reads.Go(m.readSpawner)
	return m.run()
}

func newMaster(cfg Config, sys System) (*master, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	slots := sys.Slots.Len()
	m := &master{
		cfg: cfg,
		sys: sys,
		// A slot causes at most four messages that wait here at a time: SPAWNED or FAILED, READY, EXITED, and a malformed
		// one. With room for all of them the readers go on while the loop waits in Send, so that master and spawner cannot
		// wait for each other.
		events: make(chan event, 4*slots+16),
		over:   make(chan struct{}),
	}
	for i := range slots {
		m.workers = append(m.workers, &worker{index: i, page: sys.Slots.Slot(i)})
	}
	m.readDesired()
	m.oomKills, _ = sys.OOMKills()
	return m, nil
}

// run is the loop: do what is due, then wait for a message or for the next thing to be due.
func (m *master) run() error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		now := m.sys.Now()
		m.noticeSuspension(now)
		m.meetDeadlines(now)
		m.checkHealth(now)
		m.daily(now)
		m.roll(now)
		m.endReload(now)
		m.fill(now)
		m.publish()
		m.announce()
		if m.err == nil && m.stopped(now) {
			m.send(&control.Message{Type: control.Done})
			if m.err == nil {
				return m.reason
			}
		}
		if m.err != nil {
			return m.err
		}
		idle := m.idle(now)
		if due, held := m.sys.SettleLog(); held {
			idle = max(min(idle, due-now), 0)
		}
		m.expected = now + idle
		timer.Reset(idle)
		select {
		case e := <-m.events:
			m.handle(e, m.sys.Now())
		case <-timer.C:
		}
	}
}

const day = 24 * time.Hour

// daily has what goes bad in days looked at. At the start others have done it.
func (m *master) daily(now time.Duration) {
	if now >= m.dailyAt {
		m.dailyAt = now + day
		m.sys.Daily()
	}
}

// publish says in the shared memory what is going on. Until the spawner has handed over, what the former master said
// stands.
func (m *master) publish() {
	phase := slot.Serving
	switch {
	case m.stop.asked:
		phase = slot.Stopping
	case !m.adopted:
		return
	case m.held:
		phase = slot.DrainingAll
	case !m.everReady:
		phase = slot.Starting
	case m.reload.active:
		phase = slot.Reloading
	}
	shared := m.sys.Slots.Shared()
	shared.Publish(phase)
	next := publication{phase: phase, complete: m.complete(), settled: shared.LoadSettled()}
	if m.asked || next != m.published {
		m.published, m.asked = next, false
		m.send(&control.Message{Type: control.Published})
	}
}

// complete tells if all workers that are wanted are READY.
func (m *master) complete() bool {
	for _, w := range m.workers[:m.target()] {
		if w.state != stateReady {
			return false
		}
	}
	return m.target() > 0
}

// idle tells for how long nothing is due.
func (m *master) idle(now time.Duration) time.Duration {
	wake := min(now+time.Hour, m.dailyAt)
	if !m.adopted {
		wake = min(wake, m.handover)
		if m.stop.asked && now < m.stop.deadline {
			wake = min(wake, m.stop.deadline)
		}
	}
	free, possible := m.budget.free(now)
	for _, w := range m.workers {
		switch {
		case w.state == stateReady:
			if m.cfg.Health.wanted() && !m.stop.asked {
				wake = min(wake, m.healthAt)
			}
		case w.state != stateVacant:
			// No later than in a second, so that a suspension before the deadline is noticed too.
			wake = min(wake, w.deadline, now+suspensionLeast)
		case possible && m.wants(w):
			wake = min(wake, max(w.notBefore, free))
		}
	}
	return max(wake-now, 0)
}

// close ends the readers, and releases what they have received but nobody handles.
func (m *master) close() {
	close(m.over)
	// Nothing is lost by an error here: what is sent is sent.
	_ = m.sys.Spawner.Close()
	for _, w := range m.workers {
		w.vacate(0)
	}
	m.reads.Wait()
	for {
		select {
		case e := <-m.events:
			m.discard(&e.message)
		default:
			return
		}
	}
}

func (m *master) readSpawner() {
	for {
		message, err := m.sys.Spawner.Receive()
		if !m.post(event{message: message, err: err}) || err != nil {
			return
		}
	}
}

// readWorker ends with the channel, about which EXITED says more. The loop hears of the one READY of this worker and of
// the first packet that is something else: a worker that says more has lost its mind, or somebody has taken it over.
func (m *master) readWorker(link Link, w *worker, generation uint32) {
	for isReady := false; ; isReady = true {
		message, err := link.Receive()
		if err != nil && !errors.Is(err, control.ErrMalformed) {
			return
		}
		own := message.Type == control.Ready && message.Slot == uint32(w.index) && message.Generation == generation
		if err == nil && (isReady || !own) {
			err = fmt.Errorf("%w: %v of worker %d, generation %d", errUnexpected, message.Type, message.Slot, message.Generation)
		}
		if !m.post(event{worker: w, generation: generation, message: message, err: err}) {
			return
		}
		if err != nil {
			m.ignore(link)
			return
		}
	}
}

// ignorePause is how long the master leaves a worker alone that says what nobody listens to, after each packet.
const ignorePause = time.Millisecond

// ignore throws away what comes, until the channel ends: descriptors that lie in it count for the user whom the master
// and all workers are (unix(7), ETOOMANYREFS). Slowly: whoever sends without end has no more of the master's time.
func (m *master) ignore(link Link) {
	for {
		message, err := link.Receive()
		if err != nil && !errors.Is(err, control.ErrMalformed) {
			return
		}
		m.discard(&message)
		time.Sleep(ignorePause)
	}
}

// post hands an event to the loop; false if there is none any more.
func (m *master) post(e event) bool {
	select {
	case m.events <- e:
		return true
	case <-m.over:
		m.discard(&e.message)
		return false
	}
}

// discard closes the files of a message that is not used.
func (m *master) discard(message *control.Message) {
	for _, fd := range message.Files {
		if link, err := m.sys.Open(fd); err == nil {
			_ = link.Close()
		}
	}
	message.Files = nil
}

func (m *master) logf(level int, format string, args ...any) {
	m.sys.Log(level, fmt.Sprintf(format, args...))
}

// send tells the spawner. Without a spawner the loop ends.
func (m *master) send(message *control.Message) {
	if m.err != nil {
		return
	}
	if err := m.sys.Spawner.Send(message); err != nil {
		m.err = fmt.Errorf("%w: %w", ErrSpawnerGone, err)
	}
}
