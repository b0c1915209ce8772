package poller

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Descriptors that only say that something has happened: eventfds and timerfds, none of which blocks. These are calls that
// Go's scheduler does not see: one that it sees has it look after the caller's processor, which costs more than the call.

// Signal adds one to an eventfd. Whoever polls it wakes up. On any thread.
func Signal(fd int) {
	one := [8]byte{1}
	// It can only fail for a count that is too high, and then whoever polls it wakes up anyway.
	// SAFETY: the kernel reads one, during the call.
	_, _, _ = syscall.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&one)), unsafe.Sizeof(one))
}

// Settle takes what an eventfd or timerfd has counted.
func Settle(fd int) {
	var count [8]byte
	// SAFETY: the kernel writes into count, during the call.
	_, _, _ = syscall.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&count)), unsafe.Sizeof(count))
}
