package engine

import (
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"libforker/engine/inventory"
	"libforker/engine/poller"
)

// The threads that wait for disks, so that the loop does not.

// diskThreads is how many of them there are at most: a disk has little use for more.
const diskThreads = 8

// diskJob is something that is done on one of them.
type diskJob struct {
	unless *atomic.Bool // Set meanwhile: there is no work, who wanted it has left. nil: there is.
	work   func()       // On the thread,
	finish func()       // and then on the loop's; not called if the loop has ended.
}

// diskQueue is how many jobs may wait when another request is to. Those of clients that have left wait too, and a disk may
// not answer for long.
const diskQueue = 4096

// disk has jobs done.
type disk struct {
	fd int // An eventfd: done has something.

	mu      sync.Mutex // Guards the following.
	closing bool
	running int // Threads.
	queue   []diskJob
	done    []diskJob
}

func newDisk() (*disk, error) {
	fd, err := poller.Raise(unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK))
	if err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	return &disk{fd: inventory.Add(fd)}, nil
}

// isFull reports whether no more requests are to wait.
func (d *disk) isFull() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.queue) >= diskQueue
}

// submit has a job done.
func (d *disk) submit(job diskJob) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.queue = append(d.queue, job)
	if d.running < diskThreads {
		d.running++
		go d.run()
	}
}

// later has the loop finish a job in its next iteration, when others have had their turn.
func (d *disk) later(job diskJob) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.add(job)
}

// add has the loop take a job that is done. With mu.
func (d *disk) add(job diskJob) {
	if d.done = append(d.done, job); len(d.done) == 1 {
		poller.Signal(d.fd)
	}
}

// run does jobs until none waits.
func (d *disk) run() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.queue) > 0 {
		job := d.queue[0]
		d.queue = d.queue[1:]
		d.mu.Unlock()
		if job.unless == nil || !job.unless.Load() {
			job.work()
		}
		d.mu.Lock()
		d.add(job)
	}
	d.queue = nil
	if d.running--; d.closing {
		poller.Signal(d.fd)
	}
}

// take returns what has been done.
func (d *disk) take() []diskJob {
	poller.Settle(d.fd)
	d.mu.Lock()
	defer d.mu.Unlock()
	done := d.done
	d.done = nil
	return done
}

// close has the threads end when they have done what they have begun, and returns what they have not.
func (d *disk) close() []diskJob {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closing = true
	waiting := d.queue
	d.queue = nil
	return waiting
}

// isIdle reports whether there is no thread.
func (d *disk) isIdle() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.running == 0
}

// release closes the descriptor. Threads that still run do not write to it any more.
func (d *disk) release() {
	d.mu.Lock()
	defer d.mu.Unlock()
	poller.Close(d.fd)
	d.fd = -1
}

// finishDisk goes on with what the disk has been asked for.
func (l *Loop) finishDisk() {
	for _, job := range l.disk.take() {
		job.finish()
		l.bury()
	}
}
