package admin

import (
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The listener of its own that all is served on.

// Server answers on one listening socket.
type Server struct {
	// Immutable.
	source   Source
	history  *history
	listener net.Listener
	visitors *visitors
	stop     chan struct{}

	accepting, running sync.WaitGroup // the one goroutine that accepts; the others
}

// Start serves on a listening socket, whose descriptor it takes over.
func Start(fd int, source Source) (*Server, error) {
	file := os.NewFile(uintptr(fd), "admin")
	listener, err := net.FileListener(file) // has a duplicate
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	return StartOn(listener, source), nil
}

// StartOn serves on a listener, which Close closes.
func StartOn(listener net.Listener, source Source) *Server {
	s := &Server{source: source, listener: listener, visitors: newVisitors(maxConns, idleGrace), stop: make(chan struct{})}
	s.history = newHistory(&s.source)
	s.running.Go(func() { s.history.run(s.stop) })
	s.accepting.Go(s.accept)
	return s
}

// Close ends it, cutting off what is being answered.
func (s *Server) Close() {
	close(s.stop)
	// What it closes is not used any more, whatever close(2) says.
	_ = s.listener.Close()
	s.accepting.Wait() // Nobody enters any more.
	s.visitors.cutOff()
	s.running.Wait()
}

// accept takes connections until the listener is closed. When the process is out of descriptors, one that is idle has to
// give up its own.
func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil && s.visitors.makeRoom():
		case err != nil:
			select {
			case <-s.stop:
				return
			case <-time.After(acceptPause):
			}
		default:
			if c := s.visitors.enter(conn, s.stop); c != nil {
				s.running.Go(func() { s.serve(c) })
			}
		}
	}
}

const acceptPause = 100 * time.Millisecond

// serve answers one request.
func (s *Server) serve(c *visitor) {
	defer s.visitors.leave(c)
	_, isTCP := c.Conn.(*net.TCPConn)
	a, isHead, err := receive(c, func(r request) response {
		s.visitors.attend(c, true)
		return s.guard(r, isTCP)
	})
	if err == nil && send(c, a.encode(s.source.Wall(), isHead)) == nil {
		s.visitors.attend(c, false)
		linger(c.Conn)
	}
}

// guard keeps browsers from being tricked: a name that leads to the loopback address is not enough to read from here
// (DNS rebinding). And it keeps the master alive, should what a worker that has gone wild left in the shared memory be
// more than we are prepared for.
func (s *Server) guard(r request, isTCP bool) (a response) {
	defer func() {
		if recover() != nil {
			a = refuse(500)
		}
	}()
	if isTCP && !isLocal(r.host) {
		return text(403, "the host must be localhost or a loopback address\n")
	}
	return s.respond(r)
}

// pages are what there is to see.
var pages = map[string]func(s *Server, r request) response{
	"/healthz": func(*Server, request) response { return text(200, "ok\n") },
	"/readyz":  (*Server).showReady,
	"/status":  func(s *Server, _ request) response { return document(s.source.status()) },
	"/metrics": (*Server).showMetrics,
	"/history": (*Server).showHistory,
	"/":        showPage,
}

func (s *Server) respond(r request) response {
	show, found := pages[r.path]
	switch {
	case !found:
		return refuse(404)
	case r.method != "GET" && r.method != "HEAD":
		a := refuse(405)
		a.fields = "Allow: GET, HEAD\r\n"
		return a
	}
	return show(s, r)
}

func (s *Server) showReady(request) response {
	workers, _ := s.source.look()
	if s.source.isReady(workers) {
		return text(200, "ready\n")
	}
	return text(503, "not ready: "+s.source.Slots.Shared().LoadPhase().String()+", "+strconv.Itoa(countReady(workers))+" workers are ready\n")
}

func (s *Server) showMetrics(request) response {
	return response{status: 200, kind: "text/plain; version=0.0.4; charset=utf-8", body: []byte(s.source.metrics())}
}

func (s *Server) showHistory(r request) response {
	since := int64(0)
	for pair := range strings.SplitSeq(r.query, "&") {
		if value, found := strings.CutPrefix(pair, "since="); found {
			since, _ = strconv.ParseInt(value, 10, 64) // 0 if it is none: all that there is
		}
	}
	return document(s.history.since(since))
}

func document(doc any) response {
	encoded, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return text(500, err.Error()+"\n")
	}
	return response{status: 200, kind: "application/json", body: append(encoded, '\n')}
}

// isLocal tells if a Host field names this machine by itself.
func isLocal(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if len(host) > 2 && host[0] == '[' {
		host = host[1 : len(host)-1]
	}
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
