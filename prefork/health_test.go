package prefork

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"libforker/prefork/control"
	"libforker/slot"
)

func careful(workers int, health Health) Config {
	cfg := config(workers)
	cfg.Health = health
	return cfg
}

// beat has the loop of a worker turn for a while.
func (w *fakeWorker) beat(d time.Duration) {
	for until := w.s.now() + d; w.s.now() < until; time.Sleep(time.Second) {
		atomic.StoreUint64(&w.page.HeartbeatNs, uint64(w.s.now()))
	}
}

// dismissed is why the master lets a worker go.
func (w *fakeWorker) dismissed() slot.ExitReason {
	return slot.ExitReason(atomic.LoadUint32(&w.page.Dismissed))
}

// serve adds requests.
func (w *fakeWorker) serve(n uint64) { atomic.AddUint64(&w.page.Requests, n) }

// expectReplaced wants the worker to be replaced, and gives the one that is in its slot afterwards.
func (w *fakeWorker) expectReplaced() *fakeWorker {
	w.s.t.Helper()
	spare := w.s.spawn()
	if len(w.link.inbox) > 0 {
		w.s.t.Error("the worker is drained before there is another one")
	}
	spare.ready()
	w.expectDrain()
	if w.dismissed() != slot.Recycle {
		w.s.t.Errorf("it is let go for %v", w.dismissed())
	}
	w.exit(0)
	next := w.s.spawn()
	next.ready()
	spare.expectDrain()
	spare.exit(0)
	return next
}

func TestHang_isAbortedThenKilled(t *testing.T) {
	inBubble(t, 2, careful(2, Health{HangTimeout: 10 * time.Second}), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		workers := s.spawnReady(2)
		turning, still := workers[0], workers[1]
		turning.beat(14 * time.Second)
		if m := s.expect(control.Kill); m.Slot != still.slot || m.Signal() != unix.SIGABRT {
			t.Fatalf("signal %v to worker %d", m.Signal(), m.Slot)
		}
		if still.dismissed() != slot.Hang {
			t.Errorf("it is let go for %v", still.dismissed())
		}
		s.expectKill(still)
		still.exit(killStatus(unix.SIGKILL))
		s.expectLine(LogError, fmt.Sprintf("worker %d (pid %d) hangs: it has stood still for 11 s; aborting it", still.slot, still.pid))
		s.expectLine(LogWarn, "does not die of SIGABRT: killing it")
		next := s.spawn()
		s.stop(turning, next)
	})
}

func TestHang_isTimedFromTheLastHeartbeatAndNamesTheRequest(t *testing.T) {
	inBubble(t, 1, careful(1, Health{HangTimeout: 5 * time.Second}), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		w := s.spawnReady(1)[0]
		w.beat(20 * time.Second)
		last := s.now() - time.Second // beat has slept since
		copy(w.page.Box.MethodText[:], "GET")
		copy(w.page.Box.TargetText[:], "/loop")
		w.page.Box.MethodLen, w.page.Box.TargetLen, w.page.Box.SinceNs = 3, 5, uint64(s.now())
		atomic.StoreUint32(&w.page.Box.BusyFlag, 1)
		s.expect(control.Kill)
		expectAround(t, "SIGABRT", s.now()-last, 6*time.Second)
		w.exit(killStatus(unix.SIGABRT))
		s.expectLine(LogError, "hangs: it has stood still for 6 s in GET /loop; aborting it")
		s.expectLine(LogWarn, "worker 0 (pid 1001) killed by SIGABRT in GET /loop")
		s.stop(s.spawn())
	})
}

func TestHang_isNoneWhileRequestsAreBegun(t *testing.T) {
	inBubble(t, 1, careful(1, Health{HangTimeout: 5 * time.Second}), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		w := s.spawnReady(1)[0]
		for range 60 { // One iteration of a minute, which serves a request every second.
			w.serve(1)
			time.Sleep(time.Second)
		}
		s.stop(w)
	})
}

// enter has the pool of a worker begin a request in a thread.
func (w *fakeWorker) enterPool(thread int, target string) {
	box := w.s.slots.PoolBox(int(w.slot), thread)
	atomic.StoreUint32(&w.page.PoolUsed, max(atomic.LoadUint32(&w.page.PoolUsed), uint32(thread+1)))
	copy(box.MethodText[:], "GET")
	copy(box.TargetText[:], target)
	box.MethodLen, box.TargetLen, box.Thread = 3, uint16(len(target)), int32(900+thread)
	atomic.StoreUint64(&box.SinceNs, uint64(w.s.now()))
	atomic.StoreUint32(&box.BusyFlag, 1)
}

func (w *fakeWorker) leavePool(thread int) {
	atomic.StoreUint32(&w.s.slots.PoolBox(int(w.slot), thread).BusyFlag, 0)
}

func TestHang_ofThePoolIsWhenNoThreadComesBack(t *testing.T) {
	inBubble(t, 1, careful(1, Health{HangTimeout: 5 * time.Second}), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		w := s.spawnReady(1)[0]
		atomic.StoreUint32(&w.page.PoolSize, 3)
		w.enterPool(0, "/first")
		w.enterPool(1, "/second")
		w.beat(2 * time.Second)
		w.enterPool(2, "/long")
		w.beat(4 * time.Second)
		s.expectLine(LogWarn, "worker 0 (pid 1001): 2 of the 3 threads of its pool have been in a handler for over 5 s, the longest for ")
		w.leavePool(2)
		w.beat(20 * time.Second) // One thread is enough.
		w.enterPool(2, "/last")
		last := s.now()
		atomic.StoreUint64(&w.page.HeartbeatNs, uint64(s.now()+time.Hour)) // Its loop turns all the time.
		if m := s.expect(control.Kill); m.Signal() != unix.SIGABRT || m.Thread() != 900 {
			t.Errorf("signal %v to thread %d", m.Signal(), m.Thread())
		}
		if late := s.now() - last; late < 5*time.Second || late > 6*time.Second {
			t.Errorf("aborted after %v", late)
		}
		if w.dismissed() != slot.Hang {
			t.Errorf("it is let go for %v", w.dismissed())
		}
		s.expectLine(LogError, "worker 0 (pid 1001) hangs: 3 of the 3 threads of its pool have been in a handler for over 5 s, the longest for ")
		s.expectLine(LogError, " in GET /first; aborting it")
		atomic.StoreUint32(&w.page.CrashedBox, 1)
		w.exit(killStatus(unix.SIGABRT))
		s.expectLine(LogWarn, "killed by SIGABRT in GET /first after ")
		s.stop(s.spawn())
		if n := len(s.linesWith("of its pool")); n != 2 {
			t.Errorf("%d lines about it: %v", n, s.log())
		}
	})
}

func TestHang_ofThePoolIsNoneInASuspension(t *testing.T) {
	inBubble(t, 1, careful(1, Health{HangTimeout: 5 * time.Second}), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		w := s.spawnReady(1)[0]
		atomic.StoreUint32(&w.page.PoolSize, 1)
		w.enterPool(0, "/")
		w.beat(3 * time.Second)
		s.lost.Add(int64(time.Hour))
		w.beat(4 * time.Second)
		w.leavePool(0)
		s.stop(w)
	})
}

func TestSuspension_killsNobody(t *testing.T) {
	cfg := careful(2, Health{HangTimeout: 5 * time.Second})
	inBubble(t, 2, cfg, func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		first := s.spawnReady(1)[0]
		second := s.spawn()
		first.beat(3 * time.Second)
		s.lost.Add(int64(time.Hour)) // The machine was suspended.
		first.beat(4 * time.Second)
		s.expectLine(LogInfo, "the master has not run for 3600 s; deadlines are put off by as much")
		// Of the boot timeout 3 s were over before, and 4 s since.
		second.becomeReady()
		second.say(control.Message{Type: control.Ready, Slot: second.slot, Generation: second.gen})
		synctest.Wait()
		s.stop(first, second)
	})
}

func TestSuspension_putsAStopOff(t *testing.T) {
	inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		w := s.spawnReady(1)[0]
		s.tellStop(10 * time.Second)
		w.expectDrain()
		time.Sleep(4 * time.Second)
		s.lost.Add(int64(time.Minute))
		before := s.now()
		s.expectKill(w)
		if got := s.now() - before; got < 5*time.Second || got > 7*time.Second {
			t.Errorf("killed %v after the suspension", got)
		}
		w.exit(killStatus(unix.SIGKILL))
		s.expect(control.Done)
		s.expectEnd(nil)
	})
}

func TestRecycle_byRequests(t *testing.T) {
	inBubble(t, 1, careful(1, Health{MaxRequests: 100}), func(t *testing.T, s *fakeSpawner) {
		s.random = 0.5 // five more
		s.handOver()
		w := s.spawnReady(1)[0]
		w.serve(104)
		s.expectNothing(time.Minute)
		w.serve(1)
		next := w.expectReplaced()
		s.expectLine(LogInfo, "worker 0 (pid 1001) is replaced after 105 requests")
		// The counter goes on, but it is about this generation.
		next.serve(104)
		s.expectNothing(time.Minute)
		s.replaceMaster(next)
		s.expectNothing(time.Minute)
		next.serve(1)
		s.stop(next.expectReplaced())
	})
}

// TestRecycle_believesNoCountThatWentBackwards: a worker can write anything into its page.
func TestRecycle_believesNoCountThatWentBackwards(t *testing.T) {
	inBubble(t, 1, careful(1, Health{MaxRequests: 100}), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		w := s.spawnReady(1)[0]
		atomic.StoreUint64(&w.page.RequestsBefore, 1<<63)
		s.expectNothing(time.Minute)
		s.stop(w)
	})
}

func TestRecycle_byAge(t *testing.T) {
	inBubble(t, 1, careful(1, Health{MaxAge: 5 * time.Minute}), func(t *testing.T, s *fakeSpawner) {
		s.random = 0
		s.handOver()
		w := s.spawnReady(1)[0]
		before := s.now()
		next := w.expectReplaced()
		expectAround(t, "the replacement", s.now()-before, 5*time.Minute)
		s.stop(next)
	})
}

func TestRecycle_goesOneAtATime(t *testing.T) {
	inBubble(t, 3, careful(3, Health{MaxRequests: 10}), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		old := s.spawnReady(3)
		for _, w := range old {
			w.serve(20)
		}
		s.stop(s.replaceAll(old, time.Second)...)
	})
}

func TestRecycle_whoseNewWorkerFailsKeepsTheOldOne(t *testing.T) {
	inBubble(t, 1, careful(1, Health{MaxRequests: 10}), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		w := s.spawnReady(1)[0]
		w.serve(20)
		for range 10 {
			s.spawn().exit(exitStatus(1))
		}
		if len(w.link.inbox) > 0 {
			t.Error("the old worker is drained")
		}
		s.stop(w.expectReplaced())
	})
}

func TestMemory_overTheSoftLimitReplacesOverTheHardOneKills(t *testing.T) {
	inBubble(t, 1, careful(1, Health{MemorySoft: 100 << 20, MemoryHard: 200 << 20}), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		w := s.spawnReady(1)[0]
		s.grow(w, 100<<20-1)
		s.expectNothing(time.Minute)
		s.grow(w, 100<<20)
		next := w.expectReplaced()
		s.expectLine(LogInfo, "worker 0 (pid 1001) is replaced after 100 MiB of memory")
		s.grow(next, 200<<20)
		s.expectKill(next)
		if next.dismissed() != slot.Memory {
			t.Errorf("it is let go for %v", next.dismissed())
		}
		next.exit(killStatus(unix.SIGKILL))
		s.expectLine(LogWarn, "has 200 MiB of memory, over worker_memory_hard: killing it")
		s.stop(s.spawn())
	})
}

// grow says how many bytes of memory a worker has.
func (s *fakeSpawner) grow(w *fakeWorker, resident int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resident[w.pid] = resident
}

func TestSigkill_ofSomebodyElseIsExplained(t *testing.T) {
	for want, arrange := range map[string]func(s *fakeSpawner){
		"killed by SIGKILL, probably by the kernel's OOM killer, or by somebody's kill -9; starting another": func(*fakeSpawner) {},
		"killed by SIGKILL, by the kernel's OOM killer: memory.events has counted it; starting another":      func(s *fakeSpawner) { s.countsOOM = true; s.oomKills.Add(1) },
		"killed by SIGKILL, by somebody's kill -9: memory.events has counted no OOM kill; starting another":  func(s *fakeSpawner) { s.countsOOM = true },
	} {
		inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
			s.handOver()
			w := s.spawnReady(1)[0]
			arrange(s)
			w.exit(killStatus(unix.SIGKILL))
			s.expectLine(LogWarn, want)
			s.stop(s.spawnReady(1)...)
		})
	}
}

func TestOOMKills_areReadOfTheOwnCgroup(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  uint64
		known bool
	}{
		"version 2": {map[string]string{
			"proc/self/cgroup": "0::/app.slice\n", "proc/self/mountinfo": unified,
			"sys/fs/cgroup/app.slice/memory.events": "low 0\nhigh 0\nmax 4\noom 2\noom_kill 7\noom_group_kill 0\n",
		}, 7, true},
		"no memory controller": {map[string]string{"proc/self/cgroup": "0::/app.slice\n", "proc/self/mountinfo": unified}, 0, false},
		"version 1":            {map[string]string{"proc/self/cgroup": "4:memory:/x\n", "proc/self/mountinfo": ""}, 0, false},
		"no /proc":             {nil, 0, false},
	} {
		if got, known := oomKills(tree(c.files)); got != c.want || known != c.known {
			t.Errorf("%s: %d, %v", name, got, known)
		}
	}
}

func TestRestarts_overTheLimitEndRun(t *testing.T) {
	cfg := config(2)
	cfg.Restarts, cfg.RestartWindow = 3, time.Minute
	inBubble(t, 2, cfg, func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		workers := s.spawnReady(2)
		for range 20 { // Not too many at a time.
			time.Sleep(21 * time.Second)
			workers[0].exit(killStatus(unix.SIGSEGV))
			workers[0] = s.spawnReady(1)[0]
		}
		workers[0].exit(killStatus(unix.SIGSEGV))
		m := s.expect(control.GiveUp)
		reason, text := m.GiveUp()
		want := "workers die too often: 4 within 60 s, the latest: worker 0 (pid 1021) killed by SIGSEGV; starting another"
		if reason != control.TooManyRestarts || text != want {
			t.Errorf("reason %d: %s", reason, text)
		}
		if got := workers[1].expectDrain(); got != 30*time.Second {
			t.Errorf("DRAIN within %v", got)
		}
		workers[1].exit(0)
		s.expect(control.Done)
		s.expectEnd(ErrRestarts)
	})
}
