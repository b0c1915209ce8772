package blackbox

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"libforker/engine/secure/testcert"
)

// Processes that the program forks without executing one, see testdata/strays.c.

// strayHost is a program of strays.c.
type strayHost struct {
	*program
	mode     string
	commands *os.File
	children []int
}

// strayMode is a way to serve.
type strayMode struct{ mode, workers, dispatch string }

func (m strayMode) String() string { return m.mode + "/workers=" + m.workers + "/" + m.dispatch }

// strayModes are all ways to serve.
func strayModes() (modes []strayMode) {
	for _, dispatch := range []string{"inline", "pool"} {
		for _, mode := range []strayMode{{"run", "1", ""}, {"run", "2", ""}, {"start", "1", ""}, {"run", "0", ""}, {"start", "0", ""}, {"open", "0", ""}} {
			modes = append(modes, strayMode{mode.mode, mode.workers, dispatch})
		}
	}
	return modes
}

// eachStrayMode runs a test in all of them.
func eachStrayMode(t *testing.T, test func(t *testing.T, mode strayMode)) {
	for _, mode := range strayModes() {
		t.Run(mode.String(), func(t *testing.T) { test(t, mode) })
	}
}

func startStrays(t *testing.T, mode strayMode, env ...string) *strayHost {
	t.Helper()
	r, w, err := os.Pipe()
	must(t, err)
	options := environment([]string{"workers=" + mode.workers, "dispatch=" + mode.dispatch})
	h := &strayHost{mode: mode.mode, commands: w}
	h.program = start(t, setup{source: "strays.c", args: []string{mode.mode, "127.0.0.1:0"}, env: append(options, env...), stdin: r})
	must(t, r.Close())
	t.Cleanup(func() { // Before that of start, which wants nothing to be left.
		h.endChildren()
		h.stopServing()
		_ = w.Close()
		h.wait()
	})
	h.out.wait(t, 0, "worker 0 ")
	return h
}

// stopServing asks for the stop in the way of the mode.
func (h *strayHost) stopServing() {
	switch h.mode {
	case "run":
		_ = h.cmd.Process.Signal(syscall.SIGTERM)
	case "open":
		_ = h.cmd.Process.Signal(syscall.SIGUSR1)
	default:
		_, _ = io.WriteString(h.commands, "stop\nwait\n")
	}
}

// fork waits until something has forked a child, and returns its pid.
func (h *strayHost) fork(ask func()) int {
	h.t.Helper()
	mark := h.out.mark()
	ask()
	text := h.out.wait(h.t, mark, "forked ").text
	pid, err := strconv.Atoi(strings.Fields(text)[1])
	must(h.t, err)
	h.children = append(h.children, pid)
	return pid
}

func (h *strayHost) endChildren() {
	for _, pid := range h.children {
		_ = syscall.Kill(pid, syscall.SIGKILL)
		_ = syscall.Kill(pid, syscall.SIGCONT)
	}
}

// waitAlive returns what a child has told until it lives.
func (h *strayHost) waitAlive(pid int) (told []string) {
	h.t.Helper()
	h.out.wait(h.t, 0, fmt.Sprintf("child %d lives", pid))
	for _, line := range h.out.all() {
		if strings.HasPrefix(line.text, fmt.Sprintf("child %d ", pid)) && !strings.HasSuffix(line.text, " lives") {
			told = append(told, line.text)
		}
	}
	return told
}

// isRuntimes tells of a descriptor in a child that is the Go runtime's own. Nobody else has it, and nothing waits for
// its end.
func isRuntimes(told string) bool {
	return strings.HasSuffix(told, " anon_inode:[eventpoll]") || strings.HasSuffix(told, " anon_inode:[eventfd]") ||
		strings.Contains(told, " /sys/fs/cgroup/")
}

func TestStray_hasNothingOfTheLibrary(t *testing.T) {
	eachStrayMode(t, func(t *testing.T, mode strayMode) {
		h := startStrays(t, mode)
		neighbour := h.dial()
		neighbour.get("/")
		for _, told := range h.waitAlive(h.fork(func() { h.expectGet("/fork", 200, "forked\n") })) {
			if !isRuntimes(told) {
				t.Errorf("%s", told)
			}
		}
		neighbour.expectOpen()
	})
}

// TestStray_overTLSAndHTTP2: neither connections that are encrypted, nor what belongs to newer options.
func TestStray_overTLSAndHTTP2(t *testing.T) {
	dir := t.TempDir()
	files := keep(t, dir, "own", testcert.New(testcert.Spec{Names: []string{"localhost"}}))
	env := append(environment([]string{"h2c=on", "http2=on", "rate_limit=100000/s", "tls_key_log=" + filepath.Join(dir, "keys"), "access_log=common", "access_log_file=" + filepath.Join(dir, "log")}),
		"TEST_CERTIFICATE="+files[0], "TEST_KEY="+files[1])
	eachStrayMode(t, func(t *testing.T, mode strayMode) {
		h := startStrays(t, mode, env...)
		h.address(0)
		encrypted, err := tls.Dial("tcp", h.address(1), &tls.Config{InsecureSkipVerify: true})
		must(t, err)
		neighbour := &conn{t, encrypted, bufio.NewReader(encrypted)}
		neighbour.get("/")
		client := h.http2Client(nil)
		child := h.fork(func() {
			got, err := client.Get("http://" + h.ports[0] + "/fork")
			must(t, err)
			must(t, got.Body.Close())
		})
		for _, told := range h.waitAlive(child) {
			if !isRuntimes(told) {
				t.Errorf("%s", told)
			}
		}
		neighbour.send("GET /fork HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n").receive("GET")
		neighbour.expectClosed() // Though there is a child of its own.
		h.children = append(h.children, childrenIn(h)...)
	})
}

// childrenIn are all that have told that they were forked.
func childrenIn(h *strayHost) (pids []int) {
	for _, line := range h.out.all() {
		if text, is := strings.CutPrefix(line.text, "forked "); is {
			pid, err := strconv.Atoi(text)
			must(h.t, err)
			pids = append(pids, pid)
		}
	}
	return pids
}

func TestStray_besideTheServerHasNothingOfIt(t *testing.T) {
	for _, workers := range []string{"0", "1"} {
		t.Run("workers="+workers, func(t *testing.T) {
			h := startStrays(t, strayMode{"start", workers, "inline"})
			neighbour := h.dial()
			neighbour.get("/")
			child := h.fork(func() {
				_, err := io.WriteString(h.commands, "fork\n")
				must(t, err)
			})
			for _, told := range h.waitAlive(child) {
				if !isRuntimes(told) {
					t.Errorf("%s", told)
				}
			}
			neighbour.expectOpen()
			h.stopServing()
			h.out.wait(t, 0, "wait 0") // Though the child lives.
			if !h.refuses() {
				t.Error("the port is open after the end")
			}
		})
	}
}

// TestStray_holdsNobodyUp looks at a child that has not come to close anything yet.
func TestStray_holdsNobodyUp(t *testing.T) {
	eachStrayMode(t, func(t *testing.T, mode strayMode) {
		h := startStrays(t, mode, "HOLD=1")
		var neighbours []*conn
		for range 8 { // Some of them are the same worker's.
			c := h.dial()
			c.get("/")
			neighbours = append(neighbours, c)
		}
		client := h.dial()
		child := h.fork(func() {
			client.send("GET /fork HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n").receive("GET")
		})
		eventually(t, "the child is stopped", func() bool {
			p, _ := readProcess(child)
			return p.state == "T"
		})
		client.expectClosed()
		for _, c := range neighbours {
			c.send("GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n").receive("GET")
			c.expectClosed()
		}
		p, _ := readProcess(child)
		eventually(t, "no closed connection is watched", func() bool { return len(watchedInVain(t, p.parent)) == 0 })
	})
}

// watchedInVain lists what a process's epoll instances watch that it has closed, see proc_pid_fdinfo(5).
func watchedInVain(t *testing.T, pid int) (numbers []string) {
	t.Helper()
	infos, err := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", pid))
	must(t, err)
	for _, info := range infos {
		text, _ := os.ReadFile(info)
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			if len(fields) < 2 || fields[0] != "tfd:" {
				continue
			}
			if _, err := os.Lstat(fmt.Sprintf("/proc/%d/fd/%s", pid, fields[1])); err != nil {
				numbers = append(numbers, fields[1])
			}
		}
	}
	return numbers
}

func TestStray_diesOfItsOwnSignals(t *testing.T) {
	eachStrayMode(t, func(t *testing.T, mode strayMode) {
		h := startStrays(t, mode)
		server := h.get("/").body
		for _, number := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT} {
			child := h.fork(func() { h.expectGet("/fork", 200, "forked\n") })
			h.waitAlive(child)
			h.kill(child, number)
			eventually(t, "the child is gone", func() bool {
				_, lives := readProcess(child)
				return !lives
			})
		}
		if mode.workers != "2" {
			if again := h.get("/").body; again != server {
				t.Errorf("served by %s, before by %s", again, server)
			}
		}
	})
}

func TestStray_doesNotKeepThePort(t *testing.T) {
	eachStrayMode(t, func(t *testing.T, mode strayMode) {
		h := startStrays(t, mode)
		h.waitAlive(h.fork(func() { h.expectGet("/fork", 200, "forked\n") }))
		h.stopServing()
		if mode.mode == "start" {
			h.out.wait(t, 0, "wait 0")
			must(t, h.commands.Close())
		}
		if status := h.wait(); status != 0 {
			t.Errorf("exit status %d", status)
		}
		if !h.refuses() {
			t.Error("the port is open after the end")
		}
	})
}

func TestProgram_ofAHandlerBeginsWithTheProgramsSignals(t *testing.T) {
	eachStrayMode(t, func(t *testing.T, mode strayMode) {
		h := startStrays(t, mode)
		h.expectGet("/program", 200, "as in main\n")
		h.expectGet("/program", 200, "as in main\n") // The mask of the thread has been changed once more.
		h.out.wait(t, 0, "hook as in main")
		for _, line := range h.out.all() {
			if strings.HasPrefix(line.text, "Sig") {
				t.Errorf("a program of a hook begins with %s", line.text)
			}
		}
	})
}
