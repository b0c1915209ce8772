package engine

import (
	"libforker/engine/http1"
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
	Now         uint64 // The loop's clock, CLOCK_MONOTONIC in ns.
	Params      [MaxParams]http1.Span
	Head        http1.Head

	// Filled by the program, through C.
	Answer Answer

	// C's own.
	texts uintptr
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
)

// How far an Answer has come.
const (
	AnswerNone = iota
	AnswerStarted
	AnswerWhole
)

// Answer is what the program said.
type Answer struct {
	Status uint16
	State  uint8
	Flags  uint8
	_      uint32
	Fields Block // "Name: value\r\n" lines.
	Body   Block
}

// keptAnswer is how much memory an answer may keep for the next one.
const keptAnswer = 256 << 10

func (a *Answer) reset() {
	a.Status, a.State, a.Flags = 0, AnswerNone, 0
	a.Fields.Len, a.Body.Len = 0, 0
}

func (a *Answer) isLarge() bool { return a.Fields.Cap > keptAnswer || a.Body.Cap > keptAnswer }

// Outcome is what became of a request in the App.
type Outcome struct {
	Status int    // 0: the answer is in Request.Answer; else this status, with a text of the engine's.
	Detail string // Put behind the status in that text.
	Allow  []byte // The value of an Allow field, if not empty.
}

// App is the program behind the engine.
type App interface {
	// Serve answers a request; path is its decoded path. Called on the loop's thread.
	Serve(req *Request, method, path []byte) Outcome
	// Trim gives back memory of an answer beyond what is worth keeping.
	Trim(req *Request)
	// Log writes a log line; level as in forker.h.
	Log(level int, text string)
}
