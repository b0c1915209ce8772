package engine

import (
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"libforker/engine/inventory"
	"libforker/engine/poller"
)

// Threads beside the loop, for what would hold it up: to wait for a disk, or to compute for long.

// offloadJob is something that is done on one of them.
type offloadJob struct {
	unless *atomic.Bool // Set meanwhile: there is no work, who wanted it has left. nil: there is.
	work   func()       // On the thread,
	finish func()       // and then on the loop's; not called if the loop has ended.
}

// offload has jobs done.
type offload struct {
	// Immutable.
	threads int // At most so many.
	most    int // So many jobs may wait when another request is to. Those of clients that have left wait too.

	fd int // An eventfd: done has something.

	mu      sync.Mutex // Guards the following.
	closing bool
	running int // Threads.
	queue   []offloadJob
	done    []offloadJob
}

func newOffload(threads, most int) (*offload, error) {
	fd, err := poller.Raise(unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK))
	if err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	return &offload{threads: threads, most: most, fd: inventory.Add(fd)}, nil
}

// isFull reports whether no more requests are to wait.
func (o *offload) isFull() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.queue) >= o.most
}

// submit has a job done.
func (o *offload) submit(job offloadJob) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.queue = append(o.queue, job)
	if o.running < o.threads {
		o.running++
		go o.run()
	}
}

// later has the loop finish a job in its next iteration, when others have had their turn.
func (o *offload) later(job offloadJob) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.add(job)
}

// add has the loop take a job that is done. With mu.
func (o *offload) add(job offloadJob) {
	if o.done = append(o.done, job); len(o.done) == 1 {
		poller.Signal(o.fd)
	}
}

// run does jobs until none waits.
func (o *offload) run() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.queue) > 0 {
		job := o.queue[0]
		o.queue = o.queue[1:]
		o.mu.Unlock()
		if job.unless == nil || !job.unless.Load() {
			job.work()
		}
		o.mu.Lock()
		o.add(job)
	}
	o.queue = nil
	if o.running--; o.closing {
		poller.Signal(o.fd)
	}
}

// take returns what has been done.
func (o *offload) take() []offloadJob {
	poller.Settle(o.fd)
	o.mu.Lock()
	defer o.mu.Unlock()
	done := o.done
	o.done = nil
	return done
}

// close has the threads end when they have done what they have begun, and returns what they have not.
func (o *offload) close() []offloadJob {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closing = true
	waiting := o.queue
	o.queue = nil
	return waiting
}

// isIdle reports whether there is no thread.
func (o *offload) isIdle() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.running == 0
}

// release closes the descriptor. Threads that still run do not write to it any more.
func (o *offload) release() {
	o.mu.Lock()
	defer o.mu.Unlock()
	poller.Close(o.fd)
	o.fd = -1
}

// finishOffload goes on with what has been done.
func (l *Loop) finishOffload(o *offload) {
	for _, job := range o.take() {
		job.finish()
		l.bury()
	}
}

// openOffload makes threads for jobs, of which the loop hears when they are done.
func (l *Loop) openOffload(threads, most int) (*offload, error) {
	o, err := newOffload(threads, most)
	if err != nil {
		return nil, err
	}
	return o, l.Watch(o.fd, func() { l.finishOffload(o) })
}

// offloads are those that there are.
func (l *Loop) offloads(yield func(*offload) bool) {
	for _, o := range []*offload{l.disk, l.hasher, l.decodes} {
		if o != nil && !yield(o) {
			return
		}
	}
}

// areOffloadsIdle reports whether there are no such threads.
func (l *Loop) areOffloadsIdle() bool {
	for o := range l.offloads {
		if !o.isIdle() {
			return false
		}
	}
	return true
}

// releaseOffloads closes their descriptors.
func (l *Loop) releaseOffloads() {
	for o := range l.offloads {
		o.release()
	}
}
