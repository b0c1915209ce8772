package admin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"time"
)

// The bounds of what clients can take up.
const (
	maxConns      = 32
	maxHead       = 8 << 10
	headTimeout   = 5 * time.Second
	answerTimeout = 10 * time.Second
	idleTimeout   = 30 * time.Second
)

// Server answers on one listening socket.
type Server struct {
	source  Source
	history *history
	http    http.Server
	stop    chan struct{}
	running sync.WaitGroup
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
	s := &Server{source: source, stop: make(chan struct{})}
	s.history = newHistory(&s.source)
	s.http = http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: headTimeout,
		ReadTimeout:       headTimeout,
		WriteTimeout:      answerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHead,
		ErrorLog:          log.New(io.Discard, "", 0), // what a client does wrong is the client's concern
		ConnContext:       markTCP,
	}
	s.running.Go(func() { s.history.run(s.stop) })
	s.running.Go(func() {
		// It ends with ErrServerClosed, by Close.
		_ = s.http.Serve(limit(listener, maxConns))
	})
	return s
}

// Close ends it, cutting off what is being answered.
func (s *Server) Close() {
	close(s.stop)
	// What it closes is not used any more, whatever close(2) says.
	_ = s.http.Close()
	s.running.Wait()
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", s.serveReady)
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.source.status()) })
	mux.HandleFunc("GET /metrics", s.serveMetrics)
	mux.HandleFunc("GET /history", s.serveHistory)
	mux.HandleFunc("GET /{$}", servePage)
	return guard(mux)
}

func (s *Server) serveReady(w http.ResponseWriter, _ *http.Request) {
	workers, _ := s.source.look()
	if s.source.isReady(workers) {
		writeText(w, http.StatusOK, "ready\n")
		return
	}
	writeText(w, http.StatusServiceUnavailable, "not ready: "+s.source.Slots.Shared().LoadPhase().String()+", "+
		strconv.Itoa(countReady(workers))+" workers are ready\n")
}

func (s *Server) serveMetrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	write(w, []byte(s.source.metrics()))
}

func (s *Server) serveHistory(w http.ResponseWriter, r *http.Request) {
	since, err := strconv.ParseInt(r.URL.Query().Get("since"), 10, 64)
	if err != nil {
		since = 0
	}
	writeJSON(w, s.history.since(since))
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	write(w, []byte(text))
}

func writeJSON(w http.ResponseWriter, doc any) {
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		writeText(w, http.StatusInternalServerError, err.Error()+"\n")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	write(w, append(text, '\n'))
}

// write sends a body. An error means that the client is gone.
func write(w http.ResponseWriter, body []byte) { _, _ = w.Write(body) }

type connKey struct{}

// markTCP notes for guard what a request came over.
func markTCP(ctx context.Context, conn net.Conn) context.Context {
	_, isTCP := conn.(*limited).Conn.(*net.TCPConn)
	return context.WithValue(ctx, connKey{}, isTCP)
}

// guard keeps browsers from being tricked: a name that leads to the loopback address is not enough to read from here (DNS
// rebinding), and nothing is loaded from or shown in other places.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("X-Content-Type-Options", "nosniff")
		if isTCP, _ := r.Context().Value(connKey{}).(bool); isTCP && !isLocal(r.Host) {
			writeText(w, http.StatusForbidden, "the host must be localhost or a loopback address\n")
			return
		}
		next.ServeHTTP(w, r)
	})
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
