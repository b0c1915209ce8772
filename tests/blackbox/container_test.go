package blackbox

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// container runs orphans.c as pid 1 of a pid namespace of its own. Signals go to init, which is unshare's child.
type container struct {
	*program
	init int
}

func startContainer(t *testing.T, args ...string) container {
	t.Helper()
	asRoot(t)
	p := start(t, setup{
		source: "orphans.c", args: append([]string{"127.0.0.1:0"}, args...),
		// --kill-child: what the test sends to unshare when it fails reaches the program.
		under: []string{"unshare", "--pid", "--fork", "--mount-proc", "--kill-child"},
		env:   environment([]string{"workers=2"}),
	}).waitReady()
	p.out.wait(t, 0, "pid 1")
	c := container{program: p}
	for _, process := range p.processes() {
		if process.parent == p.pid() {
			c.init = process.pid
		}
	}
	// close() would signal unshare.
	t.Cleanup(c.end)
	return c
}

// end stops pid 1, and wants unshare to pass on its exit status.
func (c container) end() {
	select {
	case <-c.ended:
		return
	default:
	}
	c.kill(c.init, syscall.SIGTERM)
	if status := c.wait(); status != 0 {
		c.t.Errorf("exit status %d; the log:\n%s", status, c.log)
	}
}

// zombies counts the dead children of pid 1 that nobody has reaped.
func (c container) zombies() int {
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", c.init))
	if err != nil {
		c.t.Fatal(err)
	}
	count := 0
	for child := range strings.FieldsSeq(string(children)) {
		pid, _ := strconv.Atoi(child)
		if _, lives := readProcess(pid); !lives {
			count++
		}
	}
	return count
}

func TestContainer_pid1ReapsOrphansAndKnowsItsWorkers(t *testing.T) {
	for name, args := range map[string][]string{"alone": nil, "with a SIGCHLD handler": {"own"}} {
		t.Run(name, func(t *testing.T) {
			c := startContainer(t, args...)
			rounds := 20
			if long() {
				rounds = 400
			}
			l := c.load(2)
			for range rounds {
				c.expectGet("/orphans/50", 200, "done\n")
			}
			l.expectAllAnswered(t)
			eventually(t, "all orphans are reaped", func() bool { return c.zombies() == 0 })

			// In the middle of a storm a worker's wait status is its own.
			storm := c.dial()
			mark := c.log.mark()
			storm.send("GET /orphans/400 HTTP/1.1\r\nHost: a\r\n\r\n")
			c.dial().send("GET /crash HTTP/1.1\r\nHost: a\r\n\r\n")
			c.log.wait(t, mark, "killed by SIGSEGV in GET /crash")
			eventually(t, "all orphans are reaped", func() bool { return c.zombies() == 0 })
			if text := c.log.String(); strings.Contains(text, "somebody else") {
				t.Errorf("a wait status was lost:\n%s", text)
			}
			c.end()
		})
	}
}
