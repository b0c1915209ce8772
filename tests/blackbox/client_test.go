package blackbox

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
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

// answer is what a server answers.
type answer struct {
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
	return &conn{t, c, bufio.NewReader(c)}
}

// send writes bytes as they are.
func (c *conn) send(text string) *conn {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatalf("send %.60q: %v", text, err)
	}
	return c
}

// receive reads one answer, to a request of a method.
func (c *conn) receive(method string) answer {
	c.t.Helper()
	a, err := c.tryReceive(method)
	if err != nil {
		c.t.Fatalf("receive: %v", err)
	}
	return a
}

func (c *conn) tryReceive(method string) (answer, error) {
	response, err := http.ReadResponse(c.input, &http.Request{Method: method})
	if err != nil {
		return answer{}, err
	}
	body, err := io.ReadAll(response.Body)
	return answer{response, string(body)}, err
}

// get asks for a target and reads the answer.
func (c *conn) get(target string) answer {
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
func (p *program) get(target string) answer {
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
