package engine

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"
)

// TestMain ends the suite by looking for goroutines and descriptors that it left behind.
func TestMain(m *testing.M) {
	goroutines, fds := runtime.NumGoroutine(), openFds()
	code := m.Run()
	if flag.Lookup("test.fuzz").Value.String() != "" { // Fuzzing leaves a goroutine of its own, which hears signals.
		os.Exit(code)
	}
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		if runtime.NumGoroutine() <= goroutines {
			break
		}
	}
	if n := runtime.NumGoroutine(); n > goroutines {
		stacks := make([]byte, 1<<16)
		fmt.Printf("%d goroutines are left, %d at the start:\n%s\n", n, goroutines, stacks[:runtime.Stack(stacks, true)])
		code = 1
	}
	// The Go runtime keeps an epoll instance and an eventfd from the first socket on.
	if n := openFds(); n > fds+2 {
		fmt.Printf("%d descriptors are left, %d at the start\n", n, fds)
		code = 1
	}
	os.Exit(code)
}

func openFds() int {
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		panic(err)
	}
	return len(names) - 1 // One was that of the directory.
}
