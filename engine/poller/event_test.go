package poller

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestSignal_isThereUntilItIsSettled(t *testing.T) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	isThere := func() bool {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		return n == 1 && err == nil
	}
	Settle(fd) // Of nothing it does not wait.
	for range 2 {
		if Signal(fd); !isThere() {
			t.Error("nothing is there")
		}
		Signal(fd)
		if Settle(fd); isThere() {
			t.Error("it is there still")
		}
	}
}
