// Package slot reads and writes the shared memory of a process tree: one header page, then one page for each worker
// slot. It is the Go twin of capi/slot.h, and the only thing that the master and the engine share.
//
// Invariant: a slot has one writer at a time, the spawner while no worker lives in it, else that worker; DrainAsked
// alone is the master's. Every other process may read it at any moment, also when its writer has died halfway through a
// write: words of 32 and 64 bits are therefore read and written whole, by sync/atomic, and texts are bounded by their
// array, whatever their length says.
//
// Every function may be called from any goroutine of any process of the tree.
package slot
