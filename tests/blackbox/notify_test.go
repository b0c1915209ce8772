package blackbox

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// manager is a service manager: it reads what is sent to NOTIFY_SOCKET.
type manager struct {
	t    *testing.T
	name string
	conn *net.UnixConn
}

// notice is one datagram, and who has sent it.
type notice struct {
	fields []string
	pid    int
	at     time.Time
}

func newManager(t *testing.T, name string) *manager {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var option error
	if err := raw.Control(func(fd uintptr) { option = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1) }); err != nil || option != nil {
		t.Fatal(err, option)
	}
	return &manager{t, name, conn}
}

// within gives the next notice; false: none came in time.
func (m *manager) within(limit time.Duration) (notice, bool) {
	m.t.Helper()
	text, control := make([]byte, 4096), make([]byte, 256)
	if err := m.conn.SetReadDeadline(time.Now().Add(limit)); err != nil {
		m.t.Fatal(err)
	}
	n, ncontrol, _, _, err := m.conn.ReadMsgUnix(text, control)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return notice{}, false
	}
	if err != nil {
		m.t.Fatal(err)
	}
	next := notice{fields: strings.Split(string(text[:n]), "\n"), at: time.Now()}
	if messages, err := unix.ParseSocketControlMessage(control[:ncontrol]); err == nil && len(messages) > 0 {
		if credentials, err := unix.ParseUnixCredentials(&messages[0]); err == nil {
			next.pid = int(credentials.Pid)
		}
	}
	return next, true
}

// expect waits for the next notice with a field, which the process must have sent.
func (m *manager) expect(field string, pid int) notice {
	m.t.Helper()
	for until := time.Now().Add(patience); ; {
		next, ok := m.within(time.Until(until))
		if !ok {
			m.t.Fatalf("no notice has %s", field)
		}
		if slices.Contains(next.fields, field) {
			if next.pid != pid {
				m.t.Errorf("%s comes from process %d, want %d", field, next.pid, pid)
			}
			return next
		}
		if slices.ContainsFunc(next.fields, func(f string) bool { return f == "READY=1" || f == "RELOADING=1" || f == "STOPPING=1" }) {
			m.t.Errorf("%v came, want %s", next.fields, field)
		}
	}
}

func (n notice) value(name string) string {
	for _, field := range n.fields {
		if value, ok := strings.CutPrefix(field, name+"="); ok {
			return value
		}
	}
	return ""
}

// managed starts serve.c with two workers under a manager; env are further variables, which the shell expands.
func managed(m *manager, env string, options ...string) *program {
	m.t.Helper()
	return start(m.t, setup{
		under: []string{"sh", "-c", env + ` exec "$@"`, "sh"}, args: []string{"127.0.0.1:0"},
		env: append(environment(append([]string{"workers=2"}, options...)), "NOTIFY_SOCKET="+m.name),
	})
}

func TestNotify_tellsReadyReloadingAndStopping(t *testing.T) {
	for kind, name := range map[string]string{
		"path":     filepath.Join(t.TempDir(), "notify"),
		"abstract": fmt.Sprintf("@forker-test-%d", os.Getpid()),
	} {
		t.Run(kind, func(t *testing.T) {
			m := newManager(t, name)
			p := managed(m, "")
			ready := m.expect("READY=1", p.pid())
			if status := ready.value("STATUS"); status != "2 of 2 workers are ready" {
				t.Errorf("the status is %q", status)
			}
			p.expectGet("/", 200, "hello\n")

			p.signal(syscall.SIGHUP)
			reloading := m.expect("RELOADING=1", p.pid())
			var now unix.Timespec
			if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
				t.Fatal(err)
			}
			usec, err := strconv.ParseInt(reloading.value("MONOTONIC_USEC"), 10, 64)
			if age := now.Nano()/1000 - usec; err != nil || age < 0 || age > patience.Microseconds() {
				t.Errorf("MONOTONIC_USEC is %d µs ago, error %v", age, err)
			}
			m.expect("READY=1", p.pid())
			p.log.wait(t, 0, "reload: done")

			p.signal(syscall.SIGTERM)
			m.expect("STOPPING=1", p.pid())
			p.wait()
			if next, ok := m.within(time.Millisecond); ok && !strings.HasPrefix(next.fields[0], "STATUS=") {
				t.Errorf("at the end came %v", next.fields)
			}
		})
	}
}

func TestNotify_watchdogIsFedWhileTheMasterIsWell(t *testing.T) {
	m := newManager(t, filepath.Join(t.TempDir(), "notify"))
	p := managed(m, "WATCHDOG_USEC=400000 WATCHDOG_PID=$$").waitReady()
	m.expect("READY=1", p.pid())
	first := m.expect("WATCHDOG=1", p.pid())
	for range 5 {
		m.expect("WATCHDOG=1", p.pid())
	}
	if last := m.expect("WATCHDOG=1", p.pid()); last.at.Sub(first.at) > 6*400*time.Millisecond {
		t.Errorf("seven times within %v", last.at.Sub(first.at))
	}

	master := p.master()
	p.kill(master, syscall.SIGSTOP)
	last := time.Now()
	for {
		next, ok := m.within(time.Second)
		if !ok {
			break
		}
		if slices.Contains(next.fields, "WATCHDOG=1") && next.at.Sub(last) > 500*time.Millisecond {
			t.Error("the watchdog is fed though the master has stopped")
			break
		}
	}
	p.kill(master, syscall.SIGCONT)
	m.expect("WATCHDOG=1", p.pid())

	p.kill(master, syscall.SIGKILL)
	p.log.wait(t, 0, "a new master has taken over")
	m.expect("WATCHDOG=1", p.pid())
}

func TestNotify_saysNothingWhereNothingIsWanted(t *testing.T) {
	for name, p := range map[string]func(m *manager) *program{
		"switched off":              func(m *manager) *program { return managed(m, "", "notify=off") },
		"watchdog of another":       func(m *manager) *program { return managed(m, "WATCHDOG_USEC=10000 WATCHDOG_PID=1") },
		"a socket that is no path":  func(m *manager) *program { return managed(m, "NOTIFY_SOCKET=nonsense") },
		"a socket that is not read": func(m *manager) *program { return managed(m, "NOTIFY_SOCKET=/no/such/socket") },
	} {
		t.Run(name, func(t *testing.T) {
			m := newManager(t, filepath.Join(t.TempDir(), "notify"))
			p := p(m).waitReady()
			p.expectGet("/", 200, "hello\n")
			p.stop(syscall.SIGTERM)
			for {
				next, ok := m.within(time.Millisecond)
				if !ok {
					break
				}
				if name != "watchdog of another" || slices.Contains(next.fields, "WATCHDOG=1") {
					t.Errorf("%v came", next.fields)
				}
			}
		})
	}
}
