package engine

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"libforker/engine/inventory"
	"libforker/engine/memory"
	"libforker/engine/poller"
)

// A loop is hosted if its process goes on without it: it leaves no thread, descriptor or memory behind. A worker
// process just ends.

// end closes everything. A hosted loop is over when no handler runs any more: threads cannot be ended from outside. Every
// loop waits for its handshakes, which notice soon that their connections are closed.
func (l *Loop) end() (over bool) {
	if l.ended {
		return l.isOver()
	}
	l.ended = true
	l.endShaking()
	for _, c := range l.conns {
		if c != nil {
			l.closeConn(c, CloseShutdown)
		}
	}
	l.bury()
	l.closeListeners()
	for _, r := range l.pool.close() {
		l.recycle(r, CloseShutdown)
	}
	for o := range l.offloads {
		for _, job := range o.close() {
			job.finish()
		}
		l.finishOffload(o)
	}
	return l.isOver()
}

func (l *Loop) isOver() bool {
	return l.isShaken() && (!l.cfg.Hosted || l.pool.isEmpty() && l.areOffloadsIdle())
}

// Close ends the loop, if it has not ended, and releases everything but the watched descriptors.
func (l *Loop) Close() {
	for !l.end() {
		// Only after an error of the poller: the threads say when they are done, but nobody could hear it.
		time.Sleep(time.Millisecond)
	}
	if l.cfg.Hosted {
		l.finishPooled()
		for o := range l.offloads {
			l.finishOffload(o)
		}
		l.releaseMemory()
	}
	l.releaseOffloads()
	l.closeFiles()
	l.closeAccess()
	l.pool.release()
	l.releaseSecuring()
	l.closePoller()
}

func (l *Loop) closePoller() {
	if l.timerFd > 0 {
		poller.Close(l.timerFd)
	}
	if l.poll != nil {
		l.poll.Close() // What is still in it is closed elsewhere.
	}
}

// releaseMemory gives everything back. Requests whose handles the program has not used up stay the program's, with the
// memory that they are in.
func (l *Loop) releaseMemory() {
	l.collect()
	var left []memory.Mapping
	held := false
	for _, r := range l.byIndex {
		if r.state == stateHeld {
			held = true
			l.logAccess(r)
			left = r.appendMappings(left)
			continue
		}
		l.cfg.Memory.Free(r.shared)
	}
	if held {
		left = l.requestSlab.Leave(l.blocks.Leave(left))
	} else {
		l.requestSlab.Close()
		l.blocks.Close()
	}
	if n := l.cfg.Memory.Retain(left); n > 0 {
		l.cfg.Log(LogInfo, fmt.Sprintf("%d requests have ended whose handles are not used up: their memory stays until they are", n))
	}
}

// appendMappings adds what a request takes to the mappings that outlive the loop, but for what is in slabs.
func (r *request) appendMappings(left []memory.Mapping) []memory.Mapping {
	for _, block := range [][]byte{r.block, r.path, r.body.block} {
		left = memory.LeaveBlock(left, block)
	}
	if r.body.file.IsOpen() {
		left = r.body.file.Leave(left)
	}
	return left
}

// openTimer makes the timer that has a poller of the host's come back in time.
func (l *Loop) openTimer() error {
	fd, err := poller.Raise(unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK))
	if err != nil {
		return fmt.Errorf("timerfd: %w", err)
	}
	l.timerFd = inventory.Add(fd)
	return l.Watch(fd, func() {
		poller.Settle(l.timerFd) // How often it has rung does not matter.
		l.timerNs = 0
	})
}

// setTimer sets it to the next thing that is due. Idle threads of the pool and unused memory are looked for while there
// are any.
func (l *Loop) setTimer() error {
	next := l.nextDue()
	if !l.ended && (next < 0 || l.lookNs < next) && (!l.pool.isEmpty() || l.blocks.HasIdle()) {
		next = l.lookNs
	}
	if beat := l.nextBeat(); beat > 0 && (next < 0 || beat < next) {
		next = beat
	}
	next = max(next, 0) // 0: no time.
	if next == l.timerNs {
		return nil
	}
	l.timerNs = next
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(next)}
	if err := unix.TimerfdSettime(l.timerFd, unix.TFD_TIMER_ABSTIME, &spec, nil); err != nil {
		return fmt.Errorf("timerfd: %w", err)
	}
	return nil
}

// nextBeat tells when Fd has to be readable, whatever else is due; 0: never. A time for which the timer is set already is as
// good as a later one, so that the timer is not set at every call of Poll.
func (l *Loop) nextBeat() int64 {
	if l.cfg.Beat == 0 {
		return 0
	}
	latest := l.clock.now + int64(l.cfg.Beat)
	if l.timerNs > l.clock.now && l.timerNs < latest {
		return l.timerNs
	}
	return latest
}
