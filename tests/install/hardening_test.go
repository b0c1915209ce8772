package install

import (
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// pads are what functions begin with that are compiled to be called through pointers, by machine: endbr64 of
// -fcf-protection; bti c, or paciasp, which is one too, of -mbranch-protection.
var pads = map[elf.Machine][]uint32{elf.EM_X86_64: {0xfa1e0ff3}, elf.EM_AARCH64: {0xd503245f, 0xd503233f}}

// expectHardened wants a library to be built as distributions build.
func expectHardened(t *testing.T, path string) {
	t.Helper()
	library, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer library.Close()
	expectSegments(t, library)
	expectChecks(t, library)
	expectPads(t, library)
}

// expectSegments wants full RELRO, no executable stack, and no text that is written to by the dynamic loader.
func expectSegments(t *testing.T, library *elf.File) {
	t.Helper()
	isOf := func(kind elf.ProgType) func(*elf.Prog) bool { return func(p *elf.Prog) bool { return p.Type == kind } }
	if !slices.ContainsFunc(library.Progs, isOf(elf.PT_GNU_RELRO)) {
		t.Error("no RELRO")
	}
	if flags, err := library.DynValue(elf.DT_FLAGS); err != nil || len(flags) != 1 || elf.DynFlag(flags[0])&elf.DF_BIND_NOW == 0 {
		t.Errorf("DT_FLAGS %v, %v; want BIND_NOW", flags, err)
	}
	if i := slices.IndexFunc(library.Progs, isOf(elf.PT_GNU_STACK)); i < 0 || library.Progs[i].Flags&elf.PF_X != 0 {
		t.Error("the stack is executable")
	}
	if found, err := library.DynValue(elf.DT_TEXTREL); err != nil || len(found) > 0 {
		t.Errorf("text relocations: %v %v", found, err)
	}
	for _, p := range library.Progs {
		if p.Type == elf.PT_LOAD && p.Flags&(elf.PF_W|elf.PF_X) == elf.PF_W|elf.PF_X {
			t.Errorf("what is mapped at %#x can be written and executed", p.Vaddr)
		}
	}
}

// expectChecks wants the stack protector and _FORTIFY_SOURCE in use.
func expectChecks(t *testing.T, library *elf.File) {
	t.Helper()
	imported, err := library.ImportedSymbols()
	if err != nil {
		t.Fatal(err)
	}
	protects := func(s elf.ImportedSymbol) bool { return s.Name == "__stack_chk_fail" }
	fortifies := func(s elf.ImportedSymbol) bool { return strings.HasSuffix(s.Name, "_chk") }
	if !slices.ContainsFunc(imported, protects) {
		t.Error("no stack protector")
	}
	if !slices.ContainsFunc(imported, fortifies) {
		t.Error("no _FORTIFY_SOURCE")
	}
}

// expectPads wants every exported function to begin with a landing pad.
func expectPads(t *testing.T, library *elf.File) {
	t.Helper()
	symbols, err := library.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	text, count := library.Section(".text"), 0
	for _, s := range symbols {
		if elf.ST_TYPE(s.Info) != elf.STT_FUNC || s.Section == elf.SHN_UNDEF {
			continue
		}
		var first [4]byte
		if _, err := text.ReadAt(first[:], int64(s.Value-text.Addr)); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(pads[library.Machine], binary.LittleEndian.Uint32(first[:])) {
			t.Errorf("%s has no landing pad: %x", s.Name, first)
		}
		count++
	}
	if count < 50 {
		t.Errorf("only %d functions are exported", count)
	}
}

func TestLibrary_isHardened(t *testing.T) {
	for _, dir := range []string{".", "arm64"} {
		path := filepath.Join(buildDir(t), dir, "libforker.so")
		if _, err := os.Stat(path); err != nil && dir != "." {
			t.Logf("there is no %s: make %s builds it", path, dir)
			continue
		}
		expectHardened(t, path)
	}
}

// The flags of whoever builds are kept, and go before; _FORTIFY_SOURCE needs optimisation, and AddressSanitizer has
// checks of its own.
func TestBuild_hardensWhateverTheFlags(t *testing.T) {
	for given, c := range map[string]struct{ has, hasNot []string }{
		"-O3 -g":                         {[]string{"-fstack-protector-strong", "-D_FORTIFY_SOURCE=2", "-O3"}, nil},
		"-O0":                            {[]string{"-fstack-protector-strong"}, []string{"-D_FORTIFY_SOURCE=2"}},
		"-O1 -fsanitize=address":         {[]string{"-fstack-protector-strong"}, []string{"-D_FORTIFY_SOURCE=2"}},
		"-O2 -D_FORTIFY_SOURCE=3":        {[]string{"-fstack-protector-strong", "-D_FORTIFY_SOURCE=3"}, []string{"-D_FORTIFY_SOURCE=2"}},
		"-fstack-protector-strong -O2":   {[]string{"-D_FORTIFY_SOURCE=2", "-O2"}, nil},
		"-O2 -U_FORTIFY_SOURCE -pthread": {[]string{"-D_FORTIFY_SOURCE=2", "-pthread"}, nil},
	} {
		database, _ := command([]string{"CGO_CFLAGS=" + given}, "make", "-C", sourceTree(t), "-pqn", "lib", "BUILD="+buildDir(t)).Output()
		var flags []string
		for line := range strings.Lines(string(database)) {
			if value, found := strings.CutPrefix(line, "CGO_CFLAGS := "); found {
				flags = strings.Fields(value)
			}
		}
		for _, flag := range c.has {
			if !slices.Contains(flags, flag) {
				t.Errorf("of %q: no %s in %q", given, flag, flags)
			}
		}
		for _, flag := range c.hasNot {
			if slices.Contains(flags, flag) {
				t.Errorf("of %q: %s in %q", given, flag, flags)
			}
		}
	}
}
