package blackbox

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestCalls_inTheWrongProcessOrStateAreRefused(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		address := "unix:" + filepath.Join(t.TempDir(), "socket")
		p := start(t, setup{build: &b, source: "misuse.c", args: []string{address}})
		for round, target := range []string{"/worker", "/process", "/process"} {
			mark := p.out.mark()
			p.waitAnnounced(round + 1)
			p.expectGet(target, 200, "as it should be\n")
			p.expectGet("/fork", 200, "as it should be\n")
			p.expectGet("/deferred", 200, "as it should be\n")
			p.expectGet("/stop", 200, "stopping\n")
			p.out.wait(t, mark, "run returned 0: ")
		}
		if status := p.wait(); status != 0 {
			t.Errorf("exit status %d; the log:\n%s", status, p.log)
		}
	})
}

// waitAnnounced waits until so many workers have announced themselves.
func (p *program) waitAnnounced(count int) {
	p.t.Helper()
	p.out.waitFor(p.t, 0, "another worker", func(string) bool { return p.out.count("worker ") >= count })
}

func TestRun_canBeCalledAgain(t *testing.T) {
	dir := t.TempDir()
	addresses := []string{"127.0.0.1:0", "[::1]:0", "unix:" + filepath.Join(dir, "socket") + "?mode=0600"}
	p := start(t, setup{source: "again.c", args: addresses, env: environment([]string{"workers=2"})})
	for round := range 2 {
		p.log.waitFor(t, 0, "the workers are ready again", func(string) bool {
			return p.log.count("all workers are ready") == round+1
		})
		for i := range addresses {
			if a := dial(t, p.address(i)).get("/"); a.body != "hello\n" {
				t.Errorf("round %d, %s: %q", round, p.address(i), a.body)
			}
		}
		if info, err := os.Stat(filepath.Join(dir, "socket")); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("round %d: the socket's mode is %v, %v", round, info.Mode(), err)
		}
		p.signal(syscall.SIGTERM)
	}
	if status := p.wait(); status != 0 {
		t.Errorf("exit status %d; the log:\n%s", status, p.log)
	}
}

func TestThreads_areWarnedOfOrRefused(t *testing.T) {
	s := setup{source: "threads.c", args: []string{"127.0.0.1:0"}}
	t.Run("warn", func(t *testing.T) {
		p := start(t, withOptions(s, "workers=1")).waitReady()
		p.expectGet("/", 200, "hello\n")
		p.log.wait(t, 0, "warn spawner[") // Before the first fork.
		p.log.wait(t, 0, "the process has 2 threads")
	})
	t.Run("ignore", func(t *testing.T) {
		p := start(t, withOptions(s, "workers=1", "threads=ignore")).waitReady()
		p.stop(syscall.SIGTERM)
		if p.log.count("threads") > 0 {
			t.Errorf("the log is\n%s", p.log)
		}
	})
	t.Run("refuse", func(t *testing.T) {
		p := start(t, withOptions(s, "workers=1", "threads=refuse"))
		if status := p.wait(); status != 1 {
			t.Errorf("exit status %d", status)
		}
		if line := p.out.wait(t, 0, "run returned -11: ").text; !strings.Contains(line, "the process has 2 threads") {
			t.Error(line)
		}
	})
}

func withOptions(s setup, options ...string) setup {
	s.env = environment(options)
	return s
}

func TestInProcess_servesAndStops(t *testing.T) {
	for _, number := range []syscall.Signal{syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGINT} {
		p := start(t, setup{args: []string{"127.0.0.1:0"}, env: environment([]string{"workers=0"})})
		p.waitAnnounced(1)
		p.expectGet("/", 200, "hello\n")
		if processes := p.processes(); len(processes) != 1 {
			t.Errorf("workers=0 has forked: %+v", processes)
		}
		if took := p.stop(number); took > slack {
			t.Errorf("the stop took %v", took)
		}
		p.out.wait(t, 0, "run returned 0: ")
	}
}

func TestInProcess_obeysTheLimitOfAStop(t *testing.T) {
	p := start(t, setup{args: []string{"127.0.0.1:0"}, env: environment([]string{"workers=0", "drain_timeout=300ms"})})
	p.waitAnnounced(1)
	half := p.dial().send("POST /body HTTP/1.1\r\nHost: test\r\nContent-Length: 8\r\n\r\nhalf")
	half.waitRead()
	if took := p.stop(syscall.SIGTERM); took > slack {
		t.Errorf("a stop with a limit of 300 ms took %v", took)
	}
	half.expectClosed()
}

func TestCPP_serves(t *testing.T) {
	p := start(t, setup{source: "greet.cpp", standard: "c++11", args: []string{"127.0.0.1:0"}}).waitReady()
	p.expectGet("/greet/you", 200, "hello, you")
}

// A program in Go has threads, by which its garbage is collected.
func TestThreads_ofGoAreRefused(t *testing.T) {
	source, path := filepath.Join(sourceTree(), "bindings/hello/go/hello.go"), filepath.Join(t.TempDir(), "hello")
	build := exec.Command("go", "build", "-o", path, source)
	build.Env = append(os.Environ(), "CGO_CFLAGS=-I"+filepath.Join(sourceTree(), "include"), "CGO_LDFLAGS=-L"+plain.dir+" -Wl,-rpath,"+plain.dir)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s := setup{path: path, args: []string{"127.0.0.1:0"}}
	p := start(t, withOptions(s, "workers=1"))
	p.log.wait(t, 0, "threads, some of them of Go, which would hang in forked workers")
	if status := p.wait(); status != 1 {
		t.Errorf("exit status %d", status)
	}
	warned := start(t, withOptions(s, "workers=1", "threads=warn"))
	warned.log.wait(t, 0, "only the one that called run exists in the workers")
	warned.kill(warned.pid(), syscall.SIGKILL)
	warned.wait()
}
