//go:build invariants

package memory

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

const isGuarded = true

func panicOf(f func()) (text string) {
	defer func() {
		if r := recover(); r != nil {
			text = fmt.Sprint(r)
		}
	}()
	f()
	return ""
}

func TestInvariants_poisonPutBlocks(t *testing.T) {
	var p Pool
	b := get(t, &p, 600)
	p.Put(b)
	if bytes.Count(b, []byte{poisoned}) != len(b) {
		t.Error("a block can be read after Put")
	}
}

func TestInvariants_findMisuse(t *testing.T) {
	var p Pool
	for _, row := range []struct {
		name string
		f    func(b []byte)
		want string
	}{
		{"Put twice", func(b []byte) { p.Put(b); p.Put(b) }, "no block that has an owner"},
		{"Put of a part", func(b []byte) { p.Put(b[1:]) }, "no block that has an owner"},
		{"Put of other memory", func([]byte) { p.Put(make([]byte, 512)) }, "no block that has an owner"},
		{"write after Put", func(b []byte) { p.Put(b); b[7] = 1; _, _ = p.Get(600) }, "written to after Put, at 7"},
	} {
		b := get(t, &p, 600)
		if got := panicOf(func() { row.f(b) }); !strings.Contains(got, row.want) {
			t.Errorf("%s: %q", row.name, got)
		}
	}
}
