package blackbox

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"net"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// gates starts gates.c.
func gates(t *testing.T, addresses []string, options ...string) *program {
	t.Helper()
	return start(t, setup{source: "gates.c", args: addresses, env: environment(watched(t, options))}).waitReady()
}

// whoAsks sends GET /who with fields, which are separated by LF, and returns the body.
func (c *conn) whoAsks(fields string) string {
	c.t.Helper()
	return c.send("GET /who HTTP/1.1\r\nHost: h\r\n" + strings.ReplaceAll(fields, "\n", "\r\n") + "\r\n\r\n").receive("GET").body
}

func TestProxies_clientSchemeHostAndID(t *testing.T) {
	log := newLogFile(t)
	p := gates(t, []string{"127.0.0.1:0", "/who"}, "workers=1", "trusted_proxies=127.0.0.0/8,unix", "forwarded=x-forwarded-for",
		"request_id=on", "access_log=json", "access_log_file="+log.path)
	c := p.dial()
	defer c.Close()
	if got := c.whoAsks("X-Forwarded-For: 6.6.6.6, 192.0.2.7\nX-Forwarded-Proto: https\nX-Forwarded-Host: a.example\nX-Request-Id: up-1"); got != "192.0.2.7 https a.example up-1 GET" {
		t.Errorf("%q", got)
	}
	a := c.send("GET /who HTTP/1.1\r\nHost: h\r\n\r\n").receive("GET")
	if id := a.Header.Get("X-Request-Id"); !regexp.MustCompile("^[0-9a-f]{32}$").MatchString(id) || a.body != "127.0.0.1 http h "+id+" GET" {
		t.Errorf("id %q, body %q: the request before shows", id, a.body)
	}
	p.stop(syscall.SIGTERM)
	first, second, _ := strings.Cut(log.text(), "\n")
	var entry struct {
		Client, Scheme, Host, Peer string
		ID                         string `json:"request_id"`
	}
	if err := json.Unmarshal([]byte(first), &entry); err != nil || entry.Client != "192.0.2.7" || entry.Scheme != "https" || entry.Host != "a.example" || entry.ID != "up-1" || !strings.HasPrefix(entry.Peer, "127.0.0.1:") {
		t.Errorf("%v %s", err, first)
	}
	if err := json.Unmarshal([]byte(second), &entry); err != nil || entry.Client != "127.0.0.1" || entry.Scheme != "http" || entry.Host != "h" {
		t.Errorf("%v %s", err, second)
	}
}

func TestProxies_othersAreNotBelieved(t *testing.T) {
	p := gates(t, []string{"127.0.0.1:0", "/who"}, "workers=1", "trusted_proxies=10.0.0.0/8", "forwarded=forwarded", "request_id=on")
	c := p.dial()
	defer c.Close()
	if got := c.whoAsks("Forwarded: for=192.0.2.7;proto=https;host=a.example\nX-Request-Id: forged"); !strings.HasPrefix(got, "127.0.0.1 http h ") || strings.Contains(got, "forged") {
		t.Errorf("%q", got)
	}
}

func TestProxies_onUnixSockets(t *testing.T) {
	path := t.TempDir() + "/s"
	p := gates(t, []string{"unix:" + path, "/who"}, "workers=1", "trusted_proxies=unix", "forwarded=forwarded")
	c := p.dial()
	if got := c.whoAsks(`Forwarded: for="[2001:db8::7]";proto=https;host=a.example`); got != "2001:db8::7 https a.example none GET" {
		t.Errorf("%q", got)
	}
	if got := c.whoAsks("Accept: x"); got != "unix: http h none GET" {
		t.Errorf("%q", got)
	}
}

func TestProxies_wrongListIsRefused(t *testing.T) {
	p := start(t, setup{source: "gates.c", args: []string{"127.0.0.1:0", "/who"}, env: environment([]string{"trusted_proxies=10.0.0.0/40"})})
	if p.wait() == 0 {
		t.Error("it serves")
	}
	p.log.wait(t, 0, `"10.0.0.0/40" is not a list of networks (empty, or addresses, networks such as`)
}

// announce dials as a proxy that says who the client is.
func (p *program) announce(header string) *conn {
	p.t.Helper()
	c := p.dialClear()
	for i := range len(header) {
		if _, err := c.Write([]byte{header[i]}); err != nil {
			p.t.Fatal(err)
		}
	}
	return c
}

const announced = "PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n"

func TestProxies_thatPassOnConnections(t *testing.T) {
	p := gates(t, []string{"127.0.0.1:0?proxy=on", "/who"}, "workers=1", "trusted_proxies=127.0.0.1,192.0.2.7", "forwarded=x-forwarded-for", "h2c=on")
	c := p.announce(announced)
	for range 2 {
		if got := c.whoAsks("X-Forwarded-For: 192.0.2.8"); got != "192.0.2.8 http h none GET" {
			t.Errorf("%q", got)
		}
	}
	if got := p.announce("PROXY UNKNOWN\r\n").whoAsks("A: b"); got != "127.0.0.1 http h none GET" {
		t.Errorf("%q", got)
	}
	secure := "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x14\xc0\x00\x02\x07\x0a\x00\x00\x01\x12\x67\x01\xbb\x20\x00\x05\x01\x00\x00\x00\x00"
	if got := p.announce(secure).whoAsks("A: b"); got != "192.0.2.7 https h none GET" {
		t.Errorf("%q", got)
	}
	for _, wrong := range []string{"GET /who HTTP/1.1\r\nHost: h\r\n\r\n", "PROXY TCP4 x\r\n"} {
		c := p.dialClear()
		_, _ = c.Write([]byte(wrong))
		c.expectClosed()
	}
	p.log.wait(t, 0, "to an address with proxy=on: no PROXY header; closed")
	p.log.wait(t, 0, "to an address with proxy=on: a malformed PROXY header; closed")
}

func TestProxies_thatAreNotTrustedAreClosed(t *testing.T) {
	p := gates(t, []string{"127.0.0.1:0?proxy=on", "/who"}, "workers=1", "trusted_proxies=10.0.0.1")
	c := p.dialClear()
	_, _ = c.Write([]byte(announced))
	c.expectClosed()
	p.log.wait(t, 0, "is not one of option trusted_proxies; closed")
}

func TestProxies_headerMustComeInTime(t *testing.T) {
	p := gates(t, []string{"127.0.0.1:0?proxy=on", "/who"}, "workers=1", "trusted_proxies=127.0.0.1", "read_header_timeout=50ms")
	p.announce("PROXY TCP4 192").expectClosed()
}

func TestProxies_passOnTLS(t *testing.T) {
	s := secure(t, "tls=on&proxy=on", nil, "workers=1", "trusted_proxies=127.0.0.0/8", "http2=on")
	own := tls.Client(s.announce(announced).Conn, s.config())
	if err := own.Handshake(); err != nil {
		t.Fatal(err)
	}
	c := &conn{t, own, bufio.NewReader(own)}
	if got := c.send(getOf("/")).receive("GET").body; got != "https" {
		t.Errorf("%q", got)
	}
}

func TestProxies_mustBeNamed(t *testing.T) {
	p := start(t, setup{source: "gates.c", args: []string{"127.0.0.1:0?proxy=on", "/who"}})
	if p.wait() == 0 {
		t.Error("it serves")
	}
	p.log.wait(t, 0, "127.0.0.1:0?proxy=on has proxy=on, and no proxy is trusted; set option trusted_proxies")
}

// dialClear opens a connection without TLS, whatever else is tested over it.
func (p *program) dialClear() *conn {
	p.t.Helper()
	c, err := net.DialTimeout("tcp", p.address(0), patience)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		p.t.Fatal(err)
	}
	return &conn{p.t, c, bufio.NewReader(c)}
}
