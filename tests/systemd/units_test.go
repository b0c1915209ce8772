//go:build vm

package systemd

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestSocket_startsTheServiceOnTheFirstRequest(t *testing.T) {
	s := activate(t, "")
	s.expect(map[string]string{"ActiveState": "inactive", "MainPID": "0"})
	if got := s.get("/"); got != "greeting!!!" {
		t.Errorf("the response is %q", got)
	}
	s.await("ActiveState", "active")
	environment, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", s.pid()))
	if err != nil || !strings.Contains(string(environment), "LISTEN_FDNAMES=web\x00") {
		t.Errorf("the environment is %q, %v", environment, err)
	}
}

func TestSocket_refusesNobodyWhileTheServiceIsRestarted(t *testing.T) {
	s := start(t, serving)
	l := s.load()
	for range 5 {
		l.more(50)
		s.systemctl("restart", unit)
	}
	l.more(50)
	l.expectAllAnswered()
	s.expect(map[string]string{"ActiveState": "active", "NRestarts": "0"})
}

func TestStart_isOverWhenAllWorkersAreReady(t *testing.T) {
	s := start(t, serving)
	s.expect(map[string]string{"ActiveState": "active", "SubState": "running", "StatusText": "2 of 2 workers are ready"})
}

func TestStart_lastsWhileAWorkerIsNotReady(t *testing.T) {
	s := activate(t, "ExecStart=\nExecStart=/usr/local/bin/forker-boot systemd hang 1\n"+
		"Environment=FORKER_WORKERS=2 FORKER_BOOT_TIMEOUT=1h\n")
	s.systemctl("start", "--no-block", unit)
	s.await("StatusText", "1 of 2 workers are ready")
	if got := s.get("/"); got != "hello\n" {
		t.Errorf("the response of the worker that is ready is %q", got)
	}
	s.expect(map[string]string{"ActiveState": "activating", "SubState": "start"})
}

func TestStart_isTriedForeverWhileRequestsWait(t *testing.T) {
	s := activate(t, "ExecStart=\nExecStart=/bin/false\n")
	request := s.ask("/")
	s.until("it was started more often than systemd allows by default", func() bool {
		restarts, _ := strconv.Atoi(s.property("NRestarts"))
		return restarts > 6
	})
	if !request.running() {
		t.Errorf("the request did not wait: %q, %v", request.body, request.err)
	}
	s.set(serving)
	request.expectResponse(t, "hello\n")
}

func TestReload_replacesAllWorkersAndLosesNothing(t *testing.T) {
	s := start(t, serving)
	l := s.load()
	for range 5 {
		l.more(50)
		before := s.property("StateChangeTimestampMonotonic")
		first, second := s.named("worker 0"), s.named("worker 1")
		s.systemctl("reload", unit)
		s.until("the workers are others, and the service runs", func() bool {
			one, other := s.named("worker 0"), s.named("worker 1")
			return one != 0 && other != 0 && one != first && other != second && s.property("SubState") == "running" &&
				s.property("StateChangeTimestampMonotonic") != before
		})
	}
	l.expectAllAnswered()
	s.expect(map[string]string{"ActiveState": "active", "NRestarts": "0"})
}

func TestReload_lastsUntilTheLastWorkerIsReplaced(t *testing.T) {
	s := start(t, serving)
	pid := s.pid()
	request := s.slow(8000)
	s.kill(pid, syscall.SIGHUP) // As systemctl reload does; but that waits in some versions.
	s.await("ActiveState", "reloading")
	if !request.running() {
		t.Error("the slow request was over before systemd knew of the reload")
	}
	s.await("ActiveState", "active")
	if request.running() {
		t.Error("the reload is over, but not the slow request")
	}
	request.expectResponse(t, "slow\n")
	if s.pid() != pid {
		t.Errorf("the main process is %d, was %d", s.pid(), pid)
	}
}

func TestReload_isWaitedForWithTypeNotifyReload(t *testing.T) {
	s := start(t, serving+"Type=notify-reload\nExecReload=\n")
	if s.property("Type") != "notify-reload" {
		t.Skip("systemd is older than 253: " + s.run("systemctl", "--version"))
	}
	pid := s.pid()
	for range 3 {
		request := s.slow(3000)
		s.systemctl("reload", unit)
		if request.running() {
			t.Error("the reload is over, but not the slow request")
		}
		request.expectResponse(t, "slow\n")
		s.expect(map[string]string{"SubState": "running", "MainPID": fmt.Sprint(pid)})
	}
}

func TestStop_answersWhatHasBegunAndLeavesNothing(t *testing.T) {
	s := start(t, serving)
	request := s.slow(5000)
	s.systemctl("stop", socket, unit)
	request.expectResponse(t, "slow\n")
	s.expectNoProcess()
	s.expect(map[string]string{"ActiveState": "inactive", "Result": "success", "ExecMainStatus": "0", "StatusText": ""})
}

func TestStop_bySignalIsKnownToSystemd(t *testing.T) {
	s := start(t, serving)
	request := s.slow(8000)
	s.kill(s.pid(), syscall.SIGTERM)
	s.await("ActiveState", "deactivating")
	if !request.running() {
		t.Error("the slow request was over before systemd knew of the stop")
	}
	request.expectResponse(t, "slow\n")
	s.await("ActiveState", "inactive")
	s.expect(map[string]string{"Result": "success", "NRestarts": "0"})
	s.expectNoProcess()
}

func TestCrash_ofTheMainProcessIsARestart(t *testing.T) {
	s := start(t, serving)
	for n := range 3 {
		l := s.load()
		l.more(50)
		s.kill(s.pid(), syscall.SIGKILL)
		s.await("NRestarts", fmt.Sprint(n+1))
		l.more(50)
		report := l.close()
		if refused := report.Count("refused"); refused > 0 {
			t.Errorf("%d connections were refused", refused)
		}
		s.await("ActiveState", "active")
	}
}

func TestCrash_ofTheMainProcessLetsWorkersRespond(t *testing.T) {
	s := start(t, serving)
	request := s.slow(5000)
	s.kill(s.pid(), syscall.SIGKILL)
	request.expectResponse(t, "slow\n")
	s.await("NRestarts", "1")
	s.await("ActiveState", "active")
	s.get("/")
}

func TestCrash_ofAWorkerIsNoRestart(t *testing.T) {
	s := start(t, serving)
	pid, worker := s.pid(), s.named("worker 1")
	s.kill(worker, syscall.SIGSEGV)
	s.until("there is another worker", func() bool { next := s.named("worker 1"); return next != 0 && next != worker })
	s.await("StatusText", "2 of 2 workers are ready")
	s.expect(map[string]string{"ActiveState": "active", "NRestarts": "0", "MainPID": fmt.Sprint(pid)})
}

func TestUpgrade_keepsTheServiceActiveUnderANewPid(t *testing.T) {
	s := start(t, serving+"WatchdogSec=4s\n")
	l := s.load()
	for range 3 {
		l.more(50)
		old := s.pid()
		s.kill(old, syscall.SIGUSR2)
		s.until("the main process is another", func() bool { pid := s.pid(); return pid != 0 && pid != old })
		s.until("the old process is gone", func() bool { return syscall.Kill(old, 0) == syscall.ESRCH })
	}
	l.more(50)
	l.expectAllAnswered()
	s.expect(map[string]string{"ActiveState": "active", "NRestarts": "0"})
	s.fed(6)
	s.expect(map[string]string{"ActiveState": "active", "NRestarts": "0", "StatusText": "2 of 2 workers are ready"})

	request := s.slow(8000)
	s.systemctl("reload", "--no-block", unit)
	s.await("ActiveState", "reloading")
	request.expectResponse(t, "slow\n")
	s.await("ActiveState", "active")

	s.kill(s.pid(), syscall.SIGKILL)
	s.await("NRestarts", "1")
	s.await("ActiveState", "active")
	s.get("/")
}

// systemd does not wait for a main process that is not its child, unless it has sent the signal to the others too.
func TestUpgrade_isNoReasonToStopAtOnce(t *testing.T) {
	s := start(t, serving)
	old := s.pid()
	s.kill(old, syscall.SIGUSR2)
	s.until("the main process is another", func() bool { pid := s.pid(); return pid != 0 && pid != old })
	s.until("the old process is gone", func() bool { return syscall.Kill(old, 0) == syscall.ESRCH })
	request := s.slow(5000)
	s.systemctl("stop", socket, unit)
	request.expectResponse(t, "slow\n")
	s.expectNoProcess()
	s.expect(map[string]string{"ActiveState": "inactive", "Result": "success", "NRestarts": "0"})
}

// The new process tells that it is ready, which the old one cannot any more.
func TestUpgrade_endsAReloadThatIsUnderWay(t *testing.T) {
	s := start(t, serving)
	request := s.slow(8000)
	s.kill(s.pid(), syscall.SIGHUP)
	s.await("ActiveState", "reloading")
	old := s.pid()
	s.kill(old, syscall.SIGUSR2)
	s.await("ActiveState", "active")
	request.expectResponse(t, "slow\n")
	if pid := s.pid(); pid == old {
		t.Errorf("the main process is still %d", pid)
	}
	if journal := s.journal(); strings.Contains(journal, "reception only permitted") {
		t.Errorf("systemd did not hear a notice:\n%s", journal)
	}
}

// fed waits until the watchdog has been fed so many times.
func (s *service) fed(times int) {
	s.t.Helper()
	for range times {
		last := s.property("WatchdogTimestampMonotonic")
		s.until("the watchdog is fed", func() bool { return s.property("WatchdogTimestampMonotonic") != last })
	}
}

func TestWatchdog_isFed(t *testing.T) {
	s := start(t, serving+"WatchdogSec=2s\n")
	pid := s.pid()
	s.fed(10)
	s.expect(map[string]string{"ActiveState": "active", "NRestarts": "0", "MainPID": fmt.Sprint(pid)})
}

func TestWatchdog_restartsWhenTheMainProcessHangs(t *testing.T) {
	s := start(t, serving+"WatchdogSec=2s\n")
	pid := s.pid()
	s.kill(pid, syscall.SIGSTOP)
	s.await("NRestarts", "1")
	s.await("ActiveState", "active")
	if got := s.get("/"); got != "hello\n" {
		t.Errorf("the response is %q", got)
	}
	if !strings.Contains(s.journal(), "Watchdog timeout") {
		t.Error("the journal has no word of it")
	}
}

// The watchdog of the unit gives the library the time for it.
func TestWatchdog_letsTheLibraryReplaceAMasterThatHangs(t *testing.T) {
	s := start(t, serving)
	l := s.load()
	master := s.named("master")
	s.kill(master, syscall.SIGSTOP)
	s.until("there is another master", func() bool { next := s.named("master"); return next != 0 && next != master })
	s.fed(2)
	l.expectAllAnswered()
	s.expect(map[string]string{"ActiveState": "active", "NRestarts": "0"})
}
