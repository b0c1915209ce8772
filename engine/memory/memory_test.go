package memory

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func get(t *testing.T, p *Pool, size int) []byte {
	t.Helper()
	b, err := p.Get(size)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestGet_givesWholeClasses(t *testing.T) {
	page := os.Getpagesize()
	for _, row := range []struct{ size, want int }{
		{0, 512},
		{1, 512},
		{512, 512},
		{513, 1024},
		{4096, 4096},
		{4097, 8192},
		{1<<20 - 1, 1 << 20},
		{1 << 20, 1 << 20},
		{1<<20 + 1, 2 << 20},
		{3 << 20, 4 << 20},
		{4<<20 + 1, 4<<20 + page},
	} {
		var p Pool
		b := get(t, &p, row.size)
		if len(b) != row.want || cap(b) != row.want || p.Used() != int64(row.want) {
			t.Errorf("Get(%d): %d bytes, capacity %d, used %d", row.size, len(b), cap(b), p.Used())
		}
		b[0], b[len(b)-1] = 1, 2
		p.Put(b)
		if p.Used() != 0 {
			t.Errorf("Get(%d) and Put leave %d bytes in use", row.size, p.Used())
		}
	}
}

func TestGet_givesTheLatestBlockAgain(t *testing.T) {
	var p Pool
	first, second := get(t, &p, 1000), get(t, &p, 1000)
	p.Put(first)
	p.Put(second[:0]) // A block is known by where it begins, not by how much of it is looked at.
	for i, want := range [][]byte{second, first} {
		if b := get(t, &p, 600); Address(b) != Address(want) || len(b) != 1024 {
			t.Errorf("Get %d: %d bytes at %#x, want %#x", i, len(b), Address(b), Address(want))
		}
	}
}

func TestPut_keepsLargeBlocksUpToALimit(t *testing.T) {
	var p Pool
	var owned [][]byte
	for range keptLarge>>21 + 3 {
		owned = append(owned, get(t, &p, 1<<20+1))
	}
	for _, b := range owned {
		p.Put(b)
	}
	if p.large != keptLarge {
		t.Errorf("%d bytes are kept, want %d", p.large, keptLarge)
	}
	// Blocks of 2 MiB are full: those of another class go back at once, and the ones kept are given first.
	p.Put(get(t, &p, 4<<20))
	for range keptLarge >> 21 {
		get(t, &p, 1<<20+1)
	}
	if p.large != 0 {
		t.Errorf("%d bytes are kept after all was given away", p.large)
	}
}

// TestGet_blocksHaveOneOwner fills blocks of all sizes, and finds in each what was put there.
func TestTrim_givesBackWhatWasNotNeeded(t *testing.T) {
	var p Pool
	defer p.Close()
	const size = 2 << 20
	use := func(n int) {
		var blocks [5][]byte
		for i := range blocks[:n] {
			var err error
			if blocks[i], err = p.Get(size); err != nil {
				t.Fatal(err)
			}
		}
		for _, b := range blocks[:n] {
			p.Put(b)
		}
	}
	for _, step := range []struct{ used, kept int }{{5, 5}, {3, 3}, {4, 4}, {1, 1}, {0, 0}} {
		use(step.used)
		p.Trim()
		if p.large != step.kept*size || p.HasIdle() != (step.kept > 0) {
			t.Errorf("after the use of %d blocks at a time %d bytes are kept, want %d", step.used, p.large, step.kept*size)
		}
	}
}

func TestGet_blocksHaveOneOwner(t *testing.T) {
	var p Pool
	var owned [][]byte
	for i := range 4000 {
		if i%3 == 2 {
			at := i * 7 % len(owned)
			p.Put(owned[at])
			owned[at] = owned[len(owned)-1]
			owned = owned[:len(owned)-1]
			continue
		}
		b := get(t, &p, 1<<(i%12)+i)
		for j := range b {
			b[j] = byte(i)
		}
		owned = append(owned, b)
	}
	used := int64(0)
	for _, b := range owned {
		used += int64(len(b))
		if bytes.Count(b, b[:1]) != len(b) {
			t.Fatalf("a block of %d bytes has been written to by another owner", len(b))
		}
	}
	if p.Used() != used {
		t.Errorf("%d bytes in use, counted %d", p.Used(), used)
	}
	for _, b := range owned {
		p.Put(b)
	}
	if p.Used() != 0 {
		t.Errorf("%d bytes in use after everything was put back", p.Used())
	}
}

func TestGet_failsWithoutTrace(t *testing.T) {
	var p Pool
	b, err := p.Get(1 << 62)
	if err == nil || !strings.Contains(err.Error(), "bytes: cannot allocate memory") || b != nil || p.Used() != 0 {
		t.Fatalf("%d bytes, %v, %d in use", len(b), err, p.Used())
	}
}

func TestPool_allocatesNothing(t *testing.T) {
	if isGuarded {
		t.Skip("the guard of -tags invariants allocates")
	}
	var p Pool
	p.Put(get(t, &p, 1000))
	if n := testing.AllocsPerRun(100, func() {
		b, _ := p.Get(1000)
		p.Put(b)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestView_isWhatIsAtTheAddress(t *testing.T) {
	var p Pool
	b := get(t, &p, 100)
	defer p.Put(b)
	copy(b, "hello")
	if got := View(Address(b), 5); string(got) != "hello" {
		t.Errorf("%q", got)
	}
	if got := View(0, 0); got != nil {
		t.Errorf("%q", got)
	}
}
