package secure

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"libforker/engine/secure/testcert"
)

var certificate = sync.OnceValue(func() *testcert.Pair { return testcert.New(testcert.Spec{Names: []string{"localhost"}}) })

func serverConfig(brief bool) *Config {
	get := func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &certificate().TLS, nil }
	return NewConfig(&Policy{GetCertificate: get, Brief: brief})
}

// eachWay runs a test whose handshakes run beside the loop, and again where they run on its thread.
func eachWay(t *testing.T, test func(t *testing.T, config *Config)) {
	t.Run("beside", func(t *testing.T) { test(t, serverConfig(false)) })
	t.Run("brief", func(t *testing.T) { test(t, serverConfig(true)) })
}

func clientConfig() *tls.Config {
	return &tls.Config{RootCAs: certificate().Pool(), ServerName: "localhost", NextProtos: []string{"http/1.1"}}
}

// loop drives a session as an engine's loop does, on one end of a pipe: what one write brings is received at once.
type loop struct {
	socket  net.Conn
	session *Session
	shakes  *Handshakes
	woken   chan struct{}
	input   chan []byte // What comes; closed: the end.
	room    int         // Bytes of what Read gets.
	echoed  int
	behind  int // Bytes that CloseWrite has put behind all that, at the end.
}

// serve sends back what the client says, in capitals, and returns why it ended.
func (l *loop) serve(config *Config) error {
	l.woken, l.input = make(chan struct{}, 1), make(chan []byte)
	l.session = NewSession(config, 7)
	l.shakes = NewHandshakes(1, true, func() { l.woken <- struct{}{} })
	defer l.session.Close()
	go l.receive()
	if err := l.shake(); err != nil {
		return err
	}
	for {
		l.take()
		err := l.echo()
		l.session.Keep()
		l.flush()
		if err != nil {
			l.session.CloseWrite()
			l.behind = len(l.session.Outbox())
			return err
		}
	}
}

// take waits for input, unless there is some that the session has not given out yet.
func (l *loop) take() {
	if l.session.HasMore() {
		return
	}
	in, ok := <-l.input
	l.session.Receive(append(bytes.Clone(l.session.Pending()), in...), !ok)
}

func (l *loop) echo() error {
	b := make([]byte, l.room)
	n, err := l.session.Read(b)
	if err != nil {
		return err
	}
	l.echoed += n
	return l.session.Write(bytes.ToUpper(b[:n]))
}

func (l *loop) flush() {
	if out := l.session.Outbox(); len(out) > 0 {
		n, _ := l.socket.Write(out)
		l.session.Sent(n)
	}
}

func (l *loop) receive() {
	defer close(l.input)
	for {
		b := make([]byte, 1<<16)
		n, err := l.socket.Read(b)
		if err != nil {
			return
		}
		l.input <- b[:n]
	}
}

func (l *loop) shake() error {
	in, ok := <-l.input
	if !ok {
		return io.EOF
	}
	next := l.shakes.Begin(l.session, in)
	input := l.input
	for {
		if next == HasNews {
			if progress := l.collect(); progress.Over {
				return progress.Err
			}
		}
		next = WantsInput
		select {
		case in, ok := <-input:
			if ok {
				next = l.shakes.Feed(l.session, in)
			} else {
				next = l.shakes.EndOf(l.session)
			}
			if !ok || next == Computes {
				input = nil
			}
		case <-l.woken:
			input = l.input
			if told := l.shakes.Take(nil); len(told) != 1 || told[0] != l.session || told[0].Owner != 7 {
				return fmt.Errorf("told of %d sessions", len(told))
			}
			next = HasNews
		}
	}
}

// collect takes in how far the handshake is.
func (l *loop) collect() Progress {
	progress := l.shakes.Collect(l.session, nil)
	_, _ = l.socket.Write(progress.Out)
	return progress
}

// cut is a connection whose writes are cut into pieces.
type cut struct {
	net.Conn
	size int
}

func (c *cut) Write(b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		m, err = c.Conn.Write(b[n:min(n+c.size, len(b))])
		n += m
	}
	return n, err
}

// pipe serves one end of a pipe by l until ended, and returns the other.
func (l *loop) pipe(t testing.TB, config *Config) (far net.Conn, ended chan error) {
	t.Helper()
	near, far := net.Pipe()
	deadline := time.Now().Add(time.Minute)
	_ = near.SetDeadline(deadline)
	_ = far.SetDeadline(deadline)
	l.socket = near
	ended = make(chan error, 1)
	go func() {
		err := l.serve(config)
		_ = near.Close()
		ended <- err
	}()
	return far, ended
}

// open has a client make a handshake with l's session, which is the test's from then on. What the session sends to it is
// thrown away.
func (l *loop) open(t testing.TB, handshake func(far net.Conn) error) {
	t.Helper()
	near, far := net.Pipe()
	t.Cleanup(func() { _ = far.Close() })
	l.socket, l.woken, l.input = near, make(chan struct{}, 1), make(chan []byte)
	l.session = NewSession(serverConfig(false), 7)
	t.Cleanup(l.session.Close)
	l.shakes = NewHandshakes(1, true, func() { l.woken <- struct{}{} })
	shaken := make(chan error, 1)
	go l.receive()
	go func() { shaken <- l.shake() }()
	if err := handshake(far); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, far) }() // Tickets.
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}
}

// uneven is a connection whose writes are cut into pieces of such sizes, over and over.
type uneven struct {
	net.Conn
	sizes []byte
	next  int
}

func (u *uneven) Write(b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		size := len(b)
		if len(u.sizes) > 0 {
			size = 1 + int(u.sizes[u.next%len(u.sizes)])*8
			u.next++
		}
		var m int
		m, err = u.Conn.Write(b[n:min(n+size, len(b))])
		n += m
	}
	return n, err
}
