package slot

import (
	"errors"
	"fmt"
	"sync/atomic"
	"unsafe"
)

// The shared memory as a whole.

// ErrLayout is wrapped by the errors of Open: the memory is not a table of slots as this build knows it.
var ErrLayout = errors.New("not a slot table")

// The room of each of the two structs holds it, and a box's room a box; a negative constant does not convert to uint.
const (
	_ = uint(Size - unsafe.Sizeof(Slot{}))
	_ = uint(Size - unsafe.Sizeof(Shared{}))
	_ = uint(BoxSize - unsafe.Sizeof(BlackBox{}))
)

// Table is the shared memory of one process tree.
type Table struct {
	// Immutable.
	shared *Shared
	slots  []*Slot
	boxes  []byte // behind the pages
}

// Open makes a Table of so many slots of the shared mapping, which must stay mapped as long as the table is used. The
// number comes from the caller's own memory: what the header says, its magic too, can be anything by now.
func Open(mem []byte, slots int) (*Table, error) {
	if slots < 0 || slots > Max {
		return nil, fmt.Errorf("%w: %d slots", ErrLayout, slots)
	}
	if need := MemorySize(slots); len(mem) < need {
		return nil, fmt.Errorf("%w: %d bytes, %d slots need %d", ErrLayout, len(mem), slots, need)
	}
	// SAFETY: unsafe.SliceData gives a pointer to at least Size bytes; only its number is looked at.
	if uintptr(unsafe.Pointer(unsafe.SliceData(mem)))%unsafe.Alignof(Slot{}) != 0 {
		return nil, fmt.Errorf("%w: the memory is not aligned to words", ErrLayout)
	}
	// SAFETY: mem has the room of a header, which holds a Shared (checked above at compile time), is aligned, and Shared
	// contains no pointers, so that any content is a valid value. The pointer keeps mem alive if it is on the Go heap.
	shared := (*Shared)(unsafe.Pointer(unsafe.SliceData(mem)))
	t := &Table{shared: shared, slots: make([]*Slot, slots), boxes: mem[Size*(1+slots):]}
	for i := range t.slots {
		// SAFETY: slot i lies inside mem, as the length was checked above, and there is room for a Slot, which contains no
		// pointers. The slots are multiples of Size from an aligned start, so that each is aligned too.
		t.slots[i] = (*Slot)(unsafe.Pointer(&mem[Size*(1+i)]))
	}
	return t, nil
}

// Len is the number of slots.
func (t *Table) Len() int { return len(t.slots) }

// Slot gives slot number i, from 0.
func (t *Table) Slot(i int) *Slot { return t.slots[i] }

// MemorySize is how many bytes a table of so many slots has: the header, the slots, then their pools' boxes.
func MemorySize(slots int) int { return Size*(1+slots) + Boxes*BoxSize*slots }

// PoolBox gives black box number n, from 0, of the handler pool of slot number i.
func (t *Table) PoolBox(i, n int) *BlackBox {
	at := BoxSize * (Boxes*i + n)
	// SAFETY: Open has checked that there are Boxes for each slot, and slicing checks that this is one of them. A BlackBox
	// contains no pointers, fits into BoxSize (checked above), and BoxSize keeps the alignment of the pages before.
	return (*BlackBox)(unsafe.Pointer(unsafe.SliceData(t.boxes[at : at+BoxSize])))
}

// CrashedBox gives the black box of slot number i in whose handler the worker died, if it was in one: that of the
// pool's thread which got the fatal signal, else that of its main thread.
func (t *Table) CrashedBox(i int) *BlackBox {
	if n := atomic.LoadUint32(&t.slots[i].CrashedBox); n >= 1 && n <= Boxes {
		return t.PoolBox(i, int(n-1))
	}
	return &t.slots[i].Box
}

// Shared gives the header.
func (t *Table) Shared() *Shared { return t.shared }
