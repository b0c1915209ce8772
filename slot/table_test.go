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
	binary.NativeEndian.PutUint32(mem[Size*3+4:], 77)
	table, err := Open(mem)
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

func TestOpen_refusesWhatIsNoTable(t *testing.T) {
	wrongMagic := newMemory(1)
	wrongMagic[0]++
	tooMany := newMemory(1)
	binary.NativeEndian.PutUint32(tooMany[4:], Max+1)
	for name, mem := range map[string][]byte{
		"nothing":         nil,
		"less than page":  newMemory(1)[:Size-1],
		"less than slots": newMemory(2)[:3*Size-1],
		"not aligned":     newMemory(2)[1:],
		"wrong magic":     wrongMagic,
		"too many slots":  tooMany,
	} {
		if _, err := Open(mem); !errors.Is(err, ErrLayout) {
			t.Errorf("%s: error %v, want ErrLayout", name, err)
		}
	}
}

// FuzzSlot_survivesGarbage reads everything there is in a slot whose writer has died or gone wild.
func FuzzSlot_survivesGarbage(f *testing.F) {
	f.Add([]byte{})
	random := rand.New(rand.NewPCG(1, 2))
	for range 32 {
		page := make([]byte, 904)
		for i := range page {
			page[i] = byte(random.Uint32())
		}
		f.Add(page)
	}
	f.Fuzz(func(t *testing.T, page []byte) {
		mem := newMemory(1)
		copy(mem[Size:], page)
		table, err := Open(mem)
		if err != nil {
			t.Fatal(err)
		}
		s := table.Slot(0)
		_ = s.LoadState().String()
		if got := s.LastWords(); len(got) > LastWordsKept {
			t.Errorf("last words of %d bytes", len(got))
		}
		if got := s.Box.Method(); len(got) > MethodKept+3 {
			t.Errorf("a method of %d bytes", len(got))
		}
		if got := s.Box.Target(); len(got) > TargetKept+3 {
			t.Errorf("a target of %d bytes", len(got))
		}
		_ = s.Box.Busy()
		_ = s.Box.Peer.String()
	})
}
