package blackbox

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
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
	for value, want := range map[string]bool{"60s": true, "off": false} {
		p := serve(t, "workers=1", "tcp_keepalive="+value)
		c := p.dial()
		c.expectOpen()
		c.expectOpen() // What the server does behind the first response is done.
		// The server's side of the connection: ss(8) prints the timer of each socket.
		isProbed := func() bool {
			out, err := exec.Command("ss", "-tnoH", "sport", "=", ":"+portOf(p.address(0))).Output()
			must(t, err)
			return strings.Contains(string(out), "timer:(keepalive")
		}
		if want {
			eventually(t, "the connection is probed", isProbed) // Another timer runs until the response is acknowledged.
		} else if isProbed() {
			t.Errorf("tcp_keepalive=%s: the connection is probed", value)
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

// Each limit of a head holds to the byte.
func TestHead_isTakenOnOneSideOfEachLimit(t *testing.T) {
	const head, target, fields = 1500, 100, 16
	p := serve(t, "workers=1", "max_head=1500", "max_target=100", "max_fields=16")
	line := "GET / HTTP/1.1\r\nHost: t\r\n"
	for _, row := range []struct {
		name    string
		refusal int
		request func(more int) string
	}{
		{"head", 431, func(more int) string {
			return line + "A: " + strings.Repeat("a", head+more-len(line)-len("A: \r\n\r\n")) + "\r\n\r\n"
		}},
		{"target", 414, func(more int) string {
			return "GET /?" + strings.Repeat("a", target+more-len("/?")) + " HTTP/1.1\r\nHost: t\r\n\r\n"
		}},
		{"fields", 431, func(more int) string { return line + strings.Repeat("A: a\r\n", fields+more-1) + "\r\n" }},
	} {
		c := p.dial()
		if a := c.send(row.request(0)).receive("GET"); a.StatusCode != 200 {
			t.Errorf("%s of the limit: %s", row.name, a.Status)
		}
		c.expectOpen()
		c = p.dial()
		if a := c.send(row.request(1)).receive("GET"); a.StatusCode != row.refusal {
			t.Errorf("%s beyond the limit: %s", row.name, a.Status)
		}
		c.expectClosed()
	}
}

func TestTarget_ofEightThousandBytesIsTakenByDefault(t *testing.T) {
	p := serve(t, "workers=1")
	for size, status := range map[int]int{8000: 200, 8192: 200, 8193: 414, 100_000: 414} {
		c := p.dial().sendAside("GET /?" + strings.Repeat("a", size-len("/?")) + " HTTP/1.1\r\nHost: t\r\n\r\n")
		if a := c.receive("GET"); a.StatusCode != status {
			t.Errorf("%d bytes: %s, want %d", size, a.Status, status)
		}
	}
}

// The listening socket's queue is as long as asked for, up to the kernel's limit: ss(8) prints it as what may be sent.
func TestBacklog_isTheKernelsQueue(t *testing.T) {
	text, err := os.ReadFile("/proc/sys/net/core/somaxconn")
	must(t, err)
	most, err := strconv.Atoi(strings.TrimSpace(string(text)))
	must(t, err)
	for _, backlog := range []int{1, 100, most, 65535} {
		p := serve(t, "workers=1", "backlog="+strconv.Itoa(backlog))
		out, err := exec.Command("ss", "-ltnH", "sport", "=", ":"+portOf(p.address(0))).Output()
		must(t, err)
		fields := strings.Fields(string(out))
		if want := strconv.Itoa(min(backlog, most)); len(fields) < 3 || fields[2] != want {
			t.Errorf("backlog=%d: %s, want %s", backlog, out, want)
		}
	}
}

func TestFieldsOfTheServer_canBeSetOrLeftOut(t *testing.T) {
	for _, row := range []struct {
		option, server string
		date           bool
	}{
		{"workers=1", "libforker", true},
		{"date=off", "libforker", false},
		{"server_name=my server/1.0", "my server/1.0", true},
		{"server_name=" + strings.Repeat("s", 255), strings.Repeat("s", 255), true},
		{"server_name=", "", true},
	} {
		p := serve(t, "workers=1", row.option)
		for _, target := range []string{"/", "/none"} {
			header := p.get(target).Header
			if header.Get("Server") != row.server || (header.Get("Server") == "") != (header["Server"] == nil) {
				t.Errorf("%s, %s: Server %q", row.option, target, header["Server"])
			}
			if got := header.Get("Date"); (got != "") != row.date {
				t.Errorf("%s, %s: Date %q", row.option, target, got)
			}
		}
	}
}

// A client that sends a body slowly, but not too slowly, may do so although read_body_timeout is over.
func TestBodyMinRate_givesSlowClientsMoreTime(t *testing.T) {
	const size = 5000
	for rate, whole := range map[string]bool{"100": true, "0": false} {
		c := serve(t, "workers=1", "read_body_timeout=500ms", "body_min_rate="+rate).dial()
		c.send(fmt.Sprintf("POST /body HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n", size))
		answered := make(chan response, 1)
		go func() {
			a, _ := c.tryReceive("POST")
			answered <- a
		}()
		for sent := 0; sent < size; sent += 100 {
			time.Sleep(20 * time.Millisecond) // This is how slow the client is: all of it takes a second.
			if _, err := io.WriteString(c, strings.Repeat("b", 100)); err != nil {
				break
			}
		}
		a := <-answered
		if want := map[bool]int{true: 200, false: 408}[whole]; a.Response == nil || a.StatusCode != want || whole && len(a.body) != size {
			t.Errorf("with body_min_rate=%s: %+v, want %d", rate, a.Response, want)
		}
	}
}

// A client that takes a response slowly, but not too slowly, gets it although write_timeout is over.
func TestWriteMinRate_givesSlowClientsMoreTime(t *testing.T) {
	const size = 32 << 20 // More than the buffers of a connection hold.
	for rate, whole := range map[string]bool{"1k": true, "0": false} {
		p, _ := pieces(t, plain, "write_timeout=300ms", "write_min_rate="+rate)
		p.truncateLarge(size)
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
