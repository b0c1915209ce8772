//go:build vm

// Package systemd tests the units of packaging/ under a systemd that is pid 1. It is run inside of a virtual machine by
// the script `run`, never on a machine that is used for something: it starts, stops and kills services.
//
// Invariant: a test leaves neither unit active nor a process of theirs.
package systemd

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"libforker/tests/blackbox/ledger"
)

const (
	unit    = "forker-hello.service"
	socket  = "forker-hello.socket"
	dropIn  = "/run/systemd/system/" + unit + ".d"
	address = "127.0.0.1:8080"
	cgroup  = "/sys/fs/cgroup/system.slice/" + unit
)

// patience is how long an event may take that is waited for. It is a failure, not a wait: the machine may be
// interpreted.
const patience = 60 * time.Second

// serving makes the service run serve.c, which has more to ask for than the example.
const serving = "ExecStart=\nExecStart=/usr/local/bin/forker-serve systemd\n" +
	"Environment=FORKER_WORKERS=2 FORKER_DRAIN_GRACE=5s\n"

// service is the pair of units, of which the socket is active.
type service struct {
	t     *testing.T
	since time.Time // when the test began
}

// activate starts the socket unit, with settings that are added to the service's as they were installed.
func activate(t *testing.T, settings string) *service {
	t.Helper()
	s := &service{t, time.Now()}
	s.set(settings)
	t.Cleanup(s.end)
	s.systemctl("start", socket)
	return s
}

// set changes the settings that are added.
func (s *service) set(settings string) {
	s.t.Helper()
	if err := os.MkdirAll(dropIn, 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dropIn, "test.conf"), []byte("[Service]\n"+settings), 0o644); err != nil {
		s.t.Fatal(err)
	}
	s.systemctl("daemon-reload")
}

// start activates, and starts the service too.
func start(t *testing.T, settings string) *service {
	t.Helper()
	s := activate(t, settings)
	s.systemctl("start", unit)
	return s
}

func (s *service) end() {
	s.t.Helper()
	if s.t.Failed() {
		s.t.Logf("%s\n%s", s.journal("-n", "60"), s.run("systemctl", "status", "--no-pager", unit))
	}
	s.systemctl("stop", socket, unit)
	s.expectNoProcess()
	_ = exec.Command("systemctl", "reset-failed", unit, socket).Run()
	if err := os.RemoveAll(dropIn); err != nil {
		s.t.Error(err)
	}
}

// run gives the output of a command, whatever its status.
func (s *service) run(name string, args ...string) string {
	s.t.Helper()
	out, _ := exec.Command(name, args...).CombinedOutput()
	return strings.TrimSpace(string(out))
}

func (s *service) systemctl(args ...string) {
	s.t.Helper()
	if out, err := exec.Command("systemctl", args...).CombinedOutput(); err != nil {
		s.t.Fatalf("systemctl %v: %v\n%s", args, err, out)
	}
}

// journal is the service's, and what systemd says of it, since the test began.
func (s *service) journal(args ...string) string {
	s.t.Helper()
	_ = exec.Command("journalctl", "--sync").Run()
	since := fmt.Sprintf("--since=@%.6f", float64(s.since.UnixMicro())/1e6)
	return s.run("journalctl", append([]string{"--no-pager", "-o", "cat", "-u", unit, since}, args...)...)
}

// property is what systemd knows of the service.
func (s *service) property(name string) string {
	s.t.Helper()
	return s.run("systemctl", "show", "--value", "-p", name, unit)
}

func (s *service) pid() int {
	s.t.Helper()
	pid, err := strconv.Atoi(s.property("MainPID"))
	if err != nil {
		s.t.Fatal(err)
	}
	return pid
}

// expect wants properties to be so, now.
func (s *service) expect(properties map[string]string) {
	s.t.Helper()
	for name, want := range properties {
		if got := s.property(name); got != want {
			s.t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// await waits until a property is so.
func (s *service) await(name, want string) {
	s.t.Helper()
	var got string
	s.until(fmt.Sprintf("%s is %s", name, want), func() bool { got = s.property(name); return got == want })
}

// until waits for what must become true.
func (s *service) until(what string, is func() bool) {
	s.t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("it does not come about that %s", what)
		}
	}
}

// expectNoProcess wants the service's control group to be gone or empty.
func (s *service) expectNoProcess() {
	s.t.Helper()
	if processes, err := os.ReadFile(cgroup + "/cgroup.procs"); err == nil && len(processes) > 0 {
		s.t.Errorf("processes are left: %s", strings.ReplaceAll(string(processes), "\n", " "))
	}
}

// processes are the pids of the service.
func (s *service) processes() []int {
	s.t.Helper()
	text, err := os.ReadFile(cgroup + "/cgroup.procs")
	if err != nil {
		s.t.Fatal(err)
	}
	var pids []int
	for _, field := range strings.Fields(string(text)) {
		pid, _ := strconv.Atoi(field)
		pids = append(pids, pid)
	}
	return pids
}

// named gives the pid of the process with a title, such as "master".
func (s *service) named(title string) int {
	s.t.Helper()
	for _, pid := range s.processes() {
		if line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); strings.Contains(string(line), ": "+title) {
			return pid
		}
	}
	return 0
}

func (s *service) kill(pid int, number syscall.Signal) {
	s.t.Helper()
	if err := syscall.Kill(pid, number); err != nil {
		s.t.Fatal(err)
	}
}

// fetch asks for a path on a connection of its own.
func fetch(ctx context.Context, path string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return "", err
	}
	req.Close = true
	response, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

// get wants a response.
func (s *service) get(path string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	body, err := fetch(ctx, path)
	if err != nil {
		s.t.Fatal(err)
	}
	return body
}

// request is one that takes its time.
type request struct {
	body string
	err  error
	done chan struct{}
}

// ask begins a request.
func (s *service) ask(path string) *request {
	r := &request{done: make(chan struct{})}
	go func() {
		defer close(r.done)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		r.body, r.err = fetch(ctx, path)
	}()
	return r
}

// slow begins a request, and returns when it is inside of its handler.
func (s *service) slow(ms int) *request {
	s.t.Helper()
	began := strings.Count(s.journal(), "slow begins")
	r := s.ask(fmt.Sprintf("/slow/%d", ms))
	s.until("the slow request begins", func() bool { return strings.Count(s.journal(), "slow begins") > began })
	return r
}

func (r *request) running() bool {
	select {
	case <-r.done:
		return false
	default:
		return true
	}
}

// expectResponse waits for it.
func (r *request) expectResponse(t *testing.T, want string) {
	t.Helper()
	<-r.done
	if r.err != nil || r.body != want {
		t.Errorf("the request got %q, %v", r.body, r.err)
	}
}

// load is a ledger of clients, half of which open a connection for each request.
type load struct {
	*ledger.Ledger
	s *service
}

func (s *service) load() *load {
	return &load{s: s, Ledger: ledger.Open(ledger.Config{
		Network: "tcp", Address: address, Target: "/ledger", Kept: 3, Anew: 3, Timeout: patience,
	})}
}

// more waits for so many more responses.
func (l *load) more(n int) {
	l.s.t.Helper()
	want := l.Answered() + n
	l.s.until("more requests are answered", func() bool { return l.Answered() >= want })
}

// close ends the load.
func (l *load) close() *ledger.Report {
	l.s.t.Helper()
	report, err := l.Close()
	if err != nil {
		l.s.t.Error(err)
	}
	l.s.t.Log(report)
	return report
}

// expectAllAnswered ends the load, and wants no request to be lost and no connection to be refused.
func (l *load) expectAllAnswered() {
	l.s.t.Helper()
	report := l.close()
	for i := range report.Losses {
		l.s.t.Errorf("lost: %+v", report.Losses[i])
	}
	if report.Answered == 0 {
		l.s.t.Error("nothing was answered")
	}
}
