package engine

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"golang.org/x/sys/unix"
)

// HTTP/2 frame by frame: what a client may not do, and what it must not be able to hold up.

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

// TestH2_wrongPrefaceIsClosed: who may speak HTTP/2 has no response of HTTP/1.
func TestH2_wrongPrefaceIsClosed(t *testing.T) {
	s := start(t, tcp, withH2C)
	for _, wrong := range []string{"INVALID CONNECTION PREFACE\r\n\r\n", "PRI * \r\n\r\nSM\r\n\r\n"} {
		c := s.dial()
		c.send(wrong)
		c.expectEnd()
	}
	for request, status := range map[string]int{"G(T / HTTP/1.1\r\n\r\n": 400, "GET /" + strings.Repeat("a", 9<<10): 414, "\x00\x00\x04": 400} {
		c := s.dial()
		c.send(request)
		c.expectRefused(status)
	}
	c := s.dial()
	c.send(getHello)
	c.response("GET")
	c.send("INVALID CONNECTION PREFACE\r\n\r\n")
	c.expectRefused(400)
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

// http2FrameHead is how many bytes a frame has before its payload.
const http2FrameHead = 9

// expectNoAllocations sends requests one after the other, each once its predecessor's response of so many bytes has come, and counts
// the allocations of the whole process meanwhile.
func (c *rawH2) expectNoAllocations(requests [][]byte, size int) {
	file, err := c.client.Conn.(*net.TCPConn).File()
	c.must(err)
	defer file.Close()
	fd := int(file.Fd())
	c.must(unix.SetNonblock(fd, false))
	c.must(unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: int64(patience / time.Second)}))
	response, i := make([]byte, 1<<17), 0
	if n := testing.AllocsPerRun(20, func() {
		if _, err := unix.Write(fd, requests[i]); err != nil {
			c.t.Error(err)
		}
		i++
		for got := 0; got < size; {
			n, err := unix.Read(fd, response)
			if n <= 0 {
				c.t.Fatalf("%v: %q", err, response[:got])
			}
			got += n
		}
	}); n != 0 {
		c.t.Errorf("%v allocations", n)
	}
}

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
	c.expectNoAllocations(requests, 2*(100+2*http2FrameHead)) // Two heads, and two bodies.
}
