package main

/*
#cgo noescape fk_dispatch
#cgo nocallback fk_dispatch
#cgo noescape fk_dispatch_trim
#cgo nocallback fk_dispatch_trim
#include "dispatch.h"
#include "server.h"
*/
import "C"

import (
	"fmt"
	"strings"
	"unsafe"

	"libforker/engine"
	"libforker/engine/router"
)

// app is the program, as the engine sees it.
type app struct {
	server
	router router.Router
	allow  []byte // The latest Allow.
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
	}
	return a, nil
}

// Log is engine.App's.
func (a *app) Log(level int, text string) { a.log(level, text) }

// Trim is engine.App's.
func (a *app) Trim(req *engine.Request) { C.fk_dispatch_trim(exchange(req)) }

// exchange is the C side of a request.
func exchange(req *engine.Request) *C.forker_request {
	// SAFETY: the layouts are the same (layout.go), and a Request lives off the Go heap.
	return (*C.forker_request)(unsafe.Pointer(req))
}

// Serve is engine.App's: it calls the handler of the best route, and of the next ones for as long as they say FORKER_NEXT.
func (a *app) Serve(req *engine.Request, method, path []byte) engine.Outcome {
	for skip := 0; ; skip++ {
		id, params, ok := a.router.Find(method, path, skip, (*router.Params)(&req.Params))
		if !ok {
			return a.refuse(method, path, skip)
		}
		req.Route, req.ParamCount = uint32(id), uint32(params)
		result := C.fk_dispatch(exchange(req))
		answered := req.Answer.State != engine.AnswerNone
		if result == C.FORKER_OK && answered {
			return engine.Outcome{}
		}
		if result != C.FORKER_NEXT || answered {
			return a.fail(method, path, int(result), answered)
		}
	}
}

// refuse answers where there is no route, or no other one after `asked` handlers said that the request is not theirs.
func (a *app) refuse(method, path []byte, asked int) engine.Outcome {
	a.allow = a.router.Allowed(a.allow[:0], path)
	switch {
	case asked > 0:
		return engine.Outcome{Status: 404}
	case !a.router.KnowsMethod(method):
		return engine.Outcome{Status: 501, Detail: "no such method here"}
	case len(a.allow) == 0:
		return engine.Outcome{Status: 404}
	case string(method) == "OPTIONS":
		return engine.Outcome{Status: 204, Allow: a.allow}
	default:
		return engine.Outcome{Status: 405, Allow: a.allow}
	}
}

func (a *app) fail(method, path []byte, result int, answered bool) engine.Outcome {
	var why string
	switch {
	case result == C.FORKER_OK:
		why = "returned FORKER_OK without an answer"
	case result == C.FORKER_NEXT:
		why = "returned FORKER_NEXT after it had begun an answer"
	case result > 0:
		why = fmt.Sprintf("returned %d, which is not a result", result)
	default:
		why = fmt.Sprintf("returned %d (%s)", result, C.GoString(C.forker_strerror(C.int(result))))
	}
	a.log(engine.LogError, fmt.Sprintf("the handler of %s %s %s; answered 500", method, path, why))
	return engine.Outcome{Status: 500}
}
