// Package setup is the room of what a program does before it runs its server, which is all in C because there is no Go yet:
// options, routes, hooks, listening sockets, certificates.
//
// A call that fails here is remembered, and run refuses to start. When the server runs, what was set up is only read; the
// spawner alone reads certificates and the configuration file again, and what has changed reaches processes that are forked from
// then on. It uses base and log.
package setup

// #cgo CFLAGS: -std=gnu11 -D_GNU_SOURCE -I${SRCDIR}/.. -I${SRCDIR}/../../include -Wall -Wextra -Wpedantic -Wconversion
import "C"
