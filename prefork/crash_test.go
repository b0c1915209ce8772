package prefork

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"libforker/prefork/control"
)

func TestCrashAfterReady_isReplacedAtOnce(t *testing.T) {
	inBubble(t, 2, config(2), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		workers := s.spawnReady(2)
		time.Sleep(time.Minute)
		workers[1].exit(killStatus(unix.SIGSEGV))
		next := s.spawn()
		expectAround(t, "the next fork", s.now()-time.Hour, time.Minute)
		if next.slot != 1 || next.gen != 2 {
			t.Errorf("slot %d, generation %d", next.slot, next.gen)
		}
		next.ready()
		s.expectLine(LogWarn, "worker 1 (pid 2001) killed by SIGSEGV; starting another")
		s.stop(workers[0], next)
	})
}

func TestCrashAfterReady_countsAlsoIfExitedOvertakesReady(t *testing.T) {
	inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		for range 10 {
			w := s.spawn()
			w.becomeReady()
			w.exit(exitStatus(1))
		}
		expectAround(t, "the tenth fork", s.now()-time.Hour, 0)
		s.stop(s.spawnReady(1)...)
	})
}

func TestCrashAfterReady_inALoopKeepsToTheBudgetOfForks(t *testing.T) {
	inBubble(t, 30, config(30), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		forks := make([]int, 30)
		var last time.Duration
		for last = s.now(); last < time.Hour+time.Minute; last = s.now() {
			w := s.spawn()
			forks[w.slot]++
			w.ready()
			synctest.Wait()
			w.exit(killStatus(unix.SIGABRT))
		}
		total := 0
		for i, n := range forks {
			total += n
			if n < 30 {
				t.Errorf("slot %d had %d turns, others many", i, n)
			}
		}
		if total > 61*ForksPerWindow {
			t.Errorf("%d forks in a minute", total)
		}
		warnings := 0
		for _, l := range s.log() {
			if l.level == LogWarn {
				warnings++
			}
		}
		if warnings > total {
			t.Errorf("%d warnings of %d forks", warnings, total)
		}
		s.stopRefusing()
	})
}

func TestCrashBeforeReady_backsOff(t *testing.T) {
	inBubble(t, 2, config(2), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		first := s.spawn()
		first.ready()
		s.spawn().exit(exitStatus(3))
		for i, want := range []time.Duration{100, 160, 256, 409, 655, 1048, 1677, 2684, 4294, 6871, 10995, 17592, 28147, 30000, 30000} {
			before := s.now()
			w := s.spawn()
			if got := (s.now() - before).Truncate(time.Millisecond); got != want*time.Millisecond {
				t.Errorf("fork %d after %v, want %v", i, got, want*time.Millisecond)
			}
			w.exit(exitStatus(3))
		}
		s.expectLine(LogWarn, "worker 1 (pid 2001) exited with status 3 during boot; starting another in 100 ms")
		s.stop(first)
	})
}

func TestCrashBeforeReady_isForgottenAfterTenSecondsOfReady(t *testing.T) {
	inBubble(t, 2, config(2), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		first := s.spawn()
		first.ready()
		gap := func() time.Duration {
			before := s.now()
			s.spawn().exit(exitStatus(3))
			return (s.now() - before).Truncate(time.Millisecond)
		}
		serve := func(d time.Duration) {
			w := s.spawn()
			w.ready()
			time.Sleep(d)
			w.exit(exitStatus(4))
		}
		gap()
		gap()
		serve(9 * time.Second)
		gap()
		if got := gap(); got != 256*time.Millisecond {
			t.Errorf("after 9 s of READY the next boot waits %v, want 256 ms", got)
		}
		serve(10 * time.Second)
		gap()
		if got := gap(); got != 100*time.Millisecond {
			t.Errorf("after 10 s of READY the next boot waits %v, want 100 ms", got)
		}
		s.stop(first)
	})
}

func TestBoot_thatTakesTooLongIsKilled(t *testing.T) {
	inBubble(t, 2, config(2), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		first := s.spawn()
		first.ready()
		w := s.spawn()
		s.expectKill(w)
		expectAround(t, "the kill", s.now()-time.Hour, 10*time.Second)
		s.expectLine(LogWarn, "worker 1 (pid 2001) is not ready within 10 s: killing it")
		// READY in the last moment does not make a good boot of it.
		w.ready()
		synctest.Wait()
		w.exit(killStatus(unix.SIGKILL))
		next := s.spawn()
		expectAround(t, "the next fork", s.now()-time.Hour, 10100*time.Millisecond)
		s.expectLine(LogWarn, "worker 1 (pid 2001) was not ready within 10 s: killed by SIGKILL; starting another in 100 ms")
		next.ready()
		s.stop(first, next)
	})
}

func TestKill_withoutExitIsRepeated(t *testing.T) {
	inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		w := s.spawn()
		s.expectKill(w)
		s.expectKill(w)
		expectAround(t, "the second kill", s.now()-time.Hour, 15*time.Second)
		s.expectLine(LogWarn, "is still there 5 s after SIGKILL")
		w.exit(killStatus(unix.SIGKILL))
		s.stop(s.spawnReady(1)...)
	})
}

func TestGiveUp_whenNoWorkerWasEverReady(t *testing.T) {
	inBubble(t, 2, config(2), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		first, second := s.spawn(), s.spawn()
		for range 2 {
			first.exit(exitStatus(3))
			first = s.spawn()
		}
		copy(first.page.LastWordsText[:], "no database\x00")
		first.exit(exitStatus(3))
		m := s.expect(control.GiveUp)
		const want = `no worker became ready: worker 0 exited with status 3 during boot (last words: "no database")`
		if _, got := m.GiveUp(); got != want {
			t.Errorf("the reason is %s, want %s", got, want)
		}
		if got := second.expectDrain(); got != 0 {
			t.Errorf("the other worker may drain for %v", got)
		}
		before := s.now()
		s.expectKill(second)
		expectAround(t, "the kill", s.now()-before, time.Second)
		second.exit(killStatus(unix.SIGKILL))
		s.expect(control.Done)
		s.expectEnd(ErrNotReady)
	})
}

func TestGiveUp_namesFailedForksAndLateBoots(t *testing.T) {
	for name, c := range map[string]struct {
		fail func(s *fakeSpawner)
		want string
	}{
		"fork": {func(s *fakeSpawner) {
			m := s.expect(control.Spawn)
			s.tell(control.Message{Type: control.Failed, Generation: m.Generation, Payload: control.ErrorPayload(unix.ENOMEM)})
		}, "no worker became ready: worker 0 could not be forked: cannot allocate memory"},
		"late": {func(s *fakeSpawner) {
			w := s.spawn()
			s.expectKill(w)
			w.exit(killStatus(unix.SIGKILL))
		}, "no worker became ready: worker 0 was not ready within 10 s: killed by SIGKILL"},
		"signal": {
			func(s *fakeSpawner) { s.spawn().exit(killStatus(unix.SIGABRT)) },
			"no worker became ready: worker 0 killed by SIGABRT during boot",
		},
		"reaped": {
			func(s *fakeSpawner) { s.spawn().exit(-1) },
			"no worker became ready: worker 0 was reaped by somebody else during boot",
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
				s.handOver()
				for range bootsToGiveUp {
					c.fail(s)
				}
				give := s.expect(control.GiveUp)
				if reason, got := give.GiveUp(); got != c.want || reason != control.NoWorkerReady {
					t.Errorf("the reason is %s, want %s", got, c.want)
				}
				s.expect(control.Done)
				s.expectEnd(ErrNotReady)
			})
		})
	}
}

func TestGiveUp_notOnceAWorkerWasReady(t *testing.T) {
	for name, adopt := range map[string]func(s *fakeSpawner){
		"under this master": func(s *fakeSpawner) {
			s.handOver()
			w := s.spawn()
			w.ready()
			synctest.Wait()
			w.exit(exitStatus(1))
		},
		"under the former one": func(s *fakeSpawner) {
			s.expect(control.Hello)
			atomic.StoreUint32(&s.slots.Slot(1).ReachedReady, 1)
			s.tell(control.Message{Type: control.AdoptedAll, Payload: control.TimeoutPayload(-1)})
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, 2, config(1), func(t *testing.T, s *fakeSpawner) {
				adopt(s)
				for range 3 * bootsToGiveUp {
					s.spawn().exit(exitStatus(3))
				}
				s.stop(s.spawnReady(1)...)
			})
		})
	}
}

func TestStaleMessages_areDropped(t *testing.T) {
	inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		old := s.spawn()
		old.ready()
		synctest.Wait()
		old.exit(exitStatus(0))
		w := s.spawn()
		w.say(control.Message{Type: control.Ready, Slot: w.slot, Generation: old.gen})
		w.say(control.Message{Type: control.Ready, Slot: w.slot + 1, Generation: w.gen})
		w.say(control.Message{Type: control.Hello, Slot: w.slot, Generation: w.gen})
		s.tell(control.Message{Type: control.Exited, Generation: old.gen, Payload: control.ExitPayload(control.Exit{Pid: 1})})
		s.tell(control.Message{Type: control.Exited, Generation: w.gen + 1, Payload: control.ExitPayload(control.Exit{Pid: 1})})
		// It still counts as one that boots.
		s.expectKill(w)
		w.exit(killStatus(unix.SIGKILL))
		s.stop(s.spawnReady(1)...)
	})
}

func TestWorker_whoSpeaksGarbageIsHeardOnce(t *testing.T) {
	inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		workers := s.spawnReady(1)
		for range 100 {
			workers[0].say(control.Message{Type: malformed})
		}
		s.expectLine(LogWarn, "worker 0 (pid 1001): malformed control message")
		warnings := 0
		for _, l := range s.log() {
			if strings.Contains(l.text, "malformed") {
				warnings++
			}
		}
		if warnings != 1 {
			t.Errorf("%d warnings", warnings)
		}
		s.stop(workers...)
	})
}

// TestWorker_whoSendsDescriptorsKeepsThemToItself: whatever message they came with, and before READY as after it.
func TestWorker_whoSendsDescriptorsKeepsThemToItself(t *testing.T) {
	for kind := range control.Type(64) {
		for _, served := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v %v", kind, served), func(t *testing.T) {
				inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
					s.handOver()
					w := s.spawn()
					if served {
						w.ready()
					}
					for range 10 {
						_, sent := newMemoryLinks()
						w.say(control.Message{Type: kind, Slot: w.slot, Generation: w.gen, Files: []int{s.file(sent)}})
					}
					time.Sleep(time.Second)
					s.stop(w) // It sees that no descriptor is left.
				})
			})
		}
	}
}

// TestWorker_whoTalksIsHeardOnce: the master has other work than to listen to a worker that says the same for ever.
func TestWorker_whoTalksIsHeardOnce(t *testing.T) {
	for name, kind := range map[string]control.Type{"READY again": control.Ready, "a message of the spawner": control.Stop} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
				s.handOver()
				workers := s.spawnReady(1)
				for range 100 {
					workers[0].say(control.Message{Type: kind, Slot: 0, Generation: workers[0].gen, Payload: control.TimeoutPayload(0)})
				}
				s.expectLine(LogWarn, "worker 0 (pid 1001): unexpected control message: "+kind.String())
				if lines := s.linesWith("unexpected"); len(lines) != 1 {
					t.Errorf("%d lines", len(lines))
				}
				time.Sleep(time.Second)
				if unread := len(workers[0].link.peer.inbox); unread != 0 {
					t.Errorf("%d messages were left unread", unread)
				}
				s.stop(workers...)
			})
		})
	}
}

func TestWorkerChannel_isNoEventWhenItEnds(t *testing.T) {
	inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		workers := s.spawnReady(1)
		_ = workers[0].link.Close()
		s.expectNothing(time.Hour)
		workers[0].exit(exitStatus(1))
		s.stop(s.spawnReady(1)...)
	})
}

func TestWorkerChannel_thatCannotBeOpenedIsDoneWithout(t *testing.T) {
	inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		s.expect(control.Spawn)
		w := s.fork(0)
		s.tell(control.Message{Type: control.Spawned, Generation: w.gen, Payload: control.WorkerPayload(w.pid, 1), Files: []int{9999}})
		synctest.Wait()
		w.becomeReady()
		s.expectNothing(time.Minute)
		s.expectLine(LogWarn, "worker 0 (pid 1001): bad file descriptor")
		s.tell(control.Message{Type: control.Stop, Payload: control.TimeoutPayload(5000)})
		s.expectKill(w)
		w.exit(killStatus(unix.SIGKILL))
		s.expect(control.Done)
		s.expectEnd(nil)
	})
}

func TestSpawner_thatBreaksTheProtocolEndsTheMaster(t *testing.T) {
	for name, m := range map[string]control.Message{
		"malformed":          {Type: malformed},
		"not for the master": {Type: control.Spawn},
		"a slot beyond":      {Type: control.Exited, Slot: 2, Payload: control.ExitPayload(control.Exit{})},
		"a far slot":         {Type: control.Exited, Slot: 1 << 31, Payload: control.ExitPayload(control.Exit{})},
		"a second hand-over": {Type: control.AdoptedAll, Payload: control.TimeoutPayload(-1)},
		"a second worker":    {Type: control.Spawned, Generation: 2, Payload: control.WorkerPayload(5, 1)},
		"a late ADOPT":       {Type: control.Adopt, Generation: 2, Payload: control.WorkerPayload(5, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
				s.handOver()
				s.spawnReady(1)
				if m.Type == control.Adopt || m.Type == control.Spawned {
					_, mine := newMemoryLinks()
					m.Files = []int{s.file(mine)}
				}
				s.tell(m)
				s.expectEnd(ErrProtocol)
			})
		})
	}
}

func TestSpawner_goneEndsTheMasterAtOnce(t *testing.T) {
	inBubble(t, 3, config(3), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		s.spawnReady(2)
		before := s.now()
		_ = s.link.Close()
		s.expectEnd(ErrSpawnerGone)
		expectAround(t, "the end", s.now()-before, 0)
	})
}
