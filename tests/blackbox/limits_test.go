package blackbox

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestMaxConnections_leavesMoreInTheQueue(t *testing.T) {
	p := serve(t, "workers=1", "max_connections=2")
	first, second, third := p.dial(), p.dial(), p.dial()
	for _, c := range []*conn{first, second} {
		if got := c.get("/").body; got != "hello\n" {
			t.Fatalf("body %q", got)
		}
	}
	third.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
	must(t, third.SetReadDeadline(time.Now().Add(100*time.Millisecond)))
	var timeout net.Error
	if _, err := third.input.Peek(1); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Fatalf("a connection beyond the limit is served: %v", err)
	}
	must(t, third.SetReadDeadline(time.Now().Add(patience)))
	_ = first.Close()
	if got := third.receive("GET").body; got != "hello\n" {
		t.Errorf("body %q", got)
	}
	if got := second.get("/").body; got != "hello\n" {
		t.Errorf("body %q", got)
	}
}

func TestMaxConnectionsPerPeer_sendsMoreAway(t *testing.T) {
	p := serve(t, "workers=1", "max_connections_per_peer=2")
	first, second := p.dial(), p.dial()
	for _, c := range []*conn{first, second} {
		if got := c.get("/").body; got != "hello\n" {
			t.Fatalf("body %q", got)
		}
	}
	third := p.dial()
	if a := third.receive("GET"); a.StatusCode != 429 || a.Header.Get("Retry-After") != "1" {
		t.Errorf("%s %v", a.Status, a.Header)
	}
	third.expectClosed()
	_ = first.Close()
	eventually(t, "there to be room again", func() bool {
		c := p.dial()
		defer c.Close()
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: t\r\n\r\n"); err != nil {
			return false
		}
		a, err := c.tryReceive("GET")
		return err == nil && a.StatusCode == 200
	})
}

func TestMaxRequestsPerConnection_closesAfterTheLast(t *testing.T) {
	p := serve(t, "workers=1", "max_requests_per_connection=3")
	c := p.dial()
	for i := range 3 {
		if a := c.get("/"); a.body != "hello\n" || a.Close != (i == 2) {
			t.Errorf("answer %d: %q, close %v", i, a.body, a.Close)
		}
	}
	c.expectClosed()
}

func TestKeepAlive_canBeOffOrEndWithAge(t *testing.T) {
	c := serve(t, "workers=1", "keep_alive=off").dial()
	if a := c.get("/"); !a.Close {
		t.Error("keep_alive=off keeps a connection")
	}
	c.expectClosed()
	c = serve(t, "workers=1", "max_connection_age=1ms").dial()
	eventually(t, "the connection to be too old", func() bool { return c.get("/").Close })
	c.expectClosed()
}

func TestTCPKeepAlive_isForConnectionsThatStay(t *testing.T) {
	for value, want := range map[string]string{"60s": "timer:(keepalive", "off": ""} {
		p := serve(t, "workers=1", "tcp_keepalive="+value)
		c := p.dial()
		c.expectOpen()
		// The server's side of the connection: ss(8) prints the timer of each socket.
		out, err := exec.Command("ss", "-tnoH", "sport", "=", ":"+portOf(p.address(0))).Output()
		must(t, err)
		if got := strings.Contains(string(out), "timer:(keepalive"); got != (want != "") {
			t.Errorf("tcp_keepalive=%s: %s", value, out)
		}
	}
}

func portOf(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }

func TestMaxPipelined_givesOthersTheirTurn(t *testing.T) {
	for _, most := range []string{"1", "2", "64"} {
		p := serve(t, "workers=1", "max_pipelined="+most)
		c := p.dial()
		const requests = 3000 // More than an input buffer holds.
		go func() { _, _ = io.WriteString(c, strings.Repeat("GET / HTTP/1.1\r\nHost: t\r\n\r\n", requests)) }()
		p.expectGet("/", 200, "hello\n")
		for i := range requests {
			if a := c.receive("GET"); a.body != "hello\n" {
				t.Fatalf("answer %d: %q", i, a.body)
			}
		}
		c.expectOpen()
	}
}

func TestReadBuffer_holdsEveryHeadThatIsAllowed(t *testing.T) {
	p := serve(t, "workers=1", "read_buffer=4k", "max_head=64k")
	c := p.dial()
	c.send("GET / HTTP/1.1\r\nHost: t\r\nX: " + strings.Repeat("x", 60000) + "\r\n\r\n")
	if a := c.receive("GET"); a.StatusCode != 200 {
		t.Error(a.Status)
	}
	c.expectOpen()
}

func TestDate_canBeLeftOut(t *testing.T) {
	p := serve(t, "workers=1", "date=off")
	for _, target := range []string{"/", "/none"} {
		if got := p.get(target).Header.Get("Date"); got != "" {
			t.Errorf("%s: Date %q", target, got)
		}
	}
}

// A client that takes an answer slowly, but not too slowly, gets it although write_timeout is over.
func TestWriteMinRate_givesSlowClientsMoreTime(t *testing.T) {
	const size = 32 << 20 // More than the buffers of a connection hold.
	for rate, whole := range map[string]bool{"1k": true, "0": false} {
		p, _ := pieces(t, plain, "write_timeout=300ms", "write_min_rate="+rate)
		must(t, os.Truncate(filepath.Join(p.cmd.Args[len(p.cmd.Args)-1], "large"), size))
		c := p.dial()
		c.send("GET /file/large HTTP/1.1\r\nHost: t\r\n\r\n")
		got, slowUntil := 0, time.Now().Add(time.Second)
		for got < size {
			n, err := c.Read(make([]byte, 64<<10))
			if got += n; err != nil {
				break
			}
			if time.Now().Before(slowUntil) {
				time.Sleep(20 * time.Millisecond) // This is how slow the client is.
			}
		}
		if (got >= size) != whole {
			t.Errorf("with write_min_rate=%s the client got %d of %d bytes", rate, got, size)
		}
	}
}
