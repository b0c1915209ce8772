package engine

import (
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"libforker/engine/inventory"
	"libforker/engine/poller"
)

// The threads that run handlers of routes with dispatch=pool.

// PoolConfig says how handlers run that may block: each on a thread of its own, for as long as it takes.
type PoolConfig struct {
	Threads int           // At most so many at a time.
	Queue   int           // Requests that may wait for a thread; more are answered 503.
	Idle    time.Duration // A thread that has had nothing to do for so long ends.

	Box   func(thread int) uintptr // Where a thread notes the request it has: a slot.BlackBox.
	Start func(thread int) bool    // Called first on each new thread; false: it cannot be used.
	Exit  func(thread int)         // Called last.
}

// pool runs handlers on threads, which it makes when they are needed. Of those that are free the one is taken that was
// used last: its stack and caches are warm, and the others grow old enough to end.
//
// One thread at a time is called: if it finds more than one request, it calls the next thread before it begins. So
// where handlers are quick and processors are few, the first thread does the work of many, which stay asleep; and where
// a handler blocks, the requests behind it wait no longer than it takes to call a thread.
//
// Invariant: while requests wait, a thread has been called and has not come yet, or none is free and as many are
// starting as requests wait, or there are as many as there may be.
type pool struct {
	// Immutable.
	cfg      PoolConfig
	handlers Handlers
	fd       int // An eventfd: done has something.

	mu       sync.Mutex // Guards the following.
	closing  bool       // Threads end as soon as they have nothing to do.
	called   bool       // A thread has been called, or made, and has not come yet.
	starting int        // New threads that have come, and are not ready for a request yet.
	busy     int        // Requests that a thread has.
	ready    []*poolThread
	unused   []int // Numbers of threads that are not running.
	queue    fifo
	done     []*request
}

type poolThread struct {
	number  int
	call    chan struct{} // Closed: end.
	idledAt int64         // On the loop's clock.
}

// fifo is a queue of requests. Its room is used again.
type fifo struct {
	items []*request
	first int
}

func (q *fifo) len() int { return len(q.items) - q.first }

func (q *fifo) push(r *request) {
	if len(q.items) == cap(q.items) && q.first > len(q.items)/2 {
		n := copy(q.items, q.items[q.first:])
		clear(q.items[n:])
		q.items, q.first = q.items[:n], 0
	}
	q.items = append(q.items, r)
}

// pop returns the request that has waited longest; nil: none waits.
func (q *fifo) pop() *request {
	if q.len() == 0 {
		return nil
	}
	r := q.items[q.first]
	q.items[q.first] = nil
	if q.first++; q.first == len(q.items) {
		q.items, q.first = q.items[:0], 0
	}
	return r
}

func newPool(cfg PoolConfig, handlers Handlers) (*pool, error) {
	fd, err := poller.Raise(unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK))
	if err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	p := &pool{cfg: cfg, handlers: handlers, fd: inventory.Add(fd)}
	for i := cfg.Threads - 1; i >= 0; i-- {
		p.unused = append(p.unused, i)
	}
	return p, nil
}

// submit has some thread call the handlers of r. false: all are busy, and the queue is full.
func (p *pool) submit(r *request) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy+p.queue.len() >= p.cfg.Threads+p.cfg.Queue {
		return false
	}
	p.queue.push(r)
	p.callThread()
	return true
}

// callThread has a thread come for the requests that wait, if none is on its way. With mu.
func (p *pool) callThread() {
	waiting := p.queue.len()
	if p.called || waiting == 0 {
		return
	}
	if n := len(p.ready); n > 0 {
		t := p.ready[n-1]
		p.ready = p.ready[:n-1]
		p.called = true
		t.call <- struct{}{}
	} else if n := len(p.unused); n > 0 && waiting > p.starting {
		t := &poolThread{number: p.unused[n-1], call: make(chan struct{}, 1)}
		p.unused = p.unused[:n-1]
		p.called = true
		go p.run(t)
	}
}

// run is a thread's life. It ends with its goroutine, because that never gives it back.
func (p *pool) run(t *poolThread) {
	runtime.LockOSThread()
	if !p.start(t) {
		return
	}
	box := p.cfg.Box(t.number)
	for r := p.draw(t, nil); r != nil; {
		r.shared.Box = box
		p.handlers.Serve(&r.call)
		r = p.draw(t, r)
	}
	if p.cfg.Exit != nil {
		p.cfg.Exit(t.number)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end(t)
}

// start makes a new thread usable. That can take the program long, so the next thread is called before. false: it is
// not, and has ended; it has answered a request, so that they do not wait for ever where none can be started.
func (p *pool) start(t *poolThread) bool {
	p.mu.Lock()
	p.called = false
	p.starting++
	p.callThread()
	p.mu.Unlock()
	usable := p.cfg.Start == nil || p.cfg.Start(t.number)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.starting--
	if usable {
		return true
	}
	if r := p.queue.pop(); r != nil {
		r.call.Outcome = Outcome{Status: 503, Detail: "a handler thread could not be started"}
		p.add(r)
	}
	p.end(t)
	return false
}

// draw hands a request back to the loop, if it is not nil, and waits for the next one. nil: t has to end.
func (p *pool) draw(t *poolThread, done *request) *request {
	p.mu.Lock()
	if done != nil {
		p.busy--
		p.add(done)
	}
	for {
		r := p.queue.pop()
		if r != nil {
			p.busy++
			p.callThread()
		}
		if r != nil || p.closing {
			p.mu.Unlock()
			return r
		}
		t.idledAt = 0
		p.ready = append(p.ready, t)
		p.mu.Unlock()
		if _, called := <-t.call; !called {
			return nil
		}
		p.mu.Lock()
		p.called = false
	}
}

// add has the loop take something that is done. With mu.
func (p *pool) add(done *request) {
	p.done = append(p.done, done)
	if len(p.done) == 1 {
		p.wake()
	}
}

// end lets another thread take the place of t. What came when no thread could be made any more waits for that. With mu.
func (p *pool) end(t *poolThread) {
	p.unused = append(p.unused, t.number)
	if p.closing {
		p.wake()
		return
	}
	p.callThread()
}

// wake has the loop look, if there still is one. With mu.
func (p *pool) wake() {
	poller.Signal(p.fd)
}

// take returns what has been finished, in the room of what it returned before.
func (p *pool) take(room []*request) []*request {
	poller.Settle(p.fd)
	p.mu.Lock()
	defer p.mu.Unlock()
	done := p.done
	clear(room)
	p.done = room[:0]
	return done
}

// close has all threads end, those that run a handler when it has returned. It returns the requests that none has
// begun.
func (p *pool) close() []*request {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closing = true
	for _, t := range p.ready {
		close(t.call)
	}
	waiting := p.queue.items[p.queue.first:]
	p.ready, p.queue = nil, fifo{}
	return waiting
}

// release closes the descriptor. Threads that still run a handler do not write to it any more.
func (p *pool) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	poller.Close(p.fd)
	p.fd = -1
}

// isEmpty reports whether there is no thread.
func (p *pool) isEmpty() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.unused) == p.cfg.Threads
}

// retire ends threads that have been idle for long: those at the bottom of the stack.
func (p *pool) retire(now int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for i, t := range p.ready {
		if t.idledAt == 0 {
			t.idledAt = now
		}
		if i == n && now-t.idledAt >= int64(p.cfg.Idle) {
			close(t.call)
			n++
		}
	}
	p.ready = append(p.ready[:0], p.ready[n:]...)
}

// submit gives a request to the pool. Responses to earlier ones do not wait for that.
func (l *Loop) submit(r *request) {
	if l.outLen > 0 {
		l.send(r.stream.conn())
	}
	r.early, r.call.Pooled = 0, true
	r.call.Outcome = Outcome{}
	l.awaitProgram(r)
	if !l.pool.submit(r) {
		l.respondWith(r, Outcome{Status: 503, Detail: "all handler threads are busy", RetryAfter: 1})
		return
	}
	r.become(statePooled)
}

// finishPooled takes back what the pool has done.
func (l *Loop) finishPooled() {
	l.done = l.pool.take(l.done)
	for _, r := range l.done {
		l.finishOne(r)
		l.bury()
	}
}

func (l *Loop) finishOne(r *request) {
	if r.shared.hasInterims() {
		l.sendInterims()
	}
	if r.stream == nil {
		l.finishDetached(r)
		return
	}
	c := r.stream.conn()
	r.become(stateHandling)
	if outcome := &r.call.Outcome; outcome.Next == Elsewhere {
		r.call.Skip, r.call.Pooled = outcome.Skip, false
		r.shared.Box = l.box
		r.call.Outcome = Outcome{}
		l.cfg.Handlers.Serve(&r.call)
	}
	l.carryOut(r)
	if early := r.early; early != 0 && r.isHeld() {
		r.early = 0
		l.follow(r, early)
		return
	}
	c.protocol.proceed(l)
}

// finishDetached takes back a request whose client has left, unless its handler has made a handle that is still used.
func (l *Loop) finishDetached(r *request) {
	l.abortBody(r)
	if r.shared.Deferred == 0 {
		l.recycle(r, CloseDone)
		return
	}
	r.become(stateHeld)
	l.endHandle(r, CloseClient)
}
