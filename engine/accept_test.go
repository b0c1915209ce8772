package engine

import (
	"os"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestAccept_manyAtOnce(t *testing.T) {
	s := start(t, tcp)
	var clients []*client
	s.do(func() {
		for range 3*rejoinAfter + 1 {
			c := s.dial()
			c.send(getHello)
			clients = append(clients, c)
		}
	})
	for _, c := range clients {
		if _, got := c.response("GET"); got != "hello" {
			t.Errorf("%q", got)
		}
	}
	if s.counts().Accepted != 3*rejoinAfter+1 || s.counts().Connections != 3*rejoinAfter+1 {
		t.Errorf("accepted %d, open %d", s.counts().Accepted, s.counts().Connections)
	}
}

// A worker that is woken for a connection and does not take it is what a worker is that dies in that moment.
func TestAccept_takesWhatAnotherWasWokenFor(t *testing.T) {
	s := start(t, tcp)
	thief, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	s.must(err)
	defer unix.Close(thief)
	s.do(func() {
		ln := &s.loop.listeners[0]
		s.must(unix.EpollCtl(thief, unix.EPOLL_CTL_ADD, ln.fd, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLEXCLUSIVE}))
		s.loop.rejoin(ln) // Behind the thief.
	})
	stolen := make(chan error, 1)
	go func() {
		_, err := unix.EpollWait(thief, make([]unix.EpollEvent, 1), int(patience.Milliseconds()))
		stolen <- err
	}()
	for {
		c := s.dial()
		c.send(getHello)
		if _, got := c.response("GET"); got != "hello" {
			t.Errorf("%q", got)
		}
		select {
		case err := <-stolen:
			s.must(err)
			return
		default: // It was not waiting yet.
		}
	}
}

func TestAccept_leavesConnectionsToOthersWhenCrowded(t *testing.T) {
	var asked []int64
	var s *server
	s = start(t, tcp, func(cfg *Config) {
		cfg.Crowded = func() bool { asked = append(asked, s.loop.clock.now); return len(asked) == 1 }
	})
	var clients []*client
	s.do(func() {
		for range 2*rejoinAfter + 1 {
			c := s.dial()
			c.send(getHello)
			clients = append(clients, c)
		}
	})
	for _, c := range clients { // Nobody else takes them: they have only waited a moment.
		if _, got := c.response("GET"); got != "hello" {
			t.Errorf("%q", got)
		}
	}
	if s.counts().Accepted != 2*rejoinAfter+1 || len(asked) != 2 || asked[1]-asked[0] < yieldNs {
		t.Errorf("accepted %d, asked at %v; want a pause of %d between", s.counts().Accepted, asked, yieldNs)
	}
}

func TestAccept_tellsThePeer(t *testing.T) {
	s := start(t, tcp)
	peer := make(chan uint16, 1)
	s.handle("/peer", func(c *call) { peer <- c.req.Peer.Port; c.respond(200, string(c.req.Peer.Addr[:4])) })
	c := s.dial()
	c.send(get("/peer"))
	if _, got := c.response("GET"); got != "\x7f\x00\x00\x01" || int(<-peer) != localPort(c) {
		t.Errorf("%q", got)
	}
}

// TestAccept_pausesWithoutDescriptors lets the process run out of descriptors, as EMFILE does.
func TestAccept_pausesWithoutDescriptors(t *testing.T) {
	s := start(t, tcp)
	served := s.dial()
	served.send(getHello)
	served.response("GET")

	var before unix.Rlimit
	s.must(unix.Getrlimit(unix.RLIMIT_NOFILE, &before))
	restore := func() { s.must(unix.Setrlimit(unix.RLIMIT_NOFILE, &before)) }
	var waiting [3]*client
	s.do(func() { // Before the loop can accept them.
		for i := range waiting {
			waiting[i] = s.dial()
			waiting[i].send(getHello)
		}
		file, err := os.Open("/dev/null")
		s.must(err)
		limit := unix.Rlimit{Cur: uint64(file.Fd()), Max: before.Max}
		s.must(file.Close())
		s.must(unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
	})
	defer restore()

	s.settle()
	if n := s.logged("cannot accept: too many open files; trying again every 100 ms, 1 connections are open"); n != 1 {
		t.Errorf("%d warnings: %q", n, s.lines)
	}
	served.send(getHello) // Others are served as before.
	if _, got := served.response("GET"); got != "hello" {
		t.Errorf("%q", got)
	}
	if used := busy(t, 300*time.Millisecond); used > 150*time.Millisecond {
		t.Errorf("the loop was busy for %v of 300ms", used)
	}
	restore()
	for _, c := range waiting {
		if _, got := c.response("GET"); got != "hello" {
			t.Errorf("%q", got)
		}
	}
}

// busy returns how much processor time the process uses in the given time.
func busy(t *testing.T, wall time.Duration) time.Duration {
	t.Helper()
	used := func() time.Duration {
		var r unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
			t.Fatal(err)
		}
		return time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	begin := used()
	time.Sleep(wall)
	return used() - begin
}

func TestLoop_heartbeatWhileIdle(t *testing.T) {
	s := start(t, tcp)
	s.settle()
	first := atomic.LoadUint64(&s.slot.HeartbeatNs)
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if atomic.LoadUint64(&s.slot.HeartbeatNs) > first {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("there is none")
		}
	}
}

func TestLoop_idleConnectionHoldsNoBuffer(t *testing.T) {
	s := start(t, packets)
	var clients []*client
	for range 50 {
		c := s.dial()
		c.send(getHello)
		c.expect(hello)
		clients = append(clients, c)
	}
	s.settle()
	s.do(func() {
		if n := len(s.loop.freeRequests); n > 2 || s.loop.open != len(clients) {
			t.Errorf("%d requests for %d connections, one at a time used", n, s.loop.open)
		}
		if n := s.loop.blocks.Used() - s.unused; n != 0 {
			t.Errorf("%d bytes of buffers for idle connections", n)
		}
	})
}

func TestLoop_unwatch(t *testing.T) {
	s := start(t, tcp)
	fd, err := unix.Eventfd(1, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	s.must(err)
	defer unix.Close(fd)
	calls := 0
	s.do(func() {
		s.must(s.loop.Watch(fd, func() { calls++; s.loop.Unwatch(fd) }))
	})
	s.settle()
	if calls != 1 {
		t.Errorf("called %d times", calls)
	}
}
