package prefork

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"libforker/prefork/control"
	"libforker/slot"
)

// tellReload does what the spawner does for a reload that the program has not refused.
func (s *fakeSpawner) tellReload() {
	s.t.Helper()
	atomic.AddUint32(&s.slots.Shared().Epoch, 1)
	atomic.StoreUint32(&s.slots.Shared().Held, 0)
	s.tell(control.Message{Type: control.Reload, Payload: []byte("the options")})
}

// failReload begins a reload, and has no new worker get up until it is given up.
func (s *fakeSpawner) failReload() {
	s.t.Helper()
	s.tellReload()
	s.failBoots(3)
}

// failBoots has so many workers fail to get up, one after the other.
func (s *fakeSpawner) failBoots(n int) {
	s.t.Helper()
	for range n {
		s.spawn().exit(exitStatus(1))
	}
}

// replaceAll plays a reload of workers that drain within the given time, to its end. It checks that there are never
// fewer READY workers than were wanted, nor more than one process too many.
func (s *fakeSpawner) replaceAll(old []*fakeWorker, drain time.Duration) []*fakeWorker {
	s.t.Helper()
	live := map[uint32]*fakeWorker{}
	for _, w := range old {
		live[w.slot] = w
	}
	for {
		m, ok := s.within(time.Minute)
		if !ok {
			break
		}
		if m.Type != control.Spawn || live[m.Slot] != nil || len(live) > len(old) {
			s.t.Fatalf("%v for slot %d while %d live", m.Type, m.Slot, len(live))
		}
		w := s.fork(m.Slot)
		s.introduce(control.Spawned, w)
		live[m.Slot] = w
		synctest.Wait()
		s.expectReady(live, len(old))
		w.ready()
		synctest.Wait()
		s.expectReady(live, len(old))
		s.leaveDrained(live, drain)
	}
	var all []*fakeWorker
	for i := range uint32(len(old)) {
		if live[i] == nil {
			s.t.Fatalf("slot %d is vacant in the end", i)
		}
		all = append(all, live[i])
	}
	return all
}

// expectReady wants so many READY workers that nobody has told to drain.
func (s *fakeSpawner) expectReady(live map[uint32]*fakeWorker, want int) {
	s.t.Helper()
	n := 0
	for _, w := range live {
		if w.page.LoadState() == slot.Ready && len(w.link.inbox) == 0 {
			n++
		}
	}
	if n < want {
		s.t.Fatalf("%d workers serve, want %d", n, want)
	}
}

// leaveDrained lets the worker that was told to drain leave, of which there must be at most one.
func (s *fakeSpawner) leaveDrained(live map[uint32]*fakeWorker, drain time.Duration) {
	s.t.Helper()
	var told []*fakeWorker
	for _, w := range live {
		if len(w.link.inbox) > 0 {
			told = append(told, w)
		}
	}
	if len(told) > 1 {
		s.t.Fatalf("%d workers drain at once", len(told))
	}
	for _, w := range told {
		if got := w.expectDrain(); got != 30*time.Second {
			s.t.Errorf("DRAIN within %v, want the drain timeout", got)
		}
		time.Sleep(drain)
		w.exit(0)
		delete(live, w.slot)
	}
}

func TestReload_replacesOneWorkerAtATime(t *testing.T) {
	inBubble(t, 4, config(4), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		old := s.spawnReady(4)
		phase := func() slot.Phase { synctest.Wait(); return s.slots.Shared().LoadPhase() }
		s.tellReload()
		if got := phase(); got != slot.Reloading {
			t.Errorf("phase %v", got)
		}
		next := s.replaceAll(old, 3*time.Second)
		for i, w := range next {
			if w == old[i] || w.page.LoadEpoch() != 1 {
				t.Errorf("worker %d is of before", i)
			}
		}
		if got := phase(); got != slot.Serving {
			t.Errorf("afterwards phase %v", got)
		}
		s.expectLine(LogInfo, "reload: done within")
		if got := s.slots.Shared().LoadSettled(); got != 1 {
			t.Errorf("settled epoch %d", got)
		}
		s.stop(next...)
	})
}

func TestReload_againMeanwhileBeginsAgain(t *testing.T) {
	inBubble(t, 2, config(2), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		old := s.spawnReady(2)
		s.tellReload()
		spare := s.spawn()
		s.tellReload()
		spare.ready()
		old[0].expectDrain()
		old[0].exit(0)
		next := s.spawn()
		next.ready()
		live := s.finishRoll(map[uint32]*fakeWorker{1: old[1], 0: next, 2: spare}, 2)
		for _, w := range live {
			if w.page.LoadEpoch() != 2 {
				t.Errorf("worker %d is of epoch %d", w.slot, w.page.LoadEpoch())
			}
		}
		s.stop(live...)
	})
}

// finishRoll obeys the master until it wants nothing more, and gives the workers that are left.
func (s *fakeSpawner) finishRoll(live map[uint32]*fakeWorker, want int) []*fakeWorker {
	s.t.Helper()
	for {
		synctest.Wait()
		s.leaveDrained(live, 0)
		m, ok := s.within(2 * time.Second) // A new master may have to wait for its fork budget.
		if !ok && len(live) == want {
			break
		}
		if !ok {
			continue
		}
		if m.Type != control.Spawn {
			s.t.Fatalf("%v came; log: %v", m.Type, s.log())
		}
		w := s.fork(m.Slot)
		s.introduce(control.Spawned, w)
		w.ready()
		live[m.Slot] = w
	}
	var all []*fakeWorker
	for _, w := range live {
		all = append(all, w)
	}
	return all
}

func TestReload_thatFailsKeepsTheWorkersOfBefore(t *testing.T) {
	inBubble(t, 3, config(3), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		old := s.spawnReady(3)
		s.failReload()
		s.expectNothing(time.Hour)
		for _, w := range old {
			if len(w.link.inbox) > 0 {
				t.Errorf("worker %d was told something", w.slot)
			}
		}
		s.expectLine(LogError, "reload: given up after 3 failed boots, the last: worker 3 (pid 4003) exited with status 1 during boot")
		if got := s.slots.Shared().LoadPhase(); got != slot.Serving {
			t.Errorf("phase %v", got)
		}
		s.stop(old...)
	})
}

func TestReload_canBeTriedAgainAfterItFailed(t *testing.T) {
	inBubble(t, 2, config(2), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		old := s.spawnReady(2)
		s.failReload()
		time.Sleep(time.Minute)
		s.tellReload()
		s.stop(s.replaceAll(old, 0)...)
	})
}

func TestReload_thatFailsHalfwayKeepsWhatThereIs(t *testing.T) {
	inBubble(t, 2, config(2), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		old := s.spawnReady(2)
		s.tellReload()
		spare := s.spawn()
		spare.ready()
		old[0].expectDrain()
		old[0].exit(0)
		s.failBoots(3)
		s.expectLine(LogError, "reload: given up")
		// Slot 0 must be filled, however often that fails; only then is the spare worker one too many.
		next := s.spawn()
		if len(spare.link.inbox)+len(old[1].link.inbox) > 0 {
			t.Error("a worker was drained although there was none too many")
		}
		next.ready()
		spare.expectDrain()
		spare.exit(0)
		s.expectNothing(time.Hour)
		s.stop(old[1], next)
	})
}

func TestReload_isCarriedOnByANewMaster(t *testing.T) {
	inBubble(t, 2, config(2), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		old := s.spawnReady(2)
		s.tellReload()
		spare := s.spawn()
		spare.ready()
		synctest.Wait()
		s.replaceMaster(old[0], old[1], spare)
		live := s.finishRoll(map[uint32]*fakeWorker{0: old[0], 1: old[1], 2: spare}, 2)
		for _, w := range live {
			if w.page.LoadEpoch() != 1 {
				t.Errorf("worker %d is of before", w.slot)
			}
		}
		s.stop(live...)
	})
}

func TestReload_thatFailedIsNotTakenUpByANewMaster(t *testing.T) {
	inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		old := s.spawnReady(1)
		s.failReload()
		synctest.Wait()
		s.replaceMaster(old...)
		s.expectNothing(time.Hour)
		s.stop(old...)
	})
}

func TestReload_replacesWhoDiesMeanwhileOnlyOnce(t *testing.T) {
	inBubble(t, 3, config(3), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		old := s.spawnReady(3)
		s.tellReload()
		spare := s.spawn()
		old[1].exit(killStatus(unix.SIGKILL))
		next := s.spawn()
		if next.slot != 1 {
			t.Errorf("slot %d was filled", next.slot)
		}
		spare.ready()
		next.ready()
		live := s.finishRoll(map[uint32]*fakeWorker{0: old[0], 1: next, 2: old[2], 3: spare}, 3)
		if next.link.peer == nil || len(live) != 3 {
			t.Errorf("%d workers", len(live))
		}
		s.stop(live...)
	})
}

func TestReload_takesOverTheOptions(t *testing.T) {
	inBubble(t, 5, config(2), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		old := s.spawnReady(2)
		s.cfg.Workers = 3
		s.cfg.DrainTimeout = 7 * time.Second
		s.tellReload()
		third := s.spawn()
		third.ready()
		spare := s.spawn()
		spare.ready()
		if got := old[0].expectDrain(); got != 7*time.Second {
			t.Errorf("DRAIN within %v", got)
		}
		old[0].exit(0)
		first := s.spawn()
		if third.slot != 2 || spare.slot != 3 {
			t.Errorf("slots %d and %d", third.slot, spare.slot)
		}
		s.stop(first, old[1], third, spare)
	})
}

func TestReload_endsWithTheStop(t *testing.T) {
	inBubble(t, 2, config(2), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		old := s.spawnReady(2)
		s.tellReload()
		spare := s.spawn()
		s.stop(old[0], old[1], spare)
	})
}

// Who mends what failed, and reloads, does not wait for the delay that the failures had brought about.
func TestReload_forgivesFailedBoots(t *testing.T) {
	inBubble(t, 2, config(2), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		first := s.spawn()
		first.ready()
		s.failBoots(14)
		before := s.now()
		s.tellReload()
		next := s.spawn()
		if took := s.now() - before; next.slot != 1 || took > time.Second {
			t.Errorf("slot %d is filled after %v", next.slot, took)
		}
		next.ready()
		s.stop(s.replaceAll([]*fakeWorker{first, next}, 0)...)
	})
}
