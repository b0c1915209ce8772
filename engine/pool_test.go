package engine

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// poolApp answers every request with 200.
type poolApp struct{ program }

func (*poolApp) Serve(*Call) Outcome { return Outcome{Status: 200} }

func openPool(t *testing.T, cfg PoolConfig) *pool {
	t.Helper()
	cfg.Box = func(int) uintptr { return 0 }
	p, err := newPool(cfg, &poolApp{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Every thread is idle by now.
		p.retire(1)
		p.retire(1 + int64(cfg.Idle))
		_ = unix.Close(p.fd)
	})
	return p
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
			statuses = append(statuses, done.outcome.Status)
		}
	}
	return statuses
}

func TestPool_answers503WhenAThreadCannotStart_andTriesAgain(t *testing.T) {
	starts := 0
	p := openPool(t, PoolConfig{Threads: 1, Idle: time.Second, Start: func(int) bool {
		starts++ // Threads are one after the other here.
		return starts > 1
	}})
	for i, want := range []int{503, 200, 200} {
		if !p.submit(&exchange{req: &Request{}}) {
			t.Fatalf("request %d was refused", i)
		}
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
	}})
	t.Cleanup(func() { go func() { <-ending; end <- true }() })
	p.submit(&exchange{req: &Request{}})
	outcomes(t, p, 1)
	p.retire(1)
	p.retire(1 + int64(time.Second))
	<-ending
	if !p.submit(&exchange{req: &Request{}}) {
		t.Fatal("the request was refused")
	}
	end <- true
	if got := outcomes(t, p, 1)[0]; got != 200 {
		t.Errorf("status %d, want 200", got)
	}
}
