package main

/*
#include "base/server.h"
*/
import "C"

import (
	"math"
	"runtime"
	"runtime/cgo"
	"sync"
)

// Serving in the program's own process: the functions that C calls for it.

// hosted are the servers that are served in this process, with workers=0.
var hosted struct {
	mu    sync.Mutex // Guards the following.
	count int
}

// countHosted takes in that there is a server more or less. Each loop keeps a processor of Go's while it works.
func countHosted(change, procs int) {
	hosted.mu.Lock()
	defer hosted.mu.Unlock()
	hosted.count += change
	if wanted := procs + max(hosted.count-1, 0); wanted != runtime.GOMAXPROCS(0) {
		runtime.GOMAXPROCS(wanted)
	}
}

// goHostOpen makes the loop of a server that is served in this process. polled: by the host's own loop.
//
//export goHostOpen
func goHostOpen(c *C.forker_server, polled C.int) (code C.int) {
	w := &worker{server: server{c}, channel: -1, drainFd: int(c.tree.wake_fd), askedStopMs: math.MaxInt32}
	defer w.guard("open", &code)
	var err error
	if w.users, err = w.loadUsers(); err != nil {
		return w.fail(err)
	}
	cfg := w.config()
	cfg.Hosted, cfg.Polled = true, polled != 0 || w.isLent()
	if err := w.prepare(cfg); err != nil {
		return w.fail(err)
	}
	if err := w.loop.Start(); err != nil {
		w.close()
		return w.fail(err)
	}
	countHosted(1, int(w.number(C.FK_OPTION_GO_MAX_PROCS))+w.users.lanes())
	w.becomeReady()
	c.run.loop = C.uintptr_t(cgo.NewHandle(w))
	return C.FORKER_OK
}

// workerOf is what serves for a server in this process.
func workerOf(c *C.forker_server) *worker {
	w, _ := cgo.Handle(c.run.loop).Value().(*worker)
	return w
}

// goHostFd is a descriptor that can be read when there is something to do for goHostPoll.
//
//export goHostFd
func goHostFd(c *C.forker_server) C.int { return C.int(workerOf(c).loop.Fd()) }

// goHostPoll does what there is to do. 1: the server goes on; else it is over, and the result is that of goHostServe.
//
//export goHostPoll
func goHostPoll(c *C.forker_server, timeoutMs C.int) (code C.int) {
	w := workerOf(c)
	defer w.guard("poll", &code)
	if !w.poll(int(timeoutMs)) {
		return 1
	}
	if w.err != nil {
		return w.fail(w.err)
	}
	return C.FORKER_OK
}

// goHostAdopt has it serve a connection of the host's own, whose other end has sent something. The descriptor is the engine's from now on.
//
//export goHostAdopt
func goHostAdopt(c *C.forker_server, fd C.int) (code C.int) {
	w := workerOf(c)
	defer w.guard("test", &code)
	if err := w.loop.Adopt(int(fd)); err != nil {
		return w.fail(err)
	}
	return C.FORKER_OK
}

// goHostServe serves until stopped.
//
//export goHostServe
func goHostServe(c *C.forker_server) (code C.int) {
	w := workerOf(c)
	defer w.guard("serve", &code)
	return w.serve()
}

// leaveHost takes in that a loop in this process is closed.
func (w *worker) leaveHost() {
	cgo.Handle(w.c.run.loop).Delete()
	w.c.run.loop = 0
	countHosted(-1, int(w.number(C.FK_OPTION_GO_MAX_PROCS))+w.users.lanes())
}
