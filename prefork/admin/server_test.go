package admin

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const patience = time.Minute

// listen starts a server on a socket of its own.
func (tr *tree) listen(t *testing.T, network, address string) net.Addr {
	t.Helper()
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	s := StartOn(listener, tr.source)
	t.Cleanup(s.Close)
	return listener.Addr()
}

func ask(t *testing.T, addr net.Addr, request string) (net.Conn, *http.Response) {
	t.Helper()
	conn, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err = conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err = io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return conn, response
}

func TestServer_believesNoForeignHostOnTCP(t *testing.T) {
	tr := newTree(t, 1)
	tcp := tr.listen(t, "tcp", "127.0.0.1:0")
	local := tr.listen(t, "unix", filepath.Join(t.TempDir(), "admin.sock"))
	for _, c := range []struct {
		addr net.Addr
		host string
		want int
	}{{tcp, "localhost", 200}, {tcp, tcp.String(), 200}, {tcp, "evil.example", 403}, {local, "evil.example", 200}} {
		if _, r := ask(t, c.addr, "GET /healthz HTTP/1.1\r\nHost: "+c.host+"\r\n\r\n"); r.StatusCode != c.want {
			t.Errorf("%s over %s: %s", c.host, c.addr.Network(), r.Status)
		}
	}
}

func TestServer_refusesALargeHead(t *testing.T) {
	addr := newTree(t, 1).listen(t, "tcp", "127.0.0.1:0")
	_, r := ask(t, addr, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: "+strings.Repeat("x", 64<<10)+"\r\n\r\n")
	if r.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Error(r.Status)
	}
}

// connect makes connections that ask for nothing.
func connect(t *testing.T, addr net.Addr, count int) (conns []net.Conn) {
	t.Helper()
	for range count {
		conn, err := net.Dial(addr.Network(), addr.String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		conns = append(conns, conn)
	}
	return conns
}

// 1000 connections that ask for nothing are in front of who asks, and more come all the time.
func TestServer_answersHoweverManyAskForNothing(t *testing.T) {
	for network, address := range map[string]string{"tcp": "127.0.0.1:0", "unix": filepath.Join(t.TempDir(), "admin.sock")} {
		t.Run(network, func(t *testing.T) {
			addr := newTree(t, 1).listen(t, network, address)
			connect(t, addr, 1000)
			for range 5 { // Within its patience: each that asks for nothing would take a place for headTimeout.
				if _, r := ask(t, addr, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"); r.StatusCode != 200 {
					t.Error(r.Status)
				}
				connect(t, addr, 200)
			}
		})
	}
}

// A client that has asked is not cut off for one that has not, even if it takes its response slowly.
func TestServer_dismissesWhoIsIdleFirst(t *testing.T) {
	tr := newTree(t, 1)
	asked, answered := make(chan struct{}), make(chan struct{})
	tr.source.Resident = func(int32) uint64 {
		asked <- struct{}{}
		<-answered
		return 1
	}
	addr := tr.listen(t, "tcp", "127.0.0.1:0")
	conn := connect(t, addr, 1)[0]
	if _, err := io.WriteString(conn, "GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-asked
	idle := connect(t, addr, 2*maxConns)
	for _, conn := range idle[:maxConns] { // They had to leave for the others.
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Error("an idle connection was answered")
		}
	}
	close(answered)
	if r, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || r.StatusCode != 200 {
		t.Errorf("who had asked before was answered %v, %v", r, err)
	}
}

// failing is a listener of a process that is out of descriptors while one connection is open.
type failing struct {
	net.Listener
	open *atomic.Int32
}

type counted struct {
	net.Conn
	once sync.Once
	open *atomic.Int32
}

func (c *counted) Close() error {
	c.once.Do(func() { c.open.Add(-1) })
	return c.Conn.Close()
}

func (f failing) Accept() (net.Conn, error) {
	if f.open.Load() > 0 {
		return nil, syscall.EMFILE
	}
	conn, err := f.Listener.Accept()
	if err == nil {
		f.open.Add(1)
		conn = &counted{Conn: conn, open: f.open}
	}
	return conn, err
}

func TestServer_takesDescriptorsFromWhoIsIdle(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := StartOn(failing{listener, new(atomic.Int32)}, newTree(t, 1).source)
	t.Cleanup(s.Close)
	connect(t, listener.Addr(), 20)
	// Within its patience: they would be timed out one after the other.
	if _, r := ask(t, listener.Addr(), "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"); r.StatusCode != 200 {
		t.Error(r.Status)
	}
}

func TestClose_endsWhatIsGoingOn(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := StartOn(listener, newTree(t, 1).source)
	conn, _ := ask(t, listener.Addr(), "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
	s.Close()
	if _, err = conn.Read(make([]byte, 1)); err == nil {
		t.Error("the connection goes on")
	}
	if _, err = net.Dial("tcp", listener.Addr().String()); err == nil {
		t.Error("the listener goes on")
	}
}
