package main

/*
#include "base/server.h"
*/
import "C"

import (
	"errors"

	"libforker/engine"
	"libforker/engine/memory"
)

// What a handler asks of the loop that stands still in it (engine.h). Each of these is called by C that Go has called,
// on the same thread.

// goInterim sends an interim response.
//
//export goInterim
func goInterim(c *C.forker_server, request C.uintptr_t, status C.int, line C.uintptr_t, size C.uint64_t) (code C.int) {
	w := workerOf(c)
	defer w.guard("interim response", &code)
	return resultOf(w.loop.Interim(requestAt(request), int(status), memory.View(uintptr(line), uint64(size))))
}

// goHijack gives the connection away.
//
//export goHijack
func goHijack(c *C.forker_server, request C.uintptr_t, out *C.int) (code C.int) {
	w := workerOf(c)
	defer w.guard("hijack", &code)
	fd, err := w.loop.Hijack(requestAt(request))
	*out = C.int(fd)
	return resultOf(err)
}

// goLook finds out whether the client has left.
//
//export goLook
func goLook(c *C.forker_server, request C.uintptr_t) {
	var code C.int
	w := workerOf(c)
	defer w.guard("look", &code)
	w.loop.Look(requestAt(request))
}

func requestAt(request C.uintptr_t) *engine.Request {
	return memory.At[engine.Request](uintptr(request))
}

func resultOf(err error) C.int {
	switch {
	case err == nil:
		return C.FORKER_OK
	case errors.Is(err, engine.ErrNoRoom):
		return C.FORKER_E_AGAIN
	case errors.Is(err, engine.ErrClientGone):
		return C.FORKER_E_ABORTED
	case errors.Is(err, engine.ErrSealed), errors.Is(err, engine.ErrShared):
		return C.FORKER_E_STATE
	}
	return C.FORKER_E_SYSTEM
}
