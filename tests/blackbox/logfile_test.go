package blackbox

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// logFile is a file that a program logs to.
type logFile struct {
	t    *testing.T
	path string
}

func newLogFile(t *testing.T) logFile {
	return logFile{t, filepath.Join(t.TempDir(), "the.log")}
}

func (f logFile) text() string {
	f.t.Helper()
	text, err := os.ReadFile(f.path)
	if err != nil && !os.IsNotExist(err) {
		f.t.Fatal(err)
	}
	return string(text)
}

func (f logFile) wait(text string) {
	f.t.Helper()
	eventually(f.t, f.path+" has "+text, func() bool { return strings.Contains(f.text(), text) })
}

// rotate renames the file away.
func (f logFile) rotate() logFile {
	f.t.Helper()
	old := logFile{f.t, f.path + ".1"}
	if err := os.Rename(f.path, old.path); err != nil {
		f.t.Fatal(err)
	}
	return old
}

// serveToLog starts serve.c with an error log; what the harness reads from stderr is not there then.
func serveToLog(t *testing.T, options ...string) (*program, logFile) {
	t.Helper()
	log := newLogFile(t)
	p := start(t, setup{args: []string{"127.0.0.1:0"}, env: environment(append(options, "error_log="+log.path))})
	log.wait("all workers are ready")
	return p, log
}

func TestErrorLog_getsEverythingThatStderrWould(t *testing.T) {
	p, log := serveToLog(t, "workers=1")
	p.get("/log/0?text=from+a+worker")
	p.dial().send("GET /end/abort HTTP/1.1\r\nHost: test\r\n\r\n").expectClosed()
	log.wait("killed by SIGABRT")
	for _, want := range []string{"error worker 0[", "]: from a worker\n", "crashed: SIGABRT in the handler of GET /end/abort", "abort+0x", "warn master["} {
		log.wait(want)
	}
	if info, err := os.Stat(log.path); err != nil || info.Mode().Perm()&^0o640 != 0 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	p.stop(syscall.SIGTERM)
	if text := p.log.String(); text != "" {
		t.Errorf("stderr has %s", text)
	}
}

func TestErrorLog_isOpenedAnew(t *testing.T) {
	p, log := serveToLog(t, "workers=2")
	for round := range 3 {
		old := log.rotate()
		before := old.text()
		p.signal(syscall.SIGUSR1)
		eventually(t, "there is a new file", func() bool { _, err := os.Stat(log.path); return err == nil })
		text := "round" + strconv.Itoa(round)
		eventually(t, "the workers use it", func() bool {
			p.get("/log/0?text=" + text)
			return strings.Count(log.text(), text) > 4 && strings.Contains(log.text(), "worker 0[") && strings.Contains(log.text(), "worker 1[")
		})
		victim := p.workers()[0]
		p.kill(victim, syscall.SIGKILL)
		log.wait("worker 0 (pid " + strconv.Itoa(victim) + ") killed by SIGKILL") // the master does
		eventually(t, "it is replaced", func() bool { return p.workers()[0] != victim })
		if after := old.text(); strings.Count(after, "killed") != strings.Count(before, "killed") {
			t.Errorf("the master still writes to the old file: %s", after)
		}
		if err := os.Remove(old.path); err != nil {
			t.Fatal(err)
		}
	}
}

func TestErrorLog_isOpenedAnewForUsersWhoMayNot(t *testing.T) {
	asRoot(t)
	p, log := serveToLog(t, "workers=1", "user=nobody")
	if err := os.Chmod(filepath.Dir(log.path), 0o700); err != nil {
		t.Fatal(err)
	}
	log.rotate()
	p.signal(syscall.SIGUSR1)
	eventually(t, "the worker uses the new file", func() bool {
		p.get("/log/0?text=hello")
		return strings.Contains(log.text(), "hello")
	})
}

func TestErrorLog_outlivesTheMaster(t *testing.T) {
	p, log := serveToLog(t, "workers=1")
	log.rotate()
	p.signal(syscall.SIGUSR1)
	eventually(t, "there is a new file", func() bool { _, err := os.Stat(log.path); return err == nil })
	p.kill(p.master(), syscall.SIGKILL)
	log.wait("a new master has taken over")
}

// A master that was forked before the file was opened anew, and has not taken over yet, uses the new one.
func TestErrorLog_isOpenedAnewForAMasterThatIsBeingBorn(t *testing.T) {
	p, log := serveToLog(t, "workers=1")
	for range 3 {
		master := p.stopMasterAtItsBirth()
		old := log.rotate()
		p.signal(syscall.SIGUSR1)
		log.wait("log files are opened anew")
		must(t, syscall.Kill(master, syscall.SIGCONT))
		victim := p.workers()[0]
		p.kill(victim, syscall.SIGKILL)
		log.wait("worker 0 (pid " + strconv.Itoa(victim) + ") killed by SIGKILL") // The master says so.
		eventually(t, "it is replaced", func() bool { workers := p.workers(); return len(workers) == 1 && workers[0] != victim })
		p.get("/log/0?text=from-a-worker")
		log.wait("from-a-worker")
		must(t, os.Remove(old.path))
	}
}

func TestFile_thatCannotBeOpenedIsAnErrorOfRunThatNamesItsOption(t *testing.T) {
	for set, want := range map[string]string{
		"error_log=/nonexistent/x.log":                            "log file /nonexistent/x.log (option error_log): No such file or directory",
		"access_log=json access_log_file=/nonexistent/access.log": "log file /nonexistent/access.log (option access_log_file): No such file or directory",
		"pid_file=/nonexistent/x.pid":                             "pid file /nonexistent/x.pid (option pid_file): No such file or directory",
		"basic_auth=/nonexistent/users":                           "basic_auth: /nonexistent/users: No such file or directory",
	} {
		p := start(t, setup{args: []string{"127.0.0.1:0"}, env: environment(strings.Fields(set))})
		p.out.wait(t, 0, "run: "+want)
		p.wait()
	}
}

func TestErrorLog_thatCannotBeOpenedAnewStays(t *testing.T) {
	p, log := serveToLog(t, "workers=1")
	old := log.rotate()
	if err := os.Mkdir(log.path, 0o755); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGUSR1)
	old.wait("(option error_log) cannot be opened anew: Is a directory; the old one is used further")
	p.get("/log/0?text=still+here")
	old.wait("still here")
}

// countMissed adds up the lines of a kind, and what a process says by "... and 7 more" that there were besides.
func countMissed(text, who, kind string) (written, missed int) {
	for line := range strings.Lines(text) {
		if _, more, ok := strings.Cut(line, "]: ... and "); ok && strings.Contains(line, who) {
			n, _ := strconv.Atoi(strings.Fields(more)[0])
			missed += n
		}
		if strings.Contains(line, kind) {
			written++
		}
	}
	return written, missed
}

func TestLogRate_holdsBackWhatComesWithEveryRequest(t *testing.T) {
	p, log := serveToLog(t, "workers=1", "log_rate=10")
	c := p.dial()
	const faults = 200
	for range faults {
		c.send("GET /result/-1 HTTP/1.1\r\nHost: test\r\n\r\n").receive("GET")
	}
	eventually(t, "all are accounted for", func() bool {
		written, missed := countMissed(log.text(), "error worker", "answered 500")
		return written+missed == faults
	})
	if written, missed := countMissed(log.text(), "error worker", "answered 500"); written < 10 || missed < 100 {
		t.Errorf("%d lines written, %d held back", written, missed)
	}
	for range 50 {
		c.get("/log/0?text=mine")
	}
	eventually(t, "the program's own lines are not held back", func() bool { return strings.Count(log.text(), "]: mine\n") == 50 })
}

// A process that leaves tells of what it has held back in a second that is not over yet.
func TestLogRate_accountsForAllLinesOfAProcessThatLeaves(t *testing.T) {
	for workers, name := range map[string]string{"workers=1": "error worker 0[", "workers=0": "error host["} {
		t.Run(workers, func(t *testing.T) {
			log := newLogFile(t)
			p := start(t, setup{args: []string{"127.0.0.1:0"}, env: environment([]string{workers, "log_rate=1", "error_log=" + log.path})})
			c := p.dial()
			const faults = 20
			for range faults {
				c.send("GET /result/-1 HTTP/1.1\r\nHost: test\r\n\r\n").receive("GET")
			}
			_ = c.Close()
			p.stop(syscall.SIGTERM)
			if written, missed := countMissed(log.text(), name, "answered 500"); written+missed != faults {
				t.Errorf("%d lines were written and %d held back, of %d", written, missed, faults)
			}
		})
	}
}

// What is held back is told when the second is over, whether the process logs anything more or not.
func TestLogRate_masterAndSpawnerTellInTime(t *testing.T) {
	p, log := serveToLog(t, "workers=3", "log_rate=1")
	p.signal(syscall.SIGUSR1)
	eventually(t, "the spawner tells", func() bool {
		_, missed := countMissed(log.text(), "info spawner", "")
		return missed > 0
	})
	for _, pid := range p.workers() {
		p.kill(pid, syscall.SIGKILL)
	}
	eventually(t, "all are accounted for", func() bool {
		written, missed := countMissed(log.text(), "warn master", "killed by SIGKILL")
		return written+missed == 3
	})
}

// A worker without descriptors tries again ten times a second, as long as that lasts.
func TestLogRate_holdsForAWorkerThatHasNoDescriptorsLeft(t *testing.T) {
	p := serve(t, "workers=1", "rlimit_nofile=64", "log_rate=2")
	address := p.address(0)
	for range 80 { // The kernel takes them all.
		network, name := dialName(address)
		c, err := net.DialTimeout(network, name, patience)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	told := func() (lines []time.Time) {
		for _, line := range p.log.all() {
			if strings.Contains(line.text, "cannot accept") {
				at, err := time.Parse("2006-01-02T15:04:05.000Z", strings.Fields(line.text)[0])
				must(t, err)
				lines = append(lines, at)
			}
		}
		return lines
	}
	eventually(t, "it is said over some seconds", func() bool { return len(told()) >= 5 })
	lines := told()
	if took := lines[len(lines)-1].Sub(lines[0]); len(lines) > 2*(int(took/time.Second)+1) {
		t.Errorf("%d lines in %v", len(lines), took)
	}
}
