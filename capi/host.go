package main

/*
#include "base/server.h"
#include "exchange/post.h"
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
	w := &worker{server: server{c}, channel: -1, drainFd: int(c.wake_fd), askedStopMs: math.MaxInt32}
	defer w.guard("open", &code)
	cfg := w.config()
	cfg.Hosted, cfg.Polled = true, polled != 0
	if err := w.prepare(cfg); err != nil {
		return w.fail(err)
	}
	if err := w.loop.Start(); err != nil {
		w.close()
		return w.fail(err)
	}
	countHosted(1, int(w.number(C.FK_OPTION_GO_MAX_PROCS)))
	w.becomeReady()
	c.loop = C.uintptr_t(cgo.NewHandle(w))
	return C.FORKER_OK
}

// workerOf is what serves for a server in this process.
func workerOf(c *C.forker_server) *worker {
	w, _ := cgo.Handle(c.loop).Value().(*worker)
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
	over, err := w.loop.Poll(int(timeoutMs))
	if err == nil && !over {
		return 1
	}
	w.loop.Close()
	return w.forget(err)
}

// goHostServe serves until stopped.
//
//export goHostServe
func goHostServe(c *C.forker_server) (code C.int) {
	w := workerOf(c)
	defer w.guard("serve", &code)
	return w.forget(w.loop.Run())
}

// forget takes in that the loop is closed.
func (w *worker) forget(failure error) C.int {
	C.fk_post_close(w.c)
	cgo.Handle(w.c.loop).Delete()
	w.c.loop = 0
	countHosted(-1, int(w.number(C.FK_OPTION_GO_MAX_PROCS)))
	if failure != nil {
		return w.fail(failure)
	}
	return C.FORKER_OK
}
