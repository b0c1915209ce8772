package blackbox

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The fates of a connection after a response.
const (
	keptOpen = true
	isClosed = false
)

// What the server makes of one request. In text, "Host" stands for a Host line.
var exchanges = []struct {
	name, text string
	status     int
	fate       bool
}{
	{"plain", "GET / HTTP/1.1\nHost\n\n", 200, keptOpen},
	{"asked to close", "GET / HTTP/1.1\nHost\nConnection: close\n\n", 200, isClosed},
	{"HTTP/1.0", "GET / HTTP/1.0\n\n", 200, isClosed},
	{"HTTP/1.0 kept", "GET / HTTP/1.0\nConnection: keep-alive\n\n", 200, keptOpen},
	{"body", "POST / HTTP/1.1\nHost\nContent-Length: 3\n\nabc", 200, keptOpen},
	{"OPTIONS", "OPTIONS / HTTP/1.1\nHost\n\n", 204, keptOpen},
	{"no route", "GET /none HTTP/1.1\nHost\n\n", 404, keptOpen},
	{"other method", "PUT / HTTP/1.1\nHost\n\n", 405, keptOpen},
	{"unknown method", "BREW / HTTP/1.1\nHost\n\n", 501, keptOpen},
	{"handler fails", "GET /result/-1 HTTP/1.1\nHost\n\n", 500, keptOpen},
	{"handler forgets", "GET /result/0 HTTP/1.1\nHost\n\n", 500, keptOpen},
	{"handler passes on", "GET /result/1 HTTP/1.1\nHost\n\n", 404, keptOpen},
	{"handler invents", "GET /result/77 HTTP/1.1\nHost\n\n", 500, keptOpen},
	{"long body", "POST /body HTTP/1.1\nHost\nContent-Length: 1001\n\n", 413, isClosed},
	{"long chunk", "POST /body HTTP/1.1\nHost\nTransfer-Encoding: chunked\n\n3e9\n", 413, isClosed},
	{"long target", "GET /" + strings.Repeat("a", 200) + " HTTP/1.1\nHost\n\n", 414, isClosed},
	{"long field", "GET / HTTP/1.1\nHost\nA: " + strings.Repeat("a", 2000) + "\n\n", 431, isClosed},
	{"many fields", "GET / HTTP/1.1\nHost\n" + strings.Repeat("A: b\n", 20) + "\n", 431, isClosed},
	{"other coding", "POST / HTTP/1.1\nHost\nTransfer-Encoding: gzip\n\n", 400, isClosed},
	{"HTTP/2.0", "GET / HTTP/2.0\nHost\n\n", 505, isClosed},
	{"HTTP/1.2", "GET / HTTP/1.2\nHost\n\n", 200, keptOpen},
	{"no host", "GET / HTTP/1.1\n\n", 400, isClosed},
	{"two hosts", "GET / HTTP/1.1\nHost\nHost\n\n", 400, isClosed},
	{"both lengths", "POST / HTTP/1.1\nHost\nContent-Length: 3\nTransfer-Encoding: chunked\n\n0\n\n", 400, isClosed},
	{"two lengths", "POST / HTTP/1.1\nHost\nContent-Length: 3\nContent-Length: 4\n\nabc", 400, isClosed},
	{"list of lengths", "POST / HTTP/1.1\nHost\nContent-Length: 3, 3\n\nabc", 400, isClosed},
	{"signed length", "POST / HTTP/1.1\nHost\nContent-Length: +3\n\nabc", 400, isClosed},
	{"coding in 1.0", "POST / HTTP/1.0\nTransfer-Encoding: chunked\n\n0\n\n", 400, isClosed},
	{"space before colon", "GET / HTTP/1.1\nHost\nA : b\n\n", 400, isClosed},
	{"folded line", "GET / HTTP/1.1\nHost\nA: b\n c\n\n", 400, isClosed},
	{"bad name", "GET / HTTP/1.1\nHost\nA(: b\n\n", 400, isClosed},
	{"no name", "GET / HTTP/1.1\nHost\n: b\n\n", 400, isClosed},
	{"bare CR", "GET / HTTP/1.1\nHost\nA: b\rc\n\n", 400, isClosed},
	{"NUL", "GET / HTTP/1.1\nHost\nA: b\x00c\n\n", 400, isClosed},
	{"NUL in path", "GET /%00 HTTP/1.1\nHost\n\n", 400, isClosed},
	{"bad escape", "GET /%zz HTTP/1.1\nHost\n\n", 400, isClosed},
	{"bad chunk", "POST /body HTTP/1.1\nHost\nTransfer-Encoding: chunked\n\nxyz\n", 400, isClosed},
	{"more chunk extensions than data", "POST /body HTTP/1.1\nHost\nTransfer-Encoding: chunked\n\n" + strings.Repeat("1;"+strings.Repeat("a", 250)+"\nx\n", 200) + "0\n\n", 400, isClosed},
	{"no version", "GET /\n\n", 400, isClosed},
}

// wire writes a request of the table as it is sent.
func wire(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if line == "Host" {
			lines[i] = "Host: test"
		}
	}
	return strings.Join(lines, "\r\n")
}

// limited starts a server with limits that are easy to reach.
func limited(t *testing.T) *program {
	t.Helper()
	return serve(t, "workers=1", "max_body=1000", "max_target=100", "max_head=1500", "max_fields=16")
}

func TestExchange_hasItsStatusAndFate(t *testing.T) {
	p := limited(t)
	for _, e := range exchanges {
		t.Run(e.name, func(t *testing.T) {
			c := dial(t, p.address(0)).send(wire(e.text))
			a := c.receive("GET")
			if a.StatusCode != e.status {
				t.Fatalf("answered %s %q, want %d", a.Status, a.body, e.status)
			}
			if e.fate == keptOpen {
				c.expectOpen()
				return
			}
			if a.ProtoMinor == 1 && !a.Close {
				t.Errorf("the response does not say Connection: close")
			}
			c.expectClosed()
		})
	}
}

func TestBareLF_isRefused(t *testing.T) {
	p := limited(t)
	for _, text := range []string{"GET / HTTP/1.1\nHost: test\n\n", "GET / HTTP/1.1\r\nHost: test\nA: b\r\n\r\n"} {
		if a := p.dial().send(text).receive("GET"); a.StatusCode != 400 {
			t.Errorf("%q is answered %s", text, a.Status)
		}
	}
}

func TestErrorResponses_haveAShortBody(t *testing.T) {
	p := limited(t)
	for target, want := range map[string]string{"/none": "404 Not Found", "/result/-1": "500 Internal Server Error"} {
		a := p.get(target)
		if !strings.HasPrefix(a.body, want) || len(a.body) > 200 || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/plain") {
			t.Errorf("GET %s: %q, %q", target, a.Header.Get("Content-Type"), a.body)
		}
	}
}

func TestAllow_listsMethods(t *testing.T) {
	p := limited(t)
	for method, status := range map[string]int{"PUT": 405, "OPTIONS": 204} {
		a := p.dial().send(method + " / HTTP/1.1\r\nHost: test\r\n\r\n").receive(method)
		allow := a.Header.Get("Allow")
		if a.StatusCode != status || !containsAll(allow, "GET", "HEAD", "POST", "OPTIONS") || strings.Contains(allow, "PUT") {
			t.Errorf("%s is answered %s with Allow %q", method, a.Status, allow)
		}
	}
}

func TestHead_isLikeGetWithoutBody(t *testing.T) {
	p := limited(t)
	c := p.dial()
	get, head := c.get("/"), c.send("HEAD / HTTP/1.1\r\nHost: test\r\n\r\n").receive("HEAD")
	get.Header.Del("Date")
	head.Header.Del("Date")
	if head.StatusCode != 200 || head.body != "" || fmt.Sprint(head.Header) != fmt.Sprint(get.Header) {
		t.Errorf("HEAD gives %s %v %q, GET %v", head.Status, head.Header, head.body, get.Header)
	}
	c.expectOpen()
}

func TestResponse_hasItsFields(t *testing.T) {
	p := limited(t)
	c, begin := p.dial(), time.Now()
	a := c.get("/")
	date, err := http.ParseTime(a.Header.Get("Date")) // Of the second that has begun, or the one before.
	if err != nil || date.Before(begin.Add(-2*time.Second)) || date.After(time.Now()) || !strings.HasSuffix(a.Header.Get("Date"), " GMT") {
		t.Errorf("Date is %q", a.Header.Get("Date"))
	}
	if a.ContentLength != 6 || a.Header.Get("Content-Type") != "text/plain" || a.Header.Get("Server") != "libforker" {
		t.Errorf("the fields are %v", a.Header)
	}
	eventually(t, "Date goes on", func() bool { return c.get("/").Header.Get("Date") != a.Header.Get("Date") })
	for _, status := range []int{204, 304} {
		a := c.get(fmt.Sprintf("/status/%d", status))
		if a.StatusCode != status || a.body != "" || len(a.TransferEncoding) > 0 || status == 204 && a.Header.Get("Content-Length") != "" {
			t.Errorf("%d: %s %v %q", status, a.Status, a.Header, a.body)
		}
	}
	c.expectOpen()
}

// A body is the same whatever frames it and however it is cut.
func TestBody_arrivesWhole(t *testing.T) {
	p := serve(t, "workers=1")
	for _, size := range []int{0, 1, 1000, 70_000, 1 << 20} {
		text := strings.Repeat("0123456789abcdef", size/16+1)[:size]
		c := p.dial()
		whole := fmt.Sprintf("POST /body HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n%s", size, text)
		if a := c.send(whole).receive("POST"); a.body != text {
			t.Errorf("%d bytes by length come back as %d", size, len(a.body))
		}
		inChunks := "POST /body HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(text)
		if a := c.send(inChunks + "0\r\nTrailer: value\r\n\r\n").receive("POST"); a.body != text {
			t.Errorf("%d bytes in chunks come back as %d", size, len(a.body))
		}
		c.expectOpen()
	}
}

// chunked frames a text in chunks, without the last one.
func chunked(text string) string {
	var framed strings.Builder
	for text != "" {
		n := min(len(text), 4001)
		fmt.Fprintf(&framed, "%x;name=value\r\n%s\r\n", n, text[:n])
		text = text[n:]
	}
	return framed.String()
}

func TestRequest_mayComeByteByByte(t *testing.T) {
	p := serve(t, "workers=1")
	c := p.dial()
	for _, text := range []string{
		"GET / HTTP/1.1\r\nHost: test\r\n\r\n",
		"POST /body HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
	} {
		for i := range len(text) {
			c.send(text[i : i+1])
		}
		if a := c.receive("GET"); a.StatusCode != 200 {
			t.Errorf("answered %s", a.Status)
		}
	}
}

func TestBody_isAskedForByContinue(t *testing.T) {
	p := limited(t)
	c := p.dial().send("POST /body HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
	if a := c.receive("POST"); a.StatusCode != 100 {
		t.Fatalf("answered %s before the body", a.Status)
	}
	if a := c.send("abc").receive("POST"); a.StatusCode != 200 || a.body != "abc" {
		t.Errorf("answered %s %q", a.Status, a.body)
	}
}

func TestPipeline_isAnsweredInOrder(t *testing.T) {
	p := serve(t, "workers=1")
	c := p.dial()
	var requests strings.Builder
	const depth = 500
	for i := range depth {
		fmt.Fprintf(&requests, "GET /ledger?%d HTTP/1.1\r\nHost: test\r\n\r\n", i)
		fmt.Fprintf(&requests, "POST /body HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\n%03d", i)
	}
	go func() { _, _ = c.Write([]byte(requests.String())) }()
	for i := range depth {
		if a := c.receive("GET"); !strings.HasSuffix(a.body, fmt.Sprintf(" %d", i)) {
			t.Fatalf("answer %d is %q", i, a.body)
		}
		if a := c.receive("POST"); a.body != fmt.Sprintf("%03d", i) {
			t.Fatalf("answer %d is %q", i, a.body)
		}
	}
}

// A client that sends and never reads costs no memory and no attention, and gets everything when it reads at last.
func TestLargeResponses_waitForTheClient(t *testing.T) {
	p := serve(t, "workers=1")
	const size, count = 3_000_000, 5
	slow := p.dial().send(strings.Repeat(fmt.Sprintf("GET /size/%d HTTP/1.1\r\nHost: test\r\n\r\n", size), count))
	for range 10 {
		p.expectGet("/", 200, "hello\n")
	}
	for range count {
		if a := slow.receive("GET"); len(a.body) != size {
			t.Fatalf("%d bytes came", len(a.body))
		}
	}
	slow.expectOpen()
}

// serveWithTimeout serves with one short time limit, and no other: it is this one that ends a connection, or none does.
func serveWithTimeout(t *testing.T, name string, limit time.Duration) *program {
	t.Helper()
	options := []string{"workers=1", "write_min_rate=0", "body_min_rate=0"}
	for _, other := range []string{"read_header_timeout", "read_body_timeout", "idle_timeout", "write_timeout"} {
		if other != name {
			options = append(options, other+"=1h")
		}
	}
	return serve(t, append(options, name+"="+limit.String())...)
}

// expectLasted wants a limit to have been kept that began to run after a time. How late it is depends on the machine:
// those who wait for the end have the patience for that.
func expectLasted(t *testing.T, begin time.Time, limit time.Duration) {
	t.Helper()
	if took := time.Since(begin); took < limit-2*time.Millisecond { // The kernel's timers and clocks are so coarse.
		t.Errorf("closed after %v, want %v", took, limit)
	}
}

func TestTimeouts_endConnections(t *testing.T) {
	cases := []struct {
		name, option, text string
		limit              time.Duration
		reason             string // In a 408; "": there is no response.
	}{
		{"head", "read_header_timeout", "GET / HT", 100 * time.Millisecond, "the head did not come in time"},
		{"body", "read_body_timeout", "POST /body HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\na", 200 * time.Millisecond, "the body did not come in time"},
		{"nothing", "read_header_timeout", "", 100 * time.Millisecond, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, begin := serveWithTimeout(t, c.option, c.limit), time.Now()
			client := p.dial().send(c.text)
			if c.reason != "" {
				if a := client.receive("GET"); a.StatusCode != 408 || !a.Close || !strings.Contains(a.body, c.reason) {
					t.Errorf("answered %s %q, Connection: close is %v", a.Status, a.body, a.Close)
				}
			}
			client.expectClosed()
			expectLasted(t, begin, c.limit)
		})
	}
	t.Run("idle", func(t *testing.T) {
		const limit = 300 * time.Millisecond
		client := serveWithTimeout(t, "idle_timeout", limit).dial()
		begin := time.Now()
		client.expectOpen()
		client.expectClosed()
		expectLasted(t, begin, limit)
	})
	t.Run("write", func(t *testing.T) {
		const limit = 150 * time.Millisecond
		p, begin := serveWithTimeout(t, "write_timeout", limit), time.Now()
		p.dial().send("GET /size/50000000 HTTP/1.1\r\nHost: test\r\n\r\n").waitGivenUp()
		expectLasted(t, begin, limit)
	})
}
