// Package run is the room of the ways into serving and back: run, start and open, with workers or in the program's own process;
// the life of server objects, and what becomes of them where the program forks.
//
// What was taken before serving is given back after it, whatever failed: the program's process is left as it was found. It is at
// the top, and uses all other rooms.
package run

// #cgo CFLAGS: -std=gnu11 -D_GNU_SOURCE -I${SRCDIR}/.. -I${SRCDIR}/../../include -Wall -Wextra -Wpedantic -Wconversion
import "C"
