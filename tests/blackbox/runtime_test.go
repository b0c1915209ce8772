package blackbox

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
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
