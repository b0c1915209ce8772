package engine

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestResponse_smallOneLeavesInOneWrite(t *testing.T) {
	s := start(t, packets)
	c := s.dial()
	for _, size := range []int{0, 1, 1000, 16 << 10, 16<<10 + 1, 100000} {
		c.sendPieces(post("/echo", text(size)))
		c.expect(ok(text(size)))
	}
}

func TestResponse_framing(t *testing.T) {
	s := start(t, packets)
	for _, status := range []int{200, 201, 204, 205, 206, 299, 304, 400, 404, 500, 599} {
		s.handle(fmt.Sprintf("/%d", status), func(c *call) {
			c.field("X", "y")
			c.respond(status, "text")
		})
	}
	const length, fields, body = "Content-Length: 4\r\n", "X: y\r\n\r\n", "text"
	for _, row := range []struct{ method, path, want string }{
		{"GET", "/200", "200 OK\r\n" + length + fields + body},
		{"HEAD", "/200", "200 OK\r\n" + length + fields},
		{"GET", "/201", "201 Created\r\n" + length + fields + body},
		{"GET", "/204", "204 No Content\r\n" + fields},
		{"HEAD", "/204", "204 No Content\r\n" + fields},
		{"GET", "/205", "205 Reset Content\r\nContent-Length: 0\r\n" + fields},
		{"GET", "/206", "206 Partial Content\r\n" + length + fields + body},
		{"GET", "/299", "299 \r\n" + length + fields + body},
		{"GET", "/304", "304 Not Modified\r\n" + fields},
		{"GET", "/400", "400 Bad Request\r\n" + length + fields + body},
		{"HEAD", "/404", "404 Not Found\r\n" + length + fields},
		{"GET", "/500", "500 Internal Server Error\r\n" + length + fields + body},
		{"GET", "/599", "599 \r\n" + length + fields + body},
		{"GET", "/nowhere", "404 Not Found\r\nContent-Length: 14\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n404 Not Found\n"},
		{"HEAD", "/nowhere", "404 Not Found\r\nContent-Length: 14\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"},
		{"OPTIONS", "*", "204 No Content\r\n\r\n"},
	} {
		c := s.dial()
		c.send(row.method + " " + row.path + " HTTP/1.1\r\nHost: h\r\n\r\n" + getHello)
		if got := c.receive(); got != "HTTP/1.1 "+row.want+hello {
			t.Errorf("%s %s: %q", row.method, row.path, got)
		}
	}
}

// TestResponse_toARefusedHead: also a HEAD request that is refused has a response without content.
func TestResponse_toARefusedHead(t *testing.T) {
	s := start(t, packets, func(cfg *Config) { cfg.MaxBody = 10 })
	for _, rest := range []string{"\r\n", "A : b\r\n\r\n", "Host: h\r\nContent-Length: 11\r\n\r\n", "Host: h\r\nTransfer-Encoding: chunked\r\n\r\nx"} {
		c := s.dial()
		c.send("HEAD / HTTP/1.1\r\n" + rest)
		if got := c.receive(); !strings.HasPrefix(got, "HTTP/1.1 4") || !strings.HasSuffix(got, "Connection: close\r\n\r\n") {
			t.Errorf("%q: %q", rest, got)
		}
		c.expectEnd()
	}
	for _, line := range []string{"HEAD /" + text(9000), "HEAD /" + text(8193) + " HTTP/1.1\r\n", "HEAD / HTTP/2.5\r\n", "\r\nHEAD  / HTTP/1.1\r\n", "HEAD /a#b HTTP/1.1\r\n"} {
		c := s.dial()
		c.sendPieces(line)
		if got := c.receive(); !strings.HasSuffix(got, "Connection: close\r\n\r\n") {
			t.Errorf("%.20q: %q", line, got)
		}
		c.expectEnd()
	}
	c := s.dial()
	c.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\n\r\n") // The next one is no HEAD.
	if got := c.receive(); !strings.HasSuffix(got, "\n") || strings.HasSuffix(got, "\r\n\r\n") {
		t.Errorf("%q", got)
	}
}

func TestResponse_ofTheEngine(t *testing.T) {
	s := start(t, packets)
	const plain = "Content-Type: text/plain; charset=utf-8\r\n"
	for path, row := range map[string]struct {
		outcome Outcome
		want    string
	}{
		"/405": {Outcome{Status: 405, Allow: []byte("GET, HEAD")}, "405 Method Not Allowed\r\nContent-Length: 23\r\nAllow: GET, HEAD\r\n" + plain + "\r\n405 Method Not Allowed\n"},
		"/204": {Outcome{Status: 204, Allow: []byte("GET")}, "204 No Content\r\nAllow: GET\r\n\r\n"},
		"/501": {Outcome{Status: 501, Detail: "no"}, "501 Not Implemented\r\nContent-Length: 23\r\n" + plain + "\r\n501 Not Implemented\nno\n"},
	} {
		s.handle(path, func(c *call) {
			c.field("Dropped", "yes")
			c.respond(200, "what was begun is not sent")
			c.outcome = row.outcome
		})
		c := s.dial()
		c.send(get(path))
		c.expect("HTTP/1.1 " + row.want)
	}
	s.handle("/detail", func(c *call) {
		c.respond(503, "come back")
		c.req.Response.Flags |= ResponseError
	})
	c := s.dial()
	c.send(get("/detail"))
	c.expect("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 34\r\n" + plain + "\r\n503 Service Unavailable\ncome back\n")
}

func TestResponse_dateAndServer(t *testing.T) {
	s := start(t, tcp, func(cfg *Config) { cfg.ServerName = "forker" })
	s.handle("/own", func(c *call) {
		c.field("Server", "mine")
		c.field("Date", "Sun, 06 Nov 1994 08:49:37 GMT")
		c.req.Response.Flags |= ResponseHasDate | ResponseHasServer
		c.respond(200, "")
	})
	s.handle("/date", func(c *call) {
		c.field("Date", "Sun, 06 Nov 1994 08:49:37 GMT")
		c.req.Response.Flags |= ResponseHasDate
		c.respond(404, "")
	})
	for _, row := range []struct{ path, server, date string }{
		{"/hello", "forker", ""},
		{"/nowhere", "forker", ""},
		{"/own", "mine", "Sun, 06 Nov 1994 08:49:37 GMT"},
		{"/date", "forker", "Sun, 06 Nov 1994 08:49:37 GMT"},
	} {
		c := s.dial()
		c.send(get(row.path))
		res, _ := c.response("GET")
		if len(res.Header["Date"]) != 1 || len(res.Header["Server"]) != 1 || res.Header.Get("Server") != row.server {
			t.Errorf("%s: %v", row.path, res.Header)
		}
		if row.date == "" {
			date, err := http.ParseTime(res.Header.Get("Date"))
			if late := time.Since(date); err != nil || late < 0 || late > 5*time.Second {
				t.Errorf("%s: the date is %v, %v late", row.path, date, late)
			}
		} else if got := res.Header.Get("Date"); got != row.date {
			t.Errorf("%s: the date is %s", row.path, got)
		}
	}
}

func TestResponse_dateGoesOn(t *testing.T) {
	s := start(t, tcp)
	c := s.dial()
	c.send(getHello)
	first, _ := c.response("GET")
	s.do(func() { s.loop.clock.date[0] = 'X' }) // It is kept for the rest of the second only.
	s.pass(time.Second)
	c.send(getHello)
	if second, _ := c.response("GET"); second.Header.Get("Date") < first.Header.Get("Date") && second.Header.Get("Date")[0] == 'X' {
		t.Error(second.Header)
	}
}

func TestResponse_trimsLargeMemory(t *testing.T) {
	s := start(t, tcp)
	c := s.dial()
	for _, row := range []struct{ size, trims int }{{1000, 0}, {256 << 10, 0}, {1 << 20, 1}, {1000, 1}} {
		c.send(post("/echo", text(row.size)))
		if _, got := c.response("POST"); got != text(row.size) {
			t.Errorf("%d bytes: %d came", row.size, len(got))
		}
		var trims int
		s.do(func() { trims = s.trims })
		if trims != row.trims {
			t.Errorf("%d bytes: %d trims", row.size, trims)
		}
	}
}

func TestResponse_pathIsDecoded(t *testing.T) {
	s := start(t, packets)
	for _, path := range []string{"/a b", "/a/b", "/\xff"} {
		s.handle(path, func(c *call) { c.respond(200, string(c.path)) })
	}
	c := s.dial()
	for _, row := range []struct{ target, want string }{
		{"/a%20b", "/a b"},
		{"/a%2fb?x", "/a/b"},
		{"/x/%2e%2e/a/./b", "/a/b"},
		{"/%FF", "/\xff"},
		{"http://h", "hello"},
		{"http://h?x=/nowhere", "hello"},
	} {
		c.send(get(row.target))
		c.expect(ok(row.want))
	}
	for _, target := range []string{"/%", "/%0", "/%zz", "/%00"} {
		c := s.dial()
		c.send(get(target))
		if got := c.receive(); !strings.HasPrefix(got, "HTTP/1.1 400 ") {
			t.Errorf("%s: %q", target, got)
		}
		c.expectEnd()
	}
}
