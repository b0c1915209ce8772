package engine

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

func withH2C(cfg *Config) { cfg.HTTP2 = HTTP2Config{Clear: true, Streams: 100} }

// h2Client returns a client of net/http that speaks HTTP/2 in clear text, with one connection.
func (s *server) h2Client() *http.Client {
	transport := &http.Transport{
		DisableCompression: true,
		MaxConnsPerHost:    1,
		Protocols:          new(http.Protocols),
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, s.network, s.address)
		},
	}
	transport.Protocols.SetUnencryptedHTTP2(true)
	s.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// fetch returns the response to a request by HTTP/2, as one line: status, length, body.
func fetch(t *testing.T, client *http.Client, method, path string, body io.Reader) string {
	t.Helper()
	req, err := http.NewRequest(method, "http://h"+path, body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return fmt.Sprintf("%d %d %s", resp.StatusCode, resp.ContentLength, got)
}

// unknown hides the length of a body.
type unknown struct{ io.Reader }

func TestH2_servesAsHTTP1Does(t *testing.T) {
	s := start(t, tcp, withH2C)
	big := text(3 << 20)
	file := s.file(big)
	s.handle("/big", func(c *call) { c.respond(200, big) })
	s.handle("/parts", func(c *call) { c.lent("begin,"); c.respond(200, "middle,"); c.lent("end") })
	s.handle("/file", func(c *call) { c.part(Part{Kind: PartFile, Fd: int32(file.Fd()), Len: uint64(len(big))}) })
	s.handle("/none", func(c *call) { c.respond(204, "") })
	s.handle("/fields", func(c *call) {
		c.field("X-Name", "value")
		c.field("Connection", "close")
		c.respond(200, c.text(c.req.Head.Method)+" "+c.text(c.req.Head.Host))
	})
	client := s.h2Client()
	for _, row := range []struct {
		method, path string
		body         io.Reader
		want         string
	}{
		{"GET", "/hello", nil, "200 5 hello"},
		{"HEAD", "/hello", nil, "200 5 "},
		{"HEAD", "/big", nil, fmt.Sprintf("200 %d ", len(big))},
		{"GET", "/a/../%68ello", nil, "200 5 hello"},
		{"GET", "/nowhere", nil, "404 14 404 Not Found\n"},
		{"GET", "/big", nil, fmt.Sprintf("200 %d %s", len(big), big)},
		{"GET", "/parts", nil, "200 16 begin,middle,end"},
		{"GET", "/file", nil, fmt.Sprintf("200 %d %s", len(big), big)},
		{"GET", "/none", nil, "204 0 "},
		{"GET", "/fields", nil, "200 5 GET h"},
		{"POST", "/echo", strings.NewReader("small"), "200 5 small"},
		{"POST", "/echo", strings.NewReader(big), fmt.Sprintf("200 %d %s", len(big), big)},
		{"POST", "/echo", unknown{strings.NewReader("small")}, "200 5 small"},
		{"POST", "/echo", unknown{strings.NewReader(big)}, fmt.Sprintf("200 %d %s", len(big), big)},
		{"POST", "/echo", unknown{strings.NewReader("")}, "200 0 "},
		{"POST", "/nowhere", strings.NewReader(big), "404 14 404 Not Found\n"},
	} {
		if got := fetch(t, client, row.method, row.path, row.body); got != row.want {
			t.Errorf("%s %s: %.100s, want %.100s", row.method, row.path, got, row.want)
		}
	}
	if counts := s.counts(); counts.Accepted != 1 {
		t.Errorf("%d connections for all of it", counts.Accepted)
	}
}

func TestH2_manyRequestsAtOnce(t *testing.T) {
	s := start(t, tcp, withH2C)
	big := text(300000)
	s.handle("/big", func(c *call) { c.respond(200, big) })
	client := s.h2Client()
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			body := strings.Repeat(fmt.Sprint(i%10), 1+i*1000)
			if got, want := fetch(t, client, "POST", "/echo", strings.NewReader(body)), fmt.Sprintf("200 %d %s", len(body), body); got != want {
				t.Errorf("%.50s, want %.50s", got, want)
			}
			if got, want := fetch(t, client, "GET", "/big", nil), fmt.Sprintf("200 %d %s", len(big), big); got != want {
				t.Errorf("%.50s, want %.50s", got, want)
			}
		})
	}
	wg.Wait()
}

func TestH2_limits(t *testing.T) {
	s := start(t, tcp, withH2C, admits, func(cfg *Config) { cfg.MaxBody = 1000 })
	s.do(func() { s.admissions["/echo"] = &Admission{Most: 1000} })
	client := s.h2Client()
	const tooLarge = "413 Content Too Large\nthe body is larger than option max_body\n"
	for _, row := range []struct {
		body io.Reader
		want string
	}{
		{strings.NewReader(text(1000)), "200 1000 " + text(1000)},
		{strings.NewReader(text(1001)), fmt.Sprintf("413 %d %s", len(tooLarge), tooLarge)},
		{unknown{strings.NewReader(text(1000))}, "200 1000 " + text(1000)},
		{unknown{strings.NewReader(text(1001))}, fmt.Sprintf("413 %d %s", len(tooLarge), tooLarge)},
		{unknown{strings.NewReader(text(1 << 20))}, fmt.Sprintf("413 %d %s", len(tooLarge), tooLarge)},
	} {
		if got := fetch(t, client, "POST", "/echo", row.body); got != row.want {
			t.Errorf("%.100s, want %.100s", got, row.want)
		}
	}
	if got := fetch(t, client, "GET", "/"+text(9000), nil); !strings.HasPrefix(got, "414 ") {
		t.Errorf("%.100s", got)
	}
}

func TestH2_bodyInPieces(t *testing.T) {
	s := start(t, tcp, withH2C, admits)
	u := s.takes("/pieces", 1<<20, asks)
	body := text(100000)
	got := fetch(t, s.h2Client(), "POST", "/pieces", strings.NewReader(body))
	if got = strings.ReplaceAll(got, "|", ""); !strings.HasSuffix(got, " "+body) {
		t.Errorf("%.100s", got)
	}
	s.expectLast(u, BodyEnds)
	s.do(func() { u.quitAt = 1 })
	if got := fetch(t, s.h2Client(), "POST", "/pieces", unknown{bytes.NewReader(make([]byte, 900000))}); got != "422 6 enough" {
		t.Error(got)
	}
	s.do(func() { u.quitAt = 0 })
	if got := fetch(t, s.h2Client(), "POST", "/pieces", unknown{bytes.NewReader(make([]byte, 1<<20+1))}); !strings.HasPrefix(got, "413 ") {
		t.Errorf("%.100s", got)
	}
	s.expectLast(u, BodyAborted)
}

func TestH2_drainFinishesWhatHasBegun(t *testing.T) {
	s, h := startHolder(t, tcp, withH2C, func(cfg *Config) { cfg.DrainGrace = 10 * time.Second })
	requests := h.holdAll(s, "/later")
	c := s.dialH2()
	c.request("GET", "/later", true)
	req := <-requests
	s.drain(time.Hour)
	c.expect("GOAWAY 2147483647 NO_ERROR")
	c.request("GET", "/hello", true) // It was on its way.
	c.expect("HEADERS 3 200", `DATA 3 "hello" end`)
	s.pass(11 * time.Second)
	c.expect("GOAWAY 3 NO_ERROR")
	c.request("GET", "/hello", true) // Too late: it is for another worker.
	s.do(func() { req.Response.Status, req.Response.State = 200, ResponseWhole })
	h.tell(req, EventResponse, true, "")
	c.expect("HEADERS 1 200 end", "EOF")
	_ = c.Close()
	s.wait()
}

func TestH2_idleConnectionIsClosedByADrain(t *testing.T) {
	s := start(t, tcp, withH2C)
	c := s.dialH2()
	c.request("GET", "/hello", true)
	c.expect("HEADERS 1 200", `DATA 1 "hello" end`)
	s.drain(time.Hour)
	c.expect("GOAWAY 2147483647 NO_ERROR", "GOAWAY 1 NO_ERROR", "EOF")
	_ = c.Close()
	s.wait()
}

func TestH2_trailersFollowTheBody(t *testing.T) {
	s, h := startHolder(t, tcp, withH2C)
	for _, body := range []string{"", "data"} {
		s.handle("/stream", func(c *call) {
			req := h.hold(c)
			begin(req, -1)
			s.add(&req.Response.Trailers, "Sum: 42\r\n")
			h.write(req, body, true)
		})
		c := s.dialH2()
		c.request("GET", "/stream", true)
		c.expect("HEADERS 1 200")
		if body != "" {
			c.expect(`DATA 1 "data"`)
		}
		c.expect(`TRAILERS 1 [header field "sum" = "42"] end`)
		c.request("GET", "/hello", true)
		c.expect("HEADERS 3 200", `DATA 3 "hello" end`)
	}
}

func TestH2_laterResponsesAndStreams(t *testing.T) {
	s, h := startHolder(t, tcp, withH2C)
	requests := h.holdAll(s, "/later")
	c := s.dialH2()
	begin := func(length int64) *Request {
		c.request("GET", "/later", true)
		req := <-requests
		s.do(func() {
			req.Response.Status, req.Response.State, req.Response.Flags, req.Response.Length = 200, ResponseWhole, ResponseStream, length
		})
		return req
	}
	one, two := begin(-1), begin(-1)
	h.tell(two, EventResponse, false, "two")
	c.expect("HEADERS 3 200", `DATA 3 "two"`)
	h.tell(one, EventResponse, false, "")
	c.expect("HEADERS 1 200")
	h.tell(one, EventStream, false, "one")
	c.expect(`DATA 1 "one"`)
	h.tell(two, EventStream, true, "end")
	c.expect(`DATA 3 "end" end`)
	h.tell(one, EventDrop, true, "")
	c.expect("RST_STREAM 1 INTERNAL_ERROR")
	short := begin(10)
	h.tell(short, EventResponse, true, "short")
	c.expect("HEADERS 5 200", "RST_STREAM 5 INTERNAL_ERROR")
	c.request("GET", "/later", true)
	h.tell(<-requests, EventDrop, true, "")
	c.expect("HEADERS 7 500", `DATA 7 "500 Internal Server " end`)
	c.request("HEAD", "/later", true)
	req := <-requests
	s.do(func() {
		req.Response.Status, req.Response.State, req.Response.Flags, req.Response.Length = 200, ResponseWhole, ResponseStream, -1
	})
	h.tell(req, EventResponse, false, "nothing of it is sent")
	c.expect("HEADERS 9 200")
	h.tell(req, EventStream, true, "")
	c.expect("DATA 9 \"\" end")
	h.reasons(t, 5)
}

// Only of a stream the length that the program has said is more than what its body has anyway: neither that of a whole response,
// nor what the request before has left, makes a body a short one.
func TestH2_lengthOfAWholeResponse(t *testing.T) {
	s := start(t, tcp, withH2C)
	large := text(100 << 10)
	for _, length := range []int{len(large), 0} { // The second one does not say it.
		s.handle("/large", func(c *call) {
			if length > 0 {
				c.req.Response.Flags |= ResponseLength
				c.req.Response.Length = int64(length)
			}
			c.respond(200, large)
		})
		if got := fetch(t, s.h2Client(), "GET", "/large", nil); got != fmt.Sprintf("200 %d %s", len(large), large) {
			t.Errorf("%.40q", got)
		}
	}
}

// A client that resets its stream: the program learns of it, and the request counts until it has let go.
func TestH2_resetOfWhatTheProgramHas(t *testing.T) {
	s, h := startHolder(t, tcp, func(cfg *Config) { cfg.HTTP2 = HTTP2Config{Clear: true, Streams: 1} })
	requests := h.holdAll(s, "/later")
	c := s.dialH2()
	id := c.request("GET", "/later", true)
	req := <-requests
	c.must(c.WriteRSTStream(id, http2.ErrCodeCancel))
	if got := h.reasons(t, 1); got[0] != CloseClient {
		t.Errorf("closed for %v", got)
	}
	c.request("GET", "/hello", true)
	c.expect("RST_STREAM 3 REFUSED_STREAM")
	h.tell(req, EventResponse, true, "")
	s.eventually("the request to be let go", func() bool { return len(s.loop.freeRequests) == 1 })
	c.request("GET", "/hello", true)
	c.expect("HEADERS 5 200", `DATA 5 "hello" end`)
}

func TestH2_leavesWhileTheProgramHasRequests(t *testing.T) {
	s, h := startHolder(t, tcp, withH2C)
	requests := h.holdAll(s, "/later")
	c := s.dialH2()
	c.request("GET", "/later", true)
	c.request("POST", "/later", false)
	c.request("GET", "/later", true)
	one, three := <-requests, <-requests
	_ = c.Close()
	h.reasons(t, 2)
	h.tell(one, EventResponse, true, "")
	h.tell(three, EventDrop, true, "")
	s.eventually("all to be let go", func() bool { return len(s.loop.freeRequests) == 3 && s.loop.open == 0 })
}

func TestH2_handlerTimeout(t *testing.T) {
	s, h := startHolder(t, tcp, withH2C, func(cfg *Config) { cfg.HandlerTimeout = 10 * time.Second })
	requests := h.holdAll(s, "/later")
	c := s.dialH2()
	c.request("GET", "/later", true)
	req := <-requests
	s.settle()
	s.pass(11 * time.Second)
	c.expect("HEADERS 1 504", `DATA 1 "504 Gateway Timeout\n" end`)
	h.tell(req, EventResponse, true, "")
	c.request("GET", "/hello", true)
	c.expect("HEADERS 3 200", `DATA 3 "hello" end`)
}

func TestH2_pool(t *testing.T) {
	s, _ := startHolder(t, tcp, withH2C)
	s.handle("/pool", func(c *call) { c.outcome = Outcome{Status: 200, Detail: string(c.method)} })
	client := s.h2Client()
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if got := fetch(t, client, "POST", "/pool", strings.NewReader("abc")); got != "200 12 200 OK\nPOST\n" {
				t.Errorf("%q", got)
			}
		})
	}
	wg.Wait()
}

func TestH2_pausedBodyHoldsUpNobody(t *testing.T) {
	s := start(t, tcp, withH2C, admits)
	u := s.takes("/pieces", 10<<20, func(c *call) { c.req.Deferred = 1 })
	s.do(func() { u.pauses = true })
	c := s.dialH2()
	id := c.request("POST", "/pieces", false)
	for range 16 {
		c.must(c.WriteData(id, false, bytes.Repeat([]byte("x"), 16<<10)))
	}
	c.request("POST", "/echo", false)
	c.must(c.WriteData(3, true, []byte("others")))
	c.expect("HEADERS 3 200", `DATA 3 "others" end`)
	s.do(func() {
		u.pauses = false
		u.req.Deferred = 0
		r := s.loop.byIndex[u.req.Index]
		r.shared.Paused = 0
		s.loop.follow(r, EventResume)
	})
	c.expect("WINDOW_UPDATE 1")
	c.must(c.WriteData(id, true, []byte("end")))
	s.settle()
	s.do(func() {
		if got := strings.Join(u.pieces, ""); got != strings.Repeat("x", 256<<10)+"end" {
			t.Errorf("the program has %d bytes", len(got))
		}
	})
	c.expect("HEADERS 1 200")
}

// TestH2_bodiesOfAConnectionShareItsMemory: what is beyond body_buffer of all of them together is in files, and every body comes whole.
func TestH2_bodiesOfAConnectionShareItsMemory(t *testing.T) {
	const most, size, many = 64 << 10, 10000, 20
	s := start(t, tcp, withH2C, func(cfg *Config) { cfg.BodyBuffer, cfg.Limits.Head = most, 16<<10 })
	c := s.dialH2()
	for i := range many {
		fields := []string{"content-length", fmt.Sprint(2 * size)}
		if i%2 == 0 {
			fields = nil // Its length is not known.
		}
		id := c.request("POST", "/tell", false, fields...)
		c.must(c.WriteData(id, false, make([]byte, size)))
	}
	c.must(c.WritePing(false, [8]byte{}))
	for got := ""; got != "PING"; {
		got = c.frame()
	}
	s.do(func() {
		together, files := 0, 0
		for _, r := range s.loop.byIndex {
			switch {
			case r.body.file.IsOpen():
				files++
			default:
				together += len(r.body.block)
			}
		}
		if together > most || together < most/2 || files < many/2 {
			t.Errorf("%d bytes are in memory, and %d bodies in files", together, files)
		}
	})
	for i := range uint32(many) {
		c.must(c.WriteData(2*i+1, true, make([]byte, size)))
	}
	for whole := 0; whole < many; {
		if got := c.frame(); strings.HasPrefix(got, "DATA") {
			if whole++; !strings.HasSuffix(got, `"POST /tell 20000" end`) {
				t.Errorf("%s", got)
			}
		} else if strings.HasPrefix(got, "RST_STREAM") {
			t.Fatal(got)
		}
	}
	s.eventually("no memory to be counted any more", func() bool {
		for _, other := range s.loop.conns {
			if other != nil && *other.protocol.(*h2).bodies != 0 {
				return false
			}
		}
		return true
	})
}
