package blackbox

import (
	"slices"
	"syscall"
	"testing"
)

// Workers on a loop of the program's (workerloop.c).

func workerLoop(t *testing.T, way string, options ...string) *program {
	t.Helper()
	env := environment(watched(t, options))
	p := start(t, setup{source: "workerloop.c", args: []string{way, "127.0.0.1:0"}, env: env})
	p.out.wait(t, 0, "loop begins")
	if !slices.Contains(options, "workers=0") {
		p.waitReady()
	}
	return p
}

func TestWorkerLoop_losesNoRequestInReloads(t *testing.T) {
	p := workerLoop(t, "polls", "workers=2", "drain_grace=100ms")
	l := p.load(2)
	for range 3 {
		l.more(t, 50)
		p.reload("reload: done")
	}
	l.more(t, 50)
	l.expectAllAnswered(t)
	p.stop(syscall.SIGTERM)
	if begun, ended := p.out.count("loop begins"), p.out.count("loop ends"); begun < 8 || ended != begun {
		t.Errorf("%d loops began, %d ended when their workers had drained", begun, ended)
	}
}

func TestWorkerLoop_servesInTheProgramsProcessToo(t *testing.T) {
	p := workerLoop(t, "polls", "workers=0")
	p.expectGet("/", 200, "hello\n")
	p.stop(syscall.SIGTERM)
	p.out.wait(t, 0, "loop ends")
}

func TestWorkerLoop_thatIsIdleIsNotHung(t *testing.T) {
	p := workerLoop(t, "polls", "workers=1", "hang_timeout=1s")
	worker := p.workers()[0]
	for range 20 { // Nothing happens but the heartbeat, four times a second.
		p.out.wait(t, p.out.mark(), "turn")
	}
	if p.workers()[0] != worker || p.log.count("hangs") != 0 {
		t.Error("the worker was taken for hung")
	}
}

func TestWorkerLoop_thatBlocksIsFound(t *testing.T) {
	p := workerLoop(t, "polls", "workers=1", "hang_timeout=1s")
	worker := p.workers()[0]
	p.expectGet("/block", 200, "blocks\n")
	p.log.wait(t, 0, "hangs: it has stood still for")
	p.log.wait(t, 0, "crashed: SIGABRT in a hook or callback")
	p.waitReplaced(0, worker)
}

func TestWorkerLoop_thatBlocksForADeferredRequestIsFoundWithIt(t *testing.T) {
	p := workerLoop(t, "polls", "workers=1", "hang_timeout=1s")
	worker := p.workers()[0]
	c := p.dial()
	c.send("GET /later?why HTTP/1.1\r\nHost: h\r\n\r\n")
	p.log.wait(t, 0, "hangs: it has stood still for")
	p.log.wait(t, 0, "in GET /later?why from 127.0.0.1")
	p.log.wait(t, 0, "crashed: SIGABRT in the handler of GET /later?why")
	p.waitReplaced(0, worker)
	if p.out.count("wrong code")+p.out.count("entered within a handler") != 0 {
		t.Error("a call gave another code than expected")
	}
}

func TestWorkerLoop_thatReturnsLeavesTheWorkerToTheBuiltInOne(t *testing.T) {
	p := workerLoop(t, "returns", "workers=2")
	l := p.load(2)
	l.more(t, 50)
	p.reload("reload: done")
	l.more(t, 50)
	l.expectAllAnswered(t)
}

func TestWorkerLoop_thatFailsIsLoggedAndTheWorkerDrains(t *testing.T) {
	p := workerLoop(t, "fails", "workers=1")
	p.log.wait(t, 0, "the worker_loop hook failed (-7); draining")
	p.log.wait(t, 0, "exited with status 0")
}

func TestWorkerLoop_ofAWorkerThatIsKilledBeginsAnew(t *testing.T) {
	p := workerLoop(t, "polls", "workers=2")
	eventually(t, "both loops run", func() bool { return p.out.count("loop begins") == 2 })
	worker, mark := p.workers()[0], p.out.mark()
	p.kill(worker, syscall.SIGKILL)
	p.waitReplaced(0, worker)
	p.out.wait(t, mark, "loop begins")
	l := p.load(2)
	l.more(t, 50)
	l.expectAllAnswered(t)
}
