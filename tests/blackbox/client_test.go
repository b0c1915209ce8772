package blackbox

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// dialName turns an address of the program's into what net.Dial takes; for "every address" it is that of the loopback.
func dialName(address string) (network, name string) {
	switch {
	case strings.HasPrefix(address, "unix:"):
		return "unix", strings.TrimPrefix(address, "unix:")
	case strings.HasPrefix(address, ":"):
		return "tcp", "127.0.0.1" + address
	}
	return "tcp", strings.NewReplacer("0.0.0.0:", "127.0.0.1:", "[::]:", "[::1]:").Replace(address)
}

// conn is a client's connection.
type conn struct {
	t *testing.T
	net.Conn
	input *bufio.Reader
}

// response is what a server answers.
type response struct {
	*http.Response
	body string
}

// dial opens a connection that is closed when the test ends.
func (p *program) dial() *conn {
	p.t.Helper()
	return dial(p.t, p.address(0))
}

func dial(t *testing.T, address string) *conn {
	t.Helper()
	network, name := dialName(address)
	c, err := net.DialTimeout(network, name, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if overTLS != nil {
		secured := tls.Client(c, overTLS.config)
		if err := secured.Handshake(); err != nil {
			t.Fatal(err)
		}
		c = secured
	}
	return &conn{t, c, bufio.NewReader(c)}
}

// ask sends one request on a connection of its own, which stays open until the test ends. On any goroutine.
func ask(t *testing.T, address, target string) (response, error) {
	network, name := dialName(address)
	c, err := net.DialTimeout(network, name, patience)
	if err != nil {
		return response{}, err
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return response{}, err
	}
	if overTLS != nil {
		c = tls.Client(c, overTLS.config)
	}
	if _, err := io.WriteString(c, "GET "+target+" HTTP/1.1\r\nHost: test\r\n\r\n"); err != nil {
		return response{}, err
	}
	return (&conn{t, c, bufio.NewReader(c)}).tryReceive("GET")
}

// tcp is the socket of c, below TLS if there is some.
func (c *conn) tcp() *net.TCPConn {
	if secured, ok := c.Conn.(*tls.Conn); ok {
		return secured.NetConn().(*net.TCPConn)
	}
	return c.Conn.(*net.TCPConn)
}

// halfClose tells the server that nothing follows. The server may have closed the connection before: over TLS our
// close_notify then gets a reset, behind all that the server has sent.
func (c *conn) halfClose() {
	c.t.Helper()
	secured, ok := c.Conn.(*tls.Conn)
	if !ok {
		must(c.t, c.tcp().CloseWrite())
		return
	}
	for _, err := range []error{secured.CloseWrite(), c.tcp().CloseWrite()} {
		if !errors.Is(err, syscall.ENOTCONN) && !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
			must(c.t, err)
		}
	}
}

// send writes bytes as they are.
func (c *conn) send(text string) *conn {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatalf("send %.60q: %v", text, err)
	}
	return c
}

// receive reads one response, to a request of a method.
func (c *conn) receive(method string) response {
	c.t.Helper()
	a, err := c.tryReceive(method)
	if err != nil {
		c.t.Fatalf("receive: %v", err)
	}
	return a
}

func (c *conn) tryReceive(method string) (response, error) {
	got, err := http.ReadResponse(c.input, &http.Request{Method: method})
	if err != nil {
		return response{}, err
	}
	body, err := io.ReadAll(got.Body)
	return response{got, string(body)}, err
}

// get asks for a target and reads the response.
func (c *conn) get(target string) response {
	c.t.Helper()
	return c.send("GET " + target + " HTTP/1.1\r\nHost: test\r\n\r\n").receive("GET")
}

// expectOpen wants the server to answer another request on this connection.
func (c *conn) expectOpen() {
	c.t.Helper()
	if a := c.get("/"); a.StatusCode != 200 {
		c.t.Errorf("the next request on the connection is answered %s", a.Status)
	}
}

// expectClosed wants the server to close this connection, without another byte.
func (c *conn) expectClosed() {
	c.t.Helper()
	b, err := c.input.ReadByte()
	switch {
	case err == nil:
		c.t.Errorf("there is a byte %q where the connection should be closed", b)
	case !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET):
		c.t.Errorf("the connection is not closed: %v", err)
	}
}

// get asks on a connection of its own.
func (p *program) get(target string) response {
	p.t.Helper()
	c := p.dial()
	defer c.Close()
	return c.get(target)
}

// expectGet wants a target to be answered with a status and a body.
func (p *program) expectGet(target string, status int, body string) {
	p.t.Helper()
	if a := p.get(target); a.StatusCode != status || a.body != body {
		p.t.Errorf("GET %s: %s with body %.200q, want %d with %.200q", target, a.Status, a.body, status, body)
	}
}

// refuses tells if nobody accepts connections any more.
func (p *program) refuses() bool {
	p.t.Helper()
	network, name := dialName(p.address(0))
	c, err := net.DialTimeout(network, name, patience)
	if err == nil {
		_ = c.Close()
	}
	return err != nil
}

// waitRead returns when the server has read everything that was sent: nothing of it waits in its socket.
func (c *conn) waitRead() {
	c.t.Helper()
	eventually(c.t, "the server has read all", func() bool {
		socket := c.peerSocket()
		return socket.owned && socket.unread == 0
	})
}

// waitGivenUp returns when the server has closed the connection; nothing is read from it.
func (c *conn) waitGivenUp() {
	c.t.Helper()
	eventually(c.t, "the server has closed", func() bool { return !c.peerSocket().open })
}

// socketState is what the kernel tells of a socket.
type socketState struct {
	owned  bool // some process has it open
	open   bool // it is not closed, also before some process has it
	unread int64
}

// openStates are TCP_ESTABLISHED and TCP_SYN_RECV of linux/tcp_states.h: until accept(2) it can be either.
var openStates = []string{"01", "03"}

// peerSocket looks at the server's end of a TCP connection over IPv4, see proc_net_tcp(5).
func (c *conn) peerSocket() (s socketState) {
	c.t.Helper()
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		c.t.Fatal(err)
	}
	local, remote := hexPort(c.RemoteAddr()), hexPort(c.LocalAddr())
	for entry := range strings.Lines(string(table)) {
		// sl local remote state sent:unread timer retransmits uid timeout inode
		fields := strings.Fields(entry)
		if len(fields) > 9 && strings.HasSuffix(fields[1], local) && strings.HasSuffix(fields[2], remote) {
			_, unread, _ := strings.Cut(fields[4], ":")
			s.owned = fields[9] != "0"
			s.open = slices.Contains(openStates, fields[3])
			s.unread, _ = strconv.ParseInt(unread, 16, 64)
		}
	}
	return s
}

func hexPort(address net.Addr) string { return fmt.Sprintf(":%04X", address.(*net.TCPAddr).Port) }
