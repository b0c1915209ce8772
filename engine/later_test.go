package engine

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"libforker/engine/memory"
)

// holder is the part of a program that responds later: what capi/exchange/deferred.c does, in Go, so that the race detector sees it.
type holder struct {
	*program
	fd int // The loop's EventFd.

	mu     sync.Mutex
	events []Event            // Guarded by mu, like all that follows.
	held   map[*Request]*held // Requests whose response is owed.
	closed []int              // The reasons of Closed.
}

// held is a request that the program holds.
type held struct {
	pending []string
	sending string
	ended   bool // The program has done with it.
	dropped bool // Without an end.
	closed  bool // The loop has done with it.
}

// startHolder starts a server whose handlers run where pooled says, and may hold their requests.
func startHolder(t *testing.T, network string, setup ...func(*Config)) (*server, *holder) {
	t.Helper()
	h := &holder{held: map[*Request]*held{}}
	setup = append(setup, func(cfg *Config) {
		h.program = cfg.Handlers.(*program)
		cfg.Handlers, cfg.Holders, cfg.Memory, cfg.Log = h, h, h, h.Log
		cfg.HalfClose = true
		if cfg.Pool.Threads == 0 {
			cfg.Pool = PoolConfig{Threads: 4, Queue: 100, Idle: time.Hour}
		}
		cfg.Pool.Box = func(int) uintptr { return 0 }
	})
	s := start(t, network, setup...)
	s.do(func() { h.fd = s.loop.cfg.EventFd })
	return s, h
}

// holdAll has the handler of a path hold its requests, and gives them as they come.
func (h *holder) holdAll(s *server, path string) <-chan *Request {
	requests := make(chan *Request, 100)
	s.handle(path, func(c *call) { requests <- h.hold(c) })
	return requests
}

// Serve runs paths that begin with /pool on the pool's threads.
func (h *holder) Serve(request *Call) {
	pooled := len(request.Path) >= 5 && string(request.Path[:5]) == "/pool"
	if pooled != request.Pooled && request.Skip == 0 {
		request.Outcome.Next = Elsewhere
		return
	}
	h.program.mu.Lock()
	handler := h.handlers[string(request.Path)]
	h.program.mu.Unlock()
	if handler == nil {
		request.Outcome.Status = 404
		return
	}
	c := call{program: h.program, req: request.Req, method: request.Method, path: request.Path}
	handler(&c)
	request.Outcome = c.outcome
}

// hold makes a request's answer owed.
func (h *holder) hold(c *call) *Request {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held[c.req] = &held{}
	c.req.Deferred = 1
	c.outcome.Next = Deferred
	return c.req
}

// tell puts an event into the queue. false: the client has left.
func (h *holder) tell(req *Request, kind uint32, ends bool, text string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	entry := h.held[req]
	if text != "" {
		entry.pending = append(entry.pending, text)
	}
	entry.dropped = kind == EventDrop
	if entry.ended = ends; ends && entry.closed {
		kind = EventRelease
		delete(h.held, req)
		req.Deferred = 0
	} else if entry.closed {
		return false
	}
	h.put(Event{Request: memory.AddressOf(req), Serial: req.Serial, Kind: kind})
	_, _ = unix.Write(h.fd, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	return kind != EventRelease
}

// put keeps at most one event for each request, the largest one, as the queue in C does.
func (h *holder) put(event Event) {
	for i := range h.events {
		if h.events[i].Request == event.Request {
			h.events[i].Kind = max(h.events[i].Kind, event.Kind)
			return
		}
	}
	h.events = append(h.events, event)
}

func (h *holder) Collect(events []Event) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	var b [8]byte
	_, _ = unix.Read(h.fd, b[:])
	n := copy(events, h.events)
	h.events = h.events[n:]
	return n
}

func (h *holder) Stream(req *Request) Piece {
	h.mu.Lock()
	defer h.mu.Unlock()
	entry := h.held[req]
	entry.sending = ""
	for _, text := range entry.pending {
		entry.sending += text
	}
	entry.pending = nil
	return Piece{Data: []byte(entry.sending), Ended: entry.ended && !entry.dropped}
}

func (h *holder) Closed(req *Request, reason int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = append(h.closed, reason)
	entry := h.held[req]
	entry.closed = true
	atomic.StoreUint32(&req.Cancelled, 1)
	if !entry.ended {
		return false
	}
	delete(h.held, req)
	req.Deferred = 0
	var rest []Event
	for _, e := range h.events {
		if e.Request != memory.AddressOf(req) {
			rest = append(rest, e)
		}
	}
	h.events = rest
	return true
}

// reasons waits until Close has been called n times.
func (h *holder) reasons(t *testing.T, n int) []int {
	t.Helper()
	for until := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		h.mu.Lock()
		reasons := append([]int(nil), h.closed...)
		h.mu.Unlock()
		if len(reasons) >= n {
			return reasons
		}
		if time.Now().After(until) {
			t.Fatalf("Close was called %d times, want %d", len(reasons), n)
		}
	}
}

func TestPool_servesManyConnectionsAtOnce(t *testing.T) {
	s, _ := startHolder(t, tcp)
	s.handle("/pool", func(c *call) { c.outcome = Outcome{Status: 200, Detail: "pooled"} })
	var wait sync.WaitGroup
	for range 8 {
		c := s.dial()
		wait.Go(func() {
			for range 100 {
				c.send(get("/pool") + getHello + get("/pool"))
				for _, want := range []string{"200 OK\npooled\n", "hello", "200 OK\npooled\n"} {
					if _, got := c.response("GET"); got != want {
						t.Errorf("%q, want %q", got, want)
					}
				}
			}
		})
	}
	wait.Wait()
}

// eventually waits until something is so on the loop's thread.
func (s *server) eventually(what string, is func() bool) {
	s.t.Helper()
	so := false
	for until := time.Now().Add(patience); !so && time.Now().Before(until); time.Sleep(time.Millisecond) {
		s.do(func() { so = is() })
	}
	if !so {
		s.t.Fatalf("waited for %s", what)
	}
}

func TestPool_refusesWhatIsBeyondItsQueue(t *testing.T) {
	s, _ := startHolder(t, tcp, func(cfg *Config) { cfg.Pool = PoolConfig{Threads: 1, Queue: 1, Idle: time.Hour} })
	entered, leave := make(chan bool, 2), make(chan bool)
	s.handle("/pool", func(c *call) {
		entered <- true
		<-leave
		c.outcome = Outcome{Status: 200, Detail: "pooled"}
	})
	first, second, third := s.dial(), s.dial(), s.dial()
	first.send(get("/pool"))
	<-entered
	second.send(get("/pool"))
	s.settle()
	third.send(get("/pool"))
	if response, _ := third.response("GET"); response.StatusCode != 503 || response.Header.Get("Retry-After") != "1" {
		t.Errorf("%s %v", response.Status, response.Header)
	}
	close(leave)
	for _, c := range []*client{first, second} {
		if _, got := c.response("GET"); got != "200 OK\npooled\n" {
			t.Errorf("%q", got)
		}
	}
}

func TestPool_keepsARequestWhoseClientLeft(t *testing.T) {
	s, _ := startHolder(t, tcp)
	entered, leave := make(chan *Request, 1), make(chan bool)
	s.handle("/pool", func(c *call) {
		entered <- c.req
		<-leave
		c.outcome = Outcome{Status: 200}
	})
	c := s.dial()
	c.send(get("/pool"))
	<-entered
	c.reset()
	s.eventually("the connection to be closed", func() bool { return s.loop.open == 0 })
	close(leave)
	s.eventually("the request to be taken back", func() bool { return len(s.loop.freeRequests) == len(s.loop.byIndex) })
}

func TestPool_endsIdleThreads(t *testing.T) {
	s, _ := startHolder(t, tcp, func(cfg *Config) { cfg.Pool = PoolConfig{Threads: 4, Queue: 1, Idle: time.Millisecond} })
	s.handle("/pool", func(c *call) { c.outcome = Outcome{Status: 200} })
	c := s.dial()
	c.send(get("/pool"))
	c.response("GET")
	s.eventually("no thread to be left", func() bool {
		s.loop.pool.retire(s.loop.clock.now)
		s.loop.pool.mu.Lock()
		defer s.loop.pool.mu.Unlock()
		return len(s.loop.pool.unused) == 4
	})
}

func TestDeferred_isAnsweredByAnotherGoroutine(t *testing.T) {
	s, h := startHolder(t, tcp)
	for _, path := range []string{"/later", "/pool/later"} {
		s.handle(path, func(c *call) {
			req := h.hold(c)
			go func() {
				req.Response.Status, req.Response.State = 204, ResponseStarted
				h.tell(req, EventResponse, true, "")
			}()
		})
		c := s.dial()
		for range 200 {
			c.send(get(path) + getHello)
			if response, _ := c.response("GET"); response.StatusCode != 204 {
				t.Fatal(response.Status)
			}
			if _, got := c.response("GET"); got != "hello" {
				t.Fatalf("%q", got)
			}
		}
	}
	for i, reason := range h.reasons(t, 400) {
		if reason != CloseDone {
			t.Fatalf("end %d has reason %d", i, reason)
		}
	}
}

func TestDeferred_outlivesItsClient(t *testing.T) {
	for _, kind := range []uint32{EventResponse, EventDrop} {
		s, h := startHolder(t, tcp)
		requests := h.holdAll(s, "/later")
		c := s.dial()
		c.send(get("/later"))
		req := <-requests
		c.reset()
		if got := h.reasons(t, 1); got[0] != CloseClient {
			t.Errorf("reason %d", got[0])
		}
		if h.tell(req, kind, true, "") {
			t.Error("the program is not told that the client left")
		}
		s.eventually("the request to be taken back", func() bool { return len(s.loop.freeRequests) == len(s.loop.byIndex) })
	}
}

func TestDeferred_timesOut(t *testing.T) {
	s, h := startHolder(t, tcp, func(cfg *Config) { cfg.HandlerTimeout = time.Millisecond })
	requests := h.holdAll(s, "/later")
	c := s.dial()
	c.send(get("/later"))
	if response, _ := c.response("GET"); response.StatusCode != 504 {
		t.Error(response.Status)
	}
	if got := h.reasons(t, 1); got[0] != CloseTimeout {
		t.Errorf("reason %d", got[0])
	}
	h.tell(<-requests, EventResponse, true, "")
	c.reset()
	s.eventually("the request to be taken back", func() bool { return len(s.loop.freeRequests) == len(s.loop.byIndex) })
}

func TestStream_goesOutAsItIsWritten(t *testing.T) {
	s, h := startHolder(t, tcp)
	s.handle("/stream", func(c *call) {
		req := h.hold(c)
		go func() {
			req.Response.Status, req.Response.State, req.Response.Flags, req.Response.Length = 200, ResponseWhole, ResponseStream, -1
			for i := range 20 {
				h.tell(req, EventStream, false, fmt.Sprintf("%d,", i))
			}
			h.tell(req, EventStream, true, "end")
		}()
	})
	c := s.dial()
	for range 100 {
		c.send(get("/stream") + getHello)
		if _, got := c.response("GET"); got != "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,end" {
			t.Fatalf("%q", got)
		}
		if _, got := c.response("GET"); got != "hello" {
			t.Fatalf("%q", got)
		}
	}
}

// beginStream makes the response of a request that is held a stream.
func beginStream(req *Request, length int64) {
	req.Response.Status, req.Response.State, req.Response.Flags, req.Response.Length = 200, ResponseWhole, ResponseStream, length
}

func TestStream_droppedBeforeItsHandlerReturns(t *testing.T) {
	s, h := startHolder(t, tcp)
	for _, path := range []string{"/drop", "/pool/drop"} {
		s.handle(path, func(c *call) {
			req := h.hold(c)
			beginStream(req, -1)
			h.tell(req, EventStream, false, "abc")
			h.tell(req, EventDrop, true, "")
		})
		c := s.dial()
		c.send(get(path) + getHello)
		const want = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
		if got := c.all(); got != want {
			t.Errorf("%s: %q", path, got)
		}

		c = s.dial()
		c.send("HEAD " + path + " HTTP/1.1\r\nHost: h\r\n\r\n" + getHello)
		if response, _ := c.response("HEAD"); response.StatusCode != 200 {
			t.Error(response.Status)
		}
		if _, got := c.response("GET"); got != "hello" {
			t.Errorf("%q", got)
		}
	}
	if n := s.logged("without a response"); n != 0 {
		t.Errorf("%d lines say that there was none", n)
	}
}

// TestStream_toHTTP10ThatIsCutIsReset: where the end of the connection is that of the body, one that is not whole must
// not end like one that is.
func TestStream_toHTTP10ThatIsCutIsReset(t *testing.T) {
	for name, cut := range map[string]func(s *server, h *holder, req *Request){
		"dropped": func(_ *server, h *holder, req *Request) { h.tell(req, EventDrop, true, "") },
		"too slow": func(s *server, h *holder, req *Request) {
			h.tell(req, EventStream, false, text(32<<20))
			s.eventually("the client to take no more", func() bool { return s.loop.byIndex[req.Index].stream.conn().blocked })
			s.pass(10*time.Second + shortly)
			h.reasons(s.t, 1)
			h.tell(req, EventDrop, true, "")
			s.eventually("the request to be taken back", func() bool { return len(s.loop.freeRequests) == len(s.loop.byIndex) })
		},
	} {
		s, h := startHolder(t, tcp, func(cfg *Config) { cfg.WriteTimeout = 10 * time.Second })
		requests := h.holdAll(s, "/stream")
		c := s.dial()
		c.send("GET /stream HTTP/1.0\r\n\r\n")
		req := <-requests
		beginStream(req, -1)
		h.tell(req, EventStream, false, "abc")
		response, err := http.ReadResponse(c.in, nil)
		c.must(err)
		var body [3]byte
		_, err = io.ReadFull(response.Body, body[:])
		c.must(err)
		cut(s, h, req)
		if rest, err := io.ReadAll(response.Body); !errors.Is(err, unix.ECONNRESET) {
			t.Errorf("%s: behind %q come %d bytes, then %v", name, body, len(rest), err)
		}
	}

	s, h := startHolder(t, tcp)
	requests := h.holdAll(s, "/stream")
	c := s.dial()
	c.send("GET /stream HTTP/1.0\r\n\r\n")
	req := <-requests
	beginStream(req, -1)
	h.tell(req, EventStream, true, "abc")
	if got := c.all(); !strings.HasSuffix(got, "\r\n\r\nabc") {
		t.Errorf("a whole one: %q", got)
	}
}
