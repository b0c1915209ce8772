package blackbox

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// surrounded starts surroundings.c; forks fail while the file exists.
func surrounded(t *testing.T, options ...string) (p *program, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "errno")
	p = start(t, setup{source: "surroundings.c", args: []string{file, "127.0.0.1:0"}, env: environment(watched(t, options))}).waitReady()
	return p, file
}

func TestSurroundings_failingForksAreTriedAgain(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EAGAIN, syscall.ENOMEM} {
		t.Run(errno.Error(), func(t *testing.T) {
			p, file := surrounded(t, "workers=2")
			l := p.openLedger()
			write(t, file, fmt.Sprint(int(errno)))
			mark := p.log.mark()
			worker := p.workers()[0]
			p.kill(worker, syscall.SIGKILL)
			p.log.wait(t, mark, "worker 0 could not be forked: "+strings.ToLower(errno.Error()))
			p.kill(p.master(), syscall.SIGKILL)
			p.log.wait(t, mark, "the master cannot be forked")
			time.Sleep(ledgerTime() / 12) // The other worker serves all; who asks for metrics waits.

			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			p.log.wait(t, mark, "a new master has taken over")
			p.waitReplaced(0, worker)
			expectLostOnlyBy(t, closeLedger(t, l), map[int]bool{worker: true}, p.grace())
			p.stop(syscall.SIGTERM)
		})
	}
}

func TestSurroundings_runEndsIfNoMasterCanBeForked(t *testing.T) {
	file := filepath.Join(t.TempDir(), "errno")
	write(t, file, fmt.Sprint(int(syscall.EAGAIN)))
	p := start(t, setup{source: "surroundings.c", args: []string{file, "127.0.0.1:0"}})
	p.out.wait(t, 0, "run returned -9: the master process cannot start: it cannot be forked: Resource temporarily unavailable")
	if status := p.wait(); status != 1 {
		t.Errorf("exit status %d", status)
	}
}

func TestSurroundings_masterIsThereASecondAfterForksWorkAgain(t *testing.T) {
	p, file := surrounded(t, "workers=1")
	write(t, file, fmt.Sprint(int(syscall.EAGAIN)))
	p.kill(p.master(), syscall.SIGKILL)
	failures := 0
	p.log.waitFor(t, 0, "seven failures", func(line string) bool {
		if strings.Contains(line, "the master cannot be forked") {
			failures++
		}
		return failures == 7
	})
	begin := time.Now()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	p.log.wait(t, 0, "a new master has taken over")
	if took := time.Since(begin); took > time.Second+slack {
		t.Errorf("it took %v", took)
	}
}

func TestSurroundings_spawnerWithoutDescriptorsServesOn(t *testing.T) {
	p := serve(t, "workers=2")
	l := p.openLedger()
	var before unix.Rlimit
	if err := unix.Prlimit(p.pid(), unix.RLIMIT_NOFILE, nil, &before); err != nil {
		t.Fatal(err)
	}
	none := unix.Rlimit{Cur: 3, Max: before.Max}
	if err := unix.Prlimit(p.pid(), unix.RLIMIT_NOFILE, &none, nil); err != nil {
		t.Fatal(err)
	}
	mark := p.log.mark()
	worker := p.workers()[0]
	p.kill(worker, syscall.SIGKILL)
	p.log.wait(t, mark, "worker 0 could not be forked: too many open files")
	p.signal(syscall.SIGUSR2)
	p.log.wait(t, mark, "upgrade: not possible: Too many open files; serving on")
	time.Sleep(ledgerTime() / 4) // The other worker serves all.
	if err := unix.Prlimit(p.pid(), unix.RLIMIT_NOFILE, &before, nil); err != nil {
		t.Fatal(err)
	}
	p.waitReplaced(0, worker)
	expectLostOnlyBy(t, closeLedger(t, l), map[int]bool{worker: true}, p.grace())
}

func TestSurroundings_handlersRunOnTheAlternateStack(t *testing.T) {
	p, _ := surrounded(t, "workers=1")
	var beforeOn, beforeOff, initOn, initOff int
	eventually(t, "both handlers were called often", func() bool {
		text := p.get("/stacks").body
		if _, err := fmt.Sscan(text, &beforeOn, &beforeOff, &initOn, &initOff); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		return beforeOn+beforeOff > 200 && initOn+initOff > 50
	})
	// The few calls between the installation and the end of worker_init are on the main thread's own stack, which is
	// large.
	if beforeOff > 20 || initOff > 20 {
		t.Errorf("off the alternate stack: %d of %d that were there before run, %d of %d of worker_init", beforeOff, beforeOn+beforeOff,
			initOff, initOn+initOff)
	}
}

func TestSurroundings_libraryReplacedOnDiskHasNoEffect(t *testing.T) {
	dir := t.TempDir()
	library := filepath.Join(dir, "libforker.so.0")
	text, err := os.ReadFile(filepath.Join(plain.dir, "libforker.so.0"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, library, string(text))
	p := start(t, setup{
		args: []string{"127.0.0.1:0"}, env: append(environment(watched(t, []string{"workers=1"})), "LD_LIBRARY_PATH="+dir),
	}).waitReady()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", p.pid()))
	if err != nil || !strings.Contains(string(maps), library) {
		t.Fatalf("the program does not use the copy, error %v", err)
	}
	l, victims := p.openLedger(), map[int]bool{}
	for _, change := range []func(){
		func() { write(t, library, "nonsense") },
		func() { _ = os.Remove(library) },
	} {
		change()
		worker, mark := p.workers()[0], p.log.mark()
		p.kill(worker, syscall.SIGKILL)
		victims[worker] = true
		p.waitReplaced(0, worker)
		p.kill(p.master(), syscall.SIGKILL)
		p.log.wait(t, mark, "a new master has taken over")
		p.reload("reload: done")
		p.expectGet("/", 200, "hello\n")
	}
	expectLostOnlyBy(t, closeLedger(t, l), victims, p.grace())
}

// The program's own handling of SIGPIPE is the default one, by which a write into a pipe without a reader ends a
// process.
func TestSurroundings_outputIntoHeadKillsNobody(t *testing.T) {
	read, log, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	env := environment(watched(t, []string{"workers=2", "log_level=debug"}))
	p := start(t, setup{args: []string{"127.0.0.1:0"}, env: env, stderr: log})
	if _, err := io.ReadFull(read, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := read.Close(); err != nil { // head -c 1
		t.Fatal(err)
	}
	eventually(t, "all workers are there", func() bool { return len(p.workers()) == 2 })
	p.expectPipeIsDefault()
	l, victims := p.openLedger(), map[int]bool{}
	for range 3 {
		worker := p.workers()[0]
		p.kill(worker, syscall.SIGSEGV) // A report, and lines of the master and the next worker.
		victims[worker] = true
		p.waitReplaced(0, worker)
		master := p.master()
		p.kill(master, syscall.SIGKILL) // A line of the spawner.
		eventually(t, "there is another master", func() bool { return p.master() != master })
		p.signal(syscall.SIGUSR1)
		p.expectGet("/log/0?text=into+nothing", 200, "logged\n")
	}
	expectLostOnlyBy(t, closeLedger(t, l), victims, p.grace())
	p.stop(syscall.SIGTERM)
}

func TestSurroundings_stdoutIntoHeadKillsNobody(t *testing.T) {
	p := serve(t, "workers=2")
	p.expectPipeIsDefault()
	first, l := p.workers(), p.openLedger()
	p.out.breakOff(t)
	p.kill(first[0], syscall.SIGKILL)
	p.reload("reload: done") // Each new worker writes a line.
	expectLostOnlyBy(t, closeLedger(t, l), map[int]bool{first[0]: true}, p.grace())
	p.signal(syscall.SIGTERM)
	// The line that main writes when run has returned ends it: that is the program's own business.
	if status := p.wait(); status != -int(syscall.SIGPIPE) {
		t.Errorf("exit status %d", status)
	}
	p.log.wait(t, 0, "worker 1 (pid "+strconv.Itoa(first[1])+") exited with status 0")
}

// expectPipeIsDefault wants the spawner to neither ignore nor handle SIGPIPE. Blocked it may be for a moment, while a
// line is written or a process forked.
func (p *program) expectPipeIsDefault() {
	p.t.Helper()
	for _, name := range []string{"SigIgn", "SigCgt"} {
		if p.hasPipe(name) {
			p.t.Errorf("SIGPIPE is in the spawner's %s", name)
		}
	}
	eventually(p.t, "SIGPIPE is not blocked", func() bool { return !p.hasPipe("SigBlk") })
}

// hasPipe tells if SIGPIPE is in a set of signals of the spawner's.
func (p *program) hasPipe(set string) bool {
	p.t.Helper()
	bits, err := strconv.ParseUint(status(p.t, p.pid(), set), 16, 64)
	must(p.t, err)
	return bits&(1<<(syscall.SIGPIPE-1)) != 0
}
