package main

/*
#include "base/process.h"
#include "log/access.h"
*/
import "C"

import (
	"unsafe"

	"libforker/engine/access"
)

// Where the access log goes: a file, stderr, or a function of the program's.

// accessLog makes the access log that the options ask for; nil: none.
func (w *worker) accessLog(a *app) *access.Log {
	format := access.Format(w.number(C.FK_OPTION_ACCESS_LOG))
	if format == access.Off {
		return nil
	}
	config := access.Config{Format: format, Worker: int(C.fk_process.worker), Fields: w.text(C.FK_OPTION_ACCESS_LOG_FIELDS), Routes: a.patterns()}
	config.Background = w.c.hooks.access_fn == nil // The program is called by nobody but the thread that serves.
	sink := access.Sink{Write: w.writeAccess, Miss: w.missAccess}
	if !config.Background {
		sink.Write = w.tellAccess
	}
	return access.New(config, sink)
}

// patterns gives those of all routes.
func (a *app) patterns() [][]byte {
	routes := unsafe.Slice(a.c.routing.routes, int(a.c.routing.route_count))
	patterns := make([][]byte, len(routes))
	for i := range routes {
		patterns[i] = []byte(C.GoString(routes[i].pattern))
	}
	return patterns
}

func (w *worker) writeAccess(lines []byte) {
	// SAFETY: fk_access_write reads len(lines) bytes during the call.
	C.fk_access_write(w.c, (*C.char)(unsafe.Pointer(unsafe.SliceData(lines))), C.size_t(len(lines)))
}

func (w *worker) tellAccess(lines []byte) {
	// SAFETY: fk_access_tell uses len(lines) bytes during the call, and may change them: they are the log's own.
	C.fk_access_tell(w.c, (*C.char)(unsafe.Pointer(unsafe.SliceData(lines))), C.size_t(len(lines)))
}

func (w *worker) missAccess(lines int) { C.fk_access_miss(w.c, C.uint32_t(lines)) }
