package blackbox

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// hooked starts hooks.c.
func hooked(t *testing.T, options ...string) *program {
	t.Helper()
	return start(t, setup{source: "hooks.c", args: []string{"127.0.0.1:0"}, env: environment(options)})
}

// hooksOf gives the names of the hooks that were called for a worker in a process, in order.
func (p *program) hooksOf(worker, pid int) []string {
	var names []string
	for _, line := range p.out.all() {
		name, rest, _ := strings.Cut(line.text, " ")
		if rest == fmt.Sprintf("%d %d", worker, pid) {
			names = append(names, name)
		}
	}
	return names
}

func TestHooks_areCalledInOrderWhereTheyBelong(t *testing.T) {
	p := hooked(t, "workers=1").waitReady()
	pid := p.workers()[0]
	p.out.wait(t, 0, "master_tick -1 ")
	p.stop(syscall.SIGTERM)
	p.out.wait(t, 0, "run returned 0")
	want := []string{"post_fork", "worker", "worker_ready", "worker_drain", "worker_exit"}
	if got := p.hooksOf(0, pid); !slices.Equal(got, want) {
		t.Errorf("in the worker %v, want %v", got, want)
	}
	if got := p.hooksOf(0, p.pid()); !slices.Equal(got, []string{"before_fork"}) {
		t.Errorf("in the spawner %v", got)
	}
	p.out.wait(t, 0, fmt.Sprintf(`worker_died 0 %d 0 "" in %d`, pid, p.pid()))
	p.out.wait(t, 0, fmt.Sprintf("master_tick -1 %d", p.pid()))
}

func TestHooks_beforeForkCanRefuse(t *testing.T) {
	p := hooked(t, "workers=2").waitReady()
	p.log.wait(t, 0, "worker 1 could not be forked: operation canceled; starting another in")
	if n := p.out.count("before_fork 1 "); n != 2 {
		t.Errorf("before_fork was called %d times", n)
	}
}

func TestHooks_workerDiedNamesTheRequest(t *testing.T) {
	p := hooked(t, "workers=1").waitReady()
	pid := p.workers()[0]
	c := p.dial()
	from := c.LocalAddr()
	c.send("GET /crash?x HTTP/1.1\r\nHost: test\r\n\r\n").expectClosed()
	p.out.wait(t, 0, fmt.Sprintf(`worker_died 0 %d 9 "GET /crash?x from %s" in %d`, pid, from, p.pid()))
	p.waitReplaced(0, pid)
}

func TestHooks_inOneProcess(t *testing.T) {
	p := hooked(t, "workers=0")
	p.expectGet("/", 200, "hello\n")
	p.stop(syscall.SIGTERM)
	p.out.wait(t, 0, "run returned 0")
	want := []string{"worker", "worker_ready", "worker_drain", "worker_exit"}
	if got := p.hooksOf(0, p.pid()); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if p.out.count("master_tick")+p.out.count("worker_died")+p.out.count("before_fork") > 0 {
		t.Error("hooks of the spawner were called")
	}
}
