package engine

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// poolApp answers every request with 200, once its handler has returned.
type poolApp struct {
	program
	handler func()
}

func (a *poolApp) Serve(request *Call) {
	if a.handler != nil {
		a.handler()
	}
	request.Outcome.Status = 200
}

func openPool(t *testing.T, cfg PoolConfig, handler func()) *pool {
	t.Helper()
	cfg.Box = func(int) uintptr { return 0 }
	p, err := newPool(cfg, &poolApp{handler: handler})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.close()
		for !p.isEmpty() {
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}}, 100)
			p.take(nil)
		}
		p.release()
	})
	return p
}

// submit hands n requests to the pool.
func submit(t *testing.T, p *pool, n int) {
	t.Helper()
	for i := range n {
		if !p.submit(&request{shared: &Request{}}) {
			t.Fatalf("request %d of %d was refused", i+1, n)
		}
	}
}

// outcomes waits for n requests to be done, and returns their statuses.
func outcomes(t *testing.T, p *pool, n int) (statuses []int) {
	t.Helper()
	for len(statuses) < n {
		poll := []unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}}
		ready, err := unix.Poll(poll, 5000)
		if err == unix.EINTR {
			continue
		}
		if err != nil || ready == 0 {
			t.Fatalf("%d of %d requests are done after 5 s (%v)", len(statuses), n, err)
		}
		for _, done := range p.take(nil) {
			statuses = append(statuses, done.call.Outcome.Status)
		}
	}
	return statuses
}

func TestPool_answers503WhenAThreadCannotStart_andTriesAgain(t *testing.T) {
	starts := 0
	p := openPool(t, PoolConfig{Threads: 1, Idle: time.Second, Start: func(int) bool {
		starts++ // Threads are one after the other here.
		return starts > 1
	}}, nil)
	for i, want := range []int{503, 200, 200} {
		submit(t, p, 1)
		if got := outcomes(t, p, 1)[0]; got != want {
			t.Errorf("request %d: status %d, want %d", i, got, want)
		}
	}
}

func TestPool_answersWhatCameWhileItsLastThreadEnded(t *testing.T) {
	ending, end := make(chan bool), make(chan bool)
	p := openPool(t, PoolConfig{Threads: 1, Queue: 1, Idle: time.Second, Exit: func(int) {
		ending <- true
		<-end
	}}, nil)
	t.Cleanup(func() { go func() { <-ending; end <- true }() })
	submit(t, p, 1)
	outcomes(t, p, 1)
	p.retire(1)
	p.retire(1 + int64(time.Second))
	<-ending
	submit(t, p, 1)
	end <- true
	if got := outcomes(t, p, 1)[0]; got != 200 {
		t.Errorf("status %d, want 200", got)
	}
}

func TestPool_runsAsManyHandlersAsItHasThreads(t *testing.T) {
	const threads, queue = 8, 3
	inside, leave := make(chan bool), make(chan bool)
	p := openPool(t, PoolConfig{Threads: threads, Queue: queue, Idle: time.Second}, func() {
		inside <- true
		<-leave
	})
	for round := range 2 { // With new threads, and with those that are free then.
		submit(t, p, threads+queue)
		if p.submit(&request{shared: &Request{}}) {
			t.Errorf("round %d: a request was taken that has no room", round)
		}
		for range threads {
			<-inside
		}
		for range queue {
			leave <- true
			<-inside
		}
		for range threads {
			leave <- true
		}
		outcomes(t, p, threads+queue)
	}
}

func TestPool_startsThreadsSideBySide(t *testing.T) {
	both := make(chan bool)
	p := openPool(t, PoolConfig{Threads: 4, Idle: time.Second, Start: func(int) bool {
		// Each waits for the other.
		select {
		case both <- true:
		case <-both:
		}
		return true
	}}, nil)
	submit(t, p, 2)
	outcomes(t, p, 2)
	p.mu.Lock()
	defer p.mu.Unlock()
	if started := p.cfg.Threads - len(p.unused); started != 2 {
		t.Errorf("%d threads were started for two requests", started)
	}
}

func TestPool_doesNotWaitForAThreadThatStartsIfOneIsFree(t *testing.T) {
	inside, leave, start := make(chan bool), make(chan bool), make(chan bool)
	p := openPool(t, PoolConfig{Threads: 2, Idle: time.Second, Start: func(thread int) bool {
		if thread == 1 {
			start <- true
			<-start
		}
		return true
	}}, func() {
		inside <- true
		<-leave
	})
	submit(t, p, 1)
	<-inside
	submit(t, p, 1) // Thread 1 is to have it, but starts for long.
	<-start
	leave <- true
	<-inside
	leave <- true
	outcomes(t, p, 2)
	submit(t, p, 1)
	<-inside
	leave <- true
	outcomes(t, p, 1)
	start <- true
}

func TestFifo_keepsOrderAndRoom(t *testing.T) {
	var q fifo
	var items []*request
	for range 1000 {
		items = append(items, &request{})
	}
	pushed, popped := 0, 0
	for popped < len(items) {
		for range 3 {
			if pushed < len(items) {
				q.push(items[pushed])
				pushed++
			}
		}
		for range 1 + popped%4 {
			if ex := q.pop(); popped < pushed && ex != items[popped] || popped == pushed && ex != nil {
				t.Fatalf("item %d is another", popped)
			} else if ex != nil {
				popped++
			}
		}
	}
	if q.len() != 0 || cap(q.items) > 600 {
		t.Errorf("%d left, room for %d", q.len(), cap(q.items))
	}
	if allocs := testing.AllocsPerRun(25, func() { q.push(items[0]); q.pop() }); allocs > 0 {
		t.Errorf("%v allocations for an item", allocs)
	}
}
