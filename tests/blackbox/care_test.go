package blackbox

import (
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hangAndMore is longer than hang_timeout=1s and the age that a heartbeat may have.
const hangAndMore = 3 * time.Second

func TestHang_endsInAReportAndAnotherWorker(t *testing.T) {
	for target, end := range map[string]string{"/hang": "killed by SIGABRT in GET /hang", "/spin": "killed by SIGABRT in GET /spin"} {
		t.Run(target, func(t *testing.T) {
			p := serve(t, "workers=2", "hang_timeout=1s")
			c := p.dial().send("GET " + target + " HTTP/1.1\r\nHost: test\r\n\r\n")
			p.out.wait(t, 0, strings.TrimPrefix(target, "/")+" begins")
			l := p.load(2) // The other worker serves.
			p.log.wait(t, 0, "in GET "+target)
			p.log.wait(t, 0, "crashed: SIGABRT in the handler of GET "+target)
			p.log.wait(t, 0, end)
			c.expectClosed()
			l.more(t, 50)
			l.expectAllAnswered(t)
		})
	}
}

// A pool hangs when none of its threads comes back; the others are served until then.
func TestHang_ofTheWholePoolEndsInAReportAndAnotherWorker(t *testing.T) {
	for _, what := range []string{"hang", "spin"} {
		t.Run(what, func(t *testing.T) {
			p := serve(t, "workers=1", "dispatch=pool", "max_handlers=2", "hang_timeout=1s")
			worker := p.workers()[0]
			first := p.begin(what)
			p.log.wait(t, 0, "1 of the 2 threads of its pool has been in a handler for over 1 s, the longest for ")
			l := p.load(1) // The other thread serves.
			l.more(t, 50)
			l.expectAllAnswered(t)
			second := p.dial().send("GET /" + what + "?second HTTP/1.1\r\nHost: test\r\n\r\n")
			p.log.wait(t, 0, "hangs: 2 of the 2 threads of its pool have been in a handler for over 1 s")
			p.log.wait(t, 0, "crashed: SIGABRT in the handler of GET /"+what+" from ")
			p.log.wait(t, 0, "(pid "+strconv.Itoa(worker)+") killed by SIGABRT in GET /"+what+" from ")
			if p.log.count("main+0x") > 0 {
				t.Error("the backtrace is that of the main thread")
			}
			first.expectClosed()
			second.expectClosed()
			p.waitReplaced(0, worker)
			p.expectGet("/", 200, "hello\n")
		})
	}
}

// Its black boxes say nothing of the worker of before.
func TestHang_isNoneOfAPoolThatIsYoungerThanItsSlot(t *testing.T) {
	p := serve(t, "workers=1", "dispatch=pool", "max_handlers=1", "hang_timeout=1s")
	worker := p.workers()[0]
	p.begin("hang")
	p.kill(worker, syscall.SIGKILL)
	next := p.waitReplaced(0, worker)
	p.log.wait(t, 0, "killed by SIGKILL")
	p.log.quiet(t, hangAndMore)
	if p.workers()[0] != next {
		t.Error("the next worker was replaced too")
	}
}

func TestHang_ofAStoppedWorkerIsKilled(t *testing.T) {
	p := serve(t, "workers=2", "hang_timeout=1s")
	stopped := p.workers()[0]
	p.kill(stopped, syscall.SIGSTOP)
	p.log.wait(t, 0, "worker 0 (pid "+strconv.Itoa(stopped)+") does not die of SIGABRT: killing it")
	p.waitReplaced(0, stopped)
}

func TestHang_isNoneOfAStoppedTree(t *testing.T) {
	p := serve(t, "workers=2", "hang_timeout=1s")
	before := p.workers()
	all := p.processes()
	for _, process := range all {
		p.kill(process.pid, syscall.SIGSTOP)
	}
	p.log.quiet(t, hangAndMore)
	for _, process := range all {
		p.kill(process.pid, syscall.SIGCONT)
	}
	p.log.wait(t, 0, "the master has not run for")
	p.log.quiet(t, hangAndMore)
	for index, pid := range before {
		if _, lives := readProcess(pid); !lives {
			t.Errorf("worker %d was killed", index)
		}
	}
}

func TestRecycle_underLoadLosesNoRequest(t *testing.T) {
	p := serve(t, "workers=2", "max_requests=50", "drain_grace=50ms")
	l := p.load(2)
	rounds := 5
	if long() {
		rounds = 100
	}
	for range rounds {
		p.log.wait(t, p.log.mark(), "is replaced after")
		l.more(t, 100)
	}
	l.expectAllAnswered(t)
	t.Logf("%d workers", p.out.count("worker "))
}

func TestMemory_overTheSoftLimitReplacesTheWorker(t *testing.T) {
	p, _ := steered(t, "first", "workers=1", "worker_memory_soft=150m", "worker_memory_hard=1g")
	rounds := 2
	if long() {
		rounds = 20
	}
	l := p.load(2)
	for range rounds {
		leaking := p.workers()[0]
		if a := p.get("/leak?200"); a.body != "leaked" {
			t.Errorf("answered %q", a.body)
		}
		p.log.wait(t, 0, "worker 0 (pid "+strconv.Itoa(leaking)+") is replaced after")
		p.expectGone(leaking)
		l.more(t, 100)
	}
	l.expectAllAnswered(t)
}

// expectGone waits until the only worker has left, its successor in slot 0 has announced itself, and nobody else serves.
func (p *program) expectGone(pid int) {
	p.t.Helper()
	p.waitReplaced(0, pid)
	eventually(p.t, "it has left", func() bool { _, lives := readProcess(pid); return !lives })
	eventually(p.t, "the worker that stood in for it has left", func() bool {
		_, lives := readProcess(p.workers()[1])
		return !lives
	})
}

func TestMemory_overTheHardLimitKillsTheWorker(t *testing.T) {
	p, _ := steered(t, "first", "workers=1", "worker_memory_hard=150m")
	leaking := p.workers()[0]
	p.dial().send("GET /leak?200 HTTP/1.1\r\nHost: test\r\n\r\n") // On a busy machine it is killed before it answers.
	p.log.wait(t, 0, "over worker_memory_hard: killing it")
	p.waitReplaced(0, leaking)
	p.expectGet("/", 200, "first")
}

func TestRestarts_overTheLimitEndRun(t *testing.T) {
	p := serve(t, "workers=2", "restart_limit=3", "restart_window=1h", "drain_timeout=2s")
	for range 4 {
		index, pid := 0, p.workers()[0]
		p.kill(pid, syscall.SIGKILL)
		p.log.wait(t, 0, "worker 0 (pid "+strconv.Itoa(pid)+") killed by SIGKILL")
		if p.log.count("killed by SIGKILL") < 4 {
			p.waitReplaced(index, pid)
		}
	}
	p.out.wait(t, 0, "run returned -16: workers die too often: 4 within 3600 s, the latest: worker 0")
	if status := p.wait(); status != 1 {
		t.Errorf("exit status %d", status)
	}
}
