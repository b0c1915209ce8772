package slot

import (
	"strings"
	"testing"
)

func TestState_hasAName(t *testing.T) {
	for state, want := range map[State]string{
		Empty: "EMPTY", Forked: "FORKED", Booting: "BOOTING", Ready: "READY", Draining: "DRAINING",
		5: "state 5", 1<<32 - 1: "state 4294967295",
	} {
		if got := state.String(); got != want {
			t.Errorf("state %d: %q, want %q", uint32(state), got, want)
		}
	}
}

func TestLastWords(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"no database\x00left over", "no database"},
		{" spaces \n\x00", "spaces ?"},
		{"naïve\tword", "naïve?word"},
		{"\xff\xfe", "??"},
		{strings.Repeat("x", LastWordsKept), strings.Repeat("x", LastWordsKept)},
	} {
		var s Slot
		copy(s.LastWordsText[:], c.text)
		if got := s.LastWords(); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

func TestBlackBox_tellsTheRequest(t *testing.T) {
	long := "/" + strings.Repeat("a", 200)
	for _, c := range []struct{ method, target, wantMethod, wantTarget string }{
		{"GET", "/x?y=1", "GET", "/x?y=1"},
		{"", "", "", ""},
		{"PUT", long, "PUT", long[:TargetKept] + "..."},
		{"PUT", long[:TargetKept], "PUT", long[:TargetKept]},
		{"BASELINE-CONTROL-AND-MORE", "*", "BASELINE-CONTROL-AND-MOR...", "*"},
		{"G\x00T", "/\x1b[1m\xff", "G?T", "/?[1m?"},
	} {
		b := BlackBox{MethodLen: uint16(len(c.method)), TargetLen: uint16(len(c.target))}
		copy(b.MethodText[:], c.method)
		copy(b.TargetText[:], c.target)
		if got := b.Method(); got != c.wantMethod {
			t.Errorf("method %q, want %q", got, c.wantMethod)
		}
		if got := b.Target(); got != c.wantTarget {
			t.Errorf("target %q, want %q", got, c.wantTarget)
		}
	}
}

func TestBlackBox_isBusyWhileTheHandlerRuns(t *testing.T) {
	var b BlackBox
	if b.Busy() {
		t.Error("an empty black box is busy")
	}
	b.BusyFlag = 1
	if !b.Busy() {
		t.Error("not busy")
	}
}
