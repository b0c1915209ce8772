package blackbox

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// titleOf gives a process's command line, its arguments separated by spaces, and the name of its first thread.
func titleOf(t *testing.T, pid int) (title, name string) {
	t.Helper()
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		t.Fatal(err)
	}
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(strings.TrimSuffix(string(line), "\x00"), "\x00", " "), strings.TrimSuffix(string(comm), "\n")
}

func TestTitle_namesTheForkedProcesses(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := start(t, setup{
			build: &b, source: "process.c", args: []string{"127.0.0.1:0"}, env: environment([]string{"workers=2"}),
		}).waitReady()
		program := p.cmd.Path[strings.LastIndexByte(p.cmd.Path, '/')+1:]
		expect := func(pid int, role string) {
			t.Helper()
			title, name := titleOf(t, pid)
			if title != program+role || name != program[:15-len(role)]+role {
				t.Errorf("process %d is %q, its thread %q", pid, title, name)
			}
		}
		expect(p.master(), ": master")
		for index, pid := range p.workers() {
			expect(pid, fmt.Sprint(": worker ", index))
		}
		if title, _ := titleOf(t, p.pid()); title != p.cmd.Path+" 127.0.0.1:0" {
			t.Errorf("the spawner is %q", title)
		}
		p.expectGet("/arguments", 200, p.cmd.Path+" 127.0.0.1:0")
	})
}

func TestTitle_canBeSwitchedOff(t *testing.T) {
	p := facts(t, "workers=1", "process_titles=off")
	want, name := titleOf(t, p.pid())
	for _, pid := range []int{p.master(), p.workers()[0]} {
		if title, thread := titleOf(t, pid); title != want || thread != name {
			t.Errorf("process %d is %q, its thread %q", pid, title, thread)
		}
	}
}

func TestTitle_thatTheProgramSetsStays(t *testing.T) {
	for _, when := range []string{"before", "init"} {
		p := start(t, setup{source: "titled.c", args: []string{when, "127.0.0.1:0"}, env: environment([]string{"workers=1"})})
		p.log.wait(t, 0, "all workers are ready")
		// Behind it are the NUL bytes that it has put over the rest of its arguments.
		if title, _ := titleOf(t, p.workers()[0]); strings.TrimRight(title, " ") != "own title" {
			t.Errorf("%s: the worker is %q", when, title)
		}
		if title, _ := titleOf(t, p.master()); when == "before" != (strings.TrimRight(title, " ") == "own title") {
			t.Errorf("%s: the master is %q", when, title)
		}
		p.close()
	}
}
