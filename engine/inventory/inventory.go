// Package inventory notes which descriptors of this process are the engine's, so that a child that the program forks can
// close them: such a child has a duplicate of each, and would keep clients waiting for the end of their connection.
//
// Invariant: a descriptor is noted from when it is opened until just before it is closed; between Begin and End it may
// be open without being noted, and no fork happens meanwhile. The table is read by C in the child (capi/base/inventory.h),
// and in the parent by whoever closes a connection.
//
// The table is the process's, as its descriptors are. Any thread.
package inventory

import (
	"sync/atomic"
	"time"
)

// Size is how many descriptors the table has room for: what fs.nr_open allows unless somebody has raised it. Those
// beyond stay open in children.
const Size = 1 << 20

// Table is memory that C and Go share, fk_inventory in C.
type Table struct {
	Changing int32  // Threads between Begin and End.
	Forking  int32  // Forks that are under way.
	Forks    uint32 // Forks so far.
	Highest  int32  // No descriptor beyond is noted.
	Noted    [Size]uint8
}

var table = new(Table)

// Use replaces the table by one that C can see. Before anything is noted.
func Use(shared *Table) { table = shared }

// forkWait is how long a thread sleeps that finds a fork under way.
const forkWait = 50 * time.Microsecond

// Begin is called before a descriptor is opened or closed, and waits for a fork that is under way.
func Begin() {
	for atomic.AddInt32(&table.Changing, 1); atomic.LoadInt32(&table.Forking) > 0; atomic.AddInt32(&table.Changing, 1) {
		atomic.AddInt32(&table.Changing, -1)
		time.Sleep(forkWait)
	}
}

// End is called when what is open is noted, and what is noted is open.
func End() { atomic.AddInt32(&table.Changing, -1) }

// Add notes a descriptor that was opened, and returns it. The kernel gives a number out again when it was closed, so that
// another thread's Remove is over; Go's race detector knows that by the operations on Highest.
func Add(fd int) int {
	if uint(fd) < Size {
		high := atomic.LoadInt32(&table.Highest)
		table.Noted[fd] = 1
		for ; int(high) < fd; high = atomic.LoadInt32(&table.Highest) {
			atomic.CompareAndSwapInt32(&table.Highest, high, int32(fd))
		}
	}
	return fd
}

// Remove has one forgotten that is about to be closed, or becomes somebody else's.
func Remove(fd int) {
	if uint(fd) < Size {
		table.Noted[fd] = 0
		atomic.AddInt32(&table.Highest, 0)
	}
}

// Forks tells how often the process was forked by the program. Of a descriptor that was open at a fork a duplicate may be
// open in a child for a while, or for long if that was not forked by fork(2).
func Forks() uint32 { return atomic.LoadUint32(&table.Forks) }
