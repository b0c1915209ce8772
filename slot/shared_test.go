package slot

import (
	"sync/atomic"
	"testing"
)

func TestExitReason_hasAName(t *testing.T) {
	for reason, want := range map[ExitReason]string{NotGone: "none", Self: "self", Memory: "memory", ExitReasons: "exit reason 11"} {
		if got := reason.String(); got != want {
			t.Errorf("reason %d: %q, want %q", uint32(reason), got, want)
		}
	}
}

func TestPhase_hasAName(t *testing.T) {
	for phase, want := range map[Phase]string{Starting: "starting", Stopping: "stopping", 5: "phase 5"} {
		if got := phase.String(); got != want {
			t.Errorf("phase %d: %q, want %q", uint32(phase), got, want)
		}
	}
}

func TestPublish_isReadBack(t *testing.T) {
	var s Shared
	s.Publish(Serving)
	s.StoreWanted(7)
	if s.LoadPhase() != Serving || s.LoadWanted() != 7 {
		t.Errorf("phase %v, %d wanted", s.LoadPhase(), s.LoadWanted())
	}
}

func TestCrash_isNotReadWhileItIsWritten(t *testing.T) {
	var s Shared
	if _, ok := s.LoadCrash(); ok {
		t.Error("there is a crash before any was written")
	}
	s.Crash.Reason, s.Crash.Pid = uint32(Crash), 71
	copy(s.Crash.LastWordsText[:], "no database\x00")
	atomic.StoreUint32(&s.Crash.Version, 1)
	if _, ok := s.LoadCrash(); ok {
		t.Error("a crash that is being written was read")
	}
	atomic.StoreUint32(&s.Crash.Version, 2)
	c, ok := s.LoadCrash()
	if !ok || ExitReason(c.Reason) != Crash || c.Pid != 71 || c.LastWords() != "no database" {
		t.Errorf("%v, reason %d, pid %d, %q", ok, c.Reason, c.Pid, c.LastWords())
	}
}

func TestCounters_areAdded(t *testing.T) {
	a := Slot{Requests: 3, InFlight: 1, LatencySumNs: 5}
	a.Responses[2], a.Latency[39] = 3, 2
	sum := a.LoadCounters()
	more := a.LoadCounters()
	sum.Add(&more)
	if sum.Requests != 6 || sum.InFlight != 2 || sum.LatencySumNs != 10 || sum.Responses[2] != 6 || sum.Latency[39] != 4 {
		t.Errorf("%+v", sum)
	}
}
