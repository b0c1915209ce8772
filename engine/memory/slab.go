package memory

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Objects that are needed as long as the loop is, many in one mapping.

const (
	slabThings = 64 // How many things a Slab asks the kernel for at a time; pages that were never touched cost nothing.
	lineSize   = 64 // Bytes that processors exchange: two things that two threads have do not share any.
)

// Slab makes Ts which are needed until the Slab ends: many in one mapping, because a mapping for each would cost a
// system call and the rest of its last page. T must not contain Go pointers. Not safe for use by several goroutines.
type Slab[T any] struct {
	room []byte   // Of the latest mapping, for those that are still to be made.
	maps [][]byte // All mappings.
}

// New returns a zeroed T, in memory that stays where it is until Close, or is somebody else's after Leave.
func (s *Slab[T]) New() (*T, error) {
	var zero T
	size := roundUp(int(unsafe.Sizeof(zero)), lineSize)
	if len(s.room) < size {
		room, err := mapBytes(roundUp(slabThings*size, unix.Getpagesize()))
		if err != nil {
			return nil, err
		}
		s.room = room
		s.maps = append(s.maps, room)
	}
	// SAFETY: a T fits there, begins at the beginning of a line, is zeroed, mapped until Close, and nobody else's.
	p := (*T)(unsafe.Pointer(unsafe.SliceData(s.room)))
	s.room = s.room[size:]
	return p, nil
}

// Close releases everything. No T may be used any more.
func (s *Slab[T]) Close() {
	for _, b := range s.maps {
		unmapBytes(b)
	}
	*s = Slab[T]{}
}

// Leave is Close where some Ts still have owners, who do not know the Slab: it appends what they are in to left.
func (s *Slab[T]) Leave(left []Mapping) []Mapping {
	for _, b := range s.maps {
		left = append(left, Mapping{Address(b), uint64(len(b))})
	}
	*s = Slab[T]{}
	return left
}
