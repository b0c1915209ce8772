package slot

import "strconv"

// What the server as a whole is doing.

// Phase says what the server as a whole is doing, as the master sees it.
type Phase uint32

// The phases.
const (
	Starting    Phase = 0 // no worker has been ready yet
	Serving     Phase = 1
	Reloading   Phase = 2 // serving, while one generation of workers replaces another
	DrainingAll Phase = 3 // all workers are let go, the master stays
	Stopping    Phase = 4 // run is about to return
)

var phaseNames = [...]string{
	Starting: "starting", Serving: "serving", Reloading: "reloading", DrainingAll: "draining", Stopping: "stopping",
}

// String gives the name as the status page and the documentation have it, such as "serving".
func (p Phase) String() string {
	if int64(p) < int64(len(phaseNames)) {
		return phaseNames[p]
	}
	return "phase " + strconv.FormatUint(uint64(p), 10)
}
