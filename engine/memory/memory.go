// Package memory gives out memory that does not belong to the Go heap: its addresses never change, the garbage
// collector does not look at it, and C may keep pointers into it for as long as its owner says.
//
// Invariant: a block is either in its pool or has exactly one owner; nothing in it is a pointer to the Go heap.
//
// A Pool belongs to one loop and is not safe for use by several goroutines. Under -tags invariants it panics if a block
// is put back twice or written to afterwards, and fills blocks without an owner with 0xdb.
package memory

import (
	"fmt"
	"math/bits"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	slabSize   = 1 << 20   // What is asked of the kernel at a time for small blocks.
	leastClass = 9         // The smallest block has 1 << leastClass bytes.
	slabClass  = 20        // Larger blocks are mapped one by one.
	mostClass  = 22        // Still larger ones are not kept.
	keptLarge  = 128 << 20 // Bytes beyond slabClass that a pool keeps until Trim; measure with bench mode post-1m.
)

// Pool hands out blocks, in classes of powers of two, the most recently returned one first: its lines are likely still
// in the processor's cache.
type Pool struct {
	free  [mostClass + 1][][]byte
	idle  [mostClass + 1]int // By class beyond slabClass: how many of free were there all the time since Trim.
	slab  []byte
	slabs [][]byte // All of them.
	large int      // Bytes of free blocks beyond slabClass.
	used  int64    // Bytes in the hands of owners.
	guard guard
}

// Get returns a block of at least size bytes, all of its capacity usable, with arbitrary content.
func (p *Pool) Get(size int) ([]byte, error) {
	b, err := p.take(size)
	p.used += int64(len(b))
	p.guard.got(b)
	return b, err
}

func (p *Pool) take(size int) ([]byte, error) {
	class := classOf(size)
	if class > mostClass {
		return mapBytes(roundUp(size, unix.Getpagesize()))
	}
	n := len(p.free[class])
	switch {
	case n == 0 && class > slabClass:
		return mapBytes(1 << class)
	case n == 0:
		return p.carve(1 << class)
	}
	b := p.free[class][n-1]
	p.free[class] = p.free[class][:n-1]
	if class > slabClass {
		p.large -= len(b)
		p.idle[class] = min(p.idle[class], n-1)
	}
	p.guard.reused(b)
	return b, nil
}

// Put takes back a block from Get. Its owner must not use it any more.
func (p *Pool) Put(b []byte) {
	b = b[:cap(b)]
	p.guard.put(b)
	p.used -= int64(len(b))
	class := classOf(len(b))
	if class > slabClass {
		p.large += len(b)
	}
	if class > mostClass || p.large > keptLarge {
		p.large -= len(b)
		unmapBytes(b)
		return
	}
	p.free[class] = append(p.free[class], b)
}

// Trim gives the blocks beyond slabClass back to the kernel that were not needed since the last Trim: a mapping costs a
// page fault for each page when it is made anew, so what is needed all the time is kept.
func (p *Pool) Trim() {
	for class := slabClass + 1; class <= mostClass; class++ {
		n := p.idle[class]
		for _, b := range p.free[class][:n] {
			p.large -= len(b)
			unmapBytes(b)
		}
		p.free[class] = slices.Delete(p.free[class], 0, n)
		p.idle[class] = len(p.free[class])
	}
}

// HasIdle reports whether there is something for Trim, now or the next time.
func (p *Pool) HasIdle() bool { return p.large > 0 }

// Close releases everything but blocks of more than 1 << slabClass bytes that have an owner. No other block may be used
// any more.
func (p *Pool) Close() {
	for _, blocks := range p.free[slabClass+1:] {
		for _, b := range blocks {
			unmapBytes(b)
		}
	}
	for _, slab := range p.slabs {
		unmapBytes(slab)
	}
	*p = Pool{}
}

// Mapping is what munmap(2) takes: memory that is somebody else's from now on.
type Mapping struct {
	Address uintptr
	Len     uint64
}

// Leave is Close where some blocks still have owners, who do not know the pool: it appends what they are in to left.
// Blocks of more than 1 << slabClass bytes are for LeaveBlock.
func (p *Pool) Leave(left []Mapping) []Mapping {
	for _, slab := range p.slabs {
		left = append(left, Mapping{Address(slab), uint64(len(slab))})
	}
	p.slabs = nil
	p.Close()
	return left
}

// LeaveBlock appends a block to left, if it was mapped by itself; Leave of its pool has the others.
func LeaveBlock(left []Mapping, b []byte) []Mapping {
	if cap(b) <= 1<<slabClass {
		return left
	}
	return append(left, Mapping{Address(b), uint64(cap(b))})
}

// Used returns how many bytes are in the hands of owners.
func (p *Pool) Used() int64 { return p.used }

func (p *Pool) carve(size int) ([]byte, error) {
	if len(p.slab) < size {
		slab, err := mapBytes(slabSize)
		if err != nil {
			return nil, err
		}
		p.slab = slab
		p.slabs = append(p.slabs, slab)
	}
	b := p.slab[:size:size]
	p.slab = p.slab[size:]
	return b, nil
}

func classOf(size int) int {
	if size <= 1<<leastClass {
		return leastClass
	}
	return bits.Len(uint(size - 1))
}

func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }

func mapBytes(size int) ([]byte, error) {
	p, err := mapPages(uintptr(size))
	if err != nil {
		return nil, err
	}
	// SAFETY: so many bytes are mapped there until unmapBytes.
	return unsafe.Slice((*byte)(p), size), nil
}

func unmapBytes(b []byte) {
	// SAFETY: mapBytes has mapped so many bytes there, so munmap(2) cannot fail.
	_ = unix.MunmapPtr(unsafe.Pointer(unsafe.SliceData(b)), uintptr(cap(b)))
}

// mapPages maps zeroed pages. Not by unix.Mmap: that keeps a list of what it has mapped, and not all of it is unmapped
// here (Leave).
func mapPages(size uintptr) (unsafe.Pointer, error) {
	p, err := unix.MmapPtr(-1, 0, nil, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, fmt.Errorf("map %d bytes: %w", size, err)
	}
	return p, nil
}

// Address returns where b begins, for C.
func Address(b []byte) uintptr {
	// SAFETY: the number is only of use for memory that does not move, which is all that this package gives out.
	return uintptr(unsafe.Pointer(unsafe.SliceData(b)))
}

// AddressOf returns where a T lies that is not on the Go heap, for C.
func AddressOf[T any](p *T) uintptr {
	// SAFETY: as for Address.
	return uintptr(unsafe.Pointer(p))
}

// At returns the T at address, which the caller knows to be one, off the Go heap.
func At[T any](address uintptr) *T {
	// SAFETY: see View.
	return *(**T)(unsafe.Pointer(&address))
}

// Array returns the Ts in size bytes of C's memory at address; see View.
func Array[T any](address uintptr, size uint64) []T {
	var zero T
	if size == 0 {
		return nil
	}
	// SAFETY: as for View; C's allocator aligns for every type.
	return unsafe.Slice(*(**T)(unsafe.Pointer(&address)), size/uint64(unsafe.Sizeof(zero)))
}

// View returns size bytes of C's memory at address, which stays C's: its owner says how long it may be looked at.
func View(address uintptr, size uint64) []byte {
	if size == 0 {
		return nil
	}
	// SAFETY: the caller got both from the owner of the memory, which is not on the Go heap. The pointer is loaded through
	// another one, because the conversion of a uintptr is otherwise taken for a lost Go pointer by go vet.
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&address)), size)
}
