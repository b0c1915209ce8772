package blackbox

import (
	"fmt"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// slack is what a stop may take beyond its limit on a busy machine, until the last process is reaped.
const slack = time.Second

func TestTree_isSpawnerMasterAndWorkers(t *testing.T) {
	p := serve(t, "workers=3")
	master, workers := p.master(), p.workers()
	processes := p.processes()
	if len(processes) != 5 || len(workers) != 3 {
		t.Errorf("processes %+v, workers %v; want a spawner, a master and 3 workers", processes, workers)
	}
	for _, process := range processes {
		switch {
		case process.pid == p.pid() && process.threads != 1:
			t.Errorf("the spawner has %d threads", process.threads)
		case process.pid != p.pid() && process.parent != p.pid():
			t.Errorf("%+v is no child of the spawner", process)
		case process.pid == master && process.threads == 1:
			t.Errorf("the master runs no Go")
		}
	}
}

// What ends a worker: the request that makes its handler do it, or the signal that is sent to it; and how the log tells
// of it.
var deaths = []struct {
	name, target string
	signal       syscall.Signal
	fate         string
}{
	{"exit with 0", "/end/exit?0", 0, "exited with status 0"},
	{"exit with 3", "/end/exit?3", 0, "exited with status 3"},
	{"abort", "/end/abort", 0, "killed by SIGABRT"},
	{"fault", "/end/raise?11", 0, "killed by SIGSEGV"},
	{"kill", "", syscall.SIGKILL, "killed by SIGKILL"},
}

func TestWorker_isReplacedWhateverEndsIt(t *testing.T) {
	p := serve(t, "workers=1")
	for _, death := range deaths {
		t.Run(death.name, func(t *testing.T) {
			pid, mark := p.workers()[0], p.log.mark()
			if death.signal != 0 {
				p.kill(pid, death.signal)
			} else {
				p.dial().send("GET " + death.target + " HTTP/1.1\r\nHost: test\r\n\r\n").expectClosed()
			}
			p.log.wait(t, mark, fmt.Sprintf("worker 0 (pid %d) %s", pid, death.fate))
			p.waitReplaced(0, pid)
			p.expectGet("/", 200, "hello\n")
		})
	}
	if p.log.count("starting another in ") > 0 {
		t.Errorf("a worker that was ready is not replaced at once:\n%s", p.log)
	}
}

// Where nothing else runs, READY is measured where it counts, in the master: from the kill to its line on the new
// worker. In a long run, for which the machine is left alone, each is to be in time.
func TestWorker_isReadyAgainSoon(t *testing.T) {
	p := serve(t, "workers=4", "log_level=debug")
	var times []time.Duration
	for round := range 16 {
		index := round % 4
		pid, mark, begin := p.workers()[index], p.log.mark(), time.Now()
		p.kill(pid, syscall.SIGKILL)
		ready := p.log.waitFor(t, mark, "the next worker is ready", func(line string) bool {
			return containsAll(line, fmt.Sprintf("worker %d (pid ", index), " is ready")
		})
		times = append(times, ready.at.Sub(begin))
		p.waitReplaced(index, pid)
		time.Sleep(max(0, 200*time.Millisecond-time.Since(begin))) // Of each level the master logs 10 lines a second.
	}
	slices.Sort(times)
	worst := times[len(times)-1]
	t.Logf("ready again after: median %v, worst %v", times[len(times)/2], worst)
	if long() && worst > readyWithin {
		t.Errorf("a worker was ready again after %v, want at most %v; all: %v", worst, readyWithin, times)
	}
}

// inHandler starts steered.c, and has a request in a handler that answers when it is told that the worker drains.
func inHandler(t *testing.T) (*program, *conn) {
	t.Helper()
	p, _ := steered(t, "first", "workers=2")
	c := p.dial().send("GET /patient HTTP/1.1\r\nHost: test\r\n\r\n")
	p.out.wait(t, 0, "patient begins")
	return p, c
}

func TestStop_finishesRequestsInFlight(t *testing.T) {
	for _, number := range []syscall.Signal{syscall.SIGTERM, syscall.SIGQUIT} {
		t.Run(number.String(), func(t *testing.T) {
			p, c := inHandler(t)
			p.signal(number)
			if a := c.receive("GET"); a.StatusCode != 200 || a.body != "draining" || !a.Close {
				t.Errorf("answered %s %q, Connection: close is %v", a.Status, a.body, a.Close)
			}
			c.expectClosed()
			_ = c.Close() // The server waits a while for that, so that its response is not lost.
			if status := p.wait(); status != 0 {
				t.Errorf("exit status %d", status)
			}
			p.out.wait(t, 0, "run returned 0: ")
		})
	}
}

// It has its response, and was told that it is the last one.
func TestStop_doesNotWaitForAClientThatDoesNotClose(t *testing.T) {
	p, c := inHandler(t)
	p.signal(syscall.SIGTERM)
	if a := c.receive("GET"); a.StatusCode != 200 || !a.Close {
		t.Errorf("answered %s, Connection: close is %v", a.Status, a.Close)
	}
	begin := time.Now()
	if status := p.wait(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	took := time.Since(begin)
	t.Logf("stopped %v after the last response", took)
	if took > slack {
		t.Errorf("stopped %v after the last response", took)
	}
}

func TestStop_takesTheRestOfARequest(t *testing.T) {
	p := serve(t, "workers=1", "drain_grace=0")
	idle, half := p.dial(), p.dial()
	idle.expectOpen()
	half.send("POST /body HTTP/1.1\r\nHost: test\r\nContent-Length: 8\r\n\r\nhalf")
	half.waitRead()
	p.signal(syscall.SIGTERM)
	idle.expectClosed() // The worker drains.
	if a := half.send("done").receive("POST"); a.StatusCode != 200 || a.body != "halfdone" || !a.Close {
		t.Errorf("answered %s %q, Connection: close is %v", a.Status, a.body, a.Close)
	}
	half.expectClosed()
	_ = half.Close()
	if status := p.wait(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

func TestStop_answersWhatComesWithinTheGrace(t *testing.T) {
	p := serve(t, "workers=1", "drain_grace=10s")
	c := p.dial()
	c.expectOpen()
	p.signal(syscall.SIGTERM)
	eventually(t, "the listener is closed", func() bool { return p.refuses() })
	if a := c.get("/"); a.StatusCode != 200 || !a.Close {
		t.Errorf("answered %s, Connection: close is %v", a.Status, a.Close)
	}
	c.expectClosed()
	_ = c.Close()
	if status := p.wait(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

func TestStop_isAtOnceOnINT(t *testing.T) {
	p := serve(t, "workers=2")
	c := p.dial().send("GET /slow/20000 HTTP/1.1\r\nHost: test\r\n\r\n")
	p.out.wait(t, 0, "slow begins")
	// A handler gets no time to finish, exit hooks get a second.
	if took := p.stop(syscall.SIGINT); took > time.Second+slack {
		t.Errorf("SIGINT took %v", took)
	}
	c.expectClosed()
	p.out.wait(t, 0, "run returned 0: ")
}

func TestStop_isHurriedByASecondSignal(t *testing.T) {
	p := serve(t, "workers=2")
	p.dial().send("GET /slow/20000 HTTP/1.1\r\nHost: test\r\n\r\n")
	p.out.wait(t, 0, "slow begins")
	p.signal(syscall.SIGTERM)
	eventually(t, "the stop has begun", func() bool { return len(p.processes()) < 4 }) // The idle worker is gone.
	if took := p.stop(syscall.SIGTERM); took > time.Second+slack {
		t.Errorf("a second SIGTERM took %v", took)
	}
}

// begin sends a request whose handler never returns, and waits until it is called.
func (p *program) begin(what string) *conn {
	p.t.Helper()
	c := p.dial().send("GET /" + what + " HTTP/1.1\r\nHost: test\r\n\r\n")
	p.out.wait(p.t, 0, what+" begins")
	return c
}

func TestStop_neverExceedsItsLimit(t *testing.T) {
	for _, what := range []string{"hang", "spin"} {
		t.Run(what, func(t *testing.T) {
			const limit = 300 * time.Millisecond
			p := serve(t, "workers=2", "drain_timeout=300ms")
			c := p.begin(what)
			if took := p.stop(syscall.SIGTERM); took < limit || took > limit+slack {
				t.Errorf("a stop with a limit of %v took %v", limit, took)
			}
			c.expectClosed()
		})
	}
}

func TestStop_neverExceedsItsLimitWithoutAMaster(t *testing.T) {
	for _, number := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGKILL} {
		t.Run(number.String(), func(t *testing.T) {
			p := serve(t, "workers=2", "drain_timeout=300ms")
			p.begin("hang")
			p.kill(p.master(), number)
			// The spawner gives the master a second beyond the limit before it kills by itself.
			if took := p.stop(syscall.SIGTERM); took > 300*time.Millisecond+time.Second+slack {
				t.Errorf("a stop with a limit of 300 ms took %v", took)
			}
		})
	}
}

func TestMaster_canBeKilled(t *testing.T) {
	p := serve(t, "workers=2")
	c := p.dial()
	c.expectOpen()
	workers, before := p.workers(), p.master()
	for range 3 {
		before = p.master()
		p.kill(before, syscall.SIGKILL)
		c.expectOpen()
		p.expectGet("/", 200, "hello\n")
		eventually(t, "there is another master", func() bool { return p.master() != before })
	}
	for index, pid := range workers {
		if p.workers()[index] != pid {
			t.Errorf("worker %d is another one since the master was killed", index)
		}
	}
	c.expectOpen()
	// The new master does a master's work.
	p.kill(workers[1], syscall.SIGKILL)
	p.waitReplaced(1, workers[1])
	p.stop(syscall.SIGTERM)
}

func TestMaster_canBeKilledWithWorkers(t *testing.T) {
	p := serve(t, "workers=3")
	workers, master := p.workers(), p.master()
	p.kill(master, syscall.SIGKILL)
	for _, pid := range workers {
		p.kill(pid, syscall.SIGKILL)
	}
	for index, pid := range workers {
		p.waitReplaced(index, pid)
	}
	p.expectGet("/", 200, "hello\n")
}

func TestSpawner_takesAllWithIt(t *testing.T) {
	for _, what := range []string{"", "hang", "spin"} {
		t.Run("with handler "+strconv.Quote(what), func(t *testing.T) {
			p := serve(t, "workers=2", "drain_timeout=300ms", "drain_grace=50ms")
			p.expectGet("/", 200, "hello\n")
			if what != "" {
				p.begin(what)
			}
			p.kill(p.pid(), syscall.SIGKILL)
			if status := p.wait(); status != -int(syscall.SIGKILL) {
				t.Errorf("exit status %d", status)
			}
			// A worker that outlives the limit kills itself a second later.
			p.expectNothingLeft(300*time.Millisecond + time.Second + slack)
		})
	}
}

func TestSpawner_deathLetsRequestsFinish(t *testing.T) {
	p := serve(t, "workers=2", "drain_grace=50ms")
	c := p.dial().send("GET /slow/300 HTTP/1.1\r\nHost: test\r\n\r\n")
	p.out.wait(t, 0, "slow begins")
	p.kill(p.pid(), syscall.SIGKILL)
	if a := c.receive("GET"); a.StatusCode != 200 || a.body != "slow\n" {
		t.Errorf("answered %s %q", a.Status, a.body)
	}
	p.expectNothingLeft(patience)
}

// What a terminal sends on Ctrl-C goes to the whole process group.
func TestStop_isOneForTheWholeGroup(t *testing.T) {
	for _, number := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		p := serve(t, "workers=2")
		p.kill(-p.pid(), number)
		if status := p.wait(); status != 0 {
			t.Errorf("exit status %d after %v to the group; log:\n%s", status, number, p.log)
		}
	}
}

func TestStop_fromAHandler(t *testing.T) {
	for _, ms := range []string{"-1", "2147483647"} {
		p := serve(t, "workers=2")
		p.expectGet("/stop/"+ms, 200, "stopping\n")
		if status := p.wait(); status != 0 {
			t.Errorf("stop %s: exit status %d", ms, status)
		}
		p.out.wait(t, 0, "run returned 0: ")
	}
}
