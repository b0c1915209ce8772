package engine

import (
	"time"

	"libforker/engine/access"
	"libforker/engine/errorpage"
	"libforker/engine/gate"
	"libforker/engine/message"
	"libforker/engine/secure"
	"libforker/engine/static"
	"libforker/slot"
)

// What a loop is made with: limits, times, and who it serves.

// Listener is a listening socket, non-blocking, and this worker's place among those that wait for its connections. The
// loop closes it.
type Listener struct {
	Fd    int
	Place Place
	TLS   *secure.Config // nil: clear text.

	// The port of HTTPS that requests are redirected to, but those of certificate authorities (redirect.go); 0: they are
	// served.
	Redirect uint16

	Proxied bool // Connections begin with a header of a proxy's, which Front.Trust has to trust.
}

// Place says when a worker takes a connection that several wait for.
type Place int

// The places. An idle worker is woken before those that have been waiting for a shorter time.
const (
	PlaceEqual  Place = iota // all workers alike: after rejoinAfter connections the others go first
	PlaceOwner               // as the first, whenever this worker is idle
	PlaceHelper              // when those before it are busy; after each connection it goes last again
)

// HTTP2Config says how HTTP/2 is spoken. By TLS it is spoken with those clients that have agreed on it.
type HTTP2Config struct {
	Clear   bool // Also without TLS, with clients that begin with it.
	Streams int  // Requests of one connection at a time.
}

// Config says how a Loop serves. It is not changed once the loop runs.
type Config struct {
	Listeners  []Listener
	Handlers   Handlers
	Holders    Holders
	Memory     Memory
	Log        func(level int, text string) // Writes a log line; level as in forker.h. Called on the loop's thread.
	Server     uintptr                      // For Request.Server.
	EventFd    int                          // Can be read when Holders.Collect has something.
	Pool       PoolConfig
	Slot       *slot.Slot // Where the loop counts.
	Shared     *slot.Shared
	Crowded    func() bool // Whether the other workers should take the next connections; nil: there are none.
	Access     *access.Log // nil: there is none. The loop closes it.
	ServerName string      // Value of the Server field; "" leaves it out.

	Limits     message.Limits
	MaxBody    int64
	ReadBuffer int  // Bytes of an input buffer; at least what a head needs.
	HideDate   bool // Responses have no Date field.

	MaxConnections        int           // Open at a time; more wait in the kernel's queue. 0: no limit.
	MaxConnectionsPerPeer int           // Of one client address; more are answered 429 and closed. 0: no limit.
	MaxRequests           int           // On one connection, which the last one ends. 0: no limit.
	MaxAge                time.Duration // After that, and up to a tenth more, a connection's next response is its last; by HTTP/2 it is told without one. 0: no limit.
	NoKeepAlive           bool          // Every response is the last of its connection.
	Probe                 bool          // The kernel asks whether silent clients are still there (tcp(7), SO_KEEPALIVE).
	CompressStreams       int           // How many responses are compressed at a time, besides small ones.
	MaxPipelined          int           // Requests of one connection before the others have their turn. 0: no limit.

	Admits     bool   // Routes differ in how they want bodies: Handlers.Admit is asked.
	Hosts      bool   // Routes differ by host: handlers want Call.Host.
	BodyBuffer int64  // A larger body is kept in a file,
	SpillDir   string // in this directory, or if that is "" in a memfd.
	BodyMemory int64  // Bytes of memory for all bodies together; more go to files of SpillDir, or are answered 503. 0: no limit.

	ReadHeaderTimeout time.Duration // From the first byte of a head (of a new connection: from accept) to its end.
	ReadBodyTimeout   time.Duration // From the end of the head to the end of the body.
	WriteTimeout      time.Duration // For a response, from the first byte that the client did not take.
	IdleTimeout       time.Duration // Between two requests.
	HandlerTimeout    time.Duration // For a response of a handler that is not on the loop's thread, unless Call.Within says another; 0: none.
	WriteMinRate      int64         // Bytes; so many that the client takes give it another second. 0: none.
	BodyMinRate       int64         // Bytes; so many that the client sends of a body give it another second. 0: none.
	HalfClose         bool          // A client that has sent its end may still want the response that is being made.
	DrainGrace        time.Duration // How long idle connections are kept while draining.

	Mounts []*static.Mount // Directories that are served; the loop closes them.
	Front  *gate.Front     // nil: nothing of it.
	Errors errorpage.Form  // What the bodies of the engine's own error responses are.

	OwnErrors bool // The program is asked for them: Handlers.Error.

	HTTP2       HTTP2Config
	RPC         RPCConfig
	TLS         TLSConfig // Where a listener has TLS.
	EverySecond func()    // Called on the loop's thread about once a second; nil: nothing.

	Hosted bool // The process goes on when the loop has ended, and is not the library's: its SIGPIPE is left as it is.
	Polled bool // The loop is run by Poll, from a loop of the host's that waits for Fd.

	// With Polled, Fd can be read at least this often, so that a host with nothing to do is told from one that hangs; 0: it
	// need not be.
	Beat time.Duration
}
