package slot

// Where everything lies, as in capi/base/slot.h.

// The sizes of the layout. The names are those of capi/base/slot.h without the prefix.
const (
	SharedMagic    = 0x464f524b // "FORK"
	PageSize       = 4096
	Size           = 2 * PageSize // of a slot and of the header
	Max            = 1025         // 1024 workers, and the one more that a reload needs
	LatencyBuckets = 40
	TargetKept     = 128
	MethodKept     = 24
	LastWordsKept  = 256
	Certificates   = 256 // that a server can have
	Boxes          = 256 // black boxes of each slot beyond the one in its page: one for each thread of the handler pool
	BoxSize        = 256
	StatusClasses  = 6
)

// Shared is the header.
type Shared struct {
	Magic         uint32
	Slots         uint32 // how many slots follow; the library computes with a number of its own
	SpawnerPid    int32
	MasterPid     int32  // 0 while there is none
	StopTimeoutMs int32  // what forker_server_stop asked for; math.MaxInt32: nothing
	Phase         uint32 // a Phase; written by the master
	StartedNs     uint64

	// What is wanted of the workers. It is here so that a new master knows it.
	Wanted  uint32 // how many workers the master keeps alive, written by it; 0: as the options say
	Scale   int32  // what is still to be added to Wanted
	Held    uint32 // 1: all are to be drained and none started
	Epoch   uint32 // counts reloads
	Settled uint32 // the latest epoch whose reload is over, done or given up; written by the master
	Reopens uint32 // counts how often the log files were to be opened anew

	// Written by the spawner, so that they outlive every master.
	MasterStarts uint64
	WorkerStarts uint64
	Exits        [ExitReasons]uint64 // workers that are gone, by ExitReason
	Crash        CrashPage
	Validities   [Certificates]Validity // of the server's certificates, in their order; zero: not known
}

// Validity is the time in which a certificate is valid, in seconds since 1970.
type Validity struct {
	NotBefore int64
	NotAfter  int64
}

// CrashPage is the latest worker that was lost, as the spawner found its slot. Shared.LoadCrash copies it.
type CrashPage struct {
	Version       uint32 // odd while the spawner writes; 0: none was lost yet
	Reason        uint32 // a ExitReason
	Worker        uint32
	Generation    uint32
	Pid           int32
	Status        int32  // as from waitpid(2); -1 if somebody else reaped the process
	WallNs        uint64 // CLOCK_REALTIME when it was reaped
	AgeNs         uint64 // since its fork
	InsideNs      uint64 // how long Box.BusyFlag had been set, else 0
	Box           BlackBox
	LastWordsText [LastWordsKept]byte
}

// Slot is the place of one worker: a page of the spawner's, then one of the worker's.
type Slot struct {
	Generation     uint32 // counts the workers that lived in this slot; never 0 while one does
	Pid            int32
	Dismissed      uint32 // the ExitReason for which the master lets this generation go; written by the master alone
	Epoch          uint32 // Shared.Epoch at fork
	BornNs         uint64 // CLOCK_MONOTONIC at fork
	RequestsBefore uint64 // Requests at fork
	_              [PageSize - 32]byte

	// From here on the worker's.

	State        uint32 // a State
	ReachedReady uint32 // 1 once this generation was Ready
	ReadyNs      uint64
	HeartbeatNs  uint64 // the loop's clock in its latest iteration
	Connections  uint64 // open now
	InFlight     uint64 // requests that have been dispatched and not answered yet
	PoolSize     uint32 // how many threads the handler pool can have
	PoolUsed     uint32 // how many of the pool's boxes this generation has used: those from 0 on
	CrashedBox   uint32 // 1 + the number of the pool's box whose handler a fatal signal hit; 0: none of them
	Asked        uint32 // what this worker wants of the spawner, who takes it away
	AskedStop    uint32 // 1 + the ms that the soonest stop which this generation asked for gives; 0: none
	AskedScale   int32  // by how many workers the number of them is to change

	Accepted     uint64 // connections, over all generations, and so are all counters from here on
	Requests     uint64
	BytesIn      uint64
	BytesOut     uint64
	Responses    [StatusClasses]uint64  // by status class; [0] is never used
	Latency      [LatencyBuckets]uint64 // [i] counts responses that took less than 2^i ns (and not less than 2^(i-1))
	LatencySumNs uint64
	Handshakes   [Handshakes]uint64 // of TLS, by Handshake

	Box           BlackBox
	LastWordsText [LastWordsKept]byte // the latest error line of this generation, NUL-terminated
}

// BlackBox is the request that is inside a handler now: what a crash report and the hang detector need.
type BlackBox struct {
	BusyFlag   uint32 // 1 while the handler runs; written last on entry and first on exit
	MethodLen  uint16
	TargetLen  uint16 // of the whole target; only the first TargetKept bytes are kept
	Peer       Peer
	Route      uint32
	SinceNs    uint64 // CLOCK_MONOTONIC when the request was dispatched; in the pool, when the handler was called
	MethodText [MethodKept]byte
	TargetText [TargetKept]byte
	Thread     int32 // of the pool's boxes: gettid(2); else 0
	_          uint32
}

// Peer is a client's address as the kernel gave it.
type Peer struct {
	Family uint16 // unix.AF_INET, AF_INET6 or AF_UNIX; 0 if not known
	Port   uint16 // host byte order
	Addr   [16]byte
}
