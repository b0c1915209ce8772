package main

/*
#include <stdlib.h>
#include "log/sink.h"
#include "base/server.h"
*/
import "C"

import (
	"io"
	"strings"
	"unsafe"
)

// The key log of option tls_key_log, as crypto/tls writes it.

// keyLog is a descriptor that secrets of sessions are appended to.
type keyLog struct{ server }

// Write appends lines: crypto/tls gives whole ones, one call after the other, and the kernel puts what all workers append one behind
// the other (O_APPEND in open(2)). What the disk has no room for is lost, and said; it ends no handshake.
func (k keyLog) Write(lines []byte) (int, error) {
	sink := C.fk_sink{fd: k.c.logs.keylog_fd, aside: -1}
	// SAFETY: fk_sink_write reads len(lines) bytes during the call.
	taken, err := C.fk_sink_write(sink, (*C.char)(unsafe.Pointer(unsafe.SliceData(lines))), C.size_t(len(lines)))
	if int(taken) < len(lines) {
		text := C.CString("key log: a line was lost: " + capitalized(err))
		C.forker_server_log(k.c, C.FORKER_LOG_WARN, text)
		C.free(unsafe.Pointer(text))
	}
	return len(lines), nil
}

// keyLog returns where option tls_key_log has secrets written to; nil: nowhere.
func (s server) keyLog() io.Writer {
	if s.c.logs.keylog_fd < 0 {
		return nil
	}
	return keyLog{s}
}

// capitalized is what C would say of an error of the kernel's.
func capitalized(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:]
}
