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
	for range 5 {
		p.log.wait(t, p.log.mark(), "is replaced after")
		l.more(t, 100)
	}
	l.expectAllAnswered(t)
}

func TestMemory_overTheSoftLimitReplacesTheWorker(t *testing.T) {
	p, _ := steered(t, "first", "workers=1", "worker_memory_soft=150m", "worker_memory_hard=1g")
	leaking := p.workers()[0]
	l := p.load(2)
	if a := p.get("/leak?200"); a.body != "leaked" {
		t.Errorf("answered %q", a.body)
	}
	p.log.wait(t, 0, "worker 0 (pid "+strconv.Itoa(leaking)+") is replaced after")
	p.waitReplaced(0, leaking)
	l.more(t, 100)
	l.expectAllAnswered(t)
}

func TestMemory_overTheHardLimitKillsTheWorker(t *testing.T) {
	p, _ := steered(t, "first", "workers=1", "worker_memory_hard=150m")
	leaking := p.workers()[0]
	p.get("/leak?200")
	p.log.wait(t, 0, "over worker_memory_hard: killing it")
	p.waitReplaced(0, leaking)
	p.expectGet("/", 200, "first")
}

func TestRestarts_overTheLimitEndRun(t *testing.T) {
	p := serve(t, "workers=2", "restart_limit=3", "drain_timeout=2s")
	for range 4 {
		index, pid := 0, p.workers()[0]
		p.kill(pid, syscall.SIGKILL)
		p.log.wait(t, 0, "worker 0 (pid "+strconv.Itoa(pid)+") killed by SIGKILL")
		if p.log.count("killed by SIGKILL") < 4 {
			p.waitReplaced(index, pid)
		}
	}
	p.out.wait(t, 0, "run returned -16: workers die too often: 4 within 60 s, the latest: worker 0")
	if status := p.wait(); status != 1 {
		t.Errorf("exit status %d", status)
	}
}
