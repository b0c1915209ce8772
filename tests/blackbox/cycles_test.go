package blackbox

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// cycler is cycles.c, which starts and stops a server in its own process when it is told to.
type cycler struct {
	*program
	commands io.WriteCloser
}

func startCycler(t *testing.T, b build, way string) *cycler {
	t.Helper()
	r, w, err := os.Pipe()
	must(t, err)
	// One arena of malloc(3): which thread gets which of several is luck, and each grows by itself.
	env := []string{"MALLOC_ARENA_MAX=1"}
	c := &cycler{commands: w}
	c.program = start(t, setup{build: &b, source: "cycles.c", args: []string{way, socketIn(t)}, env: env, stdin: r})
	must(t, r.Close())
	t.Cleanup(func() { _ = w.Close() }) // Runs before that of start, if the test has failed.
	return c
}

// cycle has so many cycles done, and tells what the program has afterwards.
func (c *cycler) cycle(count int) (h holdings, threads, mapped int) {
	c.t.Helper()
	mark := c.out.mark()
	_, err := fmt.Fprintln(c.commands, count)
	must(c.t, err)
	c.out.wait(c.t, mark, fmt.Sprintf("cycles %d failures 0", count))
	self, _ := readProcess(c.pid())
	return holdingsOf(c.t, c.pid()), self.threads, mappedBy(c.t, c.pid())
}

// mappedBy is the address space that a process takes, in kB.
func mappedBy(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(t, err)
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); fields[0] == "VmSize:" {
			size, err := strconv.Atoi(fields[1])
			must(t, err)
			return size
		}
	}
	t.Fatal("there is no VmSize")
	return 0
}

// end ends the program, which checks for leaks then if it is sanitized.
func (c *cycler) end() {
	c.t.Helper()
	must(c.t, c.commands.Close())
	if status := c.wait(); status != 0 {
		c.t.Errorf("exit status %d; the log:\n%s", status, c.log)
	}
}

func TestInProcess_startAndStopLeakNothing(t *testing.T) {
	for _, way := range []string{"run", "start", "open"} {
		t.Run(way, func(t *testing.T) {
			c := startCycler(t, plain, way)
			c.cycle(40) // They fill caches.
			before, threadsBefore, mappedBefore := c.cycle(1)
			after, threadsAfter, mappedAfter := c.cycle(200)
			t.Logf("%+v, %d threads, %d kB mapped; 200 cycles later %+v, %d threads, %d kB mapped",
				before, threadsBefore, mappedBefore, after, threadsAfter, mappedAfter)
			// The Go runtime opens an epoll instance and an eventfd of its own when it first needs them, once in its life.
			if after.fds > before.fds+2 {
				t.Errorf("%d descriptors, then %d", before.fds, after.fds)
			}
			if threadsAfter > threadsBefore+20 { // The Go runtime makes one when it has none to spare, and keeps it.
				t.Errorf("%d threads, then %d", threadsBefore, threadsAfter)
			}
			// A Go heap is not collected before it has 4 MB (GOGC); a cycle that kept a slab would take 1 MB each time.
			if grown := after.memory - before.memory; grown > 8192 {
				t.Errorf("grown by %d kB", grown)
			}
			if grown := mappedAfter - mappedBefore; grown > 100<<10 {
				t.Errorf("%d kB more are mapped", grown)
			}
			c.end()
		})
		t.Run(way+", sanitized", func(t *testing.T) {
			c := startCycler(t, sanitized, way)
			c.cycle(8)
			c.end()
		})
	}
}

func TestInProcess_failedAttemptsLeaveNothing(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := start(t, setup{build: &b, source: "failing.c", args: []string{t.TempDir()}})
		if status := p.wait(); status != 0 {
			t.Errorf("exit status %d; the log:\n%s", status, p.log)
		}
		for range 3 { // By run, start and open.
			p.out.wait(t, 0, "failed ")
		}
		if p.out.count("failed 0 times") > 0 {
			t.Errorf("no attempt has failed for want of descriptors:\n%s", p.out)
		}
	})
}

// The host's SIGPIPE is the default one, by which a write to a client that has left would end the program. On a unix
// socket each such write raises it.
func TestInProcess_clientsThatLeaveRaiseNoSIGPIPE(t *testing.T) {
	leave := func(t *testing.T, p *program, target string) {
		c := p.dial()
		c.send("GET " + target + " HTTP/1.1\r\nHost: t\r\n\r\n")
		if _, err := c.input.Peek(1); err != nil {
			t.Fatal(err)
		}
		must(t, c.Close())
	}
	for _, way := range []string{"run", "start", "open"} {
		t.Run(way, func(t *testing.T) {
			dir := t.TempDir()
			must(t, os.WriteFile(filepath.Join(dir, "large"), make([]byte, 4<<20), 0o644))
			p := start(t, setup{source: "leaving.c", args: []string{way, "unix:" + socketIn(t), filepath.Join(dir, "large")}})
			p.waitAnnounced(1)
			for range 10 {
				for _, target := range []string{"/file", "/stream", "/lent", "/pool"} {
					mark := p.out.mark()
					leave(t, p, target)
					p.out.wait(t, mark, "left")
				}
			}
			p.expectGet("/", 200, "hello\n")
			p.expectPipeIsDefault()
		})
	}
}

func TestInProcess_serversEndInAnyOrder(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		check(t, setup{build: &b, source: "several.c", args: []string{t.TempDir()}})
	})
}
