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
	"golang.org/x/net/http2/hpack"
	"golang.org/x/sys/unix"
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
	s.do(func() { s.admissions["/echo"] = Admission{Most: 1000} })
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

// rawH2 is a client that writes and reads frames.
type rawH2 struct {
	*client
	*http2.Framer
	hpack *hpack.Encoder
	block bytes.Buffer
	next  uint32
}

// dialH2 returns a client that has sent preface and settings.
func (s *server) dialH2(settings ...http2.Setting) *rawH2 {
	s.t.Helper()
	c := &rawH2{client: s.dial(), next: 1}
	c.Framer = http2.NewFramer(c.client, c.in)
	c.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.AllowIllegalWrites = true
	c.hpack = hpack.NewEncoder(&c.block)
	c.send(http2.ClientPreface)
	c.must(c.WriteSettings(settings...))
	c.expect("SETTINGS")
	c.expect("WINDOW_UPDATE 0")
	c.expect("SETTINGS ack")
	return c
}

// section encodes fields, given as names and values, into c.block.
func (c *rawH2) section(fields []string) {
	c.t.Helper()
	c.block.Reset()
	for i := 0; i < len(fields); i += 2 {
		c.must(c.hpack.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}))
	}
}

// request sends the head of a request and returns its stream.
func (c *rawH2) request(method, path string, ends bool, fields ...string) uint32 {
	c.t.Helper()
	c.section(append([]string{":method", method, ":scheme", "http", ":path", path, ":authority", "h"}, fields...))
	id := c.next
	c.next += 2
	c.must(c.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.block.Bytes(), EndStream: ends, EndHeaders: true}))
	return id
}

// frame reads a frame and returns it as text.
func (c *rawH2) frame() string {
	f, err := c.ReadFrame()
	if err != nil {
		return err.Error()
	}
	end := ""
	switch f := f.(type) {
	case *http2.SettingsFrame:
		if f.IsAck() {
			return "SETTINGS ack"
		}
		return "SETTINGS"
	case *http2.WindowUpdateFrame:
		return fmt.Sprintf("WINDOW_UPDATE %d", f.StreamID)
	case *http2.RSTStreamFrame:
		return fmt.Sprintf("RST_STREAM %d %v", f.StreamID, f.ErrCode)
	case *http2.GoAwayFrame:
		return fmt.Sprintf("GOAWAY %d %v", f.LastStreamID, f.ErrCode)
	case *http2.PingFrame:
		return "PING"
	case *http2.DataFrame:
		if f.StreamEnded() {
			end = " end"
		}
		return fmt.Sprintf("DATA %d %.20q%s", f.StreamID, f.Data(), end)
	case *http2.MetaHeadersFrame:
		if f.StreamEnded() {
			end = " end"
		}
		if status := f.PseudoValue("status"); status != "" {
			return fmt.Sprintf("HEADERS %d %s%s", f.StreamID, status, end)
		}
		return fmt.Sprintf("TRAILERS %d %v%s", f.StreamID, f.RegularFields(), end)
	}
	return fmt.Sprint(f)
}

func (c *rawH2) expect(want ...string) {
	c.t.Helper()
	for _, want := range want {
		if got := c.frame(); got != want {
			c.t.Fatalf("%s, want %s", got, want)
		}
	}
}

func TestH2_prefaceCutAnywhere(t *testing.T) {
	s := start(t, tcp, withH2C)
	for _, cut := range []int{1, 3, 15, 16, 17, 18, 23, 24, 30} {
		c := s.dial()
		hello := http2.ClientPreface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
		c.send(hello[:cut])
		s.settle()
		c.send(hello[cut:])
		raw := &rawH2{client: c, next: 1}
		raw.Framer = http2.NewFramer(c, c.in)
		raw.expect("SETTINGS", "WINDOW_UPDATE 0", "SETTINGS ack")
	}
	c := s.dial()
	c.send(get("/hello") + http2.ClientPreface)
	c.response("GET")
	c.expectRefused(505)
}

func TestH2_withoutOptionIsRefused(t *testing.T) {
	s := start(t, tcp)
	c := s.dial()
	c.send(http2.ClientPreface)
	c.expectRefused(505)
}

// expectRefused demands a refusal by HTTP/1, and the end.
func (c *client) expectRefused(status int) {
	c.t.Helper()
	if got := c.all(); !strings.HasPrefix(got, fmt.Sprintf("HTTP/1.1 %d ", status)) {
		c.t.Errorf("%.100q, want %d", got, status)
	}
}

func TestH2_malformedRequestIsReset(t *testing.T) {
	s := start(t, tcp, withH2C)
	c := s.dialH2()
	c.request("GET", "/hello", true, "connection", "close")
	c.expect("RST_STREAM 1 PROTOCOL_ERROR")
	c.request("GET", "/%zz", true)
	c.expect("HEADERS 3 400", `DATA 3 "400 Bad Request\nfoll" end`)
	c.request("GET", "/hello", true, "expect", "x")
	c.expect("HEADERS 5 417", `DATA 5 "417 Expectation Fail" end`)
	c.request("GET", "/hello", true)
	c.expect("HEADERS 7 200", `DATA 7 "hello" end`)
	c.must(c.WriteRawFrame(http2.FrameSettings, 0, 1, nil))
	c.expect("GOAWAY 7 PROTOCOL_ERROR", "EOF")
}

func TestH2_windowsAreKept(t *testing.T) {
	s := start(t, tcp, withH2C)
	s.handle("/20", func(c *call) { c.respond(200, "01234567890123456789") })
	c := s.dialH2(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 4})
	c.request("GET", "/20", true)
	c.expect("HEADERS 1 200", `DATA 1 "0123"`)
	c.request("GET", "/nowhere", true)
	c.expect("HEADERS 3 404", `DATA 3 "404 "`)
	c.request("HEAD", "/20", true)
	c.expect("HEADERS 5 200 end")
	c.must(c.WriteWindowUpdate(3, 100))
	c.expect(`DATA 3 "Not Found\n" end`)
	c.must(c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 10}))
	c.expect("SETTINGS ack", `DATA 1 "456789"`)
	c.must(c.WriteWindowUpdate(1, 10))
	c.expect(`DATA 1 "0123456789" end`)
}

func TestH2_clientThatDoesNotOpenItsWindowIsTimedOut(t *testing.T) {
	s := start(t, tcp, withH2C, func(cfg *Config) { cfg.WriteTimeout, cfg.WriteMinRate = 10*time.Second, 1 })
	s.handle("/20", func(c *call) { c.respond(200, "01234567890123456789") })
	c := s.dialH2(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 4})
	c.request("GET", "/20", true)
	c.expect("HEADERS 1 200", `DATA 1 "0123"`)
	s.settle()
	s.pass(9 * time.Second)
	c.must(c.WriteWindowUpdate(1, 5)) // Five seconds more.
	c.expect(`DATA 1 "45678"`)
	s.pass(5 * time.Second)
	c.must(c.WritePing(false, [8]byte{}))
	c.expect("PING")
	s.pass(2 * time.Second)
	c.expect("RST_STREAM 1 CANCEL")
	c.request("HEAD", "/20", true)
	c.expect("HEADERS 3 200 end")
}

func TestH2_timesOfHeadBodyAndIdleness(t *testing.T) {
	times := func(cfg *Config) {
		cfg.ReadHeaderTimeout, cfg.ReadBodyTimeout, cfg.IdleTimeout = 10*time.Second, 20*time.Second, 30*time.Second
	}
	s := start(t, tcp, withH2C, times)
	c := s.dialH2()
	s.settle()
	s.pass(29 * time.Second)
	c.must(c.WritePing(false, [8]byte{}))
	c.expect("PING")
	s.pass(2 * time.Second) // A PING puts nothing off.
	c.expect("GOAWAY 0 NO_ERROR", "EOF")

	c = s.dialH2()
	c.request("POST", "/echo", false)
	s.settle()
	s.pass(21 * time.Second)
	c.expect("HEADERS 1 408", `DATA 1 "408 Request Timeout\n" end`, "RST_STREAM 1 NO_ERROR")
	s.pass(31 * time.Second)
	c.expect("GOAWAY 1 NO_ERROR", "EOF")

	c = s.dialH2()
	c.must(c.WriteRawFrame(http2.FrameHeaders, 0, 1, []byte{0x82})) // CONTINUATION frames should follow.
	s.settle()
	s.pass(11 * time.Second)
	c.expect("GOAWAY 0 NO_ERROR", "EOF")
	_ = s.dial() // One that says nothing.
	s.settle()
	s.pass(11 * time.Second)
	s.eventually("all to be closed", func() bool { return s.loop.open == 0 })
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

func TestH2_lastRequestIsAnnounced(t *testing.T) {
	s := start(t, tcp, withH2C, func(cfg *Config) { cfg.MaxRequests = 2 })
	c := s.dialH2()
	c.request("GET", "/hello", true)
	c.expect("HEADERS 1 200", `DATA 1 "hello" end`)
	c.request("GET", "/hello", true)
	c.expect("HEADERS 3 200", `DATA 3 "hello" end`, "GOAWAY 2147483647 NO_ERROR", "GOAWAY 3 NO_ERROR", "EOF")
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

// http2FrameHead is how many bytes a frame has before its payload.
const http2FrameHead = 9

// TestH2_requestAllocatesNothing counts the allocations of the whole process while requests are served.
func TestH2_requestAllocatesNothing(t *testing.T) {
	s := start(t, tcp, withH2C)
	s.handle("/body", func(c *call) {
		c.req.Response.Status, c.req.Response.State = 200, ResponseWhole
		c.req.Response.Body.Len = 100
	})
	warm := s.dial() // The response's memory is there now.
	s.handle("/warm", func(c *call) { c.respond(200, text(20000)) })
	warm.send(get("/warm"))
	warm.receive()

	c := s.dialH2()
	file, err := c.client.Conn.(*net.TCPConn).File()
	s.must(err)
	defer file.Close()
	fd := int(file.Fd())
	s.must(unix.SetNonblock(fd, false))
	var requests [][]byte
	for range 60 {
		var block bytes.Buffer
		framer := http2.NewFramer(&block, nil)
		fields := []byte{0x82, 0x86, 0x41, 1, 'h', 0x04, 5, '/', 'b', 'o', 'd', 'y'}
		s.must(framer.WriteHeaders(http2.HeadersFrameParam{StreamID: c.next, BlockFragment: fields, EndStream: true, EndHeaders: true}))
		fields[0], c.next = 0x83, c.next+2
		s.must(framer.WriteHeaders(http2.HeadersFrameParam{StreamID: c.next, BlockFragment: fields, EndHeaders: true}))
		s.must(framer.WriteData(c.next, true, []byte("abc")))
		requests, c.next = append(requests, block.Bytes()), c.next+2
	}
	s.must(unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: int64(patience / time.Second)}))
	response, i := make([]byte, 1<<17), 0
	if n := testing.AllocsPerRun(20, func() {
		if _, err := unix.Write(fd, requests[i]); err != nil {
			t.Error(err)
		}
		i++
		for got := 0; got < 2*(100+2*http2FrameHead); { // Two heads, and two bodies.
			n, err := unix.Read(fd, response)
			if n <= 0 {
				t.Fatalf("%v: %q", err, response[:got])
			}
			got += n
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
