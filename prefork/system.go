package prefork

import (
	"math/rand/v2"
	"time"

	"golang.org/x/sys/unix"

	"libforker/prefork/control"
	"libforker/slot"
)

// Everything outside of the master, as values.

// Link is one end of a control channel; control.Channel is the real one.
type Link interface {
	Send(m *control.Message) error     // may wait for the other side
	TrySend(m *control.Message) error  // does not
	Receive() (control.Message, error) // waits; io.EOF when the other end is closed
	Close() error                      // wakes who waits
}

// System is everything outside of the master.
type System struct {
	Spawner Link                         // closed by Run
	Open    func(fd int) (Link, error)   // takes over the master's end of a worker's channel
	Slots   *slot.Table                  // the shared memory
	Now     func() time.Duration         // CLOCK_MONOTONIC, as in the slots
	Random  func() float64               // at least 0, less than 1
	Log     func(level int, text string) // called by Run's goroutine only
	// SettleLog tells how many lines the log has held back, where it is time. If there are others, it returns when to call it
	// again. Run's goroutine calls it.
	SettleLog func() (due time.Duration, held bool)
	Reload    func(options []byte) Config // the policy, after the options have become those of a RELOAD
	TakeLog   func(which int32, fd int)   // uses a log file that was opened anew, and takes it over
	Logs      func() map[int32]int        // the log files that are used

	Resident func(pid int32) (n uint64, ok bool) // the bytes of memory that a worker has resident
	Daily    func()                              // looks at what goes bad in days, and logs it; called by Run's goroutine
	OOMKills func() (n uint64, ok bool)          // how many processes of the cgroup the kernel has killed for want of memory
}

// The log levels. The numbers are those of FORKER_LOG_*.
const (
	LogError = 0
	LogWarn  = 1
	LogInfo  = 2
	LogDebug = 3
)

// NewSystem gives the real one, but for what the caller alone knows: Log, SettleLog, Reload, TakeLog, Logs, Resident and Daily.
func NewSystem(spawner *control.Channel, slots *slot.Table) System {
	return System{
		Spawner: spawner,
		Open: func(fd int) (Link, error) {
			c, err := control.Open(fd)
			if err != nil {
				return nil, err
			}
			return c, nil
		},
		Slots:    slots,
		Now:      now,
		Random:   rand.Float64,
		OOMKills: OOMKills,
	}
}

// now reads CLOCK_MONOTONIC. clock_gettime(2) fails only for clocks that do not exist.
func now() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return time.Duration(ts.Nano())
}
