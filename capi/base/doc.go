// Package base is the room at the bottom of capi: what every other one knows. The server object and the table of options, the
// memory that the processes share, what this process is and how Go is started in it, and the small things under all of them
// (descriptors, the clock, paths).
//
// It logs nothing and calls nothing of the program's: a failure here is a sentence on the server. It uses no other room; the
// ways into Go (entry.h) are the Go side's, which is linked to it.
package base

// #cgo CFLAGS: -std=gnu11 -D_GNU_SOURCE -I${SRCDIR}/.. -I${SRCDIR}/../../include -Wall -Wextra -Wpedantic -Wconversion
import "C"
