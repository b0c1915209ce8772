package engine

import (
	"bufio"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"libforker/engine/message"
	"libforker/slot"
)

// patience is how long a test waits for what must come; it is a failure then.
const patience = time.Minute

// server is a Loop that runs in a goroutine of its own.
type server struct {
	*program
	t       *testing.T
	loop    *Loop
	slot    slot.Slot
	shared  slot.Shared
	network string
	address string
	secured bool // Its clients speak TLS.
	wake    int  // An eventfd that counts jobs.
	jobs    chan func()
	done    chan error
	unused  int64 // Bytes that the loop has in use while it does nothing.
}

// The networks that a server can be started on. On packets, every write of one side is a read of the other: a test sees
// what the engine writes at once, and decides what it reads at once.
const (
	tcp     = "tcp"
	packets = "unixpacket"
)

// start starts a server with generous limits, which setup may change. It is stopped when the test ends, and must then
// have given back everything that it used.
func start(t *testing.T, network string, setup ...func(*Config)) *server {
	t.Helper()
	s := &server{program: newProgram(), t: t, network: network, jobs: make(chan func(), 1), done: make(chan error, 1)}
	s.shared.StopTimeoutMs = math.MaxInt32
	cfg := Config{
		Handlers:          s.program,
		Holders:           s.program,
		Memory:            s.program,
		Log:               s.program.Log,
		Slot:              &s.slot,
		Shared:            &s.shared,
		Limits:            message.Limits{Head: 16 << 10, Target: 8 << 10, Fields: 100},
		MaxBody:           64 << 20,
		ReadBuffer:        32 << 10,
		BodyBuffer:        1 << 20,
		ReadHeaderTimeout: time.Hour,
		ReadBodyTimeout:   time.Hour,
		WriteTimeout:      time.Hour,
		IdleTimeout:       time.Hour,
	}
	if overTLS {
		s.secured = true
		withTLS(&cfg)
	}
	for _, change := range setup {
		change(&cfg)
	}
	if cfg.Listeners == nil {
		cfg.Listeners = make([]Listener, 1)
	}
	cfg.Listeners[0].Fd = s.listen()
	var err error
	cfg.EventFd, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	s.must(err)
	t.Cleanup(func() { s.must(unix.Close(cfg.EventFd)) })
	s.loop, err = NewLoop(cfg)
	s.must(err)
	s.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK|unix.EFD_SEMAPHORE)
	s.must(err)
	s.must(s.loop.Watch(s.wake, s.doOne))
	s.unused = s.loop.blocks.Used()
	s.must(s.loop.Start())
	go func() { s.done <- s.loop.Run() }()
	t.Cleanup(s.stop)
	return s
}

func (s *server) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// listen returns a listening socket, which is the loop's to close.
func (s *server) listen() int {
	address := "127.0.0.1:0"
	if s.network == packets {
		address = s.t.TempDir() + "/socket"
	}
	ln, err := net.Listen(s.network, address)
	s.must(err)
	defer ln.Close()
	if u, ok := ln.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	file, err := ln.(interface{ File() (*os.File, error) }).File()
	s.must(err)
	defer file.Close()
	fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	s.must(err)
	s.must(unix.SetNonblock(fd, true))
	if s.network == tcp { // Connections inherit it, as from the sockets of capi.
		s.must(unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1))
	}
	s.address = ln.Addr().String()
	return fd
}

func (s *server) doOne() {
	var b [8]byte
	_, _ = unix.Read(s.wake, b[:])
	(<-s.jobs)()
}

// do calls f on the loop's thread and waits for it. Each call has an iteration of the loop to itself.
func (s *server) do(f func()) {
	s.t.Helper()
	finished := make(chan struct{})
	s.jobs <- func() { defer close(finished); f() }
	_, err := unix.Write(s.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	s.must(err)
	select {
	case <-finished:
	case <-time.After(patience):
		s.t.Fatal("the loop hangs")
	}
}

// handle has a path handled by f.
func (s *server) handle(path string, f func(*call)) {
	s.t.Helper()
	s.do(func() { s.handlers[path] = f })
}

// counts returns what the loop has counted so far.
func (s *server) counts() (counts slot.Slot) {
	s.t.Helper()
	s.do(func() { counts = s.slot })
	return counts
}

// settle waits until the loop has been through two whole iterations: it has seen everything that was there before.
func (s *server) settle() {
	s.t.Helper()
	for range 3 {
		s.do(func() {})
	}
}

// pass puts the loop's clock forward, and waits until the loop has acted on that.
func (s *server) pass(d time.Duration) {
	s.t.Helper()
	s.do(func() { s.loop.clock.baseNs += int64(d) })
	s.settle()
}

// drain makes the loop finish.
func (s *server) drain(limit time.Duration) {
	s.t.Helper()
	s.do(func() { s.loop.Drain(limit) })
}

// wait waits until the loop has finished.
func (s *server) wait() {
	s.t.Helper()
	select {
	case err := <-s.done:
		s.done <- nil
		s.must(err)
	case <-time.After(patience):
		s.t.Fatal("the loop does not finish")
	}
}

func (s *server) running() bool {
	select {
	case err := <-s.done:
		s.done <- err
		return false
	default:
		return true
	}
}

func (s *server) stop() {
	defer unix.Close(s.wake)
	if s.running() {
		s.drain(0)
	}
	s.wait()
	if s.slot.Connections != 0 || s.slot.InFlight != 0 {
		s.t.Errorf("%d connections are open and %d requests in flight after the end", s.slot.Connections, s.slot.InFlight)
	}
	if used := s.loop.blocks.Used() - s.unused; used != 0 || s.loop.bodyBytes != 0 {
		s.t.Errorf("%d bytes are in use after the end, %d counted for bodies", used, s.loop.bodyBytes)
	}
}

// client is the other side of a connection.
type client struct {
	net.Conn
	socket net.Conn // Below TLS, if there is some.
	t      *testing.T
	in     *bufio.Reader // For response.
}

// packetConn is the client's side on packets. A packet that is followed by the end at once can be overtaken by it: the
// kernel finds no packet, both come, and it looks for the end (unix_dgram_recvmsg in net/unix/af_unix.c). Only the second
// end in a row is one.
type packetConn struct{ *net.UnixConn }

func (c packetConn) Read(b []byte) (int, error) {
	n, err := c.UnixConn.Read(b)
	if errors.Is(err, io.EOF) {
		return c.UnixConn.Read(b)
	}
	return n, err
}

func (s *server) dial() *client {
	s.t.Helper()
	conn, err := net.Dial(s.network, s.address)
	s.must(err)
	if u, ok := conn.(*net.UnixConn); ok {
		conn = packetConn{u}
	}
	c := &client{Conn: conn, socket: conn, t: s.t, in: bufio.NewReader(conn)}
	c.must(conn.SetDeadline(time.Now().Add(patience)))
	s.t.Cleanup(func() { _ = conn.Close() })
	if s.secured {
		s.secure(c)
	}
	return c
}

func (c *client) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) send(text string) {
	c.t.Helper()
	_, err := io.WriteString(c, text)
	c.must(err)
}

// sendPieces sends in pieces that fit the engine's input buffer, as a packet that does not is cut.
func (c *client) sendPieces(text string) {
	c.t.Helper()
	const piece = 4000
	for ; len(text) > piece; text = text[piece:] {
		c.send(text[:piece])
	}
	c.send(text)
}

// sendBytes sends byte by byte. On packets the engine reads each by itself. The server may close meanwhile.
func (c *client) sendBytes(text string) {
	for i := range len(text) {
		if _, err := io.WriteString(c, text[i:i+1]); err != nil {
			return
		}
	}
}

var dateLine = regexp.MustCompile(`Date: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\r\n`)

// receive reads once, and returns that without the Date lines; "" at the end.
func (c *client) receive() string {
	c.t.Helper()
	var b [1 << 17]byte
	n, err := c.Read(b[:])
	if err != nil && !errors.Is(err, io.EOF) {
		c.t.Fatal(err)
	}
	if c.isSecured() {
		n += c.readOn(b[n:])
	}
	return dateLine.ReplaceAllString(string(b[:n]), "")
}

func (c *client) expect(want string) {
	c.t.Helper()
	if got := c.receive(); got != want {
		c.t.Errorf("received %.500q\nwant     %.500q", got, want)
	}
}

// expectEnd demands that the server has closed the connection, or at least its half, having sent no more.
func (c *client) expectEnd() { c.t.Helper(); c.expect("") }

// expectClosed demands that the connection is closed, be it with a reset.
func (c *client) expectClosed() {
	c.t.Helper()
	var b [1]byte
	if n, err := c.Read(b[:]); n > 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Errorf("the connection is open: %q, %v", b[:n], err)
	}
}

// all reads to the end.
func (c *client) all() string {
	c.t.Helper()
	b, err := io.ReadAll(c.in)
	c.must(err)
	return dateLine.ReplaceAllString(string(b), "")
}

// answer reads one response to a request of that method, and returns its body too.
func (c *client) response(method string) (*http.Response, string) {
	c.t.Helper()
	res, err := http.ReadResponse(c.in, &http.Request{Method: method})
	c.must(err)
	body, err := io.ReadAll(res.Body)
	c.must(err)
	return res, string(body)
}

func (c *client) halfClose() {
	c.t.Helper()
	c.must(c.Conn.(interface{ CloseWrite() error }).CloseWrite())
	if c.isSecured() {
		c.halfCloseSocket()
	}
}

// reset closes with a TCP reset.
func (c *client) reset() {
	c.must(c.socket.(*net.TCPConn).SetLinger(0))
	c.must(c.socket.Close())
}

const (
	getHello  = "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"
	hello     = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
	helloLast = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
)

func get(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n" }

func post(path, body string) string {
	return "POST " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}

// chunked writes a body in chunks of the given size.
func chunked(path, body string, size int) string {
	var s strings.Builder
	s.WriteString("POST " + path + " HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
	for len(body) > 0 {
		n := min(size, len(body))
		s.WriteString(strconv.FormatInt(int64(n), 16) + "\r\n" + body[:n] + "\r\n")
		body = body[n:]
	}
	s.WriteString("0\r\n\r\n")
	return s.String()
}

func ok(body string) string {
	return "HTTP/1.1 200 OK\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}

func localPort(c *client) int { return c.LocalAddr().(*net.TCPAddr).Port }
