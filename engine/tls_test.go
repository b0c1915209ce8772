package engine

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"libforker/engine/secure"
	"libforker/engine/secure/testcert"
	"libforker/slot"
)

var certificate = sync.OnceValue(func() *testcert.Pair { return testcert.New(testcert.Spec{Names: []string{"localhost"}}) })

// besideLoop has the handshakes run on goroutines.
var besideLoop bool

// withTLS has the server speak TLS.
func withTLS(cfg *Config) {
	cfg.Listeners = []Listener{{TLS: secure.NewConfig(&secure.Policy{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &certificate().TLS, nil },
		Brief:          !besideLoop,
	})}}
	cfg.TLS = TLSConfig{Computing: 1, Handshakes: 1024, Timeout: time.Hour}
}

func clientConfig() *tls.Config {
	return &tls.Config{RootCAs: certificate().Pool(), ServerName: "localhost"}
}

// dialTLS makes a connection that has not begun with its handshake.
func (s *server) dialTLS(config *tls.Config) *client {
	s.t.Helper()
	c := s.dial()
	conn := tls.Client(c.Conn, config)
	c.Conn, c.in = conn, bufio.NewReader(conn)
	return c
}

// narrow is a connection whose writes are cut into single bytes.
type narrow struct{ net.Conn }

func (n narrow) Write(b []byte) (int, error) {
	for i := range b {
		if _, err := n.Conn.Write(b[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(b), nil
}

// TestTLS_handshakesBesideTheLoop runs tests of handshakes again, as they are with a key that takes long to sign.
func TestTLS_handshakesBesideTheLoop(t *testing.T) {
	besideLoop = true
	defer func() { besideLoop = false }()
	t.Run("servesAsClearTextDoes", TestTLS_servesAsClearTextDoes)
	t.Run("byteByByte", TestTLS_byteByByte)
	t.Run("endsWithCloseNotify", TestTLS_endsWithCloseNotify)
	t.Run("clearTextIsTold", TestTLS_clearTextIsTold)
	t.Run("otherProtocolsAreRefused", TestTLS_otherProtocolsAreRefused)
	t.Run("handshakeHasADeadline", TestTLS_handshakeHasADeadline)
	t.Run("handshakesAreLimited", TestTLS_handshakesAreLimited)
	t.Run("clientLeavesAnywhereInTheHandshake", TestTLS_clientLeavesAnywhereInTheHandshake)
	t.Run("loopEndsInHandshakes", TestTLS_loopEndsInHandshakes)
	t.Run("drains", TestTLS_drains)
}

func TestTLS_servesAsClearTextDoes(t *testing.T) {
	s := start(t, tcp, withTLS)
	big := text(3 << 20)
	s.handle("/big", func(c *call) { c.respond(200, big) })
	s.handle("/parts", func(c *call) { c.lent("begin,"); c.respond(200, "middle,"); c.lent("end") })
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		config := clientConfig()
		config.MinVersion, config.MaxVersion = version, version
		c := s.dialTLS(config)
		c.t = t
		for _, row := range []struct{ request, want string }{
			{getHello, "hello"},
			{post("/echo", "hello"), "hello"},
			{get("/big"), big},
			{post("/echo", big[:1<<20]), big[:1<<20]},
			{chunked("/echo", text(200000), 999), text(200000)},
			{get("/parts"), "begin,middle,end"},
			{getHello, "hello"},
		} {
			go c.send(row.request)
			if res, got := c.response("GET"); res.StatusCode != 200 || got != row.want {
				t.Fatalf("%s: %.40q: %d with %d bytes", tls.VersionName(version), row.request, res.StatusCode, len(got))
			}
		}
		c.send(strings.Repeat(getHello, 500))
		for range 500 {
			if _, got := c.response("GET"); got != "hello" {
				t.Fatalf("%.40q", got)
			}
		}
	}
	if n := s.counts().Requests; n != 2*507 {
		t.Errorf("%d requests", n)
	}
	if n := s.counts().Handshakes; n[slot.TLS12Full] != 1 || n[slot.TLS13Full] != 1 {
		t.Errorf("handshakes %v", n)
	}
}

func TestTLS_countsTheBytesOfHTTP(t *testing.T) {
	for _, setup := range []func(*Config){func(*Config) {}, withTLS} {
		s := start(t, tcp, setup)
		c := s.dial()
		if s.loop.hasTLS() {
			s.secure(c)
		}
		c.send("GET /hello HTTP/1.0\r\n\r\n")
		response, err := io.ReadAll(c)
		s.must(err)
		if n := s.counts(); n.BytesIn != 23 || n.BytesOut != uint64(len(response)) {
			t.Errorf("%d bytes in, %d out, want 23 and %d", n.BytesIn, n.BytesOut, len(response))
		}
	}
}

func TestTLS_byteByByte(t *testing.T) {
	s := start(t, tcp, withTLS)
	c := s.dial()
	conn := tls.Client(narrow{c.Conn}, clientConfig())
	c.Conn, c.in = conn, bufio.NewReader(conn)
	for range 3 {
		c.send(post("/echo", text(2000)))
		if _, got := c.response("GET"); got != text(2000) {
			t.Fatalf("%.100q", got)
		}
	}
}

func TestTLS_file(t *testing.T) {
	s := start(t, tcp, withTLS)
	file, err := os.CreateTemp(t.TempDir(), "")
	s.must(err)
	defer file.Close()
	big := text(5 << 20)
	_, err = io.WriteString(file, big)
	s.must(err)
	fd := int32(file.Fd())
	s.handle("/file", func(c *call) {
		c.part(Part{Kind: PartFile, Fd: fd, Off: 7, Len: uint64(len(big) - 7)})
	})
	c := s.dialTLS(clientConfig())
	for range 2 {
		c.send(get("/file") + getHello)
		if _, got := c.response("GET"); got != big[7:] {
			t.Fatalf("%d bytes", len(got))
		}
		if _, got := c.response("GET"); got != "hello" {
			t.Fatalf("%q", got)
		}
	}
}

// recorder keeps what is read of a connection.
type recorder struct {
	net.Conn
	read []byte
}

func (r *recorder) Read(b []byte) (int, error) {
	n, err := r.Conn.Read(b)
	r.read = append(r.read, b[:n]...)
	return n, err
}

// lastRecord returns the type of the last record that was read.
func (r *recorder) lastRecord() byte {
	at, last := 0, byte(0)
	for at+5 <= len(r.read) {
		last = r.read[at]
		at += 5 + int(binary.BigEndian.Uint16(r.read[at+3:]))
	}
	return last
}

// records returns how many records of application data were read (RFC 5246 §6.2.1).
func (r *recorder) records() (n int) {
	for at := 0; at+5 <= len(r.read); at += 5 + int(binary.BigEndian.Uint16(r.read[at+3:])) {
		if r.read[at] == 23 {
			n++
		}
	}
	return n
}

func TestTLS_chunkIsOneRecord(t *testing.T) {
	s, h := startHolder(t, tcp, withTLS)
	requests := h.holdAll(s, "/stream")
	config := clientConfig()
	config.MaxVersion = tls.VersionTLS12
	c := s.dial()
	raw := &recorder{Conn: c.Conn}
	c.Conn = tls.Client(raw, config)
	c.send(get("/stream"))
	req := <-requests
	begin(req, -1)
	h.write(req, "", false)
	c.receive() // The head.
	head := raw.records()
	h.write(req, "some", false)
	if got := c.receive(); got != "4\r\nsome\r\n" || raw.records() != head+1 {
		t.Errorf("%q is %d records", got, raw.records()-head)
	}
	h.write(req, "", true)
	c.receive()
}

// TestTLS_truncationShows: what breaks off ends without the alert that says that it is whole (RFC 5246 §7.2.1).
func TestTLS_truncationShows(t *testing.T) {
	const alert, data = 21, 23
	s := start(t, tcp, withTLS)
	file, err := os.CreateTemp(t.TempDir(), "")
	s.must(err)
	defer file.Close()
	_, err = io.WriteString(file, text(2<<20))
	s.must(err)
	fd := int32(file.Fd())
	s.handle("/file", func(c *call) {
		c.req.Response.Flags |= ResponseClose
		c.part(Part{Kind: PartFile, Fd: fd, Len: 2 << 20})
	})
	config := clientConfig()
	config.MaxVersion = tls.VersionTLS12
	for _, row := range []struct {
		size int64
		last byte
	}{{2 << 20, alert}, {1 << 20, data}} {
		s.must(file.Truncate(row.size))
		c := s.dial()
		raw := &recorder{Conn: c.Conn}
		c.Conn = tls.Client(raw, config)
		c.send(get("/file"))
		body, _ := io.ReadAll(c)
		if got := raw.lastRecord(); got != row.last || len(body) < int(row.size) {
			t.Errorf("file of %d bytes: %d bytes came, and a last record of type %d", row.size, len(body), got)
		}
	}
}

func TestTLS_slowReaderGetsEverything(t *testing.T) {
	s := start(t, tcp, withTLS)
	big := text(8 << 20)
	s.handle("/big", func(c *call) { c.respond(200, big) })
	c, other := s.dialSlow(), s.dialTLS(clientConfig())
	conn := tls.Client(c.Conn, clientConfig())
	c.Conn = conn
	c.in = bufio.NewReader(slowly{c, s})
	c.send(get("/big") + getHello)
	s.settle()
	other.send(getHello)
	if _, got := other.response("GET"); got != "hello" {
		t.Errorf("another client gets %q", got)
	}
	for i, want := range []string{big, "hello"} {
		if _, got := c.response("GET"); got != want {
			t.Fatalf("answer %d has %d bytes", i, len(got))
		}
	}
}

func TestTLS_endsWithCloseNotify(t *testing.T) {
	s := start(t, tcp, withTLS)
	for _, request := range []string{get("/shut"), "GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"} {
		c := s.dialTLS(clientConfig())
		c.send(request)
		if got, err := io.ReadAll(c); err != nil || !strings.Contains(string(got), "close") {
			t.Errorf("%q: %q, %v", request, got, err)
		}
	}
}

func TestTLS_clearTextIsTold(t *testing.T) {
	s := start(t, tcp, withTLS)
	c := s.dial()
	c.send(getHello)
	res, body := c.response("GET")
	if res.StatusCode != 400 || !strings.Contains(body, "https://") {
		t.Errorf("%d %q", res.StatusCode, body)
	}
	c.expectEnd()
	if n := s.counts().Handshakes[slot.HandshakeClear]; n != 1 {
		t.Errorf("%d clients spoke clear text", n)
	}
}

func TestTLS_otherProtocolsAreRefused(t *testing.T) {
	s := start(t, tcp, withTLS)
	for _, hello := range []string{"\x00\x01\x02\x03\x04\x05\x06\x07", "\x16\x03\x01\x00\x05hello", "\x80\x2e\x01\x00\x02", "\r\n\r\n\r\n"} {
		c := s.dial()
		c.send(hello)
		got, _ := io.ReadAll(c)
		if len(got) > 0 && got[0] != 21 { // An alert.
			t.Errorf("%q: %q", hello, got)
		}
	}
	c := s.dialTLS(clientConfig())
	c.send(getHello)
	c.response("GET")
}

func TestTLS_helloToAnAddressWithoutIsLoggedAndClosed(t *testing.T) {
	s := start(t, tcp)
	const line = "speaks TLS to an address without tls=on"
	hello := func(want int) {
		t.Helper()
		c := s.dialTLS(clientConfig())
		if err := c.Conn.(*tls.Conn).Handshake(); !errors.Is(err, io.EOF) {
			t.Errorf("the handshake ends with %v, want the end of the connection", err)
		}
		if n := s.logged(line); n != want {
			t.Errorf("logged %d times, want %d", n, want)
		}
	}
	hello(1)
	hello(1)
	s.pass(time.Minute)
	hello(2)
	c := s.dial()
	c.send(getHello + "\x16\x03\x01")
	c.response("GET")
	if res, _ := c.response("GET"); res.StatusCode != 400 {
		t.Errorf("noise behind a request is answered %d", res.StatusCode)
	}
	if n := s.counts().Responses[4]; n != 1 {
		t.Errorf("%d responses of class 4xx", n)
	}
}

func TestTLS_handshakeHasADeadline(t *testing.T) {
	s := start(t, tcp, withTLS, func(cfg *Config) { cfg.TLS.Timeout = time.Minute })
	silent, begun := s.dial(), s.dial()
	begun.send("\x16\x03\x01\x02")
	s.settle()
	s.pass(30 * time.Second)
	if n := s.counts().Connections; n != 2 {
		t.Fatalf("%d connections before the deadline", n)
	}
	s.pass(31 * time.Second)
	silent.expectClosed()
	begun.expectClosed()
	if n := s.counts().Handshakes[slot.HandshakeLate]; n != 2 {
		t.Errorf("%d handshakes have taken too long", n)
	}
}

func TestTLS_handshakesAreLimited(t *testing.T) {
	s := start(t, tcp, withTLS, func(cfg *Config) { cfg.TLS.Handshakes = 2 })
	open := s.dialTLS(clientConfig())
	open.send(getHello)
	open.response("GET")
	first, second := s.dial(), s.dial()
	s.settle()
	late := s.dialTLS(clientConfig())
	go late.send(getHello)
	s.settle()
	if n := s.counts().Connections; n != 3 {
		t.Errorf("%d connections, with two handshakes under way", n)
	}
	open.send(getHello)
	open.response("GET")
	_ = first.Close()
	if _, got := late.response("GET"); got != "hello" {
		t.Errorf("%q", got)
	}
	_ = second.Close()
}

func TestTLS_clientLeavesAnywhereInTheHandshake(t *testing.T) {
	s := start(t, tcp, withTLS)
	for most := 0; most < 2000; most += 1 + most/3 {
		c := s.dial()
		conn := tls.Client(&leaving{Conn: c.Conn, left: most}, clientConfig())
		_, _ = io.WriteString(conn, getHello)
		_ = c.Close()
	}
	c := s.dialTLS(clientConfig())
	c.send(getHello)
	c.response("GET")
}

// leaving is a connection that writes so much and then breaks.
type leaving struct {
	net.Conn
	left int
}

func (l *leaving) Write(b []byte) (int, error) {
	n, err := l.Conn.Write(b[:min(len(b), l.left)])
	l.left -= n
	if n < len(b) && err == nil {
		err = io.ErrClosedPipe
	}
	return n, err
}

// sample is a connection that only takes what is written.
type sample struct {
	net.Conn
	written []byte
}

func (s *sample) Write(b []byte) (int, error) {
	s.written = append(s.written, b...)
	return len(b), nil
}

func (*sample) Read([]byte) (int, error) { return 0, io.EOF }

// TestTLS_handshakesComeLast: of what comes at the same time, requests are first.
func TestTLS_handshakesComeLast(t *testing.T) {
	hello := &sample{}
	_ = tls.Client(hello, clientConfig()).Handshake()
	s := start(t, tcp, withTLS)
	begun := -1
	s.handle("/count", func(c *call) {
		begun = 0
		for _, conn := range s.loop.conns {
			if conn != nil && conn.tls != nil && conn.tls.IsShaking() {
				begun++
			}
		}
		c.respond(200, "")
	})
	open := s.dialTLS(clientConfig())
	open.send(getHello)
	open.response("GET")
	var others []*client
	for range 5 {
		others = append(others, s.dial())
	}
	s.settle()
	s.do(func() {
		for _, other := range others {
			other.send(string(hello.written))
		}
		open.send(get("/count"))
	})
	open.response("GET")
	s.do(func() {
		if begun != 0 {
			t.Errorf("%d handshakes have begun before a request", begun)
		}
		if s.loop.shaking != len(others) {
			t.Errorf("%d handshakes are under way", s.loop.shaking)
		}
	})
}

// TestTLS_handshakesWaitForTheNextIteration: when those before them have taken their time.
func TestTLS_handshakesWaitForTheNextIteration(t *testing.T) {
	hello := &sample{}
	_ = tls.Client(hello, clientConfig()).Handshake()
	s := start(t, tcp, withTLS)
	client := s.dial()
	s.settle()
	s.do(func() {
		l := s.loop
		c := only(t, l)
		client.send(string(hello.written))
		l.lateNs = 1
		l.takeHandshake(c)
		if c.tls.IsShaking() || len(l.turns) != 1 || !l.turns[0].reads || l.turns[0].conn != c {
			t.Errorf("shaking %v, turns %+v", c.tls.IsShaking(), l.turns)
		}
	})
	s.do(func() {
		if !only(t, s.loop).tls.IsShaking() {
			t.Error("the handshake has not begun an iteration later")
		}
	})
}

// TestTLS_polledLoopsHaveHandshakesMadeBeside: they are polled on any thread, and a coroutine has one.
func TestTLS_polledLoopsHaveHandshakesMadeBeside(t *testing.T) {
	for _, polled := range []bool{false, true} {
		s := start(t, tcp, withTLS, func(cfg *Config) { cfg.Polled = polled })
		s.dial().send("\x16")
		s.settle()
		s.do(func() {
			if here := s.loop.shakes.IsHere(only(t, s.loop).tls); here == polled {
				t.Errorf("polled %v, on the loop's thread %v", polled, here)
			}
		})
	}
}

// only returns the one connection of a loop.
func only(t *testing.T, l *Loop) *conn {
	t.Helper()
	var found []*conn
	for _, c := range l.conns {
		if c != nil {
			found = append(found, c)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d connections, want 1", len(found))
	}
	return found[0]
}

// greeting is a connection that writes once, and then nothing.
type greeting struct {
	net.Conn
	over bool
}

func (g *greeting) Write(b []byte) (int, error) {
	if g.over {
		return len(b), nil
	}
	g.over = true
	return g.Conn.Write(b)
}

// TestTLS_loopEndsInHandshakes: of a loop nothing is left, however far the handshakes are.
func TestTLS_loopEndsInHandshakes(t *testing.T) {
	s := start(t, tcp, withTLS, func(cfg *Config) { cfg.Hosted = true })
	s.dial()
	s.dial().send("\x16\x03\x01\x02")
	for range 20 {
		if err := tls.Client(&greeting{Conn: s.dial().Conn}, clientConfig()).Handshake(); err != nil {
			t.Fatal(err)
		}
	}
	open := s.dialTLS(clientConfig())
	open.send(getHello)
	open.response("GET")
	s.do(func() {
		if s.loop.shaking != 22 {
			t.Errorf("%d handshakes are under way", s.loop.shaking)
		}
	})
	s.unused = 0
	s.drain(0)
	s.wait()
	stacks := make([]byte, 1<<20)
	if stacks = stacks[:runtime.Stack(stacks, true)]; strings.Contains(string(stacks), "secure.(*") {
		t.Errorf("after the end there are goroutines of handshakes: %s", stacks)
	}
}

func TestTLS_drains(t *testing.T) {
	s := start(t, tcp, withTLS, func(cfg *Config) { cfg.DrainGrace = time.Second })
	idle, half := s.dialTLS(clientConfig()), s.dialTLS(clientConfig())
	idle.send(getHello)
	idle.response("GET")
	half.send(getHello[:10])
	s.settle()
	s.drain(time.Hour)
	half.send(getHello[10:])
	if res, _ := half.response("GET"); !res.Close {
		t.Error("a request while draining does not close")
	}
	s.do(func() { s.loop.clock.baseNs += int64(3 * time.Second) })
	if b, err := io.ReadAll(idle); err != nil || len(b) > 0 {
		t.Errorf("an idle connection ends with %q, %v", b, err)
	}
	_ = half.Close()
	s.wait()
}
