package blackbox

import (
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// figures are what forker_server_stats gives, by name.
type figures map[string]int64

func parseFigures(text string) figures {
	f := figures{}
	for line := range strings.Lines(text) {
		name, number, _ := strings.Cut(strings.TrimSpace(line), " ")
		if n, err := strconv.ParseInt(number, 10, 64); err == nil {
			f[name] = n
		}
	}
	return f
}

func (p *program) figures(target string) figures {
	p.t.Helper()
	return parseFigures(p.get(target).body)
}

// counters are those figures that never go backwards.
var counters = []string{
	"accepted", "requests", "bytes_in", "bytes_out", "answers_2xx", "answers_4xx", "latency_count", "latency_sum_ns",
	"master_starts", "worker_starts", "exits_self", "exits_crash", "exits_killed", "exits_stop",
}

func expectForward(t *testing.T, before, after figures) {
	t.Helper()
	for _, name := range counters {
		if after[name] < before[name] {
			t.Errorf("%s went back from %d to %d", name, before[name], after[name])
		}
	}
}

func startFigures(t *testing.T, b build) *program {
	return start(t, setup{
		build: &b, source: "figures.c", args: []string{"127.0.0.1:0"}, env: environment([]string{"workers=2"}),
	}).waitReady()
}

func TestStats_tellWhatTheServerDoes(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := startFigures(t, b)
		p.out.wait(t, 0, "refusals -1 -1 -1 -3 -3, small 77 77")
		for range 5 {
			p.get("/missing")
		}
		f := p.figures("/stats")
		for name, want := range map[string]int64{
			"result": 0, "phase": 1, "spawner_pid": int64(p.pid()), "master_pid": int64(p.master()), "workers": 2, "ready": 2,
			"slots": 2, "accepted": 6, "requests": 6, "answers_4xx": 5, "master_starts": 1, "worker_starts": 2,
		} {
			if f[name] != want {
				t.Errorf("%s is %d, want %d", name, f[name], want)
			}
		}
		if f["bytes_in"] < 5*20 || f["bytes_out"] < 5*20 {
			t.Errorf("%d bytes in, %d out", f["bytes_in"], f["bytes_out"])
		}
		expectForward(t, f, p.figures("/thread"))
		p.stop(syscall.SIGTERM)
		p.out.wait(t, 0, "exits_stop 2")
		p.out.wait(t, 0, "phase 4")
		p.out.wait(t, 0, "refusals -1 -1 -1 -1 0, small 4 77")
	})
}

func TestStats_tellOfAWorker(t *testing.T) {
	p := startFigures(t, plain)
	body := p.get("/worker?x=1").body
	pid := strings.Fields(body + " ? ? ?")[3]
	if want := "state 3 pid " + pid + " generation 1 GET /worker?x=1 rss 1 age 1"; body != want {
		t.Errorf("%q, want %q", body, want)
	}
	found := false
	for _, worker := range p.workers() {
		found = found || strconv.Itoa(worker) == pid
	}
	if !found {
		t.Errorf("pid %s is not that of a worker: %v", pid, p.workers())
	}
}

func TestStats_goOnOverGenerationsOfWorkersAndMasters(t *testing.T) {
	p := startFigures(t, plain)
	before := p.figures("/stats")
	for range 2 {
		for index, pid := range p.workers() {
			p.kill(pid, syscall.SIGKILL)
			eventually(t, "the worker is replaced", func() bool { return p.workers()[index] != pid })
			after := p.figures("/stats")
			expectForward(t, before, after)
			before = after
		}
		old := p.master()
		p.kill(old, syscall.SIGKILL)
		eventually(t, "there is another master", func() bool { return p.figures("/stats")["master_pid"] != int64(old) })
		after := p.figures("/stats")
		expectForward(t, before, after)
		before = after
	}
	eventually(t, "all is counted", func() bool {
		f := p.figures("/stats")
		return f["exits_killed"] == 4 && f["worker_starts"] == 6 && f["master_starts"] == 3
	})
}

func TestStats_tellExitsByTheirReason(t *testing.T) {
	p := startFigures(t, plain)
	for _, how := range []string{"abort", "exit", "abort"} {
		c := p.dial().send("GET /end?" + how + " HTTP/1.1\r\nHost: test\r\n\r\n")
		c.expectClosed()
	}
	eventually(t, "all is counted", func() bool {
		f := p.figures("/stats")
		return f["exits_crash"] == 2 && f["exits_self"] == 1 && f["worker_starts"] == 5
	})
}
