package engine

import (
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"libforker/engine/poller"
)

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
type pool struct {
	// Immutable.
	cfg PoolConfig
	app App
	fd  int // An eventfd: done has something.

	mu      sync.Mutex // Guards the following.
	closing bool       // Threads end as soon as they have nothing to do.
	ready   []*poolThread
	unused  []int // Numbers of threads that are not running.
	queue   []*exchange
	done    []poolDone
}

type poolThread struct {
	number  int
	work    chan *exchange // nil: end.
	idledAt int64          // On the loop's clock.
}

type poolDone struct {
	ex      *exchange
	outcome Outcome
}

func newPool(cfg PoolConfig, app App) (*pool, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	p := &pool{cfg: cfg, app: app, fd: fd}
	for i := cfg.Threads - 1; i >= 0; i-- {
		p.unused = append(p.unused, i)
	}
	return p, nil
}

// submit has some thread call the handlers of ex. false: all are busy, and the queue is full.
func (p *pool) submit(ex *exchange) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.ready); n > 0 {
		t := p.ready[n-1]
		p.ready = p.ready[:n-1]
		t.work <- ex
		return true
	}
	if len(p.unused) > 0 {
		p.start(ex)
		return true
	}
	if len(p.queue) >= p.cfg.Queue {
		return false
	}
	p.queue = append(p.queue, ex)
	return true
}

// start makes a thread, whose first request is ex. With mu.
func (p *pool) start(ex *exchange) {
	n := len(p.unused)
	t := &poolThread{number: p.unused[n-1], work: make(chan *exchange, 1)}
	p.unused = p.unused[:n-1]
	t.work <- ex
	go p.run(t)
}

// end lets another thread take the place of t. What came when no thread could be made any more waits for that. With mu.
func (p *pool) end(t *poolThread) {
	p.unused = append(p.unused, t.number)
	if p.closing {
		p.wake()
		return
	}
	if len(p.queue) > 0 {
		ex := p.queue[0]
		p.queue = p.queue[1:]
		p.start(ex)
	}
}

// run is a thread's life. It ends with its goroutine, because that never gives it back.
func (p *pool) run(t *poolThread) {
	runtime.LockOSThread()
	box := p.cfg.Box(t.number)
	usable := p.cfg.Start == nil || p.cfg.Start(t.number)
	for ex := range t.work {
		for ex != nil {
			outcome := Outcome{Status: 503, Detail: "a handler thread could not be started"}
			if usable {
				ex.req.Box = box
				outcome = p.app.Serve(&ex.call)
			}
			ex = p.finish(t, poolDone{ex, outcome}, usable)
		}
		if !usable {
			return
		}
	}
	if p.cfg.Exit != nil {
		p.cfg.Exit(t.number)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end(t)
}

// wake has the loop look, if there still is one. With mu.
func (p *pool) wake() {
	// The counter of an eventfd cannot overflow by ones, so this does not fail but for a closed one.
	_, _ = unix.Write(p.fd, []byte{1, 0, 0, 0, 0, 0, 0, 0})
}

// finish hands a request back to the loop, and gives the thread the next one if there is any. If not, a thread that is
// not usable ends.
func (p *pool) finish(t *poolThread, done poolDone, usable bool) (next *exchange) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = append(p.done, done)
	if len(p.done) == 1 {
		p.wake()
	}
	if p.closing && usable {
		close(t.work)
		return nil
	}
	if len(p.queue) > 0 {
		next = p.queue[0]
		p.queue = p.queue[1:]
		return next
	}
	if !usable {
		p.end(t)
		return nil
	}
	t.idledAt = 0
	p.ready = append(p.ready, t)
	return nil
}

// take gives what has been finished, in the room of what was given before.
func (p *pool) take(room []poolDone) []poolDone {
	var count [8]byte
	_, _ = unix.Read(p.fd, count[:])
	p.mu.Lock()
	defer p.mu.Unlock()
	done := p.done
	clear(room)
	p.done = room[:0]
	return done
}

// close has all threads end, those that run a handler when it has returned. It gives back the requests that none has
// begun.
func (p *pool) close() []*exchange {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closing = true
	for _, t := range p.ready {
		close(t.work)
	}
	waiting := p.queue
	p.ready, p.queue = nil, nil
	return waiting
}

// release closes the descriptor. Threads that still run a handler do not write to it any more.
func (p *pool) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	poller.Close(p.fd)
	p.fd = -1
}

// isEmpty tells if there is no thread.
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
			close(t.work)
			n++
		}
	}
	p.ready = append(p.ready[:0], p.ready[n:]...)
}

// submit gives a request to the pool. Answers to earlier ones go out first: nobody else may write to the connection
// then.
func (l *Loop) submit(c *conn, ex *exchange) {
	if l.outLen > 0 {
		l.send(c)
		if c.isClosed() {
			return
		}
	}
	ex.req.OutLen = 0
	ex.running, ex.early, ex.call.Pooled = true, false, true
	l.awaitProgram(c)
	if !l.pool.submit(ex) {
		ex.running = false
		l.answer(c, ex, &Outcome{Status: 503, Detail: "all handler threads are busy", RetryAfter: 1})
	}
}

// finishPooled takes back what the pool has done.
func (l *Loop) finishPooled() {
	l.done = l.pool.take(l.done)
	for i := range l.done {
		l.finishOne(l.done[i].ex, &l.done[i].outcome)
	}
}

func (l *Loop) finishOne(ex *exchange, outcome *Outcome) {
	ex.running = false
	if ex.conn == nil {
		ex.held = ex.req.Deferred != 0
		l.abortBody(ex)
		l.part(ex, CloseClient)
		return
	}
	c := ex.conn
	if outcome.Next == Elsewhere {
		ex.call.Skip, ex.call.Pooled = outcome.Skip, false
		ex.req.Box = l.box
		again := l.cfg.App.Serve(&ex.call)
		outcome = &again
	}
	l.settle(c, ex, outcome)
	if ex.early && ex.held {
		ex.early = false
		l.hear(ex, ex.event)
		return
	}
	if !c.isClosed() {
		l.serve(c)
	}
}
