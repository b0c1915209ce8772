// Package log is the room of log lines: how a line is made, how many of them there may be, and which file, journal or function
// of the program's it goes to.
//
// Whatever a line is written for, writing it never blocks the process for long and never fails the caller: lines that are lost
// are counted, and told of later. Crash reports write from signal handlers, and so does no more than format and write(2). It uses
// base.
package log

// #cgo CFLAGS: -std=gnu11 -D_GNU_SOURCE -I${SRCDIR}/.. -I${SRCDIR}/../../include -Wall -Wextra -Wpedantic -Wconversion
import "C"
