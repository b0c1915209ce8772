package blackbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// upgradable starts a copy of steered.c, which can be replaced, with two workers and a pid file.
type upgradable struct {
	*program
	binary, revision, pidFile string
}

func newUpgradable(t *testing.T, addresses []string, options ...string) *upgradable {
	t.Helper()
	dir := t.TempDir()
	u := &upgradable{
		binary: filepath.Join(dir, "server"), revision: filepath.Join(dir, "revision"), pidFile: filepath.Join(dir, "server.pid"),
	}
	u.install(t, compiledText(t))
	write(t, u.revision, "1")
	u.program = start(t, setup{
		path: u.binary, args: append([]string{u.revision}, addresses...),
		env: environment(watched(t, append([]string{"workers=2", "pid_file=" + u.pidFile}, options...))),
	})
	u.waitReady()
	t.Cleanup(u.stopHeirs)
	return u
}

// compiledText gives the compiled steered.c.
func compiledText(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(compile(t, plain, "steered.c", "c11"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// install puts another program where the server's is.
func (u *upgradable) install(t *testing.T, text string) {
	t.Helper()
	write(t, u.binary, text)
	if err := os.Chmod(u.binary, 0o755); err != nil {
		t.Fatal(err)
	}
}

// stopHeirs stops what has taken over, or is about to: the spawners among the processes, but for the first, which the
// cleanup of start() stops.
func (u *upgradable) stopHeirs() {
	for _, process := range u.processes() {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", process.pid))
		if err == nil && strings.HasPrefix(string(line), u.binary+"\x00") && process.pid != u.pid() {
			_ = syscall.Kill(process.pid, syscall.SIGTERM)
		}
	}
}

// begin asks for the upgrade, and gives the pid of the new process.
func (u *upgradable) begin(from int) int {
	u.t.Helper()
	mark := u.log.mark()
	u.kill(from, syscall.SIGUSR2)
	return u.heir(mark)
}

// heir gives the pid of the new process that the log names behind a mark.
func (u *upgradable) heir(mark int) int {
	u.t.Helper()
	line := u.log.wait(u.t, mark, " anew").text
	_, rest, _ := strings.Cut(line, "upgrade: process ")
	number, _, _ := strings.Cut(rest, " ")
	pid, err := strconv.Atoi(number)
	if err != nil {
		u.t.Fatalf("no pid in %q", line)
	}
	return pid
}

// awaitGone waits until a process is gone.
func (u *upgradable) awaitGone(pid int) {
	u.t.Helper()
	eventually(u.t, fmt.Sprintf("process %d is gone", pid), func() bool {
		_, lives := readProcess(pid)
		return !lives
	})
}

// finish wants the old process to leave, and gives the pid of the new one.
func (u *upgradable) finish(from, to, mark int) {
	u.t.Helper()
	u.log.wait(u.t, mark, fmt.Sprintf("this process has taken over from process %d", from))
	expectPidFile(u.t, u.pidFile, to)
	u.awaitGone(from)
}

func TestUpgrade_losesNothingAndRunsTheNewProgram(t *testing.T) {
	u := newUpgradable(t, []string{"127.0.0.1:0"})
	u.expectGet("/", 200, "1")
	load := u.load(4)
	load.more(t, 100)
	from := u.pid()
	for _, revision := range []string{"2", "3"} {
		write(t, u.revision, revision)
		mark := u.log.mark()
		to := u.begin(from)
		u.finish(from, to, mark)
		u.expectGet("/", 200, revision)
		load.more(t, 100)
		from = to
	}
	load.expectAllAnswered(t)
	if status := u.wait(); status != 0 {
		t.Errorf("the first process exits with status %d", status)
	}
	u.kill(from, syscall.SIGTERM)
	u.awaitGone(from)
	if _, err := os.Lstat(u.pidFile); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the pid file is left, error %v", err)
	}
}

func TestUpgrade_toAProgramThatFailsServesOn(t *testing.T) {
	for name, c := range map[string]struct{ program, revision, log string }{
		"that is no program":     {"nonsense", "1", "exited with status 127; serving on"},
		"that refuses to start":  {"", "refuse", "exited with status 2; serving on"},
		"without a worker":       {"", "broken", "exited with status 1; serving on"},
		"that never gets ready":  {"", "half", "is not ready within upgrade_timeout: stopping it"},
		"that is something else": {"#!/bin/sh\nexec sleep 1000\n", "1", "killed by signal 15; serving on"},
	} {
		t.Run(name, func(t *testing.T) {
			u := newUpgradable(t, []string{"127.0.0.1:0"}, "upgrade_timeout=2s", "drain_timeout=1s")
			load := u.load(2)
			load.more(t, 100)
			if c.program != "" {
				u.install(t, c.program)
			}
			write(t, u.revision, c.revision)
			heir := u.begin(u.pid())
			u.log.wait(t, 0, c.log)
			u.awaitGone(heir)
			load.more(t, 100)
			load.expectAllAnswered(t)
			u.expectGet("/", 200, "1")
			expectPidFile(t, u.pidFile, u.pid())
		})
	}
}

func TestUpgrade_toAProgramThatIsGoneServesOn(t *testing.T) {
	u := newUpgradable(t, []string{"127.0.0.1:0"})
	if err := os.Remove(u.binary); err != nil {
		t.Fatal(err)
	}
	u.begin(u.pid())
	u.log.wait(t, 0, "cannot be executed: No such file or directory")
	u.log.wait(t, 0, "exited with status 127; serving on")
	u.expectGet("/", 200, "1")
}

func TestUpgrade_canBeRolledBack(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "socket")
	u := newUpgradable(t, []string{"127.0.0.1:0", "unix:" + socket}, "drain_timeout=1s")
	load := u.load(2)
	write(t, u.revision, "half")
	heir := u.begin(u.pid())
	eventually(t, "both serve", func() bool { return u.get("/").body == "half" })

	mark := u.log.mark()
	u.signal(syscall.SIGUSR2)
	u.log.wait(t, mark, "upgrade: not possible: one is under way; serving on")

	load.more(t, 100)
	u.kill(heir, syscall.SIGTERM)
	u.log.wait(t, mark, "the new process exited with status 0; serving on")
	load.more(t, 100)
	load.expectAllAnswered(t)
	expectPidFile(t, u.pidFile, u.pid())
	if got := dial(t, "unix:"+socket).get("/").body; got != "1" {
		t.Errorf("on the unix socket: %q", got)
	}
}

func TestUpgrade_takesUnixSocketsAlong(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "a;b%3b", "socket")
	if err := os.Mkdir(filepath.Dir(socket), 0o755); err != nil {
		t.Fatal(err)
	}
	u := newUpgradable(t, []string{"unix:" + socket + "?mode=0600", "localhost:0"})
	write(t, u.revision, "2")
	heir := u.begin(u.pid())
	u.finish(u.pid(), heir, 0)
	u.wait()
	if got := dial(t, "unix:"+socket).get("/").body; got != "2" {
		t.Errorf("on the unix socket: %q", got)
	}
	u.kill(heir, syscall.SIGTERM)
	u.awaitGone(heir)
	if _, err := os.Lstat(socket); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket file is left, error %v", err)
	}
}

func TestUpgrade_takesTheAdminListenerAlong(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin")
	u := newUpgradable(t, []string{"127.0.0.1:0"}, "admin=unix:"+path)
	from := u.pid()
	for range 2 {
		mark := u.log.mark()
		to := u.begin(from)
		u.finish(from, to, mark)
		if a := dial(t, "unix:"+path).get("/status"); !strings.Contains(a.body, fmt.Sprintf("\"spawner_pid\": %d,", to)) {
			t.Errorf("not the new process %d responses: %.300s", to, a.body)
		}
		from = to
	}
	u.kill(from, syscall.SIGTERM)
	u.awaitGone(from)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket file is left, error %v", err)
	}
}

func TestUpgrade_closesWhatTheNewProgramDoesNotListenOn(t *testing.T) {
	u := newUpgradable(t, []string{"127.0.0.1:0"})
	u.install(t, "#!/bin/sh\nexec "+compile(t, plain, "steered.c", "c11")+" "+u.revision+" 127.0.0.1:00\n")
	heir := u.begin(u.pid())
	u.log.wait(t, 0, fmt.Sprintf("process %d served on 127.0.0.1:0, this one does not", u.pid()))
	u.wait()
	u.kill(heir, syscall.SIGTERM)
	u.awaitGone(heir)
}

func TestUpgrade_isStoppedWithTheServer(t *testing.T) {
	u := newUpgradable(t, []string{"127.0.0.1:0"}, "drain_timeout=1s")
	write(t, u.revision, "half")
	heir := u.begin(u.pid())
	eventually(t, "both serve", func() bool { return u.get("/").body == "half" })
	u.stop(syscall.SIGTERM)
	if _, lives := readProcess(heir); lives {
		t.Error("the new process has outlived the old one")
	}
}

func TestUpgrade_canBeAskedForByAHandler(t *testing.T) {
	u := newUpgradable(t, []string{"127.0.0.1:0"})
	write(t, u.revision, "2")
	u.expectGet("/act/upgrade", 200, "0")
	u.finish(u.pid(), u.heir(0), 0)
	u.expectGet("/", 200, "2")
}

func TestUpgrade_outlivesTheOldProcess(t *testing.T) {
	u := newUpgradable(t, []string{"127.0.0.1:0"}, "drain_timeout=1s")
	write(t, u.revision, "half")
	heir := u.begin(u.pid())
	eventually(t, "both serve", func() bool { return u.get("/").body == "half" })
	u.kill(u.pid(), syscall.SIGKILL)
	u.wait()
	eventually(t, "only the new one serves", func() bool { return u.get("/").body == "half" && len(u.processes()) <= 4 })
	u.kill(heir, syscall.SIGTERM)
	u.awaitGone(heir)
}

func TestUpgrade_makesTheNewProcessSystemdsMainOne(t *testing.T) {
	m := newManager(t, filepath.Join(t.TempDir(), "notify"))
	p := managed(m, "WATCHDOG_USEC=400000 WATCHDOG_PID=$$").waitReady()
	m.expect("READY=1", p.pid())
	mark := p.log.mark()
	p.signal(syscall.SIGUSR2)
	p.log.wait(t, mark, "upgrade: process ")
	p.signal(syscall.SIGSTOP) // It cannot tell systemd yet, and who is not the main process is not heard.
	line := p.log.wait(t, mark, "this process has taken over").text
	_, rest, _ := strings.Cut(line, "spawner[")
	number, _, _ := strings.Cut(rest, "]")
	heir, err := strconv.Atoi(number)
	if err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGCONT)
	next, ok := m.within(patience)
	for ; ok && next.value("MAINPID") == ""; next, ok = m.within(patience) {
		if next.pid != p.pid() {
			t.Errorf("%v comes from process %d before it is the main one", next.fields, next.pid)
		}
	}
	if !ok || next.pid != p.pid() || next.value("MAINPID") != number || next.value("WATCHDOG") != "1" {
		t.Errorf("%v comes from process %d", next.fields, next.pid)
	}
	m.expect("READY=1", heir)
	if status := p.wait(); status != 0 {
		t.Errorf("the old process exits with status %d", status)
	}
	m.expect("WATCHDOG=1", heir)
	p.kill(heir, syscall.SIGTERM)
	m.expect("STOPPING=1", heir)
	eventually(t, "the new process is gone", func() bool { _, lives := readProcess(heir); return !lives })
}
