package slot

import (
	"errors"
	"fmt"
	"sync/atomic"
	"unsafe"
)

// ErrLayout is wrapped by the errors of Open: the memory is not a table of slots as this build knows it.
var ErrLayout = errors.New("not a slot table")

// A page holds each of the two structs; a negative constant does not convert to uint.
const (
	_ = uint(Size - unsafe.Sizeof(Slot{}))
	_ = uint(Size - unsafe.Sizeof(Shared{}))
)

// Table is the shared memory of one process tree.
type Table struct {
	// Immutable.
	shared *Shared
	slots  []*Slot
}

// Open makes a Table of the shared mapping, which must stay mapped as long as the table is used.
func Open(mem []byte) (*Table, error) {
	if len(mem) < Size {
		return nil, fmt.Errorf("%w: %d bytes are less than a page", ErrLayout, len(mem))
	}
	// SAFETY: unsafe.SliceData gives a pointer to at least Size bytes; only its number is looked at.
	if uintptr(unsafe.Pointer(unsafe.SliceData(mem)))%unsafe.Alignof(Slot{}) != 0 {
		return nil, fmt.Errorf("%w: the memory is not aligned to words", ErrLayout)
	}
	// SAFETY: mem has a whole page, which holds a Shared (checked above at compile time), is aligned, and Shared
	// contains no pointers, so that any content is a valid value. The pointer keeps mem alive if it is on the Go heap.
	shared := (*Shared)(unsafe.Pointer(unsafe.SliceData(mem)))
	if magic := atomic.LoadUint32(&shared.Magic); magic != SharedMagic {
		return nil, fmt.Errorf("%w: magic is %#x", ErrLayout, magic)
	}
	count := atomic.LoadUint32(&shared.Slots)
	if count > Max {
		return nil, fmt.Errorf("%w: %d slots", ErrLayout, count)
	}
	if need := Size * (1 + int(count)); len(mem) < need {
		return nil, fmt.Errorf("%w: %d bytes, %d slots need %d", ErrLayout, len(mem), count, need)
	}
	t := &Table{shared: shared, slots: make([]*Slot, count)}
	for i := range t.slots {
		// SAFETY: the page of slot i lies inside mem, as the length was checked above, and it holds a Slot, which
		// contains no pointers. Pages are multiples of Size from an aligned start, so that the page is aligned too.
		t.slots[i] = (*Slot)(unsafe.Pointer(&mem[Size*(1+i)]))
	}
	return t, nil
}

// Len is the number of slots.
func (t *Table) Len() int { return len(t.slots) }

// Slot gives slot number i, from 0.
func (t *Table) Slot(i int) *Slot { return t.slots[i] }

// Shared gives the header.
func (t *Table) Shared() *Shared { return t.shared }
