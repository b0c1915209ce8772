package poller

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Descriptors of the library's own are above those that programs take for stdin, stdout and stderr.

// leastFd is the lowest descriptor that the library uses. Those below are the program's, also while they are closed: a
// daemon may put something there at any time.
const leastFd = 3

// Raise takes what a call that makes a descriptor has returned, and moves the descriptor above 2 if it is not there. It
// is close-on-exec.
func Raise(fd int, err error) (int, error) {
	if err != nil || fd >= leastFd {
		return fd, err
	}
	raised, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, leastFd)
	_ = unix.Close(fd) // It is valid, and nobody has noted it.
	if err != nil {
		return -1, fmt.Errorf("duplicate a descriptor: %w", err)
	}
	return raised, nil
}
