package blackbox

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// startEarly runs early.c.
func startEarly(t *testing.T, what, address string, options ...string) *program {
	t.Helper()
	return start(t, setup{source: "early.c", args: []string{what, address}, env: environment(options)})
}

func TestStop_beforeRunCountsForThatRunAlone(t *testing.T) {
	for _, workers := range []string{"0", "1", "2"} {
		t.Run("workers="+workers, func(t *testing.T) {
			p := startEarly(t, "stop", "127.0.0.1:0", "workers="+workers)
			p.out.wait(t, 0, "run returned 0")
			p.waitAfter("serving again", "worker 0 ")
			p.expectGet("/", 200, "hello\n")
			p.stop(syscall.SIGTERM)
		})
	}
}

func TestStop_beforeStartCountsForIt(t *testing.T) {
	for _, workers := range []string{"0", "1"} {
		t.Run("workers="+workers, func(t *testing.T) {
			p := startEarly(t, "start", "127.0.0.1:0", "workers="+workers)
			p.out.wait(t, 0, "start 0")
			p.out.wait(t, 0, "wait ")
			if status := p.wait(); status != 0 {
				t.Errorf("exit status %d", status)
			}
		})
	}
}

func TestDaemon_betweenSetupAndRunServes(t *testing.T) {
	for _, workers := range []string{"0", "2"} {
		t.Run("workers="+workers, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "socket")
			p := startEarly(t, "daemon", "unix:"+path, "workers="+workers)
			pid, err := strconv.Atoi(strings.TrimPrefix(p.out.wait(t, 0, "daemon ").text, "daemon "))
			must(t, err)
			if status := p.wait(); status != 0 {
				t.Errorf("exit status %d of the process that was started", status)
			}
			p.out.wait(t, 0, "worker 0 ")
			p.expectGet("/", 200, "hello\n")
			must(t, syscall.Kill(pid, syscall.SIGTERM))
			p.out.wait(t, 0, "run returned 0")
			eventually(t, "the daemon is gone", func() bool { _, lives := readProcess(pid); return !lives })
			if _, err := os.Stat(path); !os.IsNotExist(err) {
				t.Errorf("the socket file: %v", err)
			}
		})
	}
}

func TestServer_belongsToTheChildThatRunsIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	p := startEarly(t, "parent", "unix:"+path, "workers=1")
	p.out.wait(t, 0, "freed")
	p.out.wait(t, 0, "worker 0 ")
	p.expectGet("/", 200, "hello\n") // The file is still there.
	p.stopChildren()
	if status := p.wait(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the socket file: %v", err)
	}
}

func TestServer_thatHasRunCanBeRunByAChild(t *testing.T) {
	p := startEarly(t, "again", "127.0.0.1:0", "workers=1")
	p.out.wait(t, 0, "worker 0 ")
	p.signal(syscall.SIGTERM)
	p.waitAfter("run returned 0", "worker 0 ")
	p.expectGet("/", 200, "hello\n")
	p.stopChildren()
	if status := p.wait(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

// waitAfter waits for a line behind another one.
func (p *program) waitAfter(first, second string) {
	p.t.Helper()
	seen := false
	p.out.waitFor(p.t, 0, second+" behind "+first, func(text string) bool {
		seen = seen || strings.Contains(text, first)
		return seen && strings.Contains(text, second)
	})
}

// stopChildren sends SIGTERM to the children of the process that was started.
func (p *program) stopChildren() {
	p.t.Helper()
	for _, process := range p.processes() {
		if process.parent == p.pid() {
			p.kill(process.pid, syscall.SIGTERM)
		}
	}
}

func TestErrorLog_hasWhyRunFailed(t *testing.T) {
	for _, workers := range []string{"0", "1"} {
		t.Run("workers="+workers, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "log")
			p := start(t, setup{
				args: []string{"127.0.0.1:0"},
				env:  environment([]string{"workers=" + workers, "error_log=" + file, "pid_file=/proc/none"}),
			})
			if status := p.wait(); status != 1 {
				t.Errorf("exit status %d", status)
			}
			text, err := os.ReadFile(file)
			must(t, err)
			if !strings.Contains(string(text), "run: pid file /proc/none") {
				t.Errorf("the error log: %q", text)
			}
			p.log.wait(t, 0, "run: pid file /proc/none")
		})
	}
}
