//go:build invariants

package memory

import (
	"fmt"
	"unsafe"
)

// Checks of blocks under -tags invariants: who owns which, and whether anybody writes to others.

// poisoned fills blocks that nobody owns: who reads one finds nonsense, and who writes into one is found out by the next
// Get.
const poisoned = 0xdb

// guard knows the owned blocks of a pool.
type guard struct {
	owned map[*byte]int
}

func (g *guard) got(b []byte) {
	if g.owned == nil {
		g.owned = make(map[*byte]int)
	}
	if len(b) > 0 {
		// SAFETY: the address is a key, and is not read through.
		g.owned[unsafe.SliceData(b)] = len(b)
	}
}

// reused checks a block that was put back before.
func (g *guard) reused(b []byte) {
	for i, c := range b {
		if c != poisoned {
			panic(fmt.Sprintf("memory: a block of %d bytes was written to after Put, at %d", len(b), i))
		}
	}
}

func (g *guard) put(b []byte) {
	// SAFETY: the address is a key, and is not read through.
	address := unsafe.SliceData(b)
	if size, ok := g.owned[address]; !ok || size != len(b) {
		panic(fmt.Sprintf("memory: Put of %d bytes at %p, which are no block that has an owner", len(b), address))
	}
	delete(g.owned, address)
	Poison(b)
}

// Poison fills bytes whose time is over, although their block keeps its owner.
func Poison(b []byte) {
	for i := range b {
		b[i] = poisoned
	}
}
