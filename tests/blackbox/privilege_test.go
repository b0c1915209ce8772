package blackbox

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// nobody is a user that every system has, by number.
const nobody = 65534

// asRoot skips a test where it cannot be run.
func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can become somebody else")
	}
}

// facts starts process.c with options, and gives it once it serves.
func facts(t *testing.T, options ...string) *program {
	t.Helper()
	return start(t, setup{source: "process.c", args: []string{"127.0.0.1:0"}, env: environment(options)}).waitReady()
}

// status gives a line of /proc/<pid>/status, such as "Uid", its fields separated by one space.
func status(t *testing.T, pid int, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if key, value, _ := strings.Cut(line, ":"); key == name {
			return strings.Join(strings.Fields(value), " ")
		}
	}
	t.Fatalf("no %s in the status of process %d", name, pid)
	return ""
}

// expectUser wants a process to have nothing left of root, and no way to get it.
func expectUser(t *testing.T, what string, pid int) {
	t.Helper()
	const none = "0000000000000000"
	for name, want := range map[string]string{
		"Uid":    fmt.Sprintf("%d %[1]d %[1]d %[1]d", nobody),
		"CapPrm": none, "CapEff": none, "CapInh": none, "CapAmb": none, "CapBnd": none, "NoNewPrivs": "1",
	} {
		if got := status(t, pid, name); got != want {
			t.Errorf("%s: %s is %s, want %s", what, name, got, want)
		}
	}
}

func TestPrivilege_isGivenUpByMasterAndWorkersOnly(t *testing.T) {
	asRoot(t)
	eachBuild(t, func(t *testing.T, b build) {
		p := start(t, setup{
			build: &b, source: "process.c", args: []string{"127.0.0.1:0"},
			env: environment([]string{"workers=2", "user=65534", "group=12345"}),
		}).waitReady()
		expectUser(t, "master", p.master())
		for index, pid := range p.workers() {
			expectUser(t, fmt.Sprint("worker ", index), pid)
		}
		if got := status(t, p.pid(), "Uid"); got != "0 0 0 0" {
			t.Errorf("the spawner's Uid is %s", got)
		}
		got := p.get("/self").body
		for _, want := range []string{
			"uid 65534 65534 65534\n", "gid 12345 12345 12345\n", "can be root no\n", "dumpable 0\n",
			fmt.Sprintf("death signal %d\n", syscall.SIGTERM),
		} {
			if !strings.Contains(got, want) {
				t.Errorf("no %q in\n%s", want, got)
			}
		}
	})
}

// The bits are those of capabilities(7): keep_caps is 1 << 4, no_setuid_fixup 1 << 2, each locked by the next one.
func TestPrivilege_doesNotComeBackByCapabilitiesThatWereKept(t *testing.T) {
	asRoot(t)
	for name, bits := range map[string]string{
		"keep_caps": "0x10", "keep_caps, locked": "0x30", "no_setuid_fixup": "0x04", "no_setuid_fixup, locked": "0x0c", "none": "0",
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, setup{
				source: "process.c", args: []string{"127.0.0.1:0"},
				env: append(environment([]string{"workers=1", "user=nobody"}), "SECUREBITS="+bits),
			}).waitReady()
			expectUser(t, "master", p.master())
			expectUser(t, "worker", p.workers()[0])
			p.expectGet("/come-back", 200, "no way back")
		})
	}
}

// What is in /proc of a process that may not be traced belongs to root; see proc(5).
func TestPrivilege_siblingsCannotBeTraced(t *testing.T) {
	asRoot(t)
	for name, options := range map[string][]string{
		"user": nil, "chroot": {"chroot=" + t.TempDir()}, "chroot with proc": {"chroot=/proc"},
	} {
		t.Run(name, func(t *testing.T) {
			p := facts(t, append(options, "workers=2", "user=nobody")...)
			for what, pid := range map[string]int{"master": p.master(), "worker 0": p.workers()[0], "worker 1": p.workers()[1]} {
				var got string
				eventually(t, "another worker tries it", func() bool {
					got = p.get("/trace?" + strconv.Itoa(pid)).body
					return got != "itself"
				})
				if got != "seized no\nread no\nroot no\n" {
					t.Errorf("%s: %s", what, got)
				}
				if info, err := os.Stat(fmt.Sprintf("/proc/%d/environ", pid)); err != nil || info.Sys().(*syscall.Stat_t).Uid != 0 {
					t.Errorf("%s: /proc/%d belongs to its user (%v)", what, pid, err)
				}
			}
		})
	}
}

func TestPrivilege_workersCanBeTracedWhereCoresAreWanted(t *testing.T) {
	asRoot(t)
	p := facts(t, "workers=1", "user=nobody", "rlimit_core=4k")
	if got := p.get("/self").body; !strings.Contains(got, "dumpable 1\n") {
		t.Errorf("a worker writes no core:\n%s", got)
	}
	p.expectGet("/trace?"+strconv.Itoa(p.master()), 200, "seized no\nread no\nroot no\n")
}

// TestPrivilege_memoryOfWorkersIsKnown: the master reads /proc of processes that it cannot trace.
func TestPrivilege_memoryOfWorkersIsKnown(t *testing.T) {
	asRoot(t)
	p, _ := steered(t, "first", "workers=1", "user=nobody", "worker_memory_hard=150m")
	leaking := p.workers()[0]
	p.dial().send("GET /leak?200 HTTP/1.1\r\nHost: test\r\n\r\n") // On a busy machine it is killed before it answers.
	p.log.wait(t, 0, "over worker_memory_hard: killing it")
	p.waitReplaced(0, leaking)
}

func TestPrivilege_startedProgramsGainNothing(t *testing.T) {
	asRoot(t)
	dir := t.TempDir()
	program := filepath.Join(dir, "gain")
	text, err := os.ReadFile(compile(t, plain, "process.c", "c11"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, program, string(text))
	for path := dir; path != "/" && path != os.TempDir(); path = filepath.Dir(path) {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(program, 0o755|os.ModeSetuid); err != nil {
		t.Fatal(err)
	}
	for option, want := range map[string]string{"on": "gains nothing", "off": "gains"} {
		p := start(t, setup{
			source: "process.c", args: []string{"127.0.0.1:0"},
			env: append(environment([]string{"workers=1", "user=nobody", "no_new_privs=" + option}), "PROGRAM="+program),
		}).waitReady()
		p.expectGet("/run", 200, want)
	}
}

// unprivileged is a server whose workers have given up root, and which is told what to do by signals to the spawner, or
// by calls from a worker.
type unprivileged struct {
	*upgradable
	spawner int
	byCall  bool
}

func (u *unprivileged) do(number syscall.Signal, call string) {
	u.t.Helper()
	if !u.byCall {
		u.kill(u.spawner, number)
	} else if got := u.get("/act/" + call).body; got != "0" {
		u.t.Errorf("%s from a worker gives %s", call, got)
	}
}

func TestPrivilege_everyActionWorksWithout(t *testing.T) {
	asRoot(t)
	tryEveryAction(t)
}

// Nothing of what the spawner opens is in the new root directory, which is empty.
func TestPrivilege_everyActionWorksUnderChroot(t *testing.T) {
	asRoot(t)
	tryEveryAction(t, "chroot="+t.TempDir())
}

func tryEveryAction(t *testing.T, options ...string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	logFile := filepath.Join(dir, "access.log")
	options = append(options, "user=nobody", "worker_commands=on", "access_log=common", "access_log_file="+logFile, "drain_grace=100ms")
	u := &unprivileged{upgradable: newUpgradable(t, []string{"127.0.0.1:0", "unix:" + dir + "/s"}, options...)}
	u.spawner = u.pid()
	l := u.load(2)
	for round := range 4 {
		u.byCall = round%2 == 1
		u.everyAction(fmt.Sprint(round), logFile)
		l.more(t, 20)
		for index, pid := range u.workers() {
			if _, lives := readProcess(pid); lives {
				expectUser(t, fmt.Sprint("worker ", index), pid)
			}
		}
	}
	l.expectAllAnswered(t)
	u.kill(u.spawner, syscall.SIGTERM)
	u.awaitGone(u.spawner)
	for _, file := range []string{u.pidFile, dir + "/s"} {
		if _, err := os.Lstat(file); err == nil {
			t.Errorf("%s is left", file)
		}
	}
}

// everyAction goes through them all, and ends in a new spawner.
func (u *unprivileged) everyAction(revision, logFile string) {
	u.t.Helper()
	write(u.t, u.revision, revision) // Mode 0600: the spawner can read it.
	mark := u.log.mark()
	u.do(syscall.SIGHUP, "reload")
	u.log.wait(u.t, mark, "reload: done")
	u.expectGet("/", 200, revision)

	u.do(syscall.SIGTTIN, "scale?1")
	u.expectWorkers(0, 1, 2)
	u.do(syscall.SIGTTOU, "scale?-1")
	u.expectWorkers(0, 1)

	if err := os.Rename(logFile, logFile+".1"); err != nil {
		u.t.Fatal(err)
	}
	u.do(syscall.SIGUSR1, "reopen")
	eventually(u.t, "requests are logged to a new file", func() bool {
		info, err := os.Stat(logFile)
		return err == nil && info.Size() > 0
	})

	u.do(syscall.SIGWINCH, "drain")
	u.expectWorkers()
	u.kill(u.spawner, syscall.SIGHUP)
	u.expectWorkers(0, 1)

	write(u.t, u.revision, revision+" upgraded")
	mark = u.log.mark()
	u.do(syscall.SIGUSR2, "upgrade")
	heir := u.heir(mark)
	u.finish(u.spawner, heir, mark)
	u.spawner = heir
	u.expectGet("/", 200, revision+" upgraded")
}

func TestPrivilege_deathsAndStopsWorkWithout(t *testing.T) {
	asRoot(t)
	socket := filepath.Join(t.TempDir(), "only-root-may-write-here.sock")
	p := start(t, setup{
		args: []string{"127.0.0.1:0", "unix:" + socket}, env: environment([]string{"workers=1", "user=nobody", "chroot=/proc"}),
	}).waitReady()
	p.expectGet("/", 200, "hello\n")

	worker := p.workers()[0]
	p.kill(worker, syscall.SIGKILL)
	next := p.waitReplaced(0, worker)
	expectUser(t, "the next worker", next)

	master, mark := p.master(), p.log.mark()
	p.kill(master, syscall.SIGKILL)
	p.log.wait(t, mark, "a new master has taken over 1 worker")
	expectUser(t, "the next master", p.master())

	p.dial().send("GET /spin HTTP/1.1\r\nHost: a\r\n\r\n")
	p.out.wait(t, 0, "spin begins")
	p.stop(syscall.SIGINT) // Root kills what does not listen.
	if _, err := os.Lstat(socket); err == nil {
		t.Error("the socket file is left")
	}
}

func TestPrivilege_workerCanStopTheServer(t *testing.T) {
	asRoot(t)
	p := serve(t, "workers=2", "user=nobody")
	p.expectGet("/stop/1000", 200, "stopping\n")
	if status := p.wait(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

func TestPrivilege_confinesWorkersToADirectory(t *testing.T) {
	asRoot(t)
	p := facts(t, "workers=1", "user=nobody", "chroot="+t.TempDir())
	got := p.get("/self").body
	for _, want := range []string{"directory /\n", "sees accounts no\n", "can be root no\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	worker := p.workers()[0]
	p.dial().send("GET /crash HTTP/1.1\r\nHost: a\r\n\r\n")
	p.waitReplaced(0, worker)
	p.log.wait(t, 0, "killed by SIGABRT in GET /crash")
}

func TestPrivilege_warnsOfASpillDirThatTheWorkersCannotReach(t *testing.T) {
	asRoot(t)
	dir := t.TempDir()
	for what, option := range map[string]string{"no such file or directory": "chroot=" + t.TempDir(), "permission denied": "user=nobody"} {
		p := serve(t, "workers=1", "user=nobody", option, "spill_dir="+dir, "body_buffer=1k")
		p.log.wait(t, 0, "option spill_dir: "+dir+": "+what+"; bodies beyond body_buffer will be answered 503")
		a := p.dial().send("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 100000)).receive("POST")
		if a.StatusCode != 503 {
			t.Errorf("answered %s", a.Status)
		}
		p.expectGet("/", 200, "hello\n")
	}
}

func TestPrivilege_setsLimitsOfWorkers(t *testing.T) {
	p := facts(t, "workers=2", "rlimit_nofile=77", "rlimit_core=4k", "oom_score_adj=700", "cpu_affinity=on")
	got := p.get("/self").body
	for _, want := range []string{"files 77 77\n", "core 4096 4096\n", "cpus 1\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	seen := map[string]bool{}
	for _, pid := range p.workers() {
		seen[status(t, pid, "Cpus_allowed_list")] = true
		score, err := os.ReadFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid))
		if err != nil || string(score) != "700\n" {
			t.Errorf("oom_score_adj is %q, error %v", score, err)
		}
	}
	if want := min(runtime.NumCPU(), 2); len(seen) != want {
		t.Errorf("the workers share the CPUs %v, want %d", seen, want)
	}
}

// TestDescriptors_haveRoomFromTheStart: a table that grows under load holds a worker up.
func TestDescriptors_haveRoomFromTheStart(t *testing.T) {
	p := serve(t, "workers=1", "rlimit_nofile=4096")
	for _, pid := range p.workers() {
		if room, err := strconv.Atoi(status(t, pid, "FDSize")); err != nil || room < 4096 {
			t.Errorf("room for %d descriptors, want 4096 (%v)", room, err)
		}
	}
}

func TestPrivilege_refusesWhatCannotWork(t *testing.T) {
	asRoot(t)
	for _, c := range []struct{ options, want string }{
		{"user=no-such-one", `run returned -10: run: a setup call failed before: environment: FORKER_USER="no-such-one" is not a user`},
		{"user=root", `FORKER_USER="root" is not a user (empty, or the name or number of one that is not root)`},
		{"user=0", `FORKER_USER="0" is not a user`},
		{"user=4294967295", `FORKER_USER="4294967295" is not a user`},
		{"user=nobody group=no-such-one", `FORKER_GROUP="no-such-one" is not a group`},
		{"user=nobody chroot=/no/such/place", `FORKER_CHROOT="/no/such/place" is not a directory`},
		{"user=nobody chroot=tmp", `FORKER_CHROOT="tmp" is not a directory`},
		{"group=12345", "run returned -5: run: option group needs option user"},
		{"chroot=/tmp", "run returned -5: run: option chroot needs option user"},
		{"user=12345", "run returned -5: run: user 12345 (option user) has no account that names a group; set option group"},
		{"user=nobody workers=0", "run returned -5: run: option user needs worker processes, and workers is 0"},
		{"cpu_affinity=on workers=0", "run returned -5: run: option cpu_affinity needs worker processes"},
		{"BECOME user=nobody", "run returned -8: run: only root can become user nobody (option user), and this process has uid 65534"},
		{"BECOME rlimit_nofile=1048576", "run returned -8: run: option rlimit_nofile: setrlimit to 1048576: Operation not permitted"},
		{"oom_score_adj=1001", `FORKER_OOM_SCORE_ADJ="1001" is not a number (keep, or 0 to 1000)`},
	} {
		t.Run(c.options, func(t *testing.T) {
			options, become := strings.CutPrefix(c.options, "BECOME ")
			env := environment(strings.Fields(options))
			if become {
				env = append(env, "BECOME="+strconv.Itoa(nobody))
			}
			p := start(t, setup{source: "process.c", args: []string{"127.0.0.1:0"}, env: env})
			if status := p.wait(); status != 1 {
				t.Errorf("exit status %d", status)
			}
			if line := p.out.wait(t, 0, "run returned").text; !strings.Contains(line, c.want) {
				t.Errorf("%s\nwant %s", line, c.want)
			}
		})
	}
}
