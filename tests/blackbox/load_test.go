package blackbox

import (
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"libforker/bindings/api/header"
)

func TestLoading_changesNothing(t *testing.T) {
	program, library := compile(t, plain, "load.c", "c11"), filepath.Join(plain.dir, "libforker.so.0")
	var times []int
	for range 11 {
		out, err := exec.Command(program, library).CombinedOutput()
		var micros int
		if _, scanned := fmt.Sscanf(string(out), "dlopen %d", &micros); err != nil || scanned != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		times = append(times, micros)
	}
	slices.Sort(times)
	t.Logf("dlopen takes %d µs in the median, from %d to %d", times[5], times[0], times[10])
	if times[5] > 5000 {
		t.Errorf("dlopen takes %d µs in the median, want less than 5 ms", times[5])
	}
}

// declaredFunctions lists the functions of forker.h.
func declaredFunctions(t *testing.T) (names []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(sourceTree(), "include/forker.h"))
	must(t, err)
	api, err := header.Parse("forker.h", string(text))
	must(t, err)
	for _, function := range api.Functions {
		names = append(names, function.Name)
	}
	return names
}

func TestLibrary_exportsTheHeaderAndNothingElse(t *testing.T) {
	declared := declaredFunctions(t)
	library, err := elf.Open(filepath.Join(plain.dir, "libforker.so"))
	if err != nil {
		t.Fatal(err)
	}
	defer library.Close()
	symbols, err := library.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	var exported []string // SHN_ABS is the name of the version.
	for _, symbol := range symbols {
		if symbol.Section != elf.SHN_UNDEF && symbol.Section != elf.SHN_ABS && elf.ST_BIND(symbol.Info) != elf.STB_LOCAL {
			exported = append(exported, symbol.Name)
		}
	}
	slices.Sort(declared)
	slices.Sort(exported)
	if !slices.Equal(declared, exported) {
		t.Errorf("the header declares\n%v\nand the library exports\n%v", declared, exported)
	}
}

// Programs are compiled with warnings as errors in every dialect, see compileNow.
func TestHeader_compilesInEveryDialect(t *testing.T) {
	for _, standard := range []string{"c99", "c11", "c17"} {
		compile(t, plain, "null.c", standard)
	}
	for _, standard := range []string{"c++11", "c++14", "c++17", "c++20"} {
		compile(t, plain, "greet.cpp", standard)
	}
}
