package main

/*
#cgo noescape fk_dispatch
#cgo nocallback fk_dispatch
#cgo nocallback fk_dispatch_release
#cgo noescape fk_deferred_collect
#cgo nocallback fk_deferred_collect
#cgo nocallback fk_deferred_close
#cgo noescape fk_deferred_take
#cgo nocallback fk_deferred_take
#include "deferred.h"
#include "dispatch.h"
#include "server.h"
*/
import "C"

import (
	"fmt"
	"strings"
	"unsafe"

	"libforker/engine"
	"libforker/engine/memory"
	"libforker/engine/router"
)

// app is the program, as the engine sees it.
type app struct {
	server
	router router.Router
	pooled []bool // By route: its handler runs on a thread of the pool.
	allow  []byte // The latest Allow of the loop's thread.
}

// newApp enters the server's routes into a router. C has checked them; what the router still refuses is a bug.
func newApp(s server) (*app, error) {
	a := &app{server: s}
	routes := unsafe.Slice(s.c.routes, int(s.c.route_count))
	for i := range routes {
		methods := strings.Split(C.GoString(routes[i].methods), ",")
		if err := a.router.Add(methods, C.GoString(routes[i].pattern), i); err != nil {
			return nil, fmt.Errorf("route %d: %w", i, err)
		}
		a.pooled = append(a.pooled, bool(routes[i].pooled))
	}
	return a, nil
}

// Log is engine.App's.
func (a *app) Log(level int, text string) { a.log(level, text) }

// Release is engine.App's.
func (a *app) Release(req *engine.Request) { C.fk_dispatch_release(address(req)) }

// Collect is engine.App's.
func (a *app) Collect(events []engine.Event) int {
	// SAFETY: the layouts are the same (layout.go).
	return int(C.fk_deferred_collect(a.c, (*C.fk_event)(unsafe.Pointer(unsafe.SliceData(events))), C.int(len(events))))
}

// Stream is engine.App's.
func (a *app) Stream(req *engine.Request) engine.Piece {
	var data *C.char
	var size C.uint64_t
	ended := C.fk_deferred_take(address(req), &data, &size)
	// SAFETY: C keeps the bytes until the next call.
	return engine.Piece{Data: memory.View(uintptr(unsafe.Pointer(data)), uint64(size)), Ended: bool(ended)}
}

// Close is engine.App's.
func (a *app) Close(req *engine.Request, reason int) bool {
	return bool(C.fk_deferred_close(address(req), C.int(reason)))
}

// Abandon is engine.App's.
func (a *app) Abandon() int { return int(C.fk_deferred_abandon(a.c)) }

// Free is engine.App's.
func (a *app) Free(req *engine.Request) { C.fk_dispatch_free(address(req)) }

// address is the C side of a request: the layouts are the same (layout.go), and a Request lives off the Go heap.
func address(req *engine.Request) C.uintptr_t { return C.uintptr_t(memory.AddressOf(req)) }

// Serve is engine.App's: it calls the handler of the best route, and of the next ones for as long as they say FORKER_NEXT.
func (a *app) Serve(call *engine.Call) engine.Outcome {
	req := call.Req
	for skip := call.Skip; ; skip++ {
		id, params, ok := a.router.Find(call.Method, call.Path, skip, (*router.Params)(&req.Params))
		if !ok {
			return a.refuse(call, skip)
		}
		if a.pooled[id] != call.Pooled {
			return engine.Outcome{Next: engine.Elsewhere, Skip: skip}
		}
		req.Route, req.ParamCount = uint32(id), uint32(params)
		result := C.fk_dispatch(address(req))
		answered := req.Answer.State != engine.AnswerNone
		switch {
		case req.Deferred != 0:
			return a.deferred(call, int(result))
		case result == C.FORKER_OK && answered:
			return engine.Outcome{}
		case result != C.FORKER_NEXT || answered:
			return a.fail(call, int(result))
		}
	}
}

// refuse answers where there is no route, or no other one after `asked` handlers said that the request is not theirs.
func (a *app) refuse(call *engine.Call, asked int) engine.Outcome {
	room := a.allow[:0]
	if call.Pooled {
		room = nil
	}
	allow := a.router.Allowed(room, call.Path)
	if !call.Pooled {
		a.allow = allow
	}
	switch {
	case asked > 0:
		return engine.Outcome{Status: 404}
	case !a.router.KnowsMethod(call.Method):
		return engine.Outcome{Status: 501, Detail: "no such method here"}
	case len(allow) == 0:
		return engine.Outcome{Status: 404}
	case string(call.Method) == "OPTIONS":
		return engine.Outcome{Status: 204, Allow: allow}
	default:
		return engine.Outcome{Status: 405, Allow: allow}
	}
}

// deferred takes in that the handler has made a handle: whoever has it may be using it, so that it counts whatever was returned.
func (a *app) deferred(call *engine.Call, result int) engine.Outcome {
	outcome := engine.Outcome{Next: engine.Deferred}
	if result != C.FORKER_DEFERRED {
		outcome.Fault = fmt.Sprintf("the handler of %s %s deferred the request, but returned %d instead of FORKER_DEFERRED",
			call.Method, call.Path, result)
	}
	return outcome
}

func (a *app) fail(call *engine.Call, result int) engine.Outcome {
	var why string
	switch {
	case result == C.FORKER_OK:
		why = "returned FORKER_OK without an answer"
	case result == C.FORKER_NEXT:
		why = "returned FORKER_NEXT after it had begun an answer"
	case result == C.FORKER_DEFERRED:
		why = "returned FORKER_DEFERRED without forker_request_defer()"
	case result > 0:
		why = fmt.Sprintf("returned %d, which is not a result", result)
	default:
		why = fmt.Sprintf("returned %d (%s)", result, C.GoString(C.forker_strerror(C.int(result))))
	}
	return engine.Outcome{Status: 500, Fault: fmt.Sprintf("the handler of %s %s %s; answered 500", call.Method, call.Path, why)}
}
