// Package child is the room of what a forked process does to itself: limits, the user that it becomes, its title, and the
// report of its crash.
//
// Each of these works in the process that calls it, between fork(2) and the start of Go, and knows nothing of the spawner. It uses
// base, log and setup.
package child

// #cgo CFLAGS: -std=gnu11 -D_GNU_SOURCE -I${SRCDIR}/.. -I${SRCDIR}/../../include -Wall -Wextra -Wpedantic -Wconversion
import "C"
