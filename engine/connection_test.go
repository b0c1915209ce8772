package engine

import (
	"strings"
	"testing"
)

func TestConnection_keptAlive(t *testing.T) {
	s := start(t, packets)
	c := s.dial()
	for range 3 {
		c.send(getHello)
		c.expect(hello)
	}
	if s.counts().Accepted != 1 || s.counts().Requests != 3 || s.counts().Responses[2] != 3 {
		t.Errorf("accepted %d, requests %d, answers %v", s.counts().Accepted, s.counts().Requests, s.counts().Responses)
	}
}

func TestConnection_fate(t *testing.T) {
	s := start(t, packets)
	const rest10 = "Content-Length: 5\r\nConnection: keep-alive\r\n\r\nhello"
	for _, row := range []struct{ name, request, want string }{
		{"1.1", getHello, hello},
		{"1.1 close", "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", helloLast},
		{"1.1 keep-alive", "GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\n\r\n", hello},
		{"1.0", "GET / HTTP/1.0\r\n\r\n", helloLast},
		{"1.0 close", "GET / HTTP/1.0\r\nConnection: close\r\n\r\n", helloLast},
		{"1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "HTTP/1.1 200 OK\r\n" + rest10},
		{"1.0 keep-alive, close", "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", helloLast},
		{"the program closes", get("/shut"), "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbye"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := s.dial()
			c.t = t
			c.send(row.request)
			c.expect(row.want)
			if strings.Contains(row.want, "Connection: close") {
				c.expectEnd()
				return
			}
			c.send(getHello)
			c.expect(hello)
		})
	}
}

func TestConnection_ignoresWhatFollowsTheLastRequest(t *testing.T) {
	s := start(t, packets)
	for _, last := range []string{"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "GET /shut HTTP/1.1\r\nHost: h\r\n\r\n"} {
		c := s.dial()
		c.send(last + getHello)
		if got := c.receive(); strings.Count(got, "HTTP/1.1") != 1 {
			t.Errorf("%q: %q", last, got)
		}
		c.expectEnd()
	}
}

func TestPipelining_answersInOrderAndInOneWrite(t *testing.T) {
	s := start(t, packets)
	c := s.dial()
	var requests, want strings.Builder
	for i := range 100 {
		switch i % 3 {
		case 0:
			requests.WriteString(getHello)
			want.WriteString(hello)
		case 1:
			body := strings.Repeat("x", i)
			requests.WriteString(post("/echo", body))
			want.WriteString(ok(body))
		default:
			body := strings.Repeat("y", i)
			requests.WriteString(chunked("/echo", body, 7))
			want.WriteString(ok(body))
		}
	}
	c.send(requests.String())
	c.expect(want.String())
}

func TestPipelining_answersBeforeAnIncompleteRequest(t *testing.T) {
	s := start(t, packets)
	c := s.dial()
	next := post("/echo", "0123456789")
	for cut := 1; cut < len(next); cut++ {
		c.send(getHello + next[:cut])
		c.expect(hello)
		c.send(next[cut:])
		c.expect(ok("0123456789"))
	}
}

func TestPipelining_stopsAtARefusedRequest(t *testing.T) {
	s := start(t, packets)
	c := s.dial()
	c.send(getHello + "GET / HTTP/1.1\r\n\r\n" + getHello)
	if got := c.receive(); !strings.HasPrefix(got, hello+"HTTP/1.1 400 Bad Request\r\n") || strings.Count(got, "HTTP/1.1") != 2 {
		t.Errorf("%q", got)
	}
	c.expectEnd()
}

func TestRequest_cutAnywhere(t *testing.T) {
	s := start(t, packets)
	c := s.dial()
	for _, request := range []string{
		getHello,
		"\r\n" + getHello,
		post("/echo", "hello"),
		chunked("/echo", "hello", 2),
		"GET /%68el%6Co?q HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET /a/../hello HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET http://h/hello HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET http://h HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		for cut := range len(request) {
			if cut > 0 {
				c.send(request[:cut])
			}
			c.send(request[cut:])
			c.expect(hello)
		}
		c.sendBytes(request)
		c.expect(hello)
	}
}

func TestRequest_headOfTheLargestSize(t *testing.T) {
	s := start(t, packets, func(cfg *Config) { cfg.Limits.Head = 64 << 10 })
	c := s.dial()
	begin, end := "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nA: ", "\r\n\r\n"
	head := begin + strings.Repeat("a", 64<<10-len(begin)-len(end)) + end
	c.send(head)
	c.send("5\r\nhello\r\n0\r\n\r\n")
	c.expect(hello)
	c.send(getHello + head[:40000])
	c.expect(hello)
	c.send(head[40000:] + "5\r\nhello\r\n0\r\n\r\n")
	c.expect(hello)
	c.send("A" + head)
	if got := c.receive(); !strings.HasPrefix(got, "HTTP/1.1 431 ") {
		t.Errorf("%.100q", got)
	}
	c.expectEnd()
}
