// Package supervisor is the room of the spawner, the process that called run: it forks, reaps, passes on and forwards.
// What is asked of a server, by signal or call, comes here; the policy is the master's (package prefork).
//
// The spawner has one thread and never starts Go, so that each worker is forked off a clean process. Of the processes that it
// forks it believes nothing: it signals by pids that it alone reaps, and computes with numbers that no other process can write. It
// uses base, log, setup and child.
package supervisor

// #cgo CFLAGS: -std=gnu11 -D_GNU_SOURCE -I${SRCDIR}/.. -I${SRCDIR}/../../include -Wall -Wextra -Wpedantic -Wconversion
import "C"
