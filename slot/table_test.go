package slot

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"
)

// newMemory gives what the spawner would map for so many slots.
func newMemory(slots uint32) []byte {
	mem := make([]byte, MemorySize(int(slots)))
	binary.NativeEndian.PutUint32(mem[0:], SharedMagic)
	binary.NativeEndian.PutUint32(mem[4:], slots)
	return mem
}

func TestOpen_findsTheSlotsBehindTheHeader(t *testing.T) {
	mem := newMemory(3)
	binary.NativeEndian.PutUint32(mem[Size*3:], 77)
	table, err := Open(mem, 3)
	if err != nil {
		t.Fatal(err)
	}
	if table.Len() != 3 {
		t.Errorf("%d slots, want 3", table.Len())
	}
	if got := table.Slot(2).LoadGeneration(); got != 77 {
		t.Errorf("generation %d of slot 2, want 77", got)
	}
	if got := table.Shared().Slots; got != 3 {
		t.Errorf("the header says %d slots, want 3", got)
	}
}

// TestOpen_believesNothingOfTheHeader: where a worker can write it, a master that starts anew must do so.
func TestOpen_believesNothingOfTheHeader(t *testing.T) {
	for _, lie := range []uint32{0, 1, 4, Max, Max + 1, 1<<32 - 1} {
		mem := newMemory(3)
		binary.NativeEndian.PutUint32(mem[0:], lie)
		binary.NativeEndian.PutUint32(mem[4:], lie)
		table, err := Open(mem, 3)
		if err != nil {
			t.Fatal(err)
		}
		mem[len(mem)-BoxSize] = 1
		if box := table.PoolBox(2, Boxes-1); table.Len() != 3 || !box.Busy() {
			t.Errorf("%d slots, the last box is not found", table.Len())
		}
	}
}

func TestOpen_refusesWhatIsNoTable(t *testing.T) {
	for name, c := range map[string]struct {
		mem   []byte
		slots int
	}{
		"nothing":         {nil, 0},
		"less than page":  {newMemory(1)[:Size-1], 0},
		"less than slots": {newMemory(2)[:3*Size-1], 2},
		"less than boxes": {newMemory(2)[:MemorySize(2)-1], 2},
		"not aligned":     {newMemory(2)[1:], 1},
		"too many slots":  {newMemory(Max + 1), Max + 1},
		"less than none":  {newMemory(1), -1},
	} {
		if _, err := Open(c.mem, c.slots); !errors.Is(err, ErrLayout) {
			t.Errorf("%s: error %v, want ErrLayout", name, err)
		}
	}
}

// FuzzTable_survivesGarbage reads everything there is in memory whose writer has died or gone wild.
func FuzzTable_survivesGarbage(f *testing.F) {
	f.Add([]byte{})
	random := rand.New(rand.NewPCG(1, 2))
	for range 32 {
		page := make([]byte, 1000)
		for i := range page {
			page[i] = byte(random.Uint32())
		}
		f.Add(page)
	}
	f.Fuzz(func(t *testing.T, page []byte) {
		mem := newMemory(2)
		// The same into each part: the header but its magic, both pages of a slot, the boxes.
		for _, at := range []int{4, Size, Size + PageSize, 2 * Size, 2*Size + PageSize, 3 * Size} {
			copy(mem[at:], page[:min(len(page), PageSize-4)])
		}
		table, err := Open(mem, 2)
		if err != nil {
			t.Fatal(err)
		}
		readSlot(t, table, 0)
		readShared(t, table.Shared())
	})
}

func readSlot(t *testing.T, table *Table, i int) {
	t.Helper()
	s := table.Slot(i)
	_ = s.LoadState().String()
	_ = table.Crowded(i)
	size, used := s.LoadPool()
	if size > Boxes || used > size || size < 0 || used < 0 {
		t.Errorf("%d of %d boxes are used", used, size)
	}
	if got := s.LastWords(); len(got) > LastWordsKept {
		t.Errorf("last words of %d bytes", len(got))
	}
	boxes := []*BlackBox{&s.Box, table.CrashedBox(i)}
	for n := range used {
		boxes = append(boxes, table.PoolBox(i, n))
	}
	for _, box := range boxes {
		readBox(t, box)
	}
}

func readBox(t *testing.T, box *BlackBox) {
	t.Helper()
	if got := box.Method(); len(got) > MethodKept+3 {
		t.Errorf("a method of %d bytes", len(got))
	}
	if got := box.Target(); len(got) > TargetKept+3 {
		t.Errorf("a target of %d bytes", len(got))
	}
	_ = box.Busy()
	_ = box.Peer.String()
}

func readShared(t *testing.T, s *Shared) {
	t.Helper()
	_ = s.LoadPhase().String()
	if c, ok := s.LoadCrash(); ok {
		_ = ExitReason(c.Reason).String()
		if got := c.LastWords(); len(got) > LastWordsKept {
			t.Errorf("last words of %d bytes", len(got))
		}
		readBox(t, &c.Box)
	}
}
