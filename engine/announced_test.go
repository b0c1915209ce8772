package engine

import (
	"fmt"
	"strings"
	"testing"

	"libforker/engine/gate"
)

// Whoever a proxy passes on without knowing who that is, is not believed as if it were the proxy.
func TestProxy_thatDoesNotKnowItsClient(t *testing.T) {
	const signature = "\r\n\r\n\x00\r\nQUIT\n"
	front := trusting(t, "127.0.0.1,unix")
	front.IDs = gate.NewIDs()
	s := start(t, tcp, func(cfg *Config) { cfg.Front, cfg.Listeners = front, []Listener{{Proxied: true}} })
	s.handle("/who", func(c *call) {
		c.respond(200, fmt.Sprint(c.req.Client.String(), " ", c.req.Scheme == SchemeHTTPS, " ", string(c.req.ID[:c.req.IDLen]) == "given"))
	})
	for header, want := range map[string]string{
		signature + "\x20\x00\x00\x00":                                           "192.0.2.9:0 true true", // Local.
		signature + "\x21\x00\x00\x00":                                           "proxy false false",
		signature + "\x21\x31\x00\xd8" + strings.Repeat("s", 216):                "proxy false false",
		signature + "\x21\x11\x00\x0c\x7f\x00\x00\x01\x7f\x00\x00\x01\x00P\x00P": "192.0.2.9:0 true true",
		signature + "\x21\x11\x00\x0c\xc0\x00\x02\x07\x7f\x00\x00\x01\x00P\x00P": "192.0.2.7:80 false false",
		"PROXY UNKNOWN\r\n":                           "proxy false false",
		"PROXY UNKNOWN 127.0.0.1 127.0.0.1 80 80\r\n": "proxy false false",
	} {
		c := s.dial()
		c.send(header + "GET /who HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 192.0.2.9\r\nX-Forwarded-Proto: https\r\nX-Request-Id: given\r\n\r\n")
		_, got := c.response("GET")
		if got = strings.Replace(got, c.LocalAddr().String(), "proxy", 1); got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
}
