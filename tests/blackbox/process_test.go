package blackbox

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is what /proc says of one.
type process struct {
	pid, parent, group, threads int
	state                       string
}

// readProcess reads /proc/<pid>/stat; ok is false if the process is gone. A zombie is gone too.
func readProcess(pid int) (p process, ok bool) {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return p, false
	}
	// pid (comm) state ppid pgrp session tty tpgid flags minflt cminflt majflt cmajflt utime stime cutime cstime prio nice
	// threads
	text := string(stat)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	number := func(i int) int {
		n, _ := strconv.Atoi(fields[i])
		return n
	}
	p = process{pid: pid, state: fields[0], parent: number(1), group: number(2), threads: number(17)}
	return p, p.state != "Z" && p.state != "X"
}

// terminalOf is the number of a process's controlling terminal, "0" is none; stat is what /proc/<pid>/stat says.
func terminalOf(stat string) string {
	return strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])[4]
}

// processes lists those of the program's group that live, by pid.
func (p *program) processes() []process {
	entries, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		p.t.Fatal(err)
	}
	var found []process
	for _, entry := range entries {
		pid, _ := strconv.Atoi(filepath.Base(entry))
		if process, ok := readProcess(pid); ok && process.group == p.pid() {
			found = append(found, process)
		}
	}
	slices.SortFunc(found, func(a, b process) int { return a.pid - b.pid })
	return found
}

// workers gives the pids of the workers by index, as they have announced themselves on stdout: "worker 0 71".
func (p *program) workers() map[int]int {
	found := map[int]int{}
	for _, line := range p.out.all() {
		var index, pid int
		if parseFields(line.text, "worker", &index, &pid) {
			found[index] = pid
		}
	}
	return found
}

// parseFields reads "word number number"; false: the line is another one.
func parseFields(text, word string, numbers ...*int) bool {
	fields := strings.Fields(text)
	if len(fields) < len(numbers)+1 || fields[0] != word {
		return false
	}
	for i, number := range numbers {
		n, err := strconv.Atoi(fields[i+1])
		if err != nil {
			return false
		}
		*number = n
	}
	return true
}

// stopMasterAtItsBirth kills the master, and stops the next one before it can have said anything to the spawner.
func (p *program) stopMasterAtItsBirth() (pid int) {
	p.t.Helper()
	known := []int{p.master()}
	for _, worker := range p.workers() {
		known = append(known, worker)
	}
	p.kill(known[0], syscall.SIGKILL)
	children := fmt.Sprintf("/proc/%d/task/%d/children", p.pid(), p.pid())
	for until := time.Now().Add(patience); time.Now().Before(until); { // As often as can be: the Go runtime of the next one takes some ms.
		text, err := os.ReadFile(children)
		must(p.t, err)
		for _, word := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(word); err == nil && !slices.Contains(known, pid) {
				must(p.t, syscall.Kill(pid, syscall.SIGSTOP))
				return pid
			}
		}
	}
	p.t.Fatal("no master follows")
	return 0
}

// master waits until the program has one, and returns its pid: the child of the spawner that is no worker.
func (p *program) master() int {
	p.t.Helper()
	pid := 0
	eventually(p.t, "there is one master", func() bool {
		var others []int
		workers := p.workers()
		for _, process := range p.processes() {
			isWorker := false
			for _, worker := range workers {
				isWorker = isWorker || worker == process.pid
			}
			if process.parent == p.pid() && !isWorker {
				others = append(others, process.pid)
			}
		}
		if len(others) == 1 {
			pid = others[0]
		}
		return len(others) == 1
	})
	return pid
}

// kill sends a signal to a process of the program.
func (p *program) kill(pid int, number syscall.Signal) {
	p.t.Helper()
	if pid == 0 {
		p.t.Fatal("there is no such process: this would be the test's own group")
	}
	if err := syscall.Kill(pid, number); err != nil {
		p.t.Fatalf("kill %d: %v", pid, err)
	}
}

// waitReplaced waits until the worker has announced itself that came after `pid` in a slot, and returns its pid. That
// one may be gone again by now.
func (p *program) waitReplaced(index, pid int) int {
	p.t.Helper()
	next, found := 0, false
	p.out.waitFor(p.t, 0, fmt.Sprintf("worker %d after process %d", index, pid), func(text string) bool {
		var i, n int
		if !parseFields(text, "worker", &i, &n) || i != index {
			return false
		}
		next = n
		was := found
		found = n == pid
		return was
	})
	return next
}

// eventually waits for what nobody tells of, by looking again and again.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for until := time.Now().Add(patience); !is(); {
		if time.Now().After(until) {
			t.Fatalf("it never came to be that %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func containsAll(text string, parts ...string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}
