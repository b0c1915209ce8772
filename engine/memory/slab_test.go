package memory

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

type thing struct {
	a byte
	b [700]uint64
	c byte
}

// fill makes things, each of which is to be zero and nobody else's.
func fill(t *testing.T, s *Slab[thing], n int) []*thing {
	t.Helper()
	var things []*thing
	for i := range n {
		p, err := s.New()
		if err != nil {
			t.Fatal(err)
		}
		if *p != (thing{}) {
			t.Errorf("thing %d is not zero: it has memory of another", i)
		}
		if at := AddressOf(p); at%lineSize != 0 {
			t.Errorf("thing %d at %#x shares a line with another", i, at)
		}
		for j := range p.b {
			p.b[j] = uint64(i)
		}
		p.a, p.c = byte(i), byte(i)
		things = append(things, p)
	}
	return things
}

// expectThings wants things to be as fill has left them.
func expectThings(t *testing.T, things []*thing) {
	t.Helper()
	for i, p := range things {
		if p.a != byte(i) || p.c != byte(i) || p.b[0] != uint64(i) || p.b[len(p.b)-1] != uint64(i) {
			t.Errorf("thing %d is another's", i)
		}
	}
}

func TestSlab_makesManyOfAMapping(t *testing.T) {
	var s Slab[thing]
	things := fill(t, &s, 3*slabThings)
	expectThings(t, things)
	if len(s.maps) > 3 {
		t.Errorf("%d mappings for %d things", len(s.maps), len(things))
	}
	first := AddressOf(things[0])
	s.Close()
	if isMapped(t, first) {
		t.Error("a thing is still mapped after Close")
	}
	fill(t, &s, 1) // It can be used anew.
	s.Close()
}

func TestSlab_leavesWhatItHasMade(t *testing.T) {
	var s Slab[thing]
	things := fill(t, &s, slabThings+1)
	left := s.Leave([]Mapping{{1, 2}})[1:]
	expectThings(t, things)
	for i, p := range things {
		at, in := uint64(AddressOf(p)), false
		for _, m := range left {
			in = in || at >= uint64(m.Address) && at < uint64(m.Address)+m.Len
		}
		if !in {
			t.Errorf("thing %d is in none of %v", i, left)
		}
	}
	s.Close() // Has nothing any more.
	expectThings(t, things)
	for _, m := range left {
		unmapBytes(View(m.Address, m.Len))
	}
}

// isMapped looks whether anything is mapped at an address.
func isMapped(t *testing.T, at uintptr) bool {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(maps)) {
		var from, to uintptr
		if _, err := fmt.Sscanf(line, "%x-%x", &from, &to); err != nil {
			t.Fatal(err)
		}
		if at >= from && at < to {
			return true
		}
	}
	return false
}
