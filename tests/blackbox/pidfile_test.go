package blackbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// withPidFile starts serve.c without waiting for it.
func withPidFile(t *testing.T, file string) *program {
	t.Helper()
	return start(t, setup{args: []string{"127.0.0.1:0"}, env: environment([]string{"workers=1", "pid_file=" + file})})
}

func expectPidFile(t *testing.T, file string, pid int) {
	t.Helper()
	text, err := os.ReadFile(file)
	if want := fmt.Sprintln(pid); err != nil || string(text) != want {
		t.Errorf("the file holds %q, error %v; want %q", text, err, want)
	}
}

// expectRefused wants the program not to start, because a process owns the file.
func (p *program) expectRefused(owner int) {
	p.t.Helper()
	if status := p.wait(); status != 1 {
		p.t.Errorf("exit status %d", status)
	}
	p.out.wait(p.t, 0, fmt.Sprintf("it belongs to process %d, which is running", owner))
}

// writeStale writes a file that names a process that lives, but was started after the file was written.
func writeStale(t *testing.T, file string) {
	t.Helper()
	if err := os.WriteFile(file, fmt.Appendln(nil, os.Getpid()), 0o644); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(file, old, old); err != nil {
		t.Fatal(err)
	}
}

func TestPidFile_isThereWhileTheServerRuns(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		file := filepath.Join(t.TempDir(), "serve.pid")
		p := start(t, setup{build: &b, args: []string{"127.0.0.1:0"}, env: environment([]string{"workers=1", "pid_file=" + file})})
		p.waitReady()
		expectPidFile(t, file, p.pid())
		p.stop(syscall.SIGTERM)
		if left, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*")); err != nil || len(left) > 0 {
			t.Errorf("left: %v, error %v", left, err)
		}
	})
}

func TestPidFile_isNotTakenFromARunningServer(t *testing.T) {
	file := filepath.Join(t.TempDir(), "serve.pid")
	first := withPidFile(t, file).waitReady()
	withPidFile(t, file).expectRefused(first.pid())
	expectPidFile(t, file, first.pid())
	first.expectGet("/", 200, "hello\n")
}

func TestPidFile_ofAKilledServerIsReplaced(t *testing.T) {
	file := filepath.Join(t.TempDir(), "serve.pid")
	first := withPidFile(t, file).waitReady()
	first.kill(first.pid(), syscall.SIGKILL)
	first.wait()
	expectPidFile(t, file, first.pid())
	next := withPidFile(t, file).waitReady()
	expectPidFile(t, file, next.pid())
}

func TestPidFile_withAPidUsedAgainIsReplaced(t *testing.T) {
	file := filepath.Join(t.TempDir(), "serve.pid")
	writeStale(t, file)
	p := withPidFile(t, file).waitReady()
	expectPidFile(t, file, p.pid())
}

func TestPidFile_ofOtherSoftwareThatRunsIsRespected(t *testing.T) {
	file := filepath.Join(t.TempDir(), "serve.pid")
	if err := os.WriteFile(file, fmt.Appendln(nil, os.Getpid()), 0o644); err != nil {
		t.Fatal(err)
	}
	withPidFile(t, file).expectRefused(os.Getpid())
	expectPidFile(t, file, os.Getpid())
}

func TestPidFile_ofAnotherOwnerIsNotRemoved(t *testing.T) {
	file := filepath.Join(t.TempDir(), "serve.pid")
	p := withPidFile(t, file).waitReady()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	writeStale(t, file)
	p.stop(syscall.SIGTERM)
	expectPidFile(t, file, os.Getpid())
}

func TestPidFile_isTakenByOneOfManyAtOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "serve.pid")
	writeStale(t, file)
	var programs []*program
	for range 6 {
		programs = append(programs, withPidFile(t, file))
	}
	var serving *program
	for _, p := range programs {
		// Either the master says that all is ready, or run has returned.
		line := p.log.waitFor(t, 0, "ready, or refused", func(text string) bool {
			return strings.Contains(text, "all workers are ready") || strings.Contains(text, "which is running")
		})
		if strings.Contains(line.text, "which is running") {
			p.wait()
			continue
		}
		if serving != nil {
			t.Errorf("both %d and %d serve", serving.pid(), p.pid())
		}
		serving = p
	}
	if serving == nil {
		t.Fatal("none of them serves")
	}
	expectPidFile(t, file, serving.pid())
}

func TestPidFile_isNeverSeenInPart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "serve.pid")
	over := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		for {
			select {
			case <-over:
				return
			default:
			}
			text, err := os.ReadFile(file)
			if !errors.Is(err, fs.ErrNotExist) && (err != nil || !strings.HasSuffix(string(text), "\n")) {
				t.Errorf("read %q, error %v", text, err)
				return
			}
		}
	})
	for range 5 {
		withPidFile(t, file).waitReady().stop(syscall.SIGTERM)
	}
	close(over)
	reader.Wait()
}
