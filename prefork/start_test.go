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

func TestStart_fillsTheSlots(t *testing.T) {
	inBubble(t, 4, config(3), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		workers := s.spawnReady(3)
		for i, w := range workers {
			if w.slot != uint32(i) {
				t.Errorf("worker %d is in slot %d", i, w.slot)
			}
		}
		s.expectNothing(time.Hour)
		s.expectLine(LogInfo, "all workers are ready: 3 workers")
		s.stop(workers...)
	})
}

func TestStart_keepsToTheForkBudget(t *testing.T) {
	inBubble(t, 50, config(50), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		var workers []*fakeWorker
		for i := range 50 {
			workers = append(workers, s.spawnReady(1)...)
			expectAround(t, "a fork", s.now()-time.Hour, time.Duration(i/ForksPerWindow)*time.Second)
		}
		s.stop(workers...)
	})
}

func TestStart_hasNoMoreWorkersThanSlots(t *testing.T) {
	inBubble(t, 2, config(9), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		workers := s.spawnReady(2)
		s.expectNothing(time.Minute)
		s.expectLine(LogWarn, "9 workers are more than the 2 that there is room for")
		s.stop(workers...)
	})
}

func TestStart_refusesANonsensicalConfig(t *testing.T) {
	for name, cfg := range map[string]Config{
		"workers": {Workers: -1, BootTimeout: 1},
		"boot":    {Workers: 1},
		"drain":   {Workers: 1, BootTimeout: 1, DrainTimeout: -1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFakeSpawner(t, 1)
				s.runMaster(cfg)
				if err := <-s.result; err == nil {
					t.Error("no error")
				}
			})
		})
	}
}

func TestHandOver_adoptsWhatLives(t *testing.T) {
	inBubble(t, 5, config(4), func(t *testing.T, s *fakeSpawner) {
		s.expect(control.Hello)
		var workers []*fakeWorker
		for i := range uint32(3) {
			workers = append(workers, s.fork(i))
		}
		surplus := s.fork(4)
		surplus.becomeReady()
		workers[0].becomeReady()
		for _, w := range append(workers, surplus) {
			s.introduce(control.Adopt, w)
		}
		// The one is READY by the time of the hand-over, the other has told the former master.
		workers[1].ready()
		workers[2].becomeReady()
		s.tell(control.Message{Type: control.AdoptedAll, Payload: control.TimeoutPayload(-1)})
		// The former master may have used up the budget just now.
		last := s.spawn()
		expectAround(t, "the next fork", s.now()-time.Hour, time.Second)
		if len(surplus.link.inbox) != 0 {
			t.Error("the surplus worker was drained before there were enough others")
		}
		last.ready()
		if got := surplus.expectDrain(); got != 30*time.Second {
			t.Errorf("the surplus worker may drain for %v", got)
		}
		surplus.exit(0)
		s.expectNothing(time.Hour)
		s.stop(append(workers, last)...)
	})
}

func TestHandOver_findsReadyInTheSlotAtTheLatestAtTheDeadline(t *testing.T) {
	inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		w := s.spawn()
		synctest.Wait()
		w.becomeReady()
		s.expectNothing(time.Hour)
		s.stop(w)
	})
}

func TestHandOver_knowsTheGenerationsOfVacantSlots(t *testing.T) {
	inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
		s.expect(control.Hello)
		atomic.StoreUint32(&s.slots.Slot(0).Generation, 41)
		s.tell(control.Message{Type: control.AdoptedAll, Payload: control.TimeoutPayload(-1)})
		w := s.spawn()
		if w.gen != 42 {
			t.Errorf("generation %d, want 42", w.gen)
		}
		s.stop(w)
	})
}

func TestHandOver_countsTheBootTimeoutFromTheFork(t *testing.T) {
	inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
		s.expect(control.Hello)
		w := s.fork(0)
		time.Sleep(4 * time.Second)
		s.introduce(control.Adopt, w)
		s.tell(control.Message{Type: control.AdoptedAll, Payload: control.TimeoutPayload(-1)})
		s.expectKill(w)
		expectAround(t, "the kill", s.now()-time.Hour, 10*time.Second)
		s.stop(w)
	})
}

func TestHandOver_thatDoesNotComeIsLogged(t *testing.T) {
	inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
		s.expect(control.Hello)
		s.expectNothing(6 * time.Second)
		s.expectLine(LogWarn, "has not handed over")
		s.tell(control.Message{Type: control.AdoptedAll, Payload: control.TimeoutPayload(-1)})
		s.stop(s.spawnReady(1)...)
	})
}

func TestHandOver_seesAnExitBeforeItsEnd(t *testing.T) {
	inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
		s.expect(control.Hello)
		w := s.fork(0)
		w.becomeReady()
		s.introduce(control.Adopt, w)
		w.exit(killStatus(unix.SIGSEGV))
		s.expectNothing(2 * time.Second)
		s.tell(control.Message{Type: control.AdoptedAll, Payload: control.TimeoutPayload(-1)})
		s.stop(s.spawnReady(1)...)
	})
}

func TestHandOver_ofDrainingWorkersReplacesThem(t *testing.T) {
	inBubble(t, 2, config(2), func(t *testing.T, s *fakeSpawner) {
		s.expect(control.Hello)
		var workers []*fakeWorker
		for i := range uint32(2) {
			w := s.fork(i)
			w.becomeReady()
			w.enter(slot.Draining)
			s.introduce(control.Adopt, w)
			workers = append(workers, w)
		}
		s.tell(control.Message{Type: control.AdoptedAll, Payload: control.TimeoutPayload(-1)})
		s.expectNothing(5 * time.Second)
		workers[0].exit(0)
		first := s.spawn()
		first.ready()
		s.expectKill(workers[1])
		expectAround(t, "the kill", s.now()-time.Hour, 30*time.Second)
		workers[1].exit(killStatus(unix.SIGKILL))
		second := s.spawn()
		second.ready()
		s.stop(first, second)
	})
}

func TestSpawn_withoutResponseIsRepeated(t *testing.T) {
	inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		s.expect(control.Spawn)
		s.expect(control.Spawn)
		expectAround(t, "the second SPAWN", s.now()-time.Hour, 5*time.Second)
		s.expectLine(LogWarn, "has not answered")
		// Both are answered now, the second by EBUSY.
		w := s.fork(0)
		s.introduce(control.Spawned, w)
		s.tell(control.Message{Type: control.Failed, Generation: w.gen, Payload: control.ErrorPayload(unix.EBUSY)})
		w.ready()
		s.expectNothing(time.Minute)
		s.stop(w)
	})
}

func TestSpawn_thatFailsIsRepeatedWithBackoff(t *testing.T) {
	inBubble(t, 2, config(2), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		first := s.spawn()
		first.ready()
		want := []time.Duration{100, 160, 256, 409}
		for i := range want {
			m := s.expect(control.Spawn)
			before := s.now()
			s.tell(control.Message{Type: control.Failed, Slot: m.Slot, Generation: m.Generation, Payload: control.ErrorPayload(unix.EAGAIN)})
			wait, ok := s.within(time.Minute)
			if !ok || wait.Type != control.Spawn {
				t.Fatalf("%v came, want SPAWN", wait.Type)
			}
			if got := (s.now() - before).Round(time.Millisecond); got < want[i]*time.Millisecond || got > (want[i]+1)*time.Millisecond {
				t.Errorf("retry %d after %v, want %v", i, got, want[i]*time.Millisecond)
			}
			// Put it back, for the next turn.
			s.link.inbox <- wait
		}
		s.expectLine(LogWarn, "worker 1 could not be forked: resource temporarily unavailable; starting another in 100 ms")
		second := s.spawn()
		second.ready()
		s.stop(first, second)
	})
}

func TestSpawn_ofAStaleGenerationLearnsTheLatest(t *testing.T) {
	for name, told := range map[string]uint32{"by the message": 7, "by the slot": 0} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
				s.handOver()
				m := s.expect(control.Spawn)
				atomic.StoreUint32(&s.slots.Slot(0).Generation, 7)
				s.tell(control.Message{Type: control.Failed, Generation: max(told, m.Generation), Payload: control.ErrorPayload(unix.ESTALE)})
				s.stop(s.spawnReady(1)...)
			})
		})
	}
}

func TestSpawn_intoAnOccupiedSlotAcceptsItsWorker(t *testing.T) {
	inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		s.expect(control.Spawn)
		w := s.fork(0)
		w.becomeReady()
		s.tell(control.Message{Type: control.Failed, Generation: w.gen, Payload: control.ErrorPayload(unix.EBUSY)})
		s.expectNothing(time.Minute)
		w.exit(killStatus(unix.SIGSEGV))
		s.stop(s.spawnReady(1)...)
	})
}

func TestSpawn_intoASlotThatIsBusyForNoReasonIsRepeated(t *testing.T) {
	inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		s.expect(control.Spawn)
		s.tell(control.Message{Type: control.Failed, Payload: control.ErrorPayload(unix.EBUSY)})
		s.stop(s.spawnReady(1)...)
		expectAround(t, "the second SPAWN", s.now()-time.Hour, resyncDelay)
	})
}
