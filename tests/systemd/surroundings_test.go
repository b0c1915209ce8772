//go:build vm

package systemd

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
)

// status is a field of /proc/<pid>/status.
func (s *service) status(pid int, name string) string {
	s.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, line := range strings.Split(string(text), "\n") {
		if value, found := strings.CutPrefix(line, name+":"); found {
			return strings.Join(strings.Fields(value), " ")
		}
	}
	return ""
}

func TestUnit_confinesEveryProcess(t *testing.T) {
	s := start(t, serving)
	pids := s.processes()
	if len(pids) != 4 {
		t.Errorf("the processes are %v", pids)
	}
	for _, pid := range pids {
		if uids := strings.Fields(s.status(pid, "Uid")); len(uids) != 4 || uids[0] == "0" || uids[1] != uids[0] || uids[2] != uids[0] {
			t.Errorf("process %d has the users %v", pid, uids)
		}
		for name, want := range map[string]string{"NoNewPrivs": "1", "CapEff": "0000000000000000", "CapPrm": "0000000000000000"} {
			if got := s.status(pid, name); got != want {
				t.Errorf("%s of process %d is %s", name, pid, got)
			}
		}
		mounts, err := os.ReadFile(fmt.Sprintf("/proc/%d/mounts", pid))
		if err != nil || !strings.Contains(string(mounts), " / ") {
			t.Errorf("the mounts of process %d: %v", pid, err)
		}
		for _, line := range strings.Split(string(mounts), "\n") {
			if fields := strings.Fields(line); len(fields) > 3 && fields[1] == "/" && !strings.HasPrefix(fields[3], "ro") {
				t.Errorf("the root of process %d is %s", pid, line)
			}
		}
		limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
		if err != nil || !strings.Contains(string(limits), "65536                65536                files") {
			t.Errorf("the limits of process %d are\n%s", pid, limits)
		}
	}
}

// hardening is what docs/OPERATIONS.md says a service can have besides.
const hardening = `CapabilityBoundingSet=
LockPersonality=yes
MemoryDenyWriteExecute=yes
PrivateDevices=yes
ProcSubset=pid
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
UMask=0077
`

func TestUnit_canBeHardened(t *testing.T) {
	const path = "/run/forker-hello/socket"
	s := start(t, serving+hardening+"RuntimeDirectory=forker-hello\n"+
		"ExecStart=\nExecStart=/usr/local/bin/forker-serve systemd unix:"+path+"?mode=0660\n")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != fs.ModeSocket|0o660 {
		t.Errorf("the unix socket is %v", info.Mode())
	}
	old, worker := s.pid(), s.named("worker 1")
	s.kill(worker, syscall.SIGSEGV)
	s.until("there is another worker", func() bool { next := s.named("worker 1"); return next != 0 && next != worker })
	s.until("the journal has its report", func() bool { return strings.Contains(s.journal(), "crashed: SIGSEGV") })
	master := s.named("master")
	s.kill(master, syscall.SIGKILL)
	s.until("there is another master", func() bool { next := s.named("master"); return next != 0 && next != master })
	s.systemctl("reload", unit)
	s.until("the reload is done", func() bool { return strings.Contains(s.journal(), "reload: done") })
	s.kill(old, syscall.SIGUSR2)
	s.until("the main process is another", func() bool { pid := s.pid(); return pid != 0 && pid != old })
	s.get("/")
	s.systemctl("stop", socket, unit)
	s.expect(map[string]string{"Result": "success", "NRestarts": "0", "ExecMainStatus": "0"})
}

func TestJournal_knowsTheLevelOfALine(t *testing.T) {
	s := start(t, serving)
	for level := range 3 {
		s.get(fmt.Sprintf("/log/%d?text=level%d", level, level))
	}
	for priority, want := range map[string]string{"err": "level0", "warning": "level1", "info": "level2"} {
		lines := s.journal("-p", priority+".."+priority)
		if !strings.Contains(lines, ": "+want) || strings.Contains(lines, "<") || strings.Count(lines, ": level") != 1 {
			t.Errorf("of priority %s are\n%s", priority, lines)
		}
	}
}

func TestJournal_hasTheCrashReport(t *testing.T) {
	s := start(t, serving)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if body, err := fetch(ctx, "/end/signal?11"); err == nil {
		t.Errorf("a worker that crashed has answered %q", body)
	}
	s.until("the journal tells of the crash", func() bool {
		return strings.Contains(s.journal(), "killed by SIGSEGV in GET /end/signal?11")
	})
}
