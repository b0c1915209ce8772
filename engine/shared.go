package engine

import (
	"libforker/engine/message"
	"libforker/slot"
)

// Requests and responses as the engine and C share them.

// MaxParams is how many parameters a route can have.
const MaxParams = 16

// Request is one request and the response to it, in memory off the Go heap that C shares: struct forker_request of
// capi/exchange/exchange.h, whose layout is checked against this one when capi is compiled.
type Request struct {
	// Filled by the engine. Addresses are of memory off the Go heap.
	Base        uintptr // The head's first byte: its spans count from there.
	Path        uintptr // Decoded; in the head itself if it needed no decoding.
	Body        uintptr // Followed by a NUL byte.
	BodyLen     uint64
	PathLen     uint32
	PathDecoded uint32 // 1: Path is a NUL-terminated copy.
	Peer        slot.Peer
	Route       uint32 // Filled by Handlers.Serve.
	ParamCount  uint32 // Filled by Handlers.Serve.
	Cancelled   uint32 // 1: the client has left. Read by the program at any moment, so written atomically.
	Now         uint64 // The loop's clock, CLOCK_MONOTONIC in ns.
	Server      uintptr
	Box         uintptr // A slot.BlackBox.
	Rest        uintptr // What has come behind this request; its first byte may have been overwritten by NUL.
	RestLen     uint64
	TLS         uintptr // A TLSInfo; 0: the connection has none.
	Serial      uint64  // Tells it from other requests that are or were in the same memory.
	Index       uint32  // In Loop.byIndex.
	BodyFd      int32   // A file that has the body too; -1: none.
	Paused      uint32  // 1: the program wants no more of the body now. Written and read atomically.
	Interims    uint32  // 1: Holders.Interim has or had some of it. Written and read atomically.
	RestFirst   uint8   // The first byte of Rest.
	_           uint8
	Traced      uint8 // 1: Client says where the request is from; else it is Peer.
	Scheme      uint8 // One of the schemes below.
	IDLen       uint8 // Bytes of ID; 0: the request has none.
	Kept        uint8 // 1: OnBody has kept some of a piece, and is to be called for that when there is no pause. Written by the program.
	UserLen     uint8 // Bytes of User; 0: nobody has shown who they are.
	_           uint8
	Client      slot.Peer
	Host        message.Span // As a trusted proxy says; empty: it is Head.Host.
	Fd          int32        // Of the connection, as long as Cancelled is 0.
	ID          [72]uint8    // NUL-terminated.
	User        [256]uint8   // NUL-terminated.
	RPC         RPC
	Params      [MaxParams]message.Span
	Head        message.Head

	// Filled by the program, through C.
	Response Response

	// C's own; here it only matters whether there is something.
	Texts    uintptr
	Deferred uintptr
	OnBody   uintptr
	_        uintptr
	Failure  uintptr
	_        uint64
	Passed   Block  // What functions around handlers the request has come to.
	Ending   Ending // Filled by the engine when the request ends, if Owed says so.
	Step     uint32 // How many of those of its route it has come to; one more than there are: to the handler too.
	TokenDue uint8  // 1: it has to show the token of a page of this server, which Handlers.Serve sees to.
	Owed     uint8  // 1: some of Passed want to be told of the end.
	_        [2]uint8
	Values   uintptr
	Heads    Block // Functions that want to see the head of the response: Handlers.Head calls them.
	_        [2]uintptr
}

// EndingSize is that of Ending.
const EndingSize = 40

// Ending is how a request has ended: forker_outcome of forker.h.
type Ending struct {
	Size     uint32
	Status   int32 // Of the response; 0: there was none.
	Reason   int32 // One of the Close constants.
	_        uint32
	BytesIn  uint64 // Of the body.
	BytesOut uint64 // Of the response's.
	Ns       uint64
}

// What a request's scheme is.
const (
	SchemeOfConn = iota // "https" if the connection has TLS, else "http".
	SchemeHTTP
	SchemeHTTPS
)

// RPC is what a request has that is a call of gRPC.
type RPC struct {
	Message   uintptr // Its only one; 0: there is none, or they come one by one.
	Len       uint64
	Deadline  uint64 // On the loop's clock; 0: there is none.
	Reserved  uint64 // C's own.
	Is        uint8  // 1: the request is a call.
	OnMessage uint8  // 1: OnBody is for messages. Filled by the program.
	_         uint8  // C's own.

	Takes      uint8 // 1: the client takes messages that are compressed.
	Compressed uint8 // 1: the message came compressed.
	Wish       uint8 // RPCWish*, of a reply. Filled by the program.
	Encodes    uint8 // 1: messages of a stream may be compressed, whatever the option says. Filled by the program.
	Web        uint8 // 1: it is one of gRPC-Web.
}

// Which messages are compressed. With it begins the prefix of each message that comes from Holders.Stream to a client which takes those.
const (
	RPCWishNone       = iota // As the option says.
	RPCWishCompressed        // This one is.
	RPCWishPlain             // This one is not.
)

// Block is a block of C's memory.
type Block struct {
	Data uintptr
	Len  uint64
	Cap  uint64
}

// Bits of Response.Flags.
const (
	ResponseClose     = 1 << iota // The program wants the connection closed.
	ResponseHasDate               // It set Date by itself.
	ResponseHasServer             // It set Server by itself.
	ResponseError                 // The engine writes the text of the status; Body is the detail.
	ResponseStream                // The body comes from Holders.Stream, piece by piece.
	ResponseHijacked              // The program has taken the connection.
	ResponseAnnounces             // Fields has Trailer, for a stream that goes out in chunks.
	ResponseLength                // Length is that of the body, or would be where there is none (HEAD, 304).
)

// How far a Response has come.
const (
	ResponseNone = iota
	ResponseStarted
	ResponseWhole
)

// What the response to a call of gRPC is.
const (
	RPCNone    = iota // One like others.
	RPCMessage        // Body is a message with its prefix.
	RPCStatus         // There is no message: Code says why, and Body in words.
	RPCStream         // Messages with their prefixes come from Holders.Stream; then there are Code and Body.
)

// What a Part is.
const (
	PartBody = iota // Bytes of Response.Body: Off, Len.
	PartLent        // The program's bytes: Data, Len.
	PartFile        // Of a file: Fd, Off, Len.
)

// Part is a piece of a body, where that is more than the bytes of Response.Body.
type Part struct {
	Kind uint32
	Fd   int32
	Data uintptr
	Off  uint64
	Len  uint64
	_    [2]uintptr // C's own: what is called when the part is sent.
}

// Response is what the program said.
type Response struct {
	Status   uint16
	State    uint8
	Flags    uint8
	RPC      uint8 // What the response to a call is.
	Code     uint8 // Of that.
	File     uint8 // 1: Parts is a file as a whole, of which the client may want less.
	_        uint8
	Length   int64  // Of a stream: what its head promises; -1: not known. Or see ResponseLength.
	Parted   uint64 // Bytes of Body that stand in Parts; the rest comes behind them.
	Extra    uint64 // Bytes of all parts that are not of Body.
	Fields   Block  // "Name: value\r\n" lines.
	Body     Block
	Parts    Block // Part.
	Trailers Block // Like Fields, sent behind a stream that goes out in chunks.

	Modified   int64 // Of that file: seconds since 1970.
	Inode      uint64
	ModifiedNs uint32 // And nanoseconds.
	_          uint32
}

// keptResponse is how much memory a response may keep for the next one.
const keptResponse = 256 << 10

func (a *Response) reset() {
	a.Status, a.State, a.Flags, a.RPC, a.Code, a.File = 0, ResponseNone, 0, RPCNone, 0, 0
	a.Parted, a.Extra = 0, 0
	a.Fields.Len, a.Body.Len, a.Parts.Len, a.Trailers.Len = 0, 0, 0, 0
}

// bodyLen is the length of the whole body of a response that is no stream.
func (a *Response) bodyLen() uint64 { return a.Body.Len + a.Extra }

// withdraw takes back a response that was begun. What it has of the program's memory and files goes back when the request
// ends.
func (a *Response) withdraw() {
	parts := a.Parts.Len
	a.reset()
	a.Parts.Len = parts
}

func (a *Response) isLarge() bool { return a.Fields.Cap > keptResponse || a.Body.Cap > keptResponse }

// needsRelease reports whether C holds something for the request that goes back when it ends.
func (r *Request) needsRelease() bool {
	return r.Texts|r.Deferred|r.Failure|r.Values != 0 || r.Owed != 0 || r.Heads.Len > 0 || r.Response.Parts.Len > 0 || r.Response.isLarge()
}
