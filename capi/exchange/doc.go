// Package exchange is the room of requests and responses: the one call from Go to C for each request, what a handler and any
// other thread can do with a request, and what of it outlives its loop.
//
// The engine owns a request and C only borrows it: C never has a socket, and other threads reach a request by a handle, which
// they may use at any time. Functions for them never enter Go. It uses base, log and setup.
package exchange

// #cgo CFLAGS: -std=gnu11 -D_GNU_SOURCE -I${SRCDIR}/.. -I${SRCDIR}/../../include -Wall -Wextra -Wpedantic -Wconversion
import "C"
