// Package piped compiles C parts of the library into a program of their own, and runs one that answers on stdout what it is asked on stdin,
// for tests that compare what it says with something.
package piped

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Sanitized are the flags of a program that ends at what AddressSanitizer or UBSan finds.
var Sanitized = []string{"-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"}

// Build compiles a file of the test's testdata with files of capi, such as "block.c", whichever room they are in. It returns the program's
// path.
func Build(t testing.TB, source string, parts, flags []string) string {
	t.Helper()
	compiler := os.Getenv("CC")
	if compiler == "" {
		compiler = "gcc"
	}
	root := filepath.Join("..", "..")
	capi := filepath.Join(root, "capi")
	program := filepath.Join(t.TempDir(), "program")
	args := append([]string{"-std=gnu11", "-D_GNU_SOURCE", "-O1", "-g", "-Wall", "-Wextra", "-I" + capi, "-I" + filepath.Join(root, "include")}, flags...)
	for _, part := range parts {
		found, _ := filepath.Glob(filepath.Join(capi, "*", part))
		if len(found) != 1 {
			t.Fatalf("%s is in %d rooms of capi", part, len(found))
		}
		args = append(args, found[0])
	}
	args = append(args, filepath.Join("testdata", source), "-lpthread", "-o", program)
	if out, err := exec.Command(compiler, args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// Program is one that runs.
type Program struct {
	Stdin  io.WriteCloser
	Stdout *bufio.Reader
}

// Start runs a program. When the test ends its stdin is closed, and it has to end well.
func Start(t testing.TB, path string) *Program {
	t.Helper()
	cmd := exec.Command(path)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	})
	return &Program{stdin, bufio.NewReader(stdout)}
}
