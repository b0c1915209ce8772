package blackbox

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// holdings is what a process has of what can leak.
type holdings struct {
	fds    int
	memory int // resident, private and written to, in kB
}

func holdingsOf(t *testing.T, pid int) (h holdings) {
	t.Helper()
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	h.fds = len(fds)
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

// At 20 forks a second 1,000 generations take 50 s, so that make test contents itself with 80.
func TestGenerations_leakNothing(t *testing.T) {
	generations := 80
	if long() {
		generations = 1000
	}
	p := serve(t, "workers=4")
	master := p.master()
	p.replaceWorkers(20) // The first ones fill caches.
	spawnerBefore, masterBefore := holdingsOf(t, p.pid()), holdingsOf(t, master)
	p.replaceWorkers(generations)
	spawnerAfter, masterAfter := holdingsOf(t, p.pid()), holdingsOf(t, master)
	t.Logf("%d generations; spawner %+v, then %+v; master %+v, then %+v", generations, spawnerBefore, spawnerAfter, masterBefore, masterAfter)
	if spawnerAfter.fds != spawnerBefore.fds || masterAfter.fds != masterBefore.fds {
		t.Errorf("descriptors: spawner %d, then %d; master %d, then %d",
			spawnerBefore.fds, spawnerAfter.fds, masterBefore.fds, masterAfter.fds)
	}
	if grown := spawnerAfter.memory - spawnerBefore.memory; grown > 64 {
		t.Errorf("the spawner has grown by %d kB", grown)
	}
	// A Go heap is not collected before it has 4 MB (GOGC).
	if grown := masterAfter.memory - masterBefore.memory; grown > 8192 {
		t.Errorf("the master has grown by %d kB", grown)
	}
	if processes := p.processes(); len(processes) != 6 {
		t.Errorf("there are %d processes, want spawner, master and 4 workers: %+v", len(processes), processes)
	}
}

// replaceWorkers kills workers, as soon as they are there, and waits until a number of them is replaced.
func (p *program) replaceWorkers(count int) {
	p.t.Helper()
	killed := map[int]bool{}
	late := time.Now().Add(time.Duration(count)*time.Second + patience)
	for len(killed) < count && time.Now().Before(late) {
		for _, pid := range p.workers() {
			if !killed[pid] && len(killed) < count {
				killed[pid] = true
				p.kill(pid, syscall.SIGKILL)
			}
		}
		time.Sleep(time.Millisecond)
	}
	eventually(p.t, "the last of the killed are replaced", func() bool {
		for _, pid := range p.workers() {
			if killed[pid] {
				return false
			}
		}
		return true
	})
	p.waitAllServe(4)
}
