package poller

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Files to a socket by way of sendfile(2), without the signal of a broken pipe.

const (
	sigBlock   = 0 // SIG_BLOCK and SIG_SETMASK of sigprocmask(2), the same on amd64 and arm64.
	sigSetMask = 2
	sigSetSize = 8 // Bytes of the kernel's signal set.
)

// pipeOnly is the kernel's set of just SIGPIPE.
var pipeOnly = uint64(1) << (unix.SIGPIPE - 1)

// SendFileQuietly is SendFile where SIGPIPE is not ignored: a client that left is an error, and no signal, as for
// Write. sendfile(2) has no flag for that, so the signal is blocked on this thread meanwhile, and taken off if it came.
// So it is where the thread has it blocked anyway: what stayed pending would end the program as soon as a handler is
// called with the program's mask. One that was pending before is the program's, and stays.
func SendFileQuietly(fd, file int, off *int64, size int) (int, unix.Errno) {
	var before uint64
	setMask(sigBlock, &pipeOnly, &before)
	wasBlocked := before&pipeOnly != 0
	hadPipe := wasBlocked && isPipePending()
	n, errno := SendFile(fd, file, off, size)
	if n < size && !hadPipe { // Also without an error: a client that leaves in the middle raises the signal as well.
		takePipe()
	}
	if !wasBlocked {
		setMask(sigSetMask, &before, nil)
	}
	return n, errno
}

// isPipePending tells if a SIGPIPE waits for this thread, or for any of the process that does not block it.
func isPipePending() bool {
	var pending uint64
	// SAFETY: the kernel writes pending, of sigSetSize bytes, during the call.
	_, _, _ = unix.RawSyscall(unix.SYS_RT_SIGPENDING, uintptr(unsafe.Pointer(&pending)), sigSetSize, 0)
	return pending&pipeOnly != 0
}

// setMask is rt_sigprocmask(2), which cannot fail with these arguments.
func setMask(how uintptr, set, before *uint64) {
	// SAFETY: the kernel reads set and writes before, of sigSetSize bytes, during the call.
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, how, uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(before)),
		sigSetSize, 0, 0)
}

// takePipe takes a pending SIGPIPE off this thread.
func takePipe() {
	var none unix.Timespec
	// SAFETY: the kernel reads set and time during the call.
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGTIMEDWAIT, uintptr(unsafe.Pointer(&pipeOnly)), 0, uintptr(unsafe.Pointer(&none)),
		sigSetSize, 0, 0)
}
