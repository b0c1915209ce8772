// Package blackbox tests the built library as a program's author and its clients see it: small C and C++ programs of
// testdata, compiled against include/forker.h, serve to raw sockets, curl and wrk.
//
// Invariant: a test leaves nothing behind. Whatever start started is stopped when the test ends, and then no process of
// its process group, nobody who holds its output, and no listener on its addresses is left.
package blackbox

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"
)

// patience is how long an event may take that is waited for. It is a failure, not a wait.
const patience = 30 * time.Second

// scratch is where programs are compiled to.
var scratch string

func TestMain(m *testing.M) {
	if address := os.Getenv(attackedAddress); address != "" {
		attackForEver(address)
	}
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	var err error
	if scratch, err = os.MkdirTemp("", "blackbox"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(scratch)
	fds := openFds()
	code := m.Run()
	for until := time.Now().Add(patience); len(openFds()) > len(fds)+runtimeFds && time.Now().Before(until); {
		time.Sleep(10 * time.Millisecond) // Go closes the descriptors of connections in the background.
	}
	if left := openFds(); len(left) > len(fds)+runtimeFds && code == 0 {
		fmt.Fprintf(os.Stderr, "the tests have left descriptors open: %v; before them %v\n", left, fds)
		return 1
	}
	return code
}

// runtimeFds is what the Go runtime of the test itself opens on the way: its epoll instance and its eventfd, and the
// pidfd that package os tries out.
const runtimeFds = 4

// openFds lists what this process has open.
func openFds() []string {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil
	}
	var fds []string
	for _, entry := range entries {
		target, err := os.Readlink(filepath.Join("/proc/self/fd", entry.Name()))
		if err == nil {
			fds = append(fds, entry.Name()+" "+target)
		}
	}
	slices.Sort(fds)
	return fds
}

// sourceTree is the root of the repository.
func sourceTree() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "../..")
}
