//go:build vm

package systemd

import (
	"context"
	"fmt"
	"os"
	"strings"
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
