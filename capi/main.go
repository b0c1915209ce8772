// Package main is libforker.so: the C API of include/forker.h over the packages engine and prefork. It and its rooms are the
// only packages that import "C".
//
// The rooms are folders of C: what must work without Go. Each says in its doc.go what it is and which others it may use, and
// tools/check-layers checks that by the includes. From the bottom to the top:
//
//	base ← log ← setup ← exchange
//	               ↑
//	             child ← supervisor ← run
//
// Go is started after fork, late (base/process.c), and is entered by the functions of base/entry.h, whose Go side is in this
// package. From then on the only call from Go to C on the way of a request is fk_dispatch.
package main

/*
#cgo CFLAGS: -std=gnu11 -D_GNU_SOURCE -I${SRCDIR} -I${SRCDIR}/../include -Wall -Wextra -Wpedantic -Wconversion
#include "base/server.h"
#include "log/log.h"
*/
import "C"

import (
	"fmt"
	"runtime/debug"
	"time"
	"unsafe"

	// The C files of the rooms, linked into the library.
	_ "libforker/capi/base"
	_ "libforker/capi/child"
	_ "libforker/capi/exchange"
	_ "libforker/capi/log"
	_ "libforker/capi/run"
	_ "libforker/capi/setup"
	_ "libforker/capi/supervisor"
)

func main() {}

// goRuntimeWait returns when the runtime is up: every call into Go waits for that by itself. It has then the descriptors
// of its poller too, which it opens for the first timer or file.
//
//export goRuntimeWait
func goRuntimeWait() { time.AfterFunc(time.Hour, func() {}).Stop() }

// server is the C server, as the Go side sees it.
type server struct{ c *C.forker_server }

// log writes a line. Only on the process's main thread.
func (s server) log(level int, text string) {
	// SAFETY: fk_log_bytes reads len(text) bytes during the call.
	C.fk_log_bytes(s.c, C.int(level), (*C.char)(unsafe.Pointer(unsafe.StringData(text))), C.size_t(len(text)))
}

func (s server) number(option int) int64           { return int64(s.c.options[option].number) }
func (s server) duration(option int) time.Duration { return time.Duration(s.number(option)) }
func (s server) text(option int) string            { return C.GoString(&s.c.options[option].text[0]) }

// shared gives the memory of the slots, header first.
func (s server) shared() []byte {
	// SAFETY: the mapping has shared_size bytes and stays as long as the process.
	return unsafe.Slice((*byte)(unsafe.Pointer(s.c.tree.shared)), int(s.c.tree.shared_size))
}

// guard turns a panic of the library into a log line and a result: it must not unwind into C.
func (s server) guard(what string, code *C.int) {
	if p := recover(); p != nil {
		s.log(C.FORKER_LOG_ERROR, fmt.Sprintf("%s: internal error: %v", what, p))
		s.log(C.FORKER_LOG_ERROR, string(debug.Stack()))
		*code = C.FORKER_E_INTERNAL
	}
}
