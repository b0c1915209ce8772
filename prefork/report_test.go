package prefork

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"libforker/slot"
)

func TestReport_namesTheRequestThatWasInTheHandler(t *testing.T) {
	inBubble(t, 3, config(3), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		workers := s.spawnReady(3)
		w := workers[2]
		box := &w.page.Box
		*box = slot.BlackBox{
			MethodLen: 3, TargetLen: 6, SinceNs: uint64(s.now()),
			Peer: slot.Peer{Family: unix.AF_INET, Port: 5000, Addr: [16]byte{127, 0, 0, 1}},
		}
		copy(box.MethodText[:], "GET")
		copy(box.TargetText[:], "/x?\x1b=1")
		atomic.StoreUint32(&box.BusyFlag, 1)
		time.Sleep(1234 * time.Millisecond)
		w.exit(killStatus(unix.SIGSEGV))
		next := s.spawn()
		s.expectLine(LogWarn, "worker 2 (pid 3001) killed by SIGSEGV in GET /x??=1 from 127.0.0.1:5000 after 1.2 s inside the handler; starting another")
		// What the black box holds belongs to the former generation.
		next.ready()
		synctest.Wait()
		atomic.StoreUint32(&box.BusyFlag, 0)
		next.exit(exitStatus(7))
		s.spawn().ready()
		s.expectLine(LogWarn, "worker 2 (pid 3002) exited with status 7; starting another")
		_ = s.link.Close()
		s.expectEnd(ErrSpawnerGone)
	})
}

func TestOutcome(t *testing.T) {
	for status, want := range map[int32]string{
		-1:                                  "was reaped by somebody else",
		0:                                   "exited with status 0",
		exitStatus(255):                     "exited with status 255",
		killStatus(unix.SIGKILL):            "killed by SIGKILL",
		killStatus(unix.SIGSEGV) | 0x80:     "killed by SIGSEGV",
		killStatus(unix.Signal(40)):         "killed by signal 40",
		int32(unix.SIGSTOP)<<8 | int32(127): "is gone with wait status 0x137f",
	} {
		if got := outcome(status); got != want {
			t.Errorf("status %#x: %q, want %q", status, got, want)
		}
	}
}

func TestSeconds(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                        "0 ms",
		12345 * time.Microsecond: "12 ms",
		time.Second:              "1 s",
		1234 * time.Millisecond:  "1.2 s",
		30 * time.Second:         "30 s",
		90500 * time.Millisecond: "90 s",
	} {
		if got := seconds(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}
