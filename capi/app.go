package main

/*
#cgo noescape fk_deferred_collect
#cgo nocallback fk_deferred_collect
#cgo noescape fk_deferred_take
#cgo nocallback fk_deferred_leave
#include "base/server.h"
#include "exchange/chain.h"
#include "exchange/deferred.h"
#include "exchange/dispatch.h"
#include "exchange/errorcall.h"
#include "exchange/onhead.h"
#include "exchange/origin.h"
#include "exchange/wire.h"
*/
import "C"

import (
	"fmt"
	"runtime"
	"strings"
	"time"
	"unsafe"

	"libforker/engine"
	"libforker/engine/memory"
	"libforker/engine/router"
	"libforker/engine/static"
)

// The program as the engine sees it: its routes, handlers and handles.

// app is the program, as the engine sees it.
type app struct {
	server
	router router.Hosts
	routes []routeTraits
	none   engine.Admission // What holds where there is no route.
	admits bool             // Routes differ in their bodies.
	calls  bool             // There are methods of gRPC.
	allow  []byte           // The latest Allow of the loop's thread.
	users  userFiles
}

// routeTraits are the options of a route.
type routeTraits struct {
	pooled   bool  // Its handler runs on a thread of the pool.
	chained  bool  // Its group has functions around the handler, or requests may have to show a token,
	guards   bool  // It is not one of the program's routes, but has these, and its gates, asked about what has none.
	streamed bool  // Its handler takes the body piece by piece.
	number   int32 // As engine.Outcome.Route has it.
	chain    uint32
	within   time.Duration // What it may take where the loop goes on meanwhile; 0: for ever.
	body     engine.Admission
	call     callKind
	served   bool          // In place of a handler, files are served
	mount    *static.Mount // of this directory.
}

// newApp enters the server's routes into a router. C has checked them; what the router still refuses is a bug.
func newApp(s server, users userFiles) (*app, error) {
	a := &app{server: s, users: users, none: engine.Admission{Most: s.number(C.FK_OPTION_MAX_BODY), None: true}}
	var err error
	if a.none.Plan, err = a.serverPlan(); err != nil {
		return nil, err
	}
	routes := unsafe.Slice(s.c.routing.routes, int(s.c.routing.route_count))
	for i := range routes {
		route := &routes[i]
		if err := a.enter(route, i); err != nil {
			return nil, fmt.Errorf("route %d: %w", i, err)
		}
		traits := routeTraits{pooled: bool(route.pooled), guards: bool(route.guards), streamed: bool(route.streamed), chain: s.chainOf(route)}
		if traits.number = int32(i) + 1; traits.guards {
			traits.number = -1
		}
		plan, err := a.planOf(i)
		if err != nil {
			return nil, fmt.Errorf("route %d: %w", i, err)
		}
		traits.chained = traits.chain > 0 || plan.HasTokens()
		traits.served = route.directory != nil || bool(route.follows)
		if traits.served { // A body is of no use to it, and without functions around it there is nothing to wait for.
			traits.streamed, traits.pooled = traits.chained, traits.pooled && traits.chained
		}
		if traits.within = s.duration(C.FK_OPTION_HANDLER_TIMEOUT); route.handler_timeout > 0 {
			traits.within = time.Duration(route.handler_timeout - 1)
		}
		traits.body = engine.Admission{Most: a.none.Most, Stream: traits.streamed || traits.chained}
		if route.max_body >= 0 {
			traits.body.Most = int64(route.max_body)
		}
		if traits.call = callKind(route.grpc); traits.call != noCall {
			a.calls = true
			traits.body = a.admitCall(traits.call, a.methodOf(i), traits.body.Stream)
		}
		traits.body.Plan, traits.body.Guards, traits.body.Route = plan, traits.guards, max(traits.number, 0)
		a.admits = a.admits || a.calls || traits.body.Stream || traits.body.Most != a.none.Most
		a.routes = append(a.routes, traits)
	}
	return a, nil
}

// enter enters a route into the router.
func (a *app) enter(route *C.fk_route, id int) error {
	pattern, host := C.GoString(route.pattern), ""
	if route.group != nil {
		host = C.GoString(route.group.host)
	}
	routes := a.router.Of(host)
	if route.guards {
		return routes.AddGuard(pattern, id)
	}
	return routes.Add(strings.Split(C.GoString(route.methods), ","), pattern, id)
}

// chainOf returns how many functions the group of a route has, with those around it.
func (s server) chainOf(route *C.fk_route) uint32 {
	group := route.group
	if group == nil {
		group = s.c.routing.root
	}
	if group == nil {
		return 0
	}
	return uint32(group.chain_count)
}

// Release is engine.Memory's.
func (a *app) Release(req *engine.Request) { C.fk_dispatch_release(address(req)) }

// Collect is engine.Holders'.
func (a *app) Collect(events []engine.Event) int {
	// SAFETY: the layouts are the same (layout.go).
	return int(C.fk_deferred_collect(a.c, (*C.fk_event)(unsafe.Pointer(unsafe.SliceData(events))), C.int(len(events))))
}

// Interim is engine.Holders'.
func (a *app) Interim() (engine.Interim, bool) {
	taken := C.fk_wire_take(a.c)
	if taken == nil {
		return engine.Interim{}, false
	}
	// SAFETY: C keeps the bytes until the next call.
	field := memory.View(uintptr(unsafe.Pointer(taken.field)), uint64(taken.len))
	return engine.Interim{Request: uintptr(taken.request), Serial: uint64(taken.serial), Status: int(taken.status), Field: field}, true
}

// Stream is engine.Holders'.
func (a *app) Stream(req *engine.Request) engine.Piece {
	var data *C.char
	var size C.uint64_t
	ended := C.fk_deferred_take(address(req), &data, &size)
	// SAFETY: C keeps the bytes until the next call.
	return engine.Piece{Data: memory.View(uintptr(unsafe.Pointer(data)), uint64(size)), Ended: bool(ended)}
}

// Closed is engine.Holders'.
func (a *app) Closed(req *engine.Request, reason int) bool {
	return bool(C.fk_deferred_close(address(req), C.int(reason)))
}

// Retain is engine.Memory's.
func (a *app) Retain(left []memory.Mapping) int {
	// SAFETY: C copies the mappings; the layouts are the same (layout.go).
	mappings := (*C.fk_mapping)(unsafe.Pointer(unsafe.SliceData(left)))
	return int(C.fk_deferred_retain(a.c, mappings, C.size_t(len(left))))
}

// Free is engine.Memory's.
func (a *app) Free(req *engine.Request) { C.fk_dispatch_free(address(req)) }

// address is the C side of a request: the layouts are the same (layout.go), and a Request lives off the Go heap.
func address(req *engine.Request) C.uintptr_t { return C.uintptr_t(memory.AddressOf(req)) }

// Serve is engine.Handlers': it calls the handler of the best route, and of the next ones for as long as they say
// FORKER_NEXT.
func (a *app) Serve(call *engine.Call) {
	req := call.Req
	for skip := call.Skip; ; skip++ {
		id, params, ok := a.find(call, skip)
		if !ok {
			a.refuse(call, skip)
			return
		}
		traits := &a.routes[id]
		if traits.body.Plan != call.Plan {
			call.Outcome.Next, call.Outcome.Skip = engine.Gated, skip
			return
		}
		if traits.guards && !traits.chained { // Its gates were all that there is.
			continue
		}
		if call.Early && !traits.body.Stream {
			call.Outcome.Next, call.Outcome.Skip = engine.WantsBody, skip
			return
		}
		call.Outcome.Route = traits.number
		if traits.isElsewhere(call) {
			call.Outcome.Next, call.Outcome.Skip = engine.Elsewhere, skip
			return
		}
		misfit := traits.call.misfit(call)
		if misfit != nil && !traits.chained {
			traits.refuse(call, misfit)
			return
		}
		req.Route, req.ParamCount = uint32(id), uint32(params)
		if traits.served && !traits.chained {
			call.Outcome.Next, call.Outcome.Mount = engine.Filed, traits.mount
			return
		}
		var result C.int
		if traits.chained {
			call.Skip = skip
			result = C.fk_dispatch_chain(address(req), stage(call, traits, misfit))
		} else {
			result = C.fk_dispatch(address(req))
		}
		if result != C.FORKER_NEXT || req.Deferred|req.OnBody != 0 || req.Response.State != engine.ResponseNone {
			a.conclude(call, int(result), req.OnBody != 0)
			return
		}
		if traits.chained {
			if req.Step <= traits.chain && misfit != nil {
				traits.refuse(call, misfit)
				return
			}
			if req.Step <= traits.chain { // The handler was not called, or not even all functions before it.
				call.Outcome.Next, call.Outcome.Skip = engine.WantsBody, skip
				return
			}
			if traits.served {
				call.Outcome.Next, call.Outcome.Mount = engine.Filed, traits.mount
				return
			}
			req.Step = 0
		}
	}
}

// find returns the route that is asked when so many have left the request to others, and how many parameters there are:
// that which was found for it last, if it was for the same question, or else it looks.
func (a *app) find(call *engine.Call, skip int) (id, params int, ok bool) {
	found := &call.Found
	if found.Is && found.Skip == skip {
		found.Is = false // Other look-ups overwrite the parameters.
		return int(found.Route), found.Params, true
	}
	return a.router.Find(call.Host, call.Method, call.Path, skip, (*router.Params)(&call.Req.Params))
}

// refuse ends a request that cannot be given to a method.
func (t *routeTraits) refuse(call *engine.Call, misfit *engine.Outcome) {
	call.Outcome = *misfit
	call.Outcome.Route = t.number
}

// isElsewhere reports whether the loop has to go on with a request, as its handler runs on another side, or has another time
// than the one for which the thread has it. On the loop's side the handler's time is that of the call from now on.
func (t *routeTraits) isElsewhere(call *engine.Call) bool {
	if call.Pooled {
		return !t.pooled || t.within != call.Within
	}
	call.Within = t.within
	return t.pooled
}

// stage says how far a request has come, for the functions around the handler of a route.
func stage(call *engine.Call, traits *routeTraits, misfit *engine.Outcome) C.int {
	var stage C.int
	if call.Early {
		stage |= C.FK_STAGE_EARLY
	}
	if (!call.Early || traits.streamed) && misfit == nil {
		stage |= C.FK_STAGE_HANDLER
	}
	return stage
}

// Done is engine.Handlers'.
func (a *app) Done(req *engine.Request) { C.fk_chain_end(address(req)) }

// Head is engine.Handlers'.
func (a *app) Head(req *engine.Request, status int) { C.fk_dispatch_head(address(req), C.int(status)) }

// Error is engine.Handlers'.
func (a *app) Error(req *engine.Request, e *engine.ProgramError) bool {
	// SAFETY: C reads the bytes during the call only.
	var pinner runtime.Pinner
	defer pinner.Unpin()
	asked := C.fk_error{status: C.int32_t(e.Status), retry_after: C.int32_t(e.RetryAfter)}
	asked.detail, asked.detail_len = pinned(&pinner, e.Detail), C.uint64_t(len(e.Detail))
	asked.allow, asked.allow_len = pinned(&pinner, e.Allow), C.uint64_t(len(e.Allow))
	return bool(C.fk_dispatch_error(address(req), &asked))
}

// pinned returns bytes as C gets them, pinned if they are on the Go heap.
func pinned(pinner *runtime.Pinner, text []byte) *C.char {
	if len(text) == 0 {
		return nil
	}
	start := unsafe.SliceData(text)
	pinner.Pin(start)
	return (*C.char)(unsafe.Pointer(start))
}

// Resumed is engine.Holders'.
func (a *app) Resumed(req *engine.Request) { C.fk_deferred_leave(address(req)) }

// isMidway reports whether a request was deferred by a function before its handler.
func (a *app) isMidway(req *engine.Request) bool {
	traits := &a.routes[req.Route]
	return traits.chained && req.Step <= traits.chain
}

// Admit is engine.Handlers'.
func (a *app) Admit(call *engine.Call) *engine.Admission {
	id, params, ok := a.router.Find(call.Host, call.Method, call.Path, call.Skip, (*router.Params)(&call.Req.Params))
	call.Found = engine.Found{Is: ok, Route: uint32(id), Params: params, Skip: call.Skip}
	if !ok {
		return &a.none
	}
	return &a.routes[id].body
}

// Judge is engine.Handlers'.
func (a *app) Judge(call *engine.Call, judge uintptr, origin []byte) bool {
	req, found := call.Req, call.Found
	req.Route, req.ParamCount = 0, 0
	if found.Is {
		req.Route, req.ParamCount = found.Route, uint32(found.Params)
	}
	data := C.uintptr_t(memory.Address(origin))
	return bool(C.fk_dispatch_origin(address(req), C.uintptr_t(judge), data, C.uint64_t(len(origin))))
}

// Body is engine.Handlers'.
func (a *app) Body(call *engine.Call, piece []byte, last int) {
	data := C.uintptr_t(memory.Address(piece))
	result := C.fk_dispatch_body(address(call.Req), data, C.uint64_t(len(piece)), C.int(last))
	if last >= 0 {
		a.conclude(call, int(result), true)
	}
}

// conclude decides what becomes of a request that the program has returned from with `result`. takes: it takes the body
// piece by piece.
func (a *app) conclude(call *engine.Call, result int, takes bool) {
	req := call.Req
	asks := req.OnBody != 0
	switch {
	case req.Deferred != 0:
		a.deferred(call, result, takes && result == C.FORKER_OK)
	case result != C.FORKER_OK || !asks && (req.Response.State == engine.ResponseNone || a.isCallOpen(req)):
		a.fail(call, result)
	case asks && req.Response.State != engine.ResponseWhole:
		call.Outcome.Next = engine.AsksBody
	case req.Response.Flags&engine.ResponseLength != 0:
		if code := C.fk_dispatch_fits(address(req)); code != C.FORKER_OK {
			a.fail(call, int(code))
		}
	}
}

// refuse answers where there is no route, or no other one after `asked` handlers said that the request is not theirs.
func (a *app) refuse(call *engine.Call, asked int) {
	room := a.allow[:0]
	if call.Pooled {
		room = nil
	}
	allow := a.router.Allowed(room, call.Host, call.Path)
	if !call.Pooled {
		a.allow = allow
	}
	call.Outcome.Route = -1
	hasAsked := a.hasAsked(call, asked)
	a.recallParams(call, asked)
	switch {
	case hasAsked:
		call.Outcome.Status = 404
	case !a.router.KnowsMethod(call.Method):
		call.Outcome.Status, call.Outcome.Detail = 501, "no such method here"
	case len(allow) == 0:
		call.Outcome.Status = 404
	case string(call.Method) == "OPTIONS":
		call.Outcome.Status, call.Outcome.Allow = 204, allow
	default:
		call.Outcome.Status, call.Outcome.Allow = 405, allow
	}
}

// hasAsked reports whether there are handlers among the first `asked` that were, and not only guards.
func (a *app) hasAsked(call *engine.Call, asked int) bool {
	for skip := range asked {
		id, _, _ := a.router.Find(call.Host, call.Method, call.Path, skip, (*router.Params)(&call.Req.Params))
		if !a.routes[id].guards {
			return true
		}
	}
	return false
}

// recallParams looks once more for the route that was asked last, among the first `asked`: functions that are called from now on have its
// parameters, which later look-ups have overwritten.
func (a *app) recallParams(call *engine.Call, asked int) {
	req := call.Req
	for skip := asked - 1; req.ParamCount > 0 && skip >= 0; skip-- {
		if id, _, _ := a.router.Find(call.Host, call.Method, call.Path, skip, (*router.Params)(&req.Params)); uint32(id) == req.Route {
			return
		}
	}
}

// deferred takes in that the program has made a handle: whoever has it may be using it, so that it counts whatever was
// returned. fine: that is all right, though it is not FORKER_DEFERRED.
func (a *app) deferred(call *engine.Call, result int, fine bool) {
	call.Outcome.Next = engine.Deferred
	call.Outcome.Midway = a.isMidway(call.Req)
	fine = fine || result == C.FORKER_DEFERRED
	if fine && call.Req.OnBody != 0 {
		call.Outcome.Next = engine.AsksBody
	}
	if !fine {
		call.Outcome.Fault = fmt.Sprintf("the handler of %s %s deferred the request, but returned %d instead of FORKER_DEFERRED",
			call.Method, call.Path, result)
	}
}

// Failure is engine.Holders'.
func (a *app) Failure(req *engine.Request) string {
	return lastFailure(C.fk_deferred_failure(address(req)))
}

// lastFailure puts the sentence of the last failed call about a request into words for the log.
func lastFailure(sentence *C.char) string {
	if *sentence == 0 {
		return ""
	}
	return "; the last call that failed: " + C.GoString(sentence)
}

func (a *app) fail(call *engine.Call, result int) {
	var why string
	switch {
	case result == C.FORKER_OK:
		why = "returned FORKER_OK without a response"
	case result == C.FORKER_NEXT:
		why = "returned FORKER_NEXT after it had begun a response or asked for the body"
	case result == C.FORKER_DEFERRED:
		why = "returned FORKER_DEFERRED without forker_request_defer()"
	case result > 0:
		why = fmt.Sprintf("returned %d, which is not a result", result)
	default:
		why = fmt.Sprintf("returned %d (%s)", result, C.GoString(C.forker_strerror(C.int(result))))
	}
	call.Outcome.Status = 500
	answered := "500"
	if call.Req.RPC.Is != 0 {
		answered = a.failCall(call, result)
	}
	if answered != "" {
		call.Outcome.Fault = fmt.Sprintf("the handler of %s %s %s%s; answered %s", call.Method, call.Path, why,
			lastFailure(C.fk_dispatch_failure(address(call.Req))), answered)
	}
}
