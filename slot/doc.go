// Package slot reads and writes the shared memory of a process tree: the header, then a place for each worker slot. It
// is the Go twin of capi/base/slot.h, and the only thing that the master and the engine share.
//
// Invariant: whatever stands in the memory, no function reads or writes outside of it, loops for ever or gives more
// than its own bounds: a worker can write anything into its page, and where the kernel does not let us prevent it
// (capi/base/shared.c) into all of them, at any moment, also halfway through a read. Words of 32 and 64 bits are read and
// written whole, once, by sync/atomic; texts are bounded by their array, whatever their length says, and copied before
// they are looked at. Numbers can still be lies: who reads them bounds what he does on their word.
//
// Who writes what stands in capi/base/slot.h.
//
// Every function may be called from any goroutine of any process of the tree.
package slot
