package main

/*
#include "base/clock.h"
#include "base/server.h"
*/
import "C"

import (
	"math"

	"libforker/engine"
	"libforker/engine/grpc"
)

// Methods of gRPC, which are routes whose requests must be calls.

// callKind is the kind of a method, FORKER_GRPC_*, and 1.
type callKind uint8

// noCall: the route is no method.
const noCall callKind = 0

// isSingle reports whether the client sends exactly one message.
func (k callKind) isSingle() bool {
	return k == C.FORKER_GRPC_UNARY+1 || k == C.FORKER_GRPC_SERVER_STREAM+1
}

// admitCall says how the messages of a call are received: one as a whole, unless something wants the head before (early); of several,
// each has a limit and all have none.
func (a *app) admitCall(kind callKind, method *engine.RPCMethod, early bool) engine.Admission {
	if kind.isSingle() {
		return engine.Admission{Most: method.MaxMessage + grpc.PrefixLen, Single: true, Stream: early, Method: method}
	}
	return engine.Admission{Most: math.MaxInt64, Stream: true, Method: method}
}

// methodOf is what holds for the calls of a route that is a method.
func (s server) methodOf(route int) *engine.RPCMethod {
	return &engine.RPCMethod{
		MaxMessage: int64(C.fk_server_call_option(s.c, C.uint32_t(route), C.FK_OPTION_GRPC_MAX_MESSAGE)),
		Compress:   int64(C.fk_server_call_option(s.c, C.uint32_t(route), C.FK_OPTION_GRPC_COMPRESS)),
	}
}

// Why a request cannot be given to a method.
var (
	errNoCall    = engine.Outcome{Status: 415, Detail: "this is a gRPC method: it takes Content-Type application/grpc, by HTTP/2, and application/grpc-web"}
	errOneByOne  = engine.Outcome{Status: 501, Detail: "by gRPC-Web a client sends one message, and this method takes several"}
	errNoMessage = engine.Outcome{Status: 400, Code: grpc.ErrNoMessage.Code, Detail: grpc.ErrNoMessage.Text}
)

// misfit returns why a request cannot be given to a method; nil: it can.
func (k callKind) misfit(call *engine.Call) *engine.Outcome {
	rpc := &call.Req.RPC
	switch {
	case k == noCall:
	case rpc.Is == 0:
		return &errNoCall
	case rpc.Web != 0 && !k.isSingle():
		return &errOneByOne
	case k.isSingle() && !call.Early && rpc.Message == 0:
		return &errNoMessage
	}
	return nil
}

// isCallOpen reports whether the program has begun with the response to a call of a method, and not ended it.
func (a *app) isCallOpen(req *engine.Request) bool {
	return a.routes[req.Route].call != noCall && req.Response.State == engine.ResponseStarted
}

// failCall decides on the status of a call whose handler has failed, and returns what the log says of it: nothing, if the client does
// not wait any more.
func (a *app) failCall(call *engine.Call, result int) string {
	switch {
	case call.Req.RPC.Deadline != 0 && uint64(C.fk_clock()) >= call.Req.RPC.Deadline:
		call.Outcome.Status, call.Outcome.Detail = 504, "the deadline of the call has passed"
		return ""
	case result == C.FORKER_E_MEMORY || result == C.FORKER_E_LIMIT:
		call.Outcome.Code, call.Outcome.Detail = grpc.ResourceExhausted, "the handler has reached a limit"
		return "RESOURCE_EXHAUSTED (8)"
	}
	call.Outcome.Detail = "the handler has failed"
	return "INTERNAL (13)"
}
