package blackbox

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// holdings is what a process has of what can leak.
type holdings struct {
	fds      int
	memory   int // resident, private and written to, in kB
	children int // zombies included
}

func holdingsOf(t *testing.T, pid int) (h holdings) {
	t.Helper()
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	h.fds = len(fds)
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	h.children = len(strings.Fields(string(children)))
	rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(rollup)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "Private_Dirty:" {
			h.memory, _ = strconv.Atoi(fields[1])
		}
	}
	return h
}

// At 20 forks a second 10,000 generations take 500 s, so that make test contents itself with 80.
func TestGenerations_leakNothing(t *testing.T) {
	generations := 80
	if long() {
		generations = 10_000
	}
	p := serve(t, "workers=4")
	master := p.master()
	p.out.waitFor(t, 0, "all have told that they are ready", func(string) bool { return p.out.count("ready ") == 4 })
	p.replaceWorkers(20) // The first ones fill caches.
	spawnerBefore, masterBefore := holdingsOf(t, p.pid()), holdingsOf(t, master)
	p.replaceWorkers(generations)
	spawnerAfter, masterAfter := holdingsOf(t, p.pid()), holdingsOf(t, master)
	// The master hears of the last ones' deaths when it has time for that.
	eventually(t, "the master has no descriptor more than before", func() bool {
		masterAfter = holdingsOf(t, master)
		return masterAfter.fds <= masterBefore.fds
	})
	t.Logf("%d generations; spawner %+v, then %+v; master %+v, then %+v", generations, spawnerBefore, spawnerAfter, masterBefore, masterAfter)
	if spawnerAfter.fds != spawnerBefore.fds {
		t.Errorf("descriptors: spawner %d, then %d", spawnerBefore.fds, spawnerAfter.fds)
	}
	if grown := spawnerAfter.memory - spawnerBefore.memory; grown > 64 {
		t.Errorf("the spawner has grown by %d kB", grown)
	}
	// A Go heap is not collected before it has 4 MB (GOGC).
	if grown := masterAfter.memory - masterBefore.memory; grown > 8192 {
		t.Errorf("the master has grown by %d kB", grown)
	}
	if processes := p.processes(); len(processes) != 6 || spawnerAfter.children != 5 {
		t.Errorf("the spawner has %d children, zombies included, want a master and 4 workers: %+v", spawnerAfter.children, processes)
	}
}

// replaceWorkers kills each worker as soon as it is ready, until so many were killed and are replaced.
func (p *program) replaceWorkers(count int) {
	p.t.Helper()
	mark := p.out.mark()
	nextReady := func() int {
		var index, pid int
		p.out.waitFor(p.t, mark, "another worker is ready", func(text string) bool {
			mark++
			return parseFields(text, "ready", &index, &pid)
		})
		return pid
	}
	for _, pid := range p.workers() {
		p.kill(pid, syscall.SIGKILL)
	}
	for range count - 4 {
		p.kill(nextReady(), syscall.SIGKILL)
	}
	for range 4 {
		nextReady()
	}
	p.waitAllServe(4)
}
