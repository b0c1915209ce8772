package engine

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"libforker/engine/http1"
	"libforker/engine/memory"
)

// text returns size bytes in which every place looks different.
func text(size int) string {
	var s strings.Builder
	for i := 0; s.Len() < size; i++ {
		s.WriteString(strconv.Itoa(i) + " ")
	}
	return s.String()[:size]
}

// bodySizes are around the edges of input buffer, first chunk block and copied response.
var bodySizes = []int{0, 1, 100, 16<<10 - 1, 16 << 10, 16<<10 + 1, 32<<10 - 300, 32 << 10, 32<<10 + 1, 100000, 3 << 20}

func TestBody_arrivesWhole(t *testing.T) {
	s := start(t, tcp)
	for _, size := range bodySizes {
		body := text(size)
		for _, row := range []struct{ name, request string }{
			{"length", post("/echo", body)},
			{"one chunk", chunked("/echo", body, 1<<30)},
			{"chunks", chunked("/echo", body, 4099)},
			{"small chunks", chunked("/echo", body[:min(size, 40000)], 3)},
		} {
			c := s.dial()
			c.send(row.request + getHello)
			want := body
			if row.name == "small chunks" {
				want = body[:min(size, 40000)]
			}
			if res, got := c.response("POST"); res.StatusCode != 200 || got != want {
				t.Errorf("%s, %d bytes: %s, %d bytes", row.name, size, res.Status, len(got))
			}
			if _, got := c.response("GET"); got != "hello" {
				t.Errorf("%s, %d bytes: behind it %q", row.name, size, got)
			}
		}
	}
}

// Of a client that uploads less is read at once.
func TestBody_large_isFollowedByAnything(t *testing.T) {
	s := start(t, tcp)
	large := strings.Repeat("0123456789", 7000)
	long := "GET /hello HTTP/1.1\r\nHost: h\r\nX: " + strings.Repeat("x", 2*headRead) + "\r\n\r\n"
	c := s.dial()
	bodies := []string{large, large, "hello", "hello", "small", large, "hello"}
	go c.send(post("/echo", large) + post("/echo", large) + long + getHello + post("/echo", "small") + post("/echo", large) + getHello)
	for i, want := range bodies {
		if _, got := c.response("POST"); got != want {
			t.Fatalf("answer %d has %d bytes, want %d", i, len(got), len(want))
		}
	}
}

func TestBody_isFollowedByNUL(t *testing.T) {
	s := start(t, packets)
	s.handle("/nul", func(c *call) {
		body := memory.View(c.req.Body, c.req.BodyLen+1)
		c.respond(200, strconv.Itoa(len(body)-1)+" "+strconv.Itoa(int(body[len(body)-1])))
	})
	c := s.dial()
	for _, size := range []int{1, 511, 512, 20000, 16 << 10, 100000} {
		for _, request := range []string{post("/nul", text(size)), chunked("/nul", text(size), 1000)} {
			c.sendPieces(request)
			c.expect(ok(strconv.Itoa(size) + " 0"))
			c.send(getHello)
			c.expect(hello)
		}
	}
}

func TestBody_limit(t *testing.T) {
	s := start(t, packets, func(cfg *Config) { cfg.MaxBody = 1000 })
	for _, row := range []struct {
		name, request string
		status        int
	}{
		{"length of the limit", post("/tell", text(1000)), 200},
		{"length over the limit", post("/tell", text(1001)), 413},
		{"enormous length", "POST /tell HTTP/1.1\r\nHost: h\r\nContent-Length: 9223372036854775807\r\n\r\n", 413},
		{"chunks of the limit", chunked("/tell", text(1000), 300), 200},
		{"chunks over the limit", chunked("/tell", text(1001), 300), 413},
		{"one chunk over the limit", chunked("/tell", text(1001), 1001), 413},
		{"enormous chunk", "POST /tell HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n", 413},
		{"enormous chunk behind another", "POST /tell HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\nfffffffffffffff\r\n", 413},
	} {
		c := s.dial()
		c.send(row.request)
		res, _ := c.response("POST")
		if res.StatusCode != row.status || res.Close != (row.status == 413) {
			t.Errorf("%s: %d, close %v", row.name, res.StatusCode, res.Close)
		}
		if row.status == 413 {
			c.expectEnd()
		}
	}
}

// TestBody_spills: what is larger than BodyBuffer is in a file too, exactly.
func TestBody_spills(t *testing.T) {
	const buffer = 64 << 10
	for _, dir := range []string{"", t.TempDir()} {
		s := start(t, tcp, func(cfg *Config) { cfg.BodyBuffer, cfg.SpillDir, cfg.MaxBody = buffer, dir, 3<<20 })
		s.handle("/file", func(c *call) {
			var stat unix.Stat_t
			if c.req.BodyFd >= 0 {
				s.must(unix.Fstat(int(c.req.BodyFd), &stat))
				content := make([]byte, stat.Size)
				if n, err := unix.Pread(int(c.req.BodyFd), content, 0); err != nil || string(content[:n]) != string(c.body()) {
					t.Errorf("the file has %d other bytes: %v", n, err)
				}
			}
			body := memory.View(c.req.Body, c.req.BodyLen+1)
			c.respond(200, fmt.Sprint(len(body)-1, body[len(body)-1], c.req.BodyFd >= 0, stat.Size))
		})
		for _, size := range []int{0, 1, 40000, buffer - 1, buffer, buffer + 1, 2*buffer + 4096, 1<<20 - 1, 1 << 20, 1<<20 + 1, 3<<20 - 1, 3 << 20} {
			for _, request := range []string{
				post("/file", text(size)), chunked("/file", text(size), 1<<30), chunked("/file", text(size), 50000), chunked("/file", text(size), 5000),
			} {
				c := s.dial()
				c.send(request + getHello)
				want := fmt.Sprint(size, 0, false, 0)
				if size > buffer {
					want = fmt.Sprint(size, 0, true, size)
				}
				if _, got := c.response("POST"); got != want {
					t.Errorf("%d bytes: %s, want %s", size, got, want)
				}
				if _, got := c.response("GET"); got != "hello" {
					t.Errorf("%d bytes: behind them %q", size, got)
				}
			}
		}
		for _, request := range []string{post("/file", text(3<<20+1)), chunked("/file", text(3<<20+1), 1<<30), chunked("/file", text(3<<20+1), 1<<20)} {
			c := s.dial()
			c.send(request)
			if res, _ := c.response("POST"); res.StatusCode != 413 {
				t.Error(res.Status)
			}
			c.expectEnd()
		}
	}
}

func TestBody_spillsNowhere(t *testing.T) {
	dir := t.TempDir()
	s := start(t, tcp, func(cfg *Config) { cfg.BodyBuffer, cfg.SpillDir = 50000, dir })
	s.must(os.Remove(dir))
	for _, request := range []string{post("/echo", text(50001)), chunked("/echo", text(50001), 1000)} {
		c := s.dial()
		c.send(request)
		if res, _ := c.response("POST"); res.StatusCode != 503 || !res.Close {
			t.Error(res.Status)
		}
		c.expectEnd()
	}
	if s.logged("keep a body: open a file in "+dir) != 2 {
		t.Error("not logged")
	}
}

// TestBody_promisedIsNotTaken: a client that only says that a large body comes takes little memory.
func TestBody_promisedIsNotTaken(t *testing.T) {
	s := start(t, packets)
	c := s.dial()
	var before, used int64
	s.do(func() { before = s.loop.blocks.Used() })
	c.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 60000000\r\n\r\nx")
	s.settle()
	s.do(func() { used = s.loop.blocks.Used() })
	if used-before > 2<<20 {
		t.Errorf("%d bytes in use for a body of which there is one", used-before)
	}
}

// TestBody_memoryOfAllIsLimited: many clients send the first halves of their bodies, and those that find no room are
// refused, or get a file. What leaves makes room, in whatever way it does.
func TestBody_memoryOfAllIsLimited(t *testing.T) {
	const most, size, clients = 1 << 20, 120000, 40
	for _, dir := range []string{"", t.TempDir()} {
		s := start(t, tcp, func(cfg *Config) { cfg.BodyMemory, cfg.BodyBuffer, cfg.SpillDir = most, 4*size, dir })
		inFiles := 0
		s.handle("/file", func(c *call) {
			if c.req.BodyFd >= 0 {
				inFiles++
			}
			c.respond(200, string(c.body()))
		})
		for _, request := range []string{post("/file", text(size)), chunked("/file", text(size), 5000)} {
			for round := range 2 {
				var open []*client
				for range clients {
					c := s.dial()
					c.send(request[:len(request)/2])
					open = append(open, c)
				}
				s.eventually("all to be read", func() bool {
					if s.loop.bodyBytes > most {
						t.Errorf("%d bytes of memory are taken for bodies", s.loop.bodyBytes)
					}
					return s.loop.bodyBytes > most/2
				})
				s.settle()
				whole, refused := 0, 0
				for i, c := range open {
					if round == 0 && i%3 == 0 {
						c.reset()
						continue
					}
					_, _ = c.Write([]byte(request[len(request)/2:])) // One that was refused may be closed.
					res, body := c.response("POST")
					switch {
					case res.StatusCode == 200 && body == text(size):
						whole++
					case res.StatusCode == 503 && res.Close:
						refused++
					default:
						t.Errorf("%s with %d bytes", res.Status, len(body))
					}
					_ = c.Close()
				}
				if whole == 0 || (refused == 0) != (dir != "") {
					t.Errorf("spill_dir %q: %d bodies came, %d were refused", dir, whole, refused)
				}
				s.eventually("all memory to be given back", func() bool { return s.loop.bodyBytes == 0 })
			}
		}
		s.do(func() {
			if (inFiles > 0) != (dir != "") {
				t.Errorf("spill_dir %q: %d bodies were in files", dir, inFiles)
			}
		})
		if refusals := s.logged("option body_memory is reached"); (refusals > 0) != (dir == "") {
			t.Errorf("spill_dir %q: %d refusals in the log", dir, refusals)
		}
	}
}

func TestBody_clientResetsAnywhere(t *testing.T) {
	s := start(t, tcp, func(cfg *Config) { cfg.BodyBuffer = 50000 })
	for _, request := range []string{post("/echo", text(200000)), chunked("/echo", text(200000), 60000)} {
		for cut := 1; cut < len(request); cut += 9973 {
			c := s.dial()
			c.send(request[:cut])
			s.settle()
			c.reset()
		}
	}
	c := s.dial()
	c.send(getHello)
	c.response("GET")
}

func TestBody_refusedUploadReadsItsResponse(t *testing.T) {
	s := start(t, tcp, func(cfg *Config) { cfg.MaxBody = 1000 })
	upload := text(10 << 20)
	for _, request := range []string{post("/tell", upload), chunked("/tell", upload, 1<<20)} {
		c := s.dial()
		c.send(request) // All of it, before the response is looked at.
		if res, _ := c.response("POST"); res.StatusCode != 413 || !res.Close {
			t.Error(res.Status)
		}
		c.expectEnd()
	}
}

func TestTrailer_cutAnywhere(t *testing.T) {
	s := start(t, packets)
	s.handle("/trailers", func(c *call) {
		head := &c.req.Head
		text := string(c.body())
		for _, f := range head.Fields[head.FieldCount : head.FieldCount+head.TrailerCount] {
			text += " " + c.text(f.Name) + "=" + c.text(f.Value)
		}
		c.respond(200, text)
	})
	const head = "POST /trailers HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
	c := s.dial()
	for _, row := range []struct{ body, want string }{
		{"3\r\nabc\r\n0\r\nA: b\r\nHost: x\r\nC:\r\n\r\n", "abc A=b C="},
		{"0\r\nA: b\r\n\r\n", " A=b"},
		{"0\r\n\r\n", ""},
	} {
		request := head + row.body
		for cut := 1; cut < len(request); cut++ {
			c.send(getHello + request[:cut])
			c.expect(hello)
			c.send(request[cut:] + getHello)
			c.expect(ok(row.want) + hello)
		}
		c.sendBytes(request)
		c.expect(ok(row.want))
	}
}

func TestTrailer_limit(t *testing.T) {
	s := start(t, tcp, func(cfg *Config) { cfg.Limits.Head = 64 << 10 })
	for _, padding := range []int{0, 64<<10 - 200} { // Also behind the largest head.
		head := "POST /tell HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nA: " + strings.Repeat("a", padding) + "\r\n\r\n"
		for _, row := range []struct{ size, status int }{{http1.MaxTrailer, 200}, {http1.MaxTrailer + 1, 431}} {
			c := s.dial()
			c.send(head + "3\r\nabc\r\n0\r\nB:" + strings.Repeat("b", row.size-6) + "\r\n\r\n")
			if res, _ := c.response("POST"); res.StatusCode != row.status {
				t.Errorf("%d bytes behind a head of %d: %d", row.size, len(head), res.StatusCode)
			}
		}
	}
}

func TestConnection_clientThatGoesOnReadsTheLastResponse(t *testing.T) {
	s := start(t, tcp)
	for _, request := range []string{"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "GET / HTTP/1.0\r\n\r\n", get("/shut")} {
		c := s.dial()
		c.send(request + text(10<<20))
		if res, _ := c.response("GET"); res.StatusCode != 200 || !res.Close {
			t.Error(res.Status)
		}
		c.expectEnd()
	}
}

func TestBody_ofAnyMethod(t *testing.T) {
	s := start(t, packets)
	c := s.dial()
	for _, method := range []string{"GET", "DELETE", "OPTIONS", "PATCH", "BREW"} {
		c.send(method + " /tell HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc" + getHello)
		c.expect(ok(method+" /tell 3") + hello)
	}
}

const expectHead = "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"

func TestExpect_continueWhenTheBodyIsAwaited(t *testing.T) {
	s := start(t, packets)
	const goOn = "HTTP/1.1 100 Continue\r\n\r\n"
	for _, row := range []struct{ name, framing, body string }{
		{"length", "Content-Length: 5\r\n\r\n", "hello"},
		{"chunks", "Transfer-Encoding: chunked\r\n\r\n", "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"},
		{"large", "Content-Length: 100000\r\n\r\n", text(100000)},
	} {
		c := s.dial()
		c.send(expectHead + row.framing)
		c.expect(goOn)
		if row.name == "large" {
			c.sendPieces(row.body)
			c.expect(ok(row.body))
			continue
		}
		for i := range len(row.body) {
			c.send(row.body[i : i+1]) // It is said once.
		}
		c.expect(hello)
		c.send(getHello + expectHead + row.framing)
		c.expect(hello + goOn)
		c.send(row.body)
		c.expect(hello)
	}
}

func TestExpect_noContinue(t *testing.T) {
	s := start(t, packets, func(cfg *Config) { cfg.MaxBody = 1000 })
	for _, row := range []struct{ name, request, rest, want string }{
		{"the body is there", expectHead + "Content-Length: 5\r\n\r\nhello", "", hello},
		{"the body has begun", expectHead + "Content-Length: 5\r\n\r\nhe", "llo", hello},
		{"the chunks have begun", expectHead + "Transfer-Encoding: chunked\r\n\r\n5", "\r\nhello\r\n0\r\n\r\n", hello},
		{"no body", expectHead + "\r\n", "", ok("")},
		{"empty body", expectHead + "Content-Length: 0\r\n\r\n", "", ok("")},
		{
			"HTTP/1.0", "POST /echo HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", "hello",
			"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello",
		},
	} {
		c := s.dial()
		c.send(row.request)
		if row.rest != "" {
			s.settle()
			c.send(row.rest)
		}
		if got := c.receive(); got != row.want {
			t.Errorf("%s: %q", row.name, got)
		}
	}
	for status, request := range map[string]string{
		"417": "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: tea\r\nContent-Length: 5\r\n\r\n",
		"413": expectHead + "Content-Length: 1001\r\n\r\n",
		"400": expectHead + "Content-Length: x\r\n\r\n",
	} {
		c := s.dial()
		c.send(request)
		if got := c.receive(); !strings.HasPrefix(got, "HTTP/1.1 "+status+" ") {
			t.Errorf("%s: %q", status, got)
		}
		c.expectEnd()
	}
}

func TestExpect_isAnsweredAtOnceWhereNoHandlerWantsTheBody(t *testing.T) {
	for _, setup := range []func(*Config){func(*Config) {}, admits} {
		s := start(t, packets, setup)
		for _, row := range []struct{ request, status string }{
			{"POST /nope HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 500\r\n\r\n", "404"},
			{"POST /nope HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n", "404"},
			{"OPTIONS * HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 500\r\n\r\n", "204"},
		} {
			c := s.dial()
			c.send(row.request)
			got := c.receive()
			if !strings.HasPrefix(got, "HTTP/1.1 "+row.status+" ") || !strings.Contains(got, "Connection: close\r\n") {
				t.Errorf("%q: %q", row.request, got)
			}
			c.send(text(500)) // Of a client that does not wait for long.
			c.expectEnd()
		}
		c := s.dial() // Of one that does not ask, the body comes, and the connection stays.
		c.send("POST /nope HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n")
		s.settle()
		c.send("hello")
		if got := c.receive(); !strings.HasPrefix(got, "HTTP/1.1 404 ") || strings.Contains(got, "Connection") {
			t.Errorf("%q", got)
		}
		c.send(getHello)
		c.expect(hello)
	}
}
