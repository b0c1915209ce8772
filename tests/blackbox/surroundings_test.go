package blackbox

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// surrounded starts surroundings.c; forks fail while the file exists.
func surrounded(t *testing.T, options ...string) (p *program, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "errno")
	p = start(t, setup{source: "surroundings.c", args: []string{file, "127.0.0.1:0"}, env: environment(options)}).waitReady()
	return p, file
}

func TestSurroundings_failingForksAreTriedAgain(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EAGAIN, syscall.ENOMEM} {
		t.Run(errno.Error(), func(t *testing.T) {
			p, file := surrounded(t, "workers=2")
			write(t, file, fmt.Sprint(int(errno)))
			mark := p.log.mark()
			worker := p.workers()[0]
			p.kill(worker, syscall.SIGKILL)
			p.log.wait(t, mark, "worker 0 could not be forked: "+strings.ToLower(errno.Error()))
			p.get("/stacks")

			p.kill(p.master(), syscall.SIGKILL)
			p.log.wait(t, mark, "the master cannot be forked")
			p.get("/stacks")

			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			p.log.wait(t, mark, "a new master has taken over")
			p.waitReplaced(0, worker)
			p.stop(syscall.SIGTERM)
		})
	}
}

func TestSurroundings_spawnerWithoutDescriptorsServesOn(t *testing.T) {
	p := serve(t, "workers=2")
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
	p.expectGet("/", 200, "hello\n")
	if err := unix.Prlimit(p.pid(), unix.RLIMIT_NOFILE, &before, nil); err != nil {
		t.Fatal(err)
	}
	p.waitReplaced(0, worker)
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
	// The few calls between the installation and the end of worker_init are on the main thread's own stack, which is large.
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
		args: []string{"127.0.0.1:0"}, env: append(environment([]string{"workers=1"}), "LD_LIBRARY_PATH="+dir),
	}).waitReady()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", p.pid()))
	if err != nil || !strings.Contains(string(maps), library) {
		t.Fatalf("the program does not use the copy, error %v", err)
	}
	for _, change := range []func(){
		func() { write(t, library, "nonsense") },
		func() { _ = os.Remove(library) },
	} {
		change()
		worker, mark := p.workers()[0], p.log.mark()
		p.kill(worker, syscall.SIGKILL)
		p.waitReplaced(0, worker)
		p.kill(p.master(), syscall.SIGKILL)
		p.log.wait(t, mark, "a new master has taken over")
		p.expectGet("/", 200, "hello\n")
	}
}

func TestSurroundings_outputIntoHeadKillsNobody(t *testing.T) {
	read, log, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p := start(t, setup{args: []string{"127.0.0.1:0"}, env: environment([]string{"workers=2", "log_level=debug"}), stderr: log})
	if _, err := io.ReadFull(read, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := read.Close(); err != nil { // head -c 1
		t.Fatal(err)
	}
	eventually(t, "all workers are there", func() bool { return len(p.workers()) == 2 })
	for range 3 {
		worker := p.workers()[0]
		p.kill(worker, syscall.SIGSEGV) // A report, and lines of the master and the next worker.
		p.waitReplaced(0, worker)
		p.signal(syscall.SIGUSR1)
		p.expectGet("/log/0?text=into+nothing", 200, "logged\n")
	}
	p.stop(syscall.SIGTERM)
}
