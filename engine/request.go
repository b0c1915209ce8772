package engine

import (
	"libforker/engine/memory"
	"libforker/engine/message"
	"libforker/slot"
)

// MaxParams is how many parameters a route can have.
const MaxParams = 16

// Request is one request and the answer to it, in memory off the Go heap that C shares: struct forker_request of
// capi/exchange.h, whose layout is checked against this one when capi is compiled.
type Request struct {
	// Filled by the engine. Addresses are of memory off the Go heap.
	Base        uintptr // The head's first byte: its spans count from there.
	Path        uintptr // Decoded; in the head itself if it needed no decoding.
	Body        uintptr // Followed by a NUL byte.
	BodyLen     uint64
	PathLen     uint32
	PathDecoded uint32 // 1: Path is a NUL-terminated copy.
	Peer        slot.Peer
	Route       uint32 // Filled by the App.
	ParamCount  uint32 // Filled by the App.
	Cancelled   uint32 // 1: the client has left. Read by the program at any moment, so written atomically.
	Now         uint64 // The loop's clock, CLOCK_MONOTONIC in ns.
	Server      uintptr
	Box         uintptr // A slot.BlackBox.
	Rest        uintptr // What has come behind this request; its first byte may have been overwritten by NUL.
	RestLen     uint64
	Serial      uint64 // Tells it from other requests that are or were in the same exchange.
	Index       uint32 // Of the exchange, in Loop.exchanges.
	BodyFd      int32  // A file that has the body too; -1: none.
	Paused      uint32 // 1: the program wants no more of the body now. Written and read atomically.
	Interims    uint32 // 1: App.Interim has or had some of it. Written and read atomically.
	RestFirst   uint8  // The first byte of Rest.
	_           uint8
	_           [6]uint8
	Params      [MaxParams]message.Span
	Head        message.Head

	// Filled by the program, through C.
	Answer Answer

	// C's own; here it only matters whether there is something.
	Texts    uintptr
	Deferred uintptr
	OnBody   uintptr
	_        uintptr
}

// Block is a block of C's memory.
type Block struct {
	Data uintptr
	Len  uint64
	Cap  uint64
}

// Bits of Answer.Flags.
const (
	AnswerClose     = 1 << iota // The program wants the connection closed.
	AnswerHasDate               // It set Date by itself.
	AnswerHasServer             // It set Server by itself.
	AnswerError                 // The engine writes the text of the status; Body is the detail.
	AnswerStream                // The body comes from App.Stream, piece by piece.
	AnswerHijacked              // The program has taken the connection.
)

// How far an Answer has come.
const (
	AnswerNone = iota
	AnswerStarted
	AnswerWhole
)

// What a Part is.
const (
	PartBody = iota // Bytes of Answer.Body: Off, Len.
	PartLent        // The program's bytes: Data, Len.
	PartFile        // Of a file: Fd, Off, Len.
)

// Part is a piece of a body, where that is more than the bytes of Answer.Body.
type Part struct {
	Kind uint32
	Fd   int32
	Data uintptr
	Off  uint64
	Len  uint64
	_    [2]uintptr // C's own: what is called when the part is sent.
}

// Answer is what the program said.
type Answer struct {
	Status   uint16
	State    uint8
	Flags    uint8
	_        uint32
	Length   int64  // Of a stream: what its head promises; -1: not known.
	Parted   uint64 // Bytes of Body that stand in Parts; the rest comes behind them.
	Extra    uint64 // Bytes of all parts that are not of Body.
	Fields   Block  // "Name: value\r\n" lines.
	Body     Block
	Parts    Block // Part.
	Trailers Block // Like Fields, sent behind a stream that goes out in chunks.
}

// keptAnswer is how much memory an answer may keep for the next one.
const keptAnswer = 256 << 10

func (a *Answer) reset() {
	a.Status, a.State, a.Flags = 0, AnswerNone, 0
	a.Parted, a.Extra = 0, 0
	a.Fields.Len, a.Body.Len, a.Parts.Len, a.Trailers.Len = 0, 0, 0, 0
}

// bodyLen is the length of the whole body of an answer that is no stream.
func (a *Answer) bodyLen() uint64 { return a.Body.Len + a.Extra }

func (a *Answer) isLarge() bool { return a.Fields.Cap > keptAnswer || a.Body.Cap > keptAnswer }

// needsRelease tells if C holds something for the request that goes back when it ends.
func (r *Request) needsRelease() bool {
	return r.Texts|r.Deferred != 0 || r.Answer.Parts.Len > 0 || r.Answer.isLarge()
}

// Where a request goes on after App.Serve.
const (
	Answered  = iota // It is answered: by Request.Answer, or by Outcome.Status if that is not 0.
	Deferred         // Its answer comes later: App.Collect tells when.
	Elsewhere        // The next handler is for the other side, loop or pool.
	AsksBody         // App.Body wants the body, or more of it.
	WantsBody        // The next handler is to be asked when the whole body is there. Only of a Call that is Early.
)

// Outcome is what became of a request in the App.
type Outcome struct {
	Next       int    // One of the above.
	Skip       int    // Elsewhere, WantsBody: how many handlers have said that the request is not theirs.
	Status     int    // 0: the answer is in Request.Answer; else this status, with a text of the engine's.
	Fault      string // What the program did wrong, for the log.
	Detail     string // Put behind the status in that text.
	RetryAfter int    // Seconds, for a Retry-After field; 0: none.
	Allow      []byte // The value of an Allow field, if not empty; valid until the next call of Serve.
}

// Call is a request on its way to the handlers.
type Call struct {
	Req    *Request
	Method []byte
	Path   []byte // Decoded.
	Skip   int    // How many handlers have said that the request is not theirs.
	Pooled bool   // On a thread of the pool; else on the loop's.
	Early  bool   // The body is not there yet: only handlers are asked that take it piece by piece.

	Outcome Outcome // For the App to fill in, zero before: it stays here because copies of it cost.
}

// Admission is how the first route that matches wants the body of a request.
type Admission struct {
	Most   int64 // Bytes that it may have.
	Stream bool  // Its handler is called when there is no more than the head.
	None   bool  // There is no such route: the App answers without a handler.
}

// What App.Body is told of a piece; `last` of forker_body_fn.
const (
	BodyGoesOn  = 0
	BodyEnds    = 1   // It is the last one.
	BodyAborted = -15 // There is no piece, and will be none: FORKER_E_ABORTED.
)

// Reasons for which a deferred request ends; FORKER_CLOSE_* of forker.h.
const (
	CloseDone     = iota // The answer is sent.
	CloseClient          // The client has left.
	CloseTimeout         // A time limit was reached.
	CloseShutdown        // The server stops.
	CloseError           // The answer could not be sent, the handle was dropped, or the body was refused.
)

// What an Event says about a deferred request.
const (
	EventResume  = iota // It wants more of the body. A later event of the same request stands for this one too.
	EventAnswer         // Request.Answer is complete, or the head of a stream.
	EventStream         // App.Stream has something.
	EventDrop           // The program will not answer.
	EventRelease        // The program has done with a request whose client had left.
	EventInterim        // App.Interim has something; of no certain request.
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
	Field   []byte // A line. Valid until the next call of App.Interim.
}

// Piece is the next piece of a stream.
type Piece struct {
	Data  []byte // Valid until the next call of Stream for the same request.
	Ended bool   // Nothing follows.
}

// App is the program behind the engine.
type App interface {
	// Serve asks the handlers for an answer, and sets call.Outcome. Called on the loop's thread, or on one of the pool's.
	Serve(call *Call)
	// Admit tells how a body is to be received, once the head is there.
	Admit(call *Call) Admission
	// Body gives the program a piece of a body that it has asked for, and sets call.Outcome. Called on the loop's thread.
	Body(call *Call, piece []byte, last int)
	// Collect fills events with what the program has done to deferred requests since the last call, and tells how many.
	Collect(events []Event) int
	// Interim takes the next interim response that the program has handed over on other threads than the loop's. false:
	// there is none.
	Interim() (Interim, bool)
	// Stream gives what there is of the body of a stream; what it gave before is not needed any more.
	Stream(req *Request) Piece
	// Close tells the program that a deferred request has ended for the engine. true: the program has done with it too;
	// else an EventRelease will say so.
	Close(req *Request, reason int) bool
	// Release gives back what C holds for a request that has ended: copies, lent bytes, files, memory beyond what is worth
	// keeping.
	Release(req *Request)
	// Bequeath leaves the requests to the program whose handles it has not used up, with the memory that they are in, and
	// tells how many there are. Called last.
	Bequeath(left []memory.Mapping) int
	// Free gives back all that C holds for a request, whose memory goes away.
	Free(req *Request)
	// Log writes a log line; level as in forker.h. Called on the loop's thread.
	Log(level int, text string)
}
