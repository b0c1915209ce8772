package slot

import "testing"

func TestCrowded(t *testing.T) {
	cases := []struct {
		name    string
		open    []uint64 // connections of the slots; the first one asks
		state   State    // of the others
		crowded bool
	}{
		{"alone", []uint64{1000}, Ready, false},
		{"even", []uint64{500, 500, 500}, Ready, false},
		{"a little more", []uint64{510, 500, 500}, Ready, false},
		{"many more", []uint64{520, 500, 500}, Ready, true},
		{"less", []uint64{100, 500, 500}, Ready, false},
		{"others are leaving", []uint64{1000, 0, 0}, Draining, false},
		{"others are not there yet", []uint64{1000, 0}, Booting, false},
	}
	for _, c := range cases {
		table, err := Open(newMemory(uint32(len(c.open))+1), len(c.open)+1) // The last one was never used.
		if err != nil {
			t.Fatal(err)
		}
		for i, open := range c.open {
			s := table.Slot(i)
			s.Generation, s.Connections, s.State = 1, open, uint32(c.state)
		}
		table.Slot(0).State = uint32(Ready)
		if got := table.Crowded(0); got != c.crowded {
			t.Errorf("%s: crowded is %v", c.name, got)
		}
	}
}

func TestCrowded_isNotMisledByWhatCannotBe(t *testing.T) {
	table, err := Open(newMemory(3), 3)
	if err != nil {
		t.Fatal(err)
	}
	for i, open := range []uint64{1 << 63, 40, 1 << 63} {
		s := table.Slot(i)
		s.Generation, s.State, s.Connections = 1, uint32(Ready), open
	}
	if table.Crowded(1) {
		t.Error("a worker with 40 connections is crowded by the lies of others")
	}
}
