package prefork

import (
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"libforker/prefork/control"
	"libforker/slot"
)

// Exits of workers, in words.

// describeExit says how a worker died, and over which request.
func (m *master) describeExit(w *worker, exit control.Exit, served bool, now time.Duration) string {
	text := outcome(exit.Status) + m.killer(w, exit)
	box := m.sys.Slots.CrashedBox(w.index)
	switch {
	case !served && !w.leaving && w.state == stateKilled:
		return "was not ready within " + seconds(m.cfg.BootTimeout) + ": " + text
	case !served && !w.leaving:
		return text + " during boot"
	case !w.current() || !box.Busy():
		return text
	}
	return text + " in " + request(box) + " after " + seconds(now-since(box.LoadSinceNs(), now)) + " inside the handler"
}

// request names the request that is in a black box.
func request(box *slot.BlackBox) string {
	text := box.Method() + " " + box.Target()
	if peer := box.Peer.String(); peer != "" {
		text += " from " + peer
	}
	return text
}

// outcome puts a status of waitpid(2) into words.
func outcome(status int32) string {
	if status < 0 {
		return "was reaped by somebody else"
	}
	ws := unix.WaitStatus(status)
	switch {
	case ws.Exited():
		return "exited with status " + strconv.Itoa(ws.ExitStatus())
	case ws.Signaled():
		return "killed by " + signalName(ws.Signal())
	}
	return fmt.Sprintf("is gone with wait status %#x", status)
}

func signalName(signal unix.Signal) string {
	if name := unix.SignalName(signal); name != "" {
		return name
	}
	return "signal " + strconv.Itoa(int(signal))
}

// seconds writes a duration as people do: "12 ms", "1.2 s", "30 s".
func seconds(d time.Duration) string {
	switch {
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d%time.Second == 0 || d >= time.Minute:
		return strconv.FormatInt(int64(d/time.Second), 10) + " s"
	}
	return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
