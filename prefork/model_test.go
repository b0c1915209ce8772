package prefork

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"libforker/prefork/control"
	"libforker/slot"
)

// pilot is a spawner that does as it is told, with workers that do: they boot and drain in their time, and die when
// killed.
type pilot struct {
	*fakeSpawner
	live   map[uint32]*piloted
	ends   bool // DONE has come
	failed bool // boots fail
	most   int  // processes at once
}

type piloted struct {
	*fakeWorker
	readyAt, leaveAt time.Duration // 0: not
}

const (
	pilotStep  = 5 * time.Millisecond
	pilotBoot  = 20 * time.Millisecond
	pilotDrain = 300 * time.Millisecond
)

func newPilot(s *fakeSpawner) *pilot { return &pilot{fakeSpawner: s, live: map[uint32]*piloted{}} }

// fly obeys for a while, or until DONE.
func (p *pilot) fly(d time.Duration) {
	p.t.Helper()
	for end := p.now() + d; p.now() < end && !p.ends; time.Sleep(pilotStep) {
		synctest.Wait()
		p.obey()
		for _, w := range p.live {
			p.act(w)
		}
	}
}

func (p *pilot) obey() {
	p.t.Helper()
	for len(p.link.inbox) > 0 {
		m := <-p.link.inbox
		w := p.live[m.Slot]
		switch m.Type {
		case control.Hello:
			p.handOverAll()
		case control.Spawn:
			p.answerSpawn(m)
		case control.Kill:
			switch {
			case w == nil || w.gen != m.Generation:
			case m.Signal() == unix.SIGKILL:
				p.bury(w, killStatus(unix.SIGKILL))
			case m.Signal() == unix.SIGTERM && !w.page.LoadReachedReady() && w.leaveAt < time.Hour:
				p.bury(w, 0)
			}
		case control.Done:
			p.ends = true
		case control.Published, control.Told:
		default:
			p.t.Fatalf("%v came", m.Type)
		}
	}
}

func (p *pilot) handOverAll() {
	for _, w := range p.live {
		p.introduce(control.Adopt, w.fakeWorker)
	}
	p.tell(control.Message{Type: control.AdoptedAll, Payload: control.TimeoutPayload(-1)})
}

func (p *pilot) answerSpawn(m control.Message) {
	p.t.Helper()
	reason := unix.Errno(0)
	switch {
	case p.live[m.Slot] != nil:
		reason = unix.EBUSY
	case p.slots.Slot(int(m.Slot)).LoadGeneration() != m.Generation:
		reason = unix.ESTALE
	}
	if reason != 0 {
		known := p.slots.Slot(int(m.Slot)).LoadGeneration()
		p.tell(control.Message{Type: control.Failed, Slot: m.Slot, Generation: known, Payload: control.ErrorPayload(reason)})
		return
	}
	w := &piloted{fakeWorker: p.fork(m.Slot), readyAt: p.now() + pilotBoot}
	p.live[m.Slot] = w
	p.most = max(p.most, len(p.live))
	p.introduce(control.Spawned, w.fakeWorker)
}

func (p *pilot) act(w *piloted) {
	for w.link != nil && len(w.link.inbox) > 0 {
		if m := <-w.link.inbox; m.Type == control.Drain && w.leaveAt == 0 {
			w.enter(slot.Draining)
			w.readyAt, w.leaveAt = 0, p.now()+min(pilotDrain, time.Duration(m.TimeoutMs())*time.Millisecond)
		}
	}
	switch now := p.now(); {
	case w.leaveAt != 0 && now >= w.leaveAt:
		p.bury(w, 0)
	case w.readyAt != 0 && now >= w.readyAt && p.failed:
		p.bury(w, exitStatus(1))
	case w.readyAt != 0 && now >= w.readyAt:
		w.readyAt = 0
		w.ready()
	}
}

func (p *pilot) bury(w *piloted, status int32) {
	delete(p.live, w.slot)
	w.exit(status)
}

// some gives one of the live workers, nil if there is none.
func (p *pilot) some(random *rand.Rand) *piloted {
	for {
		if len(p.live) == 0 {
			return nil
		}
		if w := p.live[random.Uint32N(uint32(p.slots.Len()))]; w != nil {
			return w
		}
	}
}

// ready counts the workers that serve.
func (p *pilot) ready() int {
	n := 0
	for _, w := range p.live {
		if w.page.LoadState() == slot.Ready {
			n++
		}
	}
	return n
}

// unsettled tells what is not as it is wanted: so many workers, all ready, in the first slots, and no reload under way.
func (p *pilot) unsettled() string {
	shared := p.slots.Shared()
	want := int(shared.LoadWanted())
	if shared.LoadHeld() {
		want = 0
	}
	switch {
	case len(p.live) != want || p.ready() != want:
		return fmt.Sprintf("%d workers live, %d are ready, %d are wanted", len(p.live), p.ready(), want)
	case shared.LoadSettled() != shared.LoadEpoch():
		return "a reload is under way"
	}
	for i := range uint32(want) {
		if p.live[i] == nil {
			return fmt.Sprintf("slot %d is vacant", i)
		}
	}
	return ""
}

// expectSettled wants everything to become as it is wanted, and stay so for a second, in bounded time.
func (p *pilot) expectSettled(what string) {
	p.t.Helper()
	for begin, calm := p.now(), 0; calm < 10; calm++ {
		if p.fly(100 * time.Millisecond); p.unsettled() != "" {
			calm = -1
		}
		if p.now()-begin > time.Minute {
			p.t.Fatalf("%s: %s; log: %v", what, p.unsettled(), p.log())
		}
	}
}

// actions is everything that can be asked of a master, or happen to it.
var actions = map[string]func(p *pilot, random *rand.Rand){
	"reload": func(p *pilot, _ *rand.Rand) { p.tellReload() },
	"up":     func(p *pilot, _ *rand.Rand) { p.tellScale(1) },
	"down":   func(p *pilot, _ *rand.Rand) { p.tellScale(-1) },
	"hold":   func(p *pilot, _ *rand.Rand) { p.hold(1) },
	"resume": func(p *pilot, _ *rand.Rand) { p.hold(0) },
	"reopen": func(p *pilot, _ *rand.Rand) { p.tell(control.Message{Type: control.ReopenAll}) },
	"master dies": func(p *pilot, _ *rand.Rand) {
		cfg := p.cfg
		_ = p.link.Close()
		<-p.result
		p.runMaster(cfg)
	},
	"worker dies": func(p *pilot, random *rand.Rand) {
		if w := p.some(random); w != nil {
			p.bury(w, killStatus(unix.SIGKILL))
		}
	},
	"worker hangs": func(p *pilot, random *rand.Rand) {
		if w := p.some(random); w != nil {
			w.leaveAt, w.readyAt = time.Duration(1<<62), 0 // It does nothing any more.
		}
	},
	"worker is tired": func(p *pilot, random *rand.Rand) {
		if w := p.some(random); w != nil {
			w.serve(1 << 20)
		}
	},
	"boots fail":    func(p *pilot, _ *rand.Rand) { p.failed = true },
	"boots succeed": func(p *pilot, _ *rand.Rand) { p.failed = false },
	"nothing":       func(*pilot, *rand.Rand) {},
}

func modelConfig() Config {
	cfg := careful(3, Health{MaxRequests: 1 << 10})
	cfg.BootTimeout, cfg.DrainTimeout = time.Second, 2*time.Second
	return cfg
}

// Every action, a moment after every other one, for moments in which the first has come to every stage.
func TestModel_everyActionInEveryState(t *testing.T) {
	moments := []time.Duration{0, pilotStep, pilotBoot + 2*pilotStep, pilotDrain / 2, pilotDrain + pilotBoot, time.Second}
	for first, begin := range actions {
		for second, then := range actions {
			for _, after := range moments {
				inBubble(t, 5, modelConfig(), func(t *testing.T, s *fakeSpawner) {
					random := rand.New(rand.NewPCG(1, 2))
					p := newPilot(s)
					p.fly(time.Second)
					begin(p, random)
					p.fly(after)
					then(p, random)
					p.fly(after)
					p.failed = false
					p.expectSettled(fmt.Sprintf("%s, and after %v %s", first, after, second))
					p.expectStop()
				})
			}
		}
	}
}

// expectStop ends everything, in bounded time.
func (p *pilot) expectStop() {
	p.t.Helper()
	p.tellStop(time.Second)
	p.fly(time.Second + 2*killTimeout)
	if !p.ends {
		p.t.Fatalf("no DONE came; log: %v", p.log())
	}
	p.expectEnd(nil)
}

// The stop, a moment after every action.
func TestModel_stopInEveryState(t *testing.T) {
	for name, begin := range actions {
		for after := time.Duration(0); after < 800*time.Millisecond; after += 35 * time.Millisecond {
			inBubble(t, 5, modelConfig(), func(t *testing.T, s *fakeSpawner) {
				p := newPilot(s)
				p.fly(time.Second)
				begin(p, rand.New(rand.NewPCG(1, 2)))
				p.fly(after)
				p.expectStop()
			})
			if t.Failed() {
				t.Fatalf("%v after %s", after, name)
			}
		}
	}
}

func TestModel_settlesAfterAnything(t *testing.T) {
	names := slices.Sorted(maps.Keys(actions))
	for seed := range uint64(100) {
		inBubble(t, 6, modelConfig(), func(t *testing.T, s *fakeSpawner) {
			random := rand.New(rand.NewPCG(seed, 0))
			p := newPilot(s)
			p.fly(time.Second)
			for range 40 {
				actions[names[random.IntN(len(names))]](p, random)
				p.fly(time.Duration(random.Int64N(int64(400 * time.Millisecond))))
			}
			p.failed = false
			atomic.StoreUint32(&s.slots.Shared().Held, 0)
			p.tell(control.Message{Type: control.Desired})
			p.expectSettled(fmt.Sprintf("seed %d", seed))
			p.expectStop()
		})
	}
}

// While nobody dies, a reload never takes a worker away before there is another one.
func TestModel_neverHasFewerReadyWorkersThanWanted(t *testing.T) {
	inBubble(t, 5, modelConfig(), func(t *testing.T, s *fakeSpawner) {
		random := rand.New(rand.NewPCG(3, 4))
		p := newPilot(s)
		p.fly(time.Second)
		p.most = 0
		for range 50 {
			if random.IntN(3) == 0 {
				p.tellReload()
			} else {
				p.some(random).serve(1 << 20)
			}
			for range 20 {
				p.fly(10 * time.Millisecond)
				if p.ready() < 3 {
					t.Fatalf("%d workers are ready; log: %v", p.ready(), s.log())
				}
			}
		}
		if p.most > 4 {
			t.Errorf("%d processes at once", p.most)
		}
		p.expectSettled("in the end")
		p.expectStop()
	})
}
