package admin

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
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

func TestLimit_letsNoMoreInUntilOneLeaves(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := limit(inner, 2)
	accepted := make(chan net.Conn)
	go func() {
		defer close(accepted)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- conn
		}
	}()
	for range 3 {
		client, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
	}
	first, second := <-accepted, <-accepted
	select {
	case <-accepted:
		t.Fatal("a third connection was let in")
	case <-time.After(20 * time.Millisecond):
	}
	for range 2 { // The second Close frees no second place.
		_ = first.Close()
	}
	third := <-accepted
	_ = second.Close()
	_ = third.Close()
	if err = l.Close(); err != nil {
		t.Error(err)
	}
	if _, ok := <-accepted; ok {
		t.Error("a closed listener accepts")
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
