package slot

import "strconv"

// Why workers are gone.

// Cause says why a worker is gone.
type Cause uint32

// The causes. NotGone stands for none.
const (
	NotGone Cause = 0
	Self    Cause = 1  // it left by itself, as by exit(3)
	Crash   Cause = 2  // by a signal of its own doing, or one that somebody sent
	Killed  Cause = 3  // by a SIGKILL that was not ours: the kernel was out of memory, or an operator did it
	Boot    Cause = 4  // before it was ready: it failed, or took too long
	Stop    Cause = 5  // the server stops
	Reload  Cause = 6  // replaced by a newer generation
	Scale   Cause = 7  // fewer workers were wanted
	Recycle Cause = 8  // it had served its requests, its time, or grown over the soft memory limit
	Hang    Cause = 9  // its loop or its handler did not come back
	Memory  Cause = 10 // it had grown over the hard memory limit
	Causes  Cause = 11 // how many there are, NotGone included
)

var causeNames = [Causes]string{
	"none", "self", "crash", "killed", "boot", "stop", "reload", "scale", "recycle", "hang", "memory",
}

// String gives the name as metrics and documentation have it, such as "crash".
func (c Cause) String() string {
	if c < Causes {
		return causeNames[c]
	}
	return "cause " + strconv.FormatUint(uint64(c), 10)
}
