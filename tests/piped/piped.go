// Package piped runs a program that answers on stdout what it is asked on stdin, for tests that compare what it says with something.
package piped

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"testing"
)

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
