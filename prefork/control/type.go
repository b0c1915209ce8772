package control

import "strconv"

// The types of messages.

// Type says what a message is about.
type Type uint16

// The types of messages. The comments name the payload.
const (
	// Spawner to master.

	Adopt      Type = 1 // a worker that lives already. WorkerPayload; file: the master's end of its channel
	AdoptedAll Type = 2 // the hand-over is complete. TimeoutPayload: the stop under way, or -1
	Spawned    Type = 3 // a new worker. WorkerPayload; file: the master's end of its channel
	Failed     Type = 4 // a Spawn was not possible. ErrorPayload
	Exited     Type = 5 // a worker is gone. ExitPayload
	Stop       Type = 6 // stop everything. TimeoutPayload
	Reload     Type = 7 // the header has a new epoch, and these are the options now. Payload: the options' numbers
	Desired    Type = 8 // the header says anew how many workers are wanted
	ReopenAll  Type = 9 // the log files were opened anew: have the workers use them

	Ping Type = 10 // answer with Published

	// NewLog says that a log file was opened anew; also from master to worker. LogPayload; file: it.
	NewLog Type = 11

	// Master to spawner.

	Hello  Type = 16 // the master is up
	Spawn  Type = 17 // fork a worker into the slot; the generation is the latest known there
	Kill   Type = 18 // send a signal to a worker. SignalPayload
	GiveUp Type = 19 // run is to fail, once all workers are gone. GiveUpPayload
	Done   Type = 20 // stopped, all workers are gone
	Told   Type = 22 // the log has what Exited said of this worker

	// Published says that the header tells anew what is going on, or that all wanted workers are READY, or some no more.
	Published Type = 21

	// Master to worker.

	Drain  Type = 32 // finish within the time, then exit. TimeoutPayload
	Reopen Type = 33 // the log files were opened anew: call the program's hook

	// Worker to master.

	Ready Type = 48 // serving
)

// shape is what a message of some type must look like.
type shape struct {
	name    string
	payload int // bytes, or anyLength
	files   int
}

const anyLength = -1

var shapes = map[Type]shape{
	Adopt:      {name: "ADOPT", payload: 8, files: 1},
	AdoptedAll: {name: "ADOPTED_ALL", payload: 4},
	Spawned:    {name: "SPAWNED", payload: 8, files: 1},
	Failed:     {name: "FAILED", payload: 4},
	Exited:     {name: "EXITED", payload: 12},
	Stop:       {name: "STOP", payload: 4},
	Reload:     {name: "RELOAD", payload: anyLength},
	Desired:    {name: "DESIRED"},
	ReopenAll:  {name: "REOPEN_ALL"},
	Ping:       {name: "PING"},
	NewLog:     {name: "NEW_LOG", payload: 4, files: 1},
	Hello:      {name: "HELLO"},
	Spawn:      {name: "SPAWN"},
	Kill:       {name: "KILL", payload: 8},
	GiveUp:     {name: "GIVE_UP", payload: anyLength},
	Done:       {name: "DONE"},
	Published:  {name: "PUBLISHED"},
	Told:       {name: "TOLD"},
	Drain:      {name: "DRAIN", payload: 4},
	Reopen:     {name: "REOPEN"},
	Ready:      {name: "READY"},
}

// String gives the name as the documentation has it, such as "SPAWN".
func (t Type) String() string {
	if s, ok := shapes[t]; ok {
		return s.name
	}
	return "type " + strconv.Itoa(int(t))
}
