package poller

import (
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// onThreadThatBlocksPipe calls f on a thread with SIGPIPE blocked, and takes off what is pending in the end.
func onThreadThatBlocksPipe(f func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before uint64
	setMask(sigBlock, &pipeOnly, &before)
	defer setMask(sigSetMask, &before, nil)
	defer takePipe()
	f()
}

// sendToNobody sends a file to a client that has left, which raises SIGPIPE.
func sendToNobody(t *testing.T) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	Close(fds[1])
	defer Close(fds[0])
	file, err := os.Open("pipe_test.go")
	must(t, err)
	defer file.Close()
	var off int64
	if n, errno := SendFileQuietly(fds[0], int(file.Fd()), &off, 10); n != 0 || errno != unix.EPIPE {
		t.Error(n, errno)
	}
}

// A signal that was left pending would come as soon as a handler is called with the program's mask.
func TestSendFileQuietly_leavesNothingPendingWhereSIGPIPEIsBlocked(t *testing.T) {
	onThreadThatBlocksPipe(func() {
		sendToNobody(t)
		if isPipePending() {
			t.Error("SIGPIPE is pending")
		}
	})
}

func TestSendFileQuietly_leavesThePendingSIGPIPEOfTheProgram(t *testing.T) {
	onThreadThatBlocksPipe(func() {
		must(t, unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGPIPE))
		sendToNobody(t)
		if !isPipePending() {
			t.Error("the signal of the program is gone")
		}
	})
}

// SIGPIPE is as it was before: not blocked.
func TestSendFileQuietly_restoresTheMask(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	sendToNobody(t)
	var none, mask uint64
	setMask(sigBlock, &none, &mask)
	if mask&pipeOnly != 0 {
		t.Error("SIGPIPE is blocked")
	}
}
