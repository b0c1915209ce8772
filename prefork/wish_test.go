package prefork

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"libforker/prefork/control"
	"libforker/slot"
)

// replaceMaster kills the master, starts another one and hands it the workers.
func (s *fakeSpawner) replaceMaster(workers ...*fakeWorker) {
	s.t.Helper()
	cfg := s.cfg
	_ = s.link.Close()
	if err := <-s.result; err == nil {
		s.t.Error("the master does not notice that the spawner is gone")
	}
	s.runMaster(cfg)
	s.handOver(workers...)
}

// tellScale does what the spawner does for a change of scale.
func (s *fakeSpawner) tellScale(change int32) {
	s.t.Helper()
	atomic.AddInt32(&s.slots.Shared().Scale, change)
	s.hold(0)
}

// hold has all workers drained, or started again.
func (s *fakeSpawner) hold(held uint32) {
	s.t.Helper()
	atomic.StoreUint32(&s.slots.Shared().Held, held)
	s.tell(control.Message{Type: control.Desired})
}

func TestScale_up(t *testing.T) {
	inBubble(t, 4, config(2), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		workers := s.spawnReady(2)
		s.tellScale(1)
		third := s.spawn()
		if third.slot != 2 {
			t.Errorf("slot %d", third.slot)
		}
		third.ready()
		s.expectNothing(time.Hour)
		s.expectLine(LogInfo, "scaling from 2 to 3 workers")
		s.stop(append(workers, third)...)
	})
}

func TestScale_downDrainsTheLast(t *testing.T) {
	inBubble(t, 5, config(5), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		workers := s.spawnReady(5)
		s.tellScale(-3)
		for _, w := range workers[2:] {
			w.expectDrain()
			if got := slot.ExitReason(atomic.LoadUint32(&w.page.Dismissed)); got != slot.Scale {
				t.Errorf("worker %d is let go for %v", w.slot, got)
			}
			w.exit(0)
		}
		s.expectNothing(time.Hour)
		s.stop(workers[:2]...)
	})
}

func TestScale_keepsOneAtLeastAndWhatThereIsRoomForAtMost(t *testing.T) {
	inBubble(t, 3, config(2), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		workers := s.spawnReady(2)
		s.tellScale(-100)
		workers[1].expectDrain()
		workers[1].exit(0)
		s.expectNothing(time.Hour)
		s.tellScale(100)
		all := append(s.spawnReady(2), workers[0])
		s.expectNothing(time.Hour)
		s.expectLine(LogWarn, "101 workers are more than the 3 that there is room for")
		s.stop(all...)
	})
}

func TestScale_downSendsAwayWhoIsStillBooting(t *testing.T) {
	inBubble(t, 3, config(1), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		workers := s.spawnReady(1)
		s.tellScale(1)
		second := s.spawn()
		s.tellScale(-1)
		second.expectDrain()
		second.exit(0)
		s.expectNothing(time.Hour)
		s.stop(workers...)
	})
}

func TestScale_isKnownToANewMaster(t *testing.T) {
	inBubble(t, 4, config(2), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		workers := s.spawnReady(2)
		s.tellScale(1)
		workers = append(workers, s.spawnReady(1)...)
		s.replaceMaster(workers...)
		s.expectNothing(time.Hour)
		s.stop(workers...)
	})
}

// What is asked for between the fork of a master and its HELLO reaches it with the hand-over: it has read what was wanted before.
func TestScale_reachesAMasterThatIsBeingBorn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSpawner(t, 4)
		atomic.StoreUint32(&s.slots.Shared().Held, 1)
		s.runMaster(config(2))
		defer func() { _ = s.link.Close() }()
		synctest.Wait()
		atomic.StoreUint32(&s.slots.Shared().Held, 0)
		atomic.AddInt32(&s.slots.Shared().Scale, 1)
		atomic.AddUint32(&s.slots.Shared().Epoch, 1)
		s.handOver()
		s.stop(s.spawnReady(3)...)
	})
}

func TestHold_drainsAllAndStays(t *testing.T) {
	inBubble(t, 3, config(3), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		workers := s.spawnReady(3)
		s.hold(1)
		for _, w := range workers {
			w.expectDrain()
			w.exit(0)
		}
		s.expectNothing(time.Hour)
		if got := s.slots.Shared().LoadPhase(); got != slot.DrainingAll {
			t.Errorf("phase %v", got)
		}
		s.stop()
	})
}

func TestHold_isEndedByScaleAndByReload(t *testing.T) {
	for name, resume := range map[string]func(s *fakeSpawner){
		"scale":  func(s *fakeSpawner) { s.tellScale(0) },
		"reload": func(s *fakeSpawner) { s.tellReload() },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, 2, config(2), func(t *testing.T, s *fakeSpawner) {
				s.handOver()
				workers := s.spawnReady(2)
				s.hold(1)
				for _, w := range workers {
					w.expectDrain()
				}
				resume(s)
				// Slot 1 is still draining.
				workers[0].exit(0)
				next := s.spawnReady(1)
				workers[1].exit(0)
				next = append(next, s.spawnReady(1)...)
				s.expectNothing(time.Hour)
				s.expectLine(LogInfo, "starting 2 workers again")
				if got := s.slots.Shared().LoadPhase(); got != slot.Serving {
					t.Errorf("phase %v", got)
				}
				s.stop(next...)
			})
		})
	}
}

func TestHold_isKnownToANewMaster(t *testing.T) {
	inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		w := s.spawnReady(1)[0]
		s.hold(1)
		w.expectDrain()
		w.enter(slot.Draining)
		s.replaceMaster(w)
		synctest.Wait()
		w.exit(0)
		s.expectNothing(time.Hour)
		s.stop()
	})
}

func TestReopen_reachesEveryProcess(t *testing.T) {
	inBubble(t, 2, config(2), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		workers := s.spawnReady(2)
		s.tell(control.Message{Type: control.NewLog, Payload: control.LogPayload(1), Files: []int{77}})
		s.tell(control.Message{Type: control.ReopenAll})
		synctest.Wait()
		s.expectReopened(workers)
		// The next master cannot know who was told.
		atomic.StoreUint32(&s.slots.Shared().Reopens, 1)
		s.replaceMaster(workers...)
		synctest.Wait()
		s.expectReopened(workers)
		s.stop(workers...)
	})
}

// expectReopened wants each worker to have been given the log file that the master was given, once, and to know that it
// was all.
func (s *fakeSpawner) expectReopened(workers []*fakeWorker) {
	s.t.Helper()
	for _, w := range workers {
		if len(w.link.inbox) != 2 {
			s.t.Errorf("worker %d was told %d times", w.slot, len(w.link.inbox))
			continue
		}
		file, end := <-w.link.inbox, <-w.link.inbox
		if file.Type != control.NewLog || file.Log() != 1 || file.Files[0] != 77 || end.Type != control.Reopen {
			s.t.Errorf("worker %d was told %v and %v", w.slot, file, end)
		}
	}
}
