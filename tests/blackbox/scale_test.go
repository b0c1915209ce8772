package blackbox

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
)

// expectWorkers waits until the indices of the workers that live are those, apart from the master and the spawner.
func (p *program) expectWorkers(want ...int) {
	p.t.Helper()
	var have []int
	eventually(p.t, "the right workers live", func() bool {
		have = nil
		for index, pid := range p.workers() {
			if _, lives := readProcess(pid); lives {
				have = append(have, index)
			}
		}
		slices.Sort(have)
		return slices.Equal(have, want)
	})
}

func TestScale_bySignalAndByCall(t *testing.T) {
	p, _ := steered(t, "first", "workers=1")
	p.signal(syscall.SIGTTIN)
	p.expectWorkers(0, 1)
	p.signal(syscall.SIGTTOU)
	p.expectWorkers(0)
	p.get("/act/scale?2")
	p.expectWorkers(0, 1, 2)
	if a := p.get("/act/scale?1025"); a.body != "-1" {
		t.Errorf("a change beyond the most gives %s", a.body)
	}
}

func TestScale_losesNoRequest(t *testing.T) {
	p, _ := steered(t, "first", "workers=1")
	l := p.load(3)
	for range 3 {
		p.signal(syscall.SIGTTIN)
		p.expectWorkers(0, 1)
		l.more(t, 50)
		p.signal(syscall.SIGTTOU)
		p.expectWorkers(0)
		l.more(t, 50)
	}
	l.expectAllAnswered(t)
}

func TestScale_outlivesTheMaster(t *testing.T) {
	p, _ := steered(t, "first", "workers=1")
	p.signal(syscall.SIGTTIN)
	p.expectWorkers(0, 1)
	mark := p.log.mark()
	p.kill(p.master(), syscall.SIGKILL)
	p.log.wait(t, mark, "a new master has taken over 2 workers")
	p.kill(p.workers()[1], syscall.SIGKILL)
	p.expectWorkers(0, 1)
}

func TestDrain_letsConnectionsWaitUntilThereAreWorkersAgain(t *testing.T) {
	for name, resume := range map[string]syscall.Signal{"HUP": syscall.SIGHUP, "TTIN": syscall.SIGTTIN} {
		t.Run(name, func(t *testing.T) {
			p, _ := steered(t, "first", "workers=2")
			p.signal(syscall.SIGWINCH)
			p.expectWorkers()
			c := p.dial().send("GET / HTTP/1.1\r\nHost: test\r\n\r\n")
			mark := p.log.mark()
			p.kill(p.master(), syscall.SIGKILL)
			p.log.wait(t, mark, "starting another, the workers go on")
			if len(p.processes()) > 2 {
				t.Errorf("%d processes", len(p.processes()))
			}
			p.signal(resume)
			if a := c.receive("GET"); a.body != "first" {
				t.Errorf("answered %q", a.body)
			}
		})
	}
}

// A reload is not lost on a master that was forked before and has not taken over yet: neither that it is wanted, nor the options that it brings.
func TestReload_reachesAMasterThatIsBeingBorn(t *testing.T) {
	dir := t.TempDir()
	file, config := filepath.Join(dir, "revision"), filepath.Join(dir, "options")
	write(t, file, "first")
	write(t, config, "workers = 1\n")
	p := start(t, setup{source: "steered.c", args: []string{file, "127.0.0.1:0"}, env: []string{"FORKER_TEST_CONFIG=" + config}}).waitReady()
	for _, wanted := range [][]int{{0, 1}, {0}, {0, 1, 2}} {
		p.signal(syscall.SIGWINCH)
		p.expectWorkers()
		write(t, config, fmt.Sprintf("workers = %d\n", len(wanted)))
		master, mark := p.stopMasterAtItsBirth(), p.log.mark()
		p.signal(syscall.SIGHUP)
		p.log.wait(t, mark, "reload: SIGHUP")
		must(t, syscall.Kill(master, syscall.SIGCONT))
		p.expectWorkers(wanted...)
		if a := p.dial().get("/"); a.body != "first" {
			t.Fatalf("answered %q", a.body)
		}
	}
}

func TestReopen_callsTheHookInSpawnerAndWorkers(t *testing.T) {
	p, _ := steered(t, "first", "workers=2")
	p.signal(syscall.SIGUSR1)
	for _, pid := range []int{p.pid(), p.workers()[0], p.workers()[1]} {
		p.out.wait(t, 0, "on_reopen "+strconv.Itoa(pid))
	}
}
