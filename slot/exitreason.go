package slot

import "strconv"

// Why workers are gone.

// ExitReason says why a worker is gone.
type ExitReason uint32

// The reasons. NotGone stands for none.
const (
	NotGone     ExitReason = 0
	Self        ExitReason = 1  // it left by itself, as by exit(3)
	Crash       ExitReason = 2  // by a signal of its own doing, or one that somebody sent
	Killed      ExitReason = 3  // by a SIGKILL that was not ours: the kernel was out of memory, or an operator did it
	Boot        ExitReason = 4  // before it was ready: it failed, or took too long
	Stop        ExitReason = 5  // the server stops
	Reload      ExitReason = 6  // replaced by a newer generation
	Scale       ExitReason = 7  // fewer workers were wanted
	Recycle     ExitReason = 8  // it had served its requests, its time, or grown over the soft memory limit
	Hang        ExitReason = 9  // its loop or its handler did not come back
	Memory      ExitReason = 10 // it had grown over the hard memory limit
	ExitReasons ExitReason = 11 // how many there are, NotGone included
)

var exitReasonNames = [ExitReasons]string{
	"none", "self", "crash", "killed", "boot", "stop", "reload", "scale", "recycle", "hang", "memory",
}

// String gives the name as metrics and documentation have it, such as "crash".
func (c ExitReason) String() string {
	if c < ExitReasons {
		return exitReasonNames[c]
	}
	return "exit reason " + strconv.FormatUint(uint64(c), 10)
}
