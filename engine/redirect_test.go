package engine

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func withRedirect(port uint16) func(*Config) {
	return func(cfg *Config) { cfg.Listeners = []Listener{{Redirect: port}} }
}

func TestRedirect_leadsToTheSameTargetByHTTPS(t *testing.T) {
	for _, row := range []struct {
		port    uint16
		request string // Without what ends its lines.
		status  int
		want    string // The Location, or what the body has.
	}{
		{443, "GET /a/b?c=d HTTP/1.1\nHost: example.org", 301, "https://example.org/a/b?c=d"},
		{443, "HEAD / HTTP/1.1\nHost: example.org", 301, "https://example.org/"},
		{8443, "GET / HTTP/1.1\nHost: example.org:8080", 301, "https://example.org:8443/"},
		{443, "GET / HTTP/1.1\nHost: example.org:", 301, "https://example.org/"},
		{8443, "GET / HTTP/1.1\nHost: [2001:db8::1]:8080", 301, "https://[2001:db8::1]:8443/"},
		{8443, "GET / HTTP/1.1\nHost: [2001:db8::1]", 301, "https://[2001:db8::1]:8443/"},
		{443, "GET http://example.org HTTP/1.1\nHost: x", 301, "https://example.org/"},
		{443, "GET http://example.org:80/a?b HTTP/1.1\nHost: x", 301, "https://example.org/a?b"},
		{443, "GET //elsewhere.example/%2e%2E/x? HTTP/1.1\nHost: example.org", 301, "https://example.org//elsewhere.example/%2e%2E/x?"},
		{443, "POST /form HTTP/1.1\nHost: h\nContent-Length: 0", 308, "https://h/form"},
		{443, "OPTIONS / HTTP/1.1\nHost: h", 308, "https://h/"},
		{443, "OPTIONS * HTTP/1.1\nHost: h", 204, ""},
		{443, "GET / HTTP/1.0\nHost: h", 301, "https://h/"},
		{443, "GET / HTTP/1.0", 400, "send a Host field: this address redirects to HTTPS"},
		{443, "GET / HTTP/1.1", 400, "send a Host field"},
		{443, "GET / HTTP/1.1\nHost:", 400, "send a valid host[:port]"},
		{443, "GET / HTTP/1.1\nHost: a b", 400, "send a valid host[:port]"},
		{443, "GET /" + strings.Repeat("a", 70_000) + " HTTP/1.1\nHost: h", 414, "too long to be redirected"},
		{443, "GET /.well-known/acme-challenge/token HTTP/1.1\nHost: h", 200, "proof"},
		{443, "GET /.well-known/acme-challenge/../../hello HTTP/1.1\nHost: h", 301, "https://h/.well-known/acme-challenge/../../hello"},
		{443, "GET /.well-known/acme-challenge/%2e%2e/%2e%2e/hello HTTP/1.1\nHost: h", 301, "https://h/.well-known/acme-challenge/%2e%2e/%2e%2e/hello"},
		{443, "GET /x/../.well-known/acme-challenge/token HTTP/1.1\nHost: h", 200, "proof"},
	} {
		s := start(t, tcp, withRedirect(row.port), func(cfg *Config) { cfg.Limits.Head, cfg.Limits.Target = 100_000, 90_000 })
		s.handle("/.well-known/acme-challenge/token", func(c *call) { c.respond(200, "proof") })
		c := s.dial()
		c.send(strings.ReplaceAll(row.request, "\n", "\r\n") + "\r\n\r\n")
		method, _, _ := strings.Cut(row.request, " ")
		res, body := c.response(method)
		got := body
		if location := res.Header.Get("Location"); location != "" {
			got = location
		}
		if res.StatusCode != row.status || !strings.Contains(got, row.want) || row.status < 400 && row.status > 300 && got != row.want {
			t.Errorf("%.90s: %d %q, want %d %q", row.request, res.StatusCode, got, row.status, row.want)
		}
	}
}

// TestRedirect_wantsNoBody has a client that asks first not upload it, and one that does not upload it in vain.
func TestRedirect_wantsNoBody(t *testing.T) {
	s := start(t, tcp, withRedirect(443), func(cfg *Config) { cfg.MaxBody = 10 })
	for _, request := range []string{
		"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n",
		"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nbegin",
		"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
	} {
		c := s.dial()
		c.send(request)
		if res, _ := c.response("POST"); res.StatusCode != http.StatusPermanentRedirect || !res.Close {
			t.Errorf("%q: %d, close %v", request, res.StatusCode, res.Close)
		}
	}
	c := s.dial()
	for range 2 { // A body that has come is passed over.
		c.send(post("/echo", "hello world") + chunked("/echo", "hello world", 3) + getHello)
		for _, want := range []int{308, 308, 301} {
			if res, _ := c.response("POST"); res.StatusCode != want || res.Close {
				t.Errorf("%d, close %v, want %d", res.StatusCode, res.Close, want)
			}
		}
	}
}

func TestRedirect_isCountedLimitedAndDrained(t *testing.T) {
	s := start(t, tcp, withRedirect(443), func(cfg *Config) {
		cfg.MaxConnectionsPerPeer, cfg.ReadHeaderTimeout, cfg.DrainGrace = 1, time.Minute, time.Hour
	})
	c := s.dial()
	c.send(getHello)
	if res, _ := c.response("GET"); res.StatusCode != http.StatusMovedPermanently || res.Close {
		t.Errorf("%d, close %v", res.StatusCode, res.Close)
	}
	if res, _ := s.dial().response("GET"); res.StatusCode != http.StatusTooManyRequests {
		t.Errorf("a second connection of the client is answered %d", res.StatusCode)
	}
	c.send(getHello[:10])
	s.settle()
	s.pass(2 * time.Minute)
	if res, _ := c.response("GET"); res.StatusCode != http.StatusRequestTimeout {
		t.Errorf("half a head is answered %d", res.StatusCode)
	}
	if n := s.counts(); n.Requests != 1 || n.Responses[3] != 1 || n.InFlight != 0 {
		t.Errorf("%d requests, %d of them redirected, %d in flight", n.Requests, n.Responses[3], n.InFlight)
	}
	c.expectEnd()
	_ = c.Close()
	s.settle()
	last := s.dial()
	last.send(getHello)
	last.response("GET")
	s.drain(time.Hour)
	last.send(getHello)
	if res, _ := last.response("GET"); res.StatusCode != http.StatusMovedPermanently || !res.Close {
		t.Errorf("while draining %d, close %v", res.StatusCode, res.Close)
	}
	_ = last.Close()
	s.wait()
}
