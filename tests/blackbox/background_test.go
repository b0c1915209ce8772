package blackbox

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// host is a program that is told what to do with its server, see testdata/background.c.
type host struct {
	*program
	commands io.WriteCloser
}

// startHost runs background.c; env is options and variables.
func startHost(t *testing.T, options, env []string, addresses ...string) *host {
	t.Helper()
	r, w, err := os.Pipe()
	must(t, err)
	h := &host{commands: w}
	if len(addresses) == 0 {
		addresses = []string{"127.0.0.1:0"}
	}
	h.program = start(t, setup{source: "background.c", args: addresses, env: append(environment(options), env...), stdin: r})
	must(t, r.Close())
	t.Cleanup(func() { // Runs before that of start: the end of its input ends the program.
		_ = w.Close()
		h.wait()
	})
	return h
}

// do gives a command, and returns the line that answers it.
func (h *host) do(command string) string {
	h.t.Helper()
	mark := h.out.mark()
	h.say(command)
	word, _, _ := strings.Cut(command, " ")
	return h.out.waitFor(h.t, mark, word, func(text string) bool { return strings.HasPrefix(text, word+" ") }).text
}

func (h *host) say(command string) {
	h.t.Helper()
	_, err := io.WriteString(h.commands, command+"\n")
	must(h.t, err)
}

// expect wants a command to give a result, with a part of the error's sentence.
func (h *host) expect(command string, result int, part string) string {
	h.t.Helper()
	text := h.do(command)
	if !strings.Contains(text, " "+strconv.Itoa(result)+" ") || !strings.Contains(text, part) {
		h.t.Fatalf("%q gives %q, want %d and %q; the log:\n%s", command, text, result, part, h.log)
	}
	return text
}

// spawner is the pid that a result names.
func spawner(t *testing.T, result string) int {
	t.Helper()
	_, text, _ := strings.Cut(result, " spawner ")
	pid, err := strconv.Atoi(strings.TrimSuffix(strings.Fields(text)[0], ":"))
	must(t, err)
	return pid
}

// eachMode runs a test with forked workers and in the program's own process.
func eachMode(t *testing.T, test func(t *testing.T, workers string)) {
	for _, workers := range []string{"workers=2", "workers=0"} {
		t.Run(workers, func(t *testing.T) { test(t, workers) })
	}
}

func TestStart_servesWhileTheProgramGoesOn(t *testing.T) {
	eachMode(t, func(t *testing.T, workers string) {
		h := startHost(t, []string{workers}, nil)
		for range 3 {
			h.expect("wait 0", -3, "not started")
			h.expect("start", 0, "")
			h.expectGet("/", 200, "hello\n")
			h.expect("start", -3, "already running")
			h.expect("wait 0", -14, "")
			h.expect("stop", 0, "")
			h.expect("wait -1", 0, "")
			if !h.refuses() {
				t.Error("the port is open after the end")
			}
		}
		h.say("free")
		if status := h.wait(); status != 0 {
			t.Errorf("exit status %d", status)
		}
	})
}

func TestStart_keepsTheHostOutOfIt(t *testing.T) {
	h := startHost(t, []string{"workers=1"}, nil)
	child := spawner(t, h.expect("start", 0, ""))
	fields := strings.Fields(h.get("/self").body)
	if child == h.pid() || fields[1] != strconv.Itoa(child) {
		t.Errorf("the spawner is %d, the worker's parent %s, the host %d", child, fields[1], h.pid())
	}
	if p, ok := readProcess(child); !ok || p.parent != h.pid() || p.threads != 1 {
		t.Errorf("the spawner: %+v", p)
	}
	if p, ok := readProcess(h.pid()); !ok || p.threads != 1 {
		t.Errorf("the host: %+v", p)
	}
}

func TestStart_servesInTheHostItself(t *testing.T) {
	h := startHost(t, []string{"workers=0"}, nil)
	h.expect("start", 0, "")
	if got := strings.Fields(h.get("/self").body)[0]; got != strconv.Itoa(h.pid()) {
		t.Errorf("served by %s, the host is %d", got, h.pid())
	}
}

func TestStart_tellsWhyItCannot(t *testing.T) {
	eachMode(t, func(t *testing.T, workers string) {
		t.Run("hook", func(t *testing.T) {
			h := startHost(t, []string{workers}, []string{"FAIL=1"})
			for range 2 {
				text := h.expect("start", -9, "the worker_init hook failed")
				if !strings.Contains(text, "-77") {
					t.Error(text)
				}
				h.expect("wait 0", -3, "")
			}
		})
		t.Run("option", func(t *testing.T) {
			h := startHost(t, []string{workers, "group=daemon"}, nil)
			h.expect("start", -5, "option group needs")
		})
		t.Run("pid file", func(t *testing.T) {
			h := startHost(t, []string{workers, "pid_file=/proc/none"}, nil)
			h.expect("start", -8, "start: pid file /proc/none")
			h.expect("start", -8, "start: pid file /proc/none")
		})
	})
	t.Run("late", func(t *testing.T) {
		h := startHost(t, []string{"workers=1", "boot_timeout=300ms"}, []string{"FAIL=1", "HANG=1"})
		begin := time.Now()
		h.expect("start", -9, "")
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestStart_pidFileNamesTheSpawner(t *testing.T) {
	eachMode(t, func(t *testing.T, workers string) {
		path := filepath.Join(t.TempDir(), "pid")
		h := startHost(t, []string{workers, "pid_file=" + path}, nil)
		want := spawner(t, h.expect("start", 0, ""))
		text, err := os.ReadFile(path)
		must(t, err)
		if string(text) != fmt.Sprintf("%d\n", want) {
			t.Errorf("%q, want %d", text, want)
		}
		h.expect("stop", 0, "")
		h.expect("wait -1", 0, "")
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("after the end: %v", err)
		}
	})
}

func TestStart_leavesSignalsToTheHost(t *testing.T) {
	eachMode(t, func(t *testing.T, workers string) {
		h := startHost(t, []string{workers}, nil)
		h.expect("start", 0, "")
		for _, number := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGINT} {
			mark := h.out.mark()
			h.signal(number)
			h.out.wait(t, mark, "the program's own handler")
		}
		h.expectGet("/", 200, "hello\n")
	})
}

func TestStart_spawnerTakesSignals(t *testing.T) {
	h := startHost(t, []string{"workers=1"}, nil)
	child := spawner(t, h.expect("start", 0, ""))
	h.kill(child, syscall.SIGTTIN)
	h.log.wait(t, 0, "info master")
	h.kill(child, syscall.SIGTERM)
	h.expect("wait -1", 0, "")
	if !h.refuses() {
		t.Error("somebody accepts connections")
	}
	h.expect("start", 0, "")
	h.expectGet("/", 200, "hello\n")
}

func TestWait_reportsASpawnerThatWasKilled(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "socket")
	h := startHost(t, []string{"workers=1"}, nil, "unix:"+socket)
	child := spawner(t, h.expect("start", 0, ""))
	h.kill(child, syscall.SIGKILL)
	h.expect("wait -1", -8, fmt.Sprintf("the spawner (pid %d) was killed by signal 9", child))
	if _, err := os.Stat(socket); !os.IsNotExist(err) {
		t.Errorf("the socket file: %v", err)
	}
	h.expect("start", 0, "")
	h.expectGet("/", 200, "hello\n")
}

func TestStart_theTreeFollowsItsHost(t *testing.T) {
	for _, number := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		h := startHost(t, []string{"workers=2"}, nil)
		h.expect("start", 0, "")
		slow := h.dial().send("GET /slow HTTP/1.1\r\nHost: t\r\n\r\n")
		h.out.wait(t, 0, "slow begins")
		h.signal(number)
		if status := h.wait(); status != -int(number) {
			t.Errorf("status %d", status)
		}
		if got := slow.receive("GET").body; got != "slow\n" {
			t.Errorf("the request in flight: %q", got)
		}
		h.expectNothingLeft(patience)
	}
}

func TestStop_fromAHandlerEndsWhatWasStarted(t *testing.T) {
	eachMode(t, func(t *testing.T, workers string) {
		h := startHost(t, []string{workers}, nil)
		h.expect("start", 0, "")
		h.expectGet("/stop", 200, "stopping\n")
		h.expect("wait 10000", 0, "")
	})
}

func TestWait_isRefusedWhereItCouldNotEnd(t *testing.T) {
	for workers, want := range map[string]string{"workers=0": "wait -3 start -3\n", "workers=1": "wait -4 start -4\n"} {
		h := startHost(t, []string{workers}, nil)
		h.expect("start", 0, "")
		h.expectGet("/wait", 200, want)
	}
}

func TestFree_endsWhatWasStarted(t *testing.T) {
	eachMode(t, func(t *testing.T, workers string) {
		h := startHost(t, []string{workers}, nil)
		h.expect("start", 0, "")
		answered := make(chan error, 1)
		go func() {
			response, err := http.Get("http://" + h.address(0) + "/slow")
			if err == nil {
				err = response.Body.Close()
			}
			answered <- err
		}()
		h.out.wait(t, 0, "slow begins")
		h.say("free")
		h.out.wait(t, 0, "freed")
		<-answered // Answered or cut off.
		if status := h.wait(); status != 0 {
			t.Errorf("status %d", status)
		}
	})
}
