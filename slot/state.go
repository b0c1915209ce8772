package slot

import "strconv"

// How far a worker has come.

// State says how far the worker of a slot has come. The states are in the order in which a worker passes through them.
type State uint32

// The states of a slot.
const (
	Empty    State = 0 // no process; next: Forked
	Forked   State = 1 // fork done, still C only; next: Booting or Empty
	Booting  State = 2 // Go is starting, then worker_init; next: Ready, Draining or Empty
	Ready    State = 3 // accepts connections; next: Draining or Empty
	Draining State = 4 // accepts no more, finishes what it has; next: Empty
)

var stateNames = [...]string{Empty: "EMPTY", Forked: "FORKED", Booting: "BOOTING", Ready: "READY", Draining: "DRAINING"}

// String gives the name as the documentation has it, such as "READY".
func (s State) String() string {
	if int64(s) < int64(len(stateNames)) {
		return stateNames[s]
	}
	return "state " + strconv.FormatUint(uint64(s), 10)
}
