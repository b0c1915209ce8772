package blackbox

import (
	"fmt"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// openTerminal makes a terminal: closing window is what closing its window is. See pty(7).
func openTerminal(t *testing.T) (window, terminal *os.File) {
	t.Helper()
	window, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	must(t, err)
	t.Cleanup(func() { _ = window.Close() })
	must(t, unix.IoctlSetPointerInt(int(window.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(window.Fd()), unix.TIOCGPTN)
	must(t, err)
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	must(t, err)
	return window, terminal
}

// serveOnTerminal starts serve.c, under another program if some is given.
func serveOnTerminal(t *testing.T, under ...string) (p *program, window *os.File) {
	t.Helper()
	window, terminal := openTerminal(t)
	p = start(t, setup{args: []string{"127.0.0.1:0"}, env: environment([]string{"workers=2"}), under: under, terminal: terminal})
	must(t, terminal.Close())
	return p.waitReady(), window
}

func TestHangup_ofTheTerminalStops(t *testing.T) {
	p, window := serveOnTerminal(t)
	must(t, window.Close())
	if status := p.wait(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	p.out.wait(t, 0, "run returned 0")
}

// shell starts a program as a job in the background. Like a shell, it tells its job when the terminal is gone.
const shell = `set -m
"$@" &
trap 'kill -HUP $!' HUP
trap 'kill -HUP $!' USR1
trap 'kill -TERM $!' TERM
until wait $!; [ $? -le 128 ]; do :; done`

func TestHangup_toldByTheShellStops(t *testing.T) {
	p, window := serveOnTerminal(t, "bash", "-c", shell, "bash")
	p.signal(syscall.SIGUSR1)
	p.log.wait(t, 0, "reload: done") // The terminal is there.
	must(t, window.Close())
	p.out.wait(t, 0, "run returned 0")
	p.wait()
}

func TestHangup_byKillReloads(t *testing.T) {
	p, window := serveOnTerminal(t)
	p.signal(syscall.SIGHUP)
	p.log.wait(t, 0, "reload: done")
	p.expectGet("/", 200, "hello\n")
	must(t, window.Close())
	p.wait()
}

func TestHangup_isNothingUnderNohup(t *testing.T) {
	p, window := serveOnTerminal(t, "nohup")
	must(t, window.Close())
	eventually(t, "the terminal is gone", func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid()))
		must(t, err)
		return terminalOf(string(stat)) == "0"
	})
	eventually(t, "it reloads", func() bool { // A signal that finds that of the kernel still pending is lost.
		p.signal(syscall.SIGHUP)
		return p.log.count("reload: ") > 0
	})
	p.log.wait(t, 0, "reload: done")
	p.expectGet("/", 200, "hello\n")
	p.stop(syscall.SIGTERM)
}
