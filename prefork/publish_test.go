package prefork

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"libforker/prefork/control"
	"libforker/slot"
)

func TestPublish_saysWhatIsGoingOn(t *testing.T) {
	inBubble(t, 3, config(2), func(t *testing.T, s *fakeSpawner) {
		phase := func() slot.Phase { synctest.Wait(); return s.slots.Shared().LoadPhase() }
		s.handOver()
		if got := phase(); got != slot.Starting || s.slots.Shared().LoadWanted() != 2 {
			t.Errorf("before the first worker is ready: %v, %d wanted", got, s.slots.Shared().LoadWanted())
		}
		workers := s.spawnReady(2)
		if got := phase(); got != slot.Serving {
			t.Errorf("with all workers: %v", got)
		}
		workers[0].exit(exitStatus(1))
		if got := phase(); got != slot.Serving {
			t.Errorf("while a worker is replaced: %v", got)
		}
		next := s.spawn()
		next.ready()
		s.tell(control.Message{Type: control.Stop, Payload: control.TimeoutPayload(5000)})
		if got := phase(); got != slot.Stopping {
			t.Errorf("while it stops: %v", got)
		}
		for _, w := range []*fakeWorker{workers[1], next} {
			if got := slot.ExitReason(atomic.LoadUint32(&w.page.Dismissed)); got != slot.Stop {
				t.Errorf("worker %d is let go for %v", w.slot, got)
			}
			w.exit(0)
		}
		s.expect(control.Done)
		s.expectEnd(nil)
	})
}

// Who has read the line can rely on it: /readyz says the same.
func TestPublish_comesBeforeTheLineThatAllWorkersAreReady(t *testing.T) {
	inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		w := s.spawnReady(1)
		s.expectLine(LogInfo, "all workers are ready: 1 worker")
		for _, l := range s.linesWith("all workers are ready") {
			if l.phase != slot.Serving {
				t.Errorf("while the shared memory says %v: %s", l.phase, l.text)
			}
		}
		s.stop(w...)
	})
}

func TestPublish_keepsWhatTheFormerMasterSaidUntilItKnowsBetter(t *testing.T) {
	inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
		s.slots.Shared().Publish(slot.Serving)
		s.expect(control.Hello)
		w := s.fork(0)
		w.becomeReady()
		time.Sleep(time.Second)
		if got := s.slots.Shared().LoadPhase(); got != slot.Serving {
			t.Errorf("before the hand-over: %v", got)
		}
		s.introduce(control.Adopt, w)
		s.tell(control.Message{Type: control.AdoptedAll, Payload: control.TimeoutPayload(-1)})
		synctest.Wait()
		if got := s.slots.Shared().LoadPhase(); got != slot.Serving {
			t.Errorf("after it: %v", got)
		}
		s.stop(w)
	})
}

func TestBoot_thatTakesTooLongIsDismissedForThat(t *testing.T) {
	inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		w := s.spawn()
		s.expectKill(w)
		if got := slot.ExitReason(atomic.LoadUint32(&w.page.Dismissed)); got != slot.Boot {
			t.Errorf("it is let go for %v", got)
		}
		w.exit(killStatus(9))
		s.stop(s.spawnReady(1)...)
	})
}

func TestPublish_tellsTheSpawner(t *testing.T) {
	inBubble(t, 3, config(2), func(t *testing.T, s *fakeSpawner) {
		news := func() int {
			t.Helper()
			before := s.published
			s.expectNothing(time.Second)
			return s.published - before
		}
		s.handOver()
		workers := s.spawnReady(2)
		if news() == 0 {
			t.Error("not that all workers are ready")
		}
		workers[0].exit(exitStatus(1))
		next := s.spawn()
		if news() != 1 {
			t.Error("not that a worker is missing")
		}
		next.ready()
		if news() != 1 {
			t.Error("not that it is there again")
		}
		if news() != 0 {
			t.Error("though nothing has happened")
		}
		s.tell(control.Message{Type: control.Ping})
		if news() != 1 {
			t.Error("not when it is asked")
		}
		s.tell(control.Message{Type: control.Stop, Payload: control.TimeoutPayload(5000)})
		synctest.Wait()
		workers[1].exit(0)
		next.exit(0)
		s.expect(control.Done)
		s.expectEnd(nil)
	})
}
