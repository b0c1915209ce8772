package blackbox

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A collection of garbage tells that a heap of that size was one too many for the options: the routes of a worker are
// on it, and GODEBUG has the runtime write a line for each collection, "gc 1 @0.010s" and so on. It does so piece by
// piece, so that lines of other processes come in between.
func TestGoOptions_reachTheRuntimeOfAWorker(t *testing.T) {
	const few, many = "5000", "25000" // Routes: these take more than 40 KiB, those more than 16 MiB.
	for name, c := range map[string]struct {
		routes   string
		options  []string
		collects bool
	}{
		"at 1 percent":           {few, []string{"go_gc_percent=1"}, true},
		"never":                  {many, []string{"go_gc_percent=off"}, false},
		"below the memory limit": {many, []string{"go_gc_percent=off", "go_memory_limit=1g"}, false},
		"at the memory limit":    {many, []string{"go_gc_percent=off", "go_memory_limit=16m"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			env := append(environment(append(c.options, "workers=1")), "GODEBUG=gctrace=1")
			p := start(t, setup{source: "routes.c", args: []string{"127.0.0.1:0", c.routes}, env: env}).waitReady()
			p.expectGet("/0/x", 200, "hello\n")
			collected := slices.ContainsFunc(p.log.all(), func(l line) bool { return strings.HasPrefix(l.text, "gc ") })
			if collected != c.collects {
				t.Errorf("collected: %v", collected)
			}
		})
	}
}

// A program whose group is not its caller's has AT_SECURE in its auxiliary vector (getauxval(3)). inittrace has the
// runtime write "init time @0.1 ms, ..." for each package when it starts.
func TestGoRuntime_isNotSteeredByTheCallerOfASetGidProgram(t *testing.T) {
	asRoot(t)
	var mount unix.Statfs_t
	must(t, unix.Statfs(scratch, &mount))
	if mount.Flags&unix.MS_NOSUID != 0 || status(t, os.Getpid(), "NoNewPrivs") != "0" {
		t.Skip("set-gid has no effect here")
	}
	for name, c := range map[string]struct {
		mode    os.FileMode
		steered bool
	}{"set-gid": {0o755 | os.ModeSetgid, false}, "plain": {0o755, true}} {
		t.Run(name, func(t *testing.T) {
			program := filepath.Join(t.TempDir(), "program")
			text, err := os.ReadFile(compile(t, plain, "serve.c", "c11"))
			must(t, err)
			must(t, os.WriteFile(program, text, 0o755))
			must(t, os.Chown(program, 0, nobody))
			must(t, os.Chmod(program, c.mode))
			p := start(t, setup{path: program, args: []string{"127.0.0.1:0"}, env: []string{"GODEBUG=inittrace=1", "FORKER_WORKERS=1"}}).waitReady()
			p.expectGet("/", 200, "hello\n")
			steered := slices.ContainsFunc(p.log.all(), func(l line) bool { return strings.HasPrefix(l.text, "init ") })
			if steered != c.steered {
				t.Errorf("steered: %v; the log:\n%s", steered, p.log)
			}
		})
	}
}

// interruptions counts the signals by which the Go runtime interrupts threads of a worker, as long as the test goes on.
func (p *program) interruptions() *lines {
	p.t.Helper()
	cmd := exec.Command("strace", "-f", "-p", strconv.Itoa(p.workers()[0]), "-e", "trace=none", "-e", "signal=SIGURG")
	r, w := p.pipe()
	cmd.Stderr = w
	seen := collect("strace", r)
	must(p.t, cmd.Start())
	_ = w.Close()
	p.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait() // It ends by the signal.
	})
	seen.wait(p.t, 0, "attached")
	return seen
}

// The other worker, whose user wants it so, shows that there would be something to see: both have the same load.
func TestGoRuntime_interruptsNoHandler(t *testing.T) {
	var programs [2]*program
	var seen [2]*lines
	for i, env := range []string{"GODEBUG=gctrace=0", "GODEBUG=asyncpreemptoff=0"} {
		programs[i] = start(t, setup{args: []string{"127.0.0.1:0"}, env: append(environment([]string{"workers=1"}), env)}).waitReady()
		seen[i] = programs[i].interruptions()
	}
	conns := [2]*conn{programs[0].dial(), programs[1].dial()}
	pipelined := strings.Repeat("GET / HTTP/1.1\r\nHost: test\r\n\r\n", 50)
	for seen[1].count("SIGURG") < 5 {
		for _, c := range conns {
			c.send(pipelined)
		}
		for _, c := range conns {
			for range 50 {
				c.receive("GET")
			}
		}
	}
	if n := seen[0].count("SIGURG"); n > 0 {
		t.Errorf("interrupted %d times", n)
	}
}
