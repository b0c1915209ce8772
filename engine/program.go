package engine

import (
	"time"

	"libforker/engine/gate"
	"libforker/engine/grpc"
	"libforker/engine/memory"
	"libforker/engine/static"
)

// What the engine asks of the program behind it, and what the program says.

// Handlers are the program's handlers of requests.
type Handlers interface {
	// Serve asks the handlers for a response, and sets call.Outcome. Called on the loop's thread, or on one of the pool's.
	Serve(call *Call)
	// Admit returns how a body is to be received, once the head is there. It does not change as long as the program serves.
	Admit(call *Call) *Admission
	// Judge asks the program whether pages of an origin may read the response: what judges is that of the plan
	// (gate.CORS.Judge). Called on the loop's thread, after Admit.
	Judge(call *Call, judge uintptr, origin []byte) bool
	// Body hands the program a piece of a body that it has asked for, and sets call.Outcome. Called on the loop's thread.
	Body(call *Call, piece []byte, last int)
	// Done tells the functions around the handlers, which a request has come to and which want to know (Request.Owed), that it
	// has ended. Called on the loop's thread.
	Done(req *Request)
	// Head tells the functions that want to see the head of a response (Request.Heads) what its status is; they can set fields.
	// Called on the loop's thread.
	Head(req *Request, status int)
	// Error asks the program for the response to an error, and reports whether it is in req.Response. Only where
	// Config.OwnErrors says so. Called on the loop's thread.
	Error(req *Request, e *ProgramError) bool
}

// ProgramError is an error response that the program can word.
type ProgramError struct {
	Status     int
	Detail     []byte
	Allow      []byte // The value of an Allow field, if not empty.
	RetryAfter int    // Seconds; 0: it has no such field.
}

// Holders are those parts of the program that hold handles to requests, on any thread. Called on the loop's thread.
type Holders interface {
	// Collect fills events with what was done to deferred requests since the last call, and returns how many there are.
	Collect(events []Event) int
	// Interim takes the next interim response that was handed over on other threads than the loop's. false: there is none.
	Interim() (Interim, bool)
	// Stream returns what there is of the body of a stream; what it returned before is not needed any more.
	Stream(req *Request) Piece
	// Failure returns what was wrong with the last call of the program about a deferred request that failed, to be put
	// behind a log line; "" if none has. Before Closed.
	Failure(req *Request) string
	// Closed tells that a deferred request has ended for the engine, and reports whether the program has done with it too;
	// else an EventRelease will say so. It sets Cancelled when it has noted that, so that who sees it can rely on the end.
	Closed(req *Request, reason int) bool
	// Resumed tells that the engine goes on with a deferred request after an EventNext: nobody has a handle to it any more.
	Resumed(req *Request)
}

// Memory is what C holds for requests. Called on the loop's thread.
type Memory interface {
	// Release gives back what C holds for a request that has ended: copies, lent bytes, files, memory beyond what is worth
	// keeping.
	Release(req *Request)
	// Free gives back all that C holds for a request, whose memory goes away.
	Free(req *Request)
	// Retain leaves the requests to the program whose handles it has not used up, with the memory that they are in, and
	// returns how many there are. Called last.
	Retain(left []memory.Mapping) int
}

// Where a request goes on after Handlers.Serve.
const (
	Answered  = iota // It is answered: by Request.Response, or by Outcome.Status if that is not 0.
	Deferred         // Its response comes later: Holders.Collect tells when.
	Elsewhere        // The next handler is for the other side, loop or pool.
	AsksBody         // Handlers.Body wants the body, or more of it.
	WantsBody        // The next handler is to be asked when the whole body is there. Only of a Call that is Early.
	Gated            // The next handler is of a route with another plan than Call.Plan.
	Filed            // It is for a file of Outcome.Mount: what its path below that is, is the parameter behind Mount.Params others.
)

// Outcome is what became of a request in the program.
type Outcome struct {
	Next       int           // One of the above.
	Mount      *static.Mount // Filed: whose file.
	Route      int32         // The number of the route that was asked last, and 1; -1: there is none; 0: it was not looked for.
	Skip       int           // Elsewhere, WantsBody, Gated: how many handlers have said that the request is not theirs.
	Status     int           // 0: the response is in Request.Response; else this status, with a text of the engine's.
	Midway     bool          // Deferred: before its handler was called, which may still be asked. See EventNext.
	Fault      string        // What the program did wrong, for the log.
	Detail     string        // Put behind the status in that text.
	Code       grpc.Code     // Of a response to a call of gRPC; OK: that which belongs to Status.
	RetryAfter int           // Seconds, for a Retry-After field; 0: none.
	Location   []byte        // The value of a Location field, if not empty; valid until the next redirect.
	Allow      []byte        // The value of an Allow field, if not empty; valid until the next call of Serve.
}

// Call is a request on its way to the handlers.
type Call struct {
	Req    *Request
	Method []byte
	Path   []byte // Decoded.
	Host   []byte // As request.host says, if Config.Hosts.
	Skip   int    // How many handlers have said that the request is not theirs.
	Pooled bool   // On a thread of the pool; else on the loop's.
	Early  bool   // The body is not there yet: only handlers are asked that take it piece by piece.

	Plan  *gate.Plan // Of the route whose gates it has passed.
	Found Found      // What Admit has found for it, as far as that holds for Judge or Serve too.

	// Within is how long the handler may take that is asked, while the loop goes on; 0: for ever. The program may change what
	// Config.HandlerTimeout says, on the loop's thread only.
	Within time.Duration

	Outcome Outcome // For the program to fill in, zero before: it stays here because copies of it cost.
}

// Found is a route that was looked for. The program's own; the engine only forgets it.
type Found struct {
	Is     bool
	Route  uint32
	Params int
	Skip   int // How many handlers had said that the request is not theirs.
}

// Admission is how the first route that matches wants the body of a request.
type Admission struct {
	Most   int64      // Bytes that it may have.
	Stream bool       // Its handler is called when there is no more than the head.
	Plan   *gate.Plan // Of the route; nil: there is none.
	Route  int32      // Its number, and 1; 0: there is none.
	Guards bool       // It is no route of the program's, but has functions asked about what has none.
	None   bool       // There is no such route: the program responds without a handler.
	Single bool       // It is a method of gRPC that takes one message.
	Method *RPCMethod // What holds for calls of it; nil: Config.RPC.Common.
}

// What Handlers.Body is told of a piece; `last` of forker_body_fn.
const (
	BodyGoesOn  = 0
	BodyEnds    = 1   // It is the last one.
	BodyAborted = -15 // There is no piece, and will be none: FORKER_E_ABORTED.
)

// Reasons for which a deferred request ends; FORKER_CLOSE_* of forker.h.
const (
	CloseDone     = iota // The response is sent.
	CloseClient          // The client has left.
	CloseTimeout         // A time limit was reached.
	CloseShutdown        // The server stops.
	CloseError           // The response could not be sent, the handle was dropped, or the body was refused.
)

// What an Event says about a deferred request.
const (
	EventResume   = iota // It wants more of the body. A later event of the same request stands for this one too.
	EventResponse        // Request.Response is complete, or the head of a stream.
	EventStream          // Holders.Stream has something.
	EventDrop            // The program will not respond.
	EventNext            // The next handler is to be asked. Only of a request that was deferred midway.
	EventRelease         // The program has done with a request whose client had left.
	EventInterim         // Holders.Interim has something; of no certain request.
)

// Event is what the program has done to a deferred request, on some thread.
type Event struct {
	Request uintptr
	Serial  uint64 // Of the request.
	Kind    uint32
	_       uint32
}

// Interim is an interim response that the program has handed over on some thread.
type Interim struct {
	Request uintptr
	Serial  uint64
	Status  int
	Field   []byte // A line. Valid until the next call of Holders.Interim.
}

// Piece is the next piece of a stream.
type Piece struct {
	Data  []byte // Valid until the next call of Stream for the same request.
	Ended bool   // Nothing follows.
}
