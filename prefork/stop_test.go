package prefork

import (
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"libforker/prefork/control"
	"libforker/slot"
)

func (s *fakeSpawner) tellStop(timeout time.Duration) {
	s.t.Helper()
	s.tell(control.Message{Type: control.Stop, Payload: control.TimeoutPayload(int32(timeout / time.Millisecond))})
}

func TestStop_drainsAndThenKills(t *testing.T) {
	inBubble(t, 3, config(3), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		workers := s.spawnReady(3)
		s.tellStop(5 * time.Second)
		for _, w := range workers {
			if got := w.expectDrain(); got != 5*time.Second {
				t.Errorf("DRAIN within %v, want 5 s", got)
			}
			w.enter(slot.Draining)
		}
		before := s.now()
		workers[0].exit(0)
		workers[1].exit(killStatus(unix.SIGSEGV))
		s.expectKill(workers[2])
		expectAround(t, "the kill", s.now()-before, 5*time.Second)
		workers[2].exit(killStatus(unix.SIGKILL))
		s.expect(control.Done)
		s.expectEnd(nil)
		s.expectLine(LogInfo, "worker 0 (pid 1001) exited with status 0")
		s.expectLine(LogWarn, "worker 1 (pid 2001) killed by SIGSEGV")
		s.expectLine(LogWarn, "worker 2 (pid 3001) has not drained in time: killing it")
		s.expectLine(LogInfo, "worker 2 (pid 3001) killed by SIGKILL")
	})
}

func TestStop_withoutATimeTakesTheOption(t *testing.T) {
	inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		workers := s.spawnReady(1)
		s.tell(control.Message{Type: control.Stop, Payload: control.TimeoutPayload(-1)})
		if got := workers[0].expectDrain(); got != 30*time.Second {
			t.Errorf("DRAIN within %v, want 30 s", got)
		}
		workers[0].exit(0)
		s.expect(control.Done)
		s.expectEnd(nil)
	})
}

func TestStop_atOnceLeavesASecondForExitHooks(t *testing.T) {
	inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		workers := s.spawnReady(1)
		s.tellStop(0)
		if got := workers[0].expectDrain(); got != 0 {
			t.Errorf("DRAIN within %v, want 0", got)
		}
		before := s.now()
		s.expectKill(workers[0])
		expectAround(t, "the kill", s.now()-before, time.Second)
		workers[0].exit(killStatus(unix.SIGKILL))
		s.expect(control.Done)
		s.expectEnd(nil)
	})
}

func TestStop_canOnlyBeShortened(t *testing.T) {
	for _, c := range []struct {
		name    string
		second  time.Duration
		told    bool
		killAt  time.Duration // after the second STOP, which is 2 s after the first
		drainIn time.Duration
	}{
		{"longer", time.Minute, false, 8 * time.Second, 0},
		{"equal", 8 * time.Second, false, 8 * time.Second, 0},
		{"shorter", 3 * time.Second, true, 3 * time.Second, 3 * time.Second},
		{"at once", 0, true, time.Second, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
				s.handOver()
				w := s.spawnReady(1)[0]
				s.tellStop(10 * time.Second)
				w.expectDrain()
				time.Sleep(2 * time.Second)
				before := s.now()
				s.tellStop(c.second)
				if c.told {
					if got := w.expectDrain(); got != c.drainIn {
						t.Errorf("DRAIN within %v, want %v", got, c.drainIn)
					}
				}
				s.expectKill(w)
				expectAround(t, "the kill", s.now()-before, c.killAt)
				if len(w.link.inbox) != 0 {
					t.Error("DRAIN was sent again")
				}
				w.exit(killStatus(unix.SIGKILL))
				s.expect(control.Done)
				s.expectEnd(nil)
			})
		})
	}
}

func TestStop_atOnceDoesNotProlongAnEarlierOne(t *testing.T) {
	inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		w := s.spawnReady(1)[0]
		s.tellStop(2 * time.Second)
		before := s.now()
		time.Sleep(1500 * time.Millisecond)
		s.tellStop(0)
		w.expectDrain()
		if got := w.expectDrain(); got != 0 {
			t.Errorf("DRAIN within %v, want 0", got)
		}
		s.expectKill(w)
		expectAround(t, "the kill", s.now()-before, 2*time.Second)
		w.exit(killStatus(unix.SIGKILL))
		s.expect(control.Done)
		s.expectEnd(nil)
	})
}

// states has for each state that a master can be in how it comes there, and the workers that it has then.
var states = map[string]func(s *fakeSpawner) []*fakeWorker{
	"nobody yet": func(s *fakeSpawner) []*fakeWorker { s.expect(control.Hello); return nil },
	"adopting": func(s *fakeSpawner) []*fakeWorker {
		s.expect(control.Hello)
		w := s.fork(0)
		s.introduce(control.Adopt, w)
		return []*fakeWorker{w}
	},
	"spawning": func(s *fakeSpawner) []*fakeWorker {
		s.handOver()
		s.expect(control.Spawn)
		return nil
	},
	"booting": func(s *fakeSpawner) []*fakeWorker {
		s.handOver()
		return []*fakeWorker{s.spawn()}
	},
	"ready": func(s *fakeSpawner) []*fakeWorker {
		s.handOver()
		return s.spawnReady(1)
	},
	"killed": func(s *fakeSpawner) []*fakeWorker {
		s.handOver()
		w := s.spawn()
		s.expectKill(w)
		return []*fakeWorker{w}
	},
	"backing off": func(s *fakeSpawner) []*fakeWorker {
		s.handOver()
		s.spawn().exit(exitStatus(1))
		return nil
	},
}

func TestStop_endsInEveryState(t *testing.T) {
	for name, arrange := range states {
		for _, dies := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
					workers := arrange(s)
					synctest.Wait()
					s.tellStop(3 * time.Second)
					before := s.now()
					for {
						m, ok := s.within(time.Minute)
						if !ok {
							t.Fatalf("no DONE came; log: %v", s.log())
						}
						if m.Type == control.Done {
							break
						}
						if m.Type != control.Kill {
							t.Fatalf("%v came", m.Type)
						}
						if dies {
							workers[0].exit(killStatus(unix.SIGKILL))
						}
					}
					if got, most := s.now()-before, 3*time.Second+killTimeout; got > most {
						t.Errorf("DONE after %v, want at most %v", got, most)
					}
					s.expectEnd(nil)
				})
			})
		}
	}
}

func TestStop_drainsAWorkerThatIsJustBeingForked(t *testing.T) {
	inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		s.expect(control.Spawn)
		s.tellStop(20 * time.Second)
		time.Sleep(6 * time.Second)
		w := s.fork(0)
		s.introduce(control.Spawned, w)
		if got := w.expectDrain(); got != 14*time.Second {
			t.Errorf("DRAIN within %v, want 14 s", got)
		}
		s.expectTerm(w)
		w.exit(0)
		s.expect(control.Done)
		s.expectEnd(nil)
	})
}

// A worker that has not been ready has nothing to drain, and none of the time for that.
func TestStop_waitsASecondForAWorkerThatBoots(t *testing.T) {
	inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		w := s.spawn()
		s.tellStop(20 * time.Second)
		before := s.now()
		s.expectTerm(w)
		s.expectKill(w)
		expectAround(t, "the kill", s.now()-before, time.Second)
		w.exit(killStatus(unix.SIGKILL))
		s.expect(control.Done)
		s.expectEnd(nil)
		s.expectLine(LogWarn, "worker 0 (pid 1001) does not leave while it boots: killing it")
	})
}

func TestStop_givesAWorkerThatGetsReadyJustThenTheWholeTime(t *testing.T) {
	inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		w := s.spawn()
		s.tellStop(20 * time.Second)
		before := s.now()
		s.expectTerm(w)
		w.ready()
		w.enter(slot.Draining)
		s.expectKill(w)
		expectAround(t, "the kill", s.now()-before, 20*time.Second)
		w.exit(killStatus(unix.SIGKILL))
		s.expect(control.Done)
		s.expectEnd(nil)
	})
}

func TestStop_underWayIsTakenOver(t *testing.T) {
	inBubble(t, 2, config(2), func(t *testing.T, s *fakeSpawner) {
		s.expect(control.Hello)
		w := s.fork(0)
		w.becomeReady()
		s.introduce(control.Adopt, w)
		s.tell(control.Message{Type: control.AdoptedAll, Payload: control.TimeoutPayload(4000)})
		if got := w.expectDrain(); got != 4*time.Second {
			t.Errorf("DRAIN within %v, want 4 s", got)
		}
		w.exit(0)
		s.expect(control.Done)
		s.expectEnd(nil)
	})
}

func TestStop_beforeTheHandOverIsOverWaitsForIt(t *testing.T) {
	inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
		s.expect(control.Hello)
		s.tellStop(10 * time.Second)
		time.Sleep(time.Second)
		w := s.fork(0)
		w.becomeReady()
		s.introduce(control.Adopt, w)
		if got := w.expectDrain(); got != 9*time.Second {
			t.Errorf("DRAIN within %v, want 9 s", got)
		}
		s.tell(control.Message{Type: control.AdoptedAll, Payload: control.TimeoutPayload(-1)})
		w.exit(0)
		s.expect(control.Done)
		s.expectEnd(nil)
	})
}
