package blackbox

import (
	"net"
	"strings"
	"testing"
)

// redirecting starts secure.c with one more address, in clear text, in front of the one with TLS.
func redirecting(t *testing.T, parameters string, options ...string) *secured {
	t.Helper()
	return secure(t, "tls=on", []string{"FORKER_TEST_ALSO=127.0.0.1:0?" + parameters}, options...)
}

func TestRedirect_leadsToTheAddressWithTLS(t *testing.T) {
	for _, workers := range []string{"workers=1", "reuseport=on"} {
		s := redirecting(t, "redirect_https=on", workers)
		_, port, err := net.SplitHostPort(s.address(1))
		if err != nil {
			t.Fatal(err)
		}
		c := dial(t, s.address(0))
		got := c.send("GET /a?b HTTP/1.1\r\nHost: localhost:80\r\n\r\n").receive("GET")
		if want := "https://localhost:" + port + "/a?b"; got.StatusCode != 301 || got.Header.Get("Location") != want {
			t.Errorf("%s: %d to %q, want %q", workers, got.StatusCode, got.Header.Get("Location"), want)
		}
		if got := c.send(getOf("/.well-known/acme-challenge/token")).receive("GET"); got.StatusCode != 200 || got.body != "http" {
			t.Errorf("%s: a challenge is answered %d %q", workers, got.StatusCode, got.body)
		}
	}
}

func TestRedirect_toAPortThatClientsSee(t *testing.T) {
	s := redirecting(t, "redirect_https=443", "workers=1")
	c := dial(t, s.address(0))
	got := c.send("POST /a HTTP/1.1\r\nHost: example.org:8080\r\nContent-Length: 2\r\n\r\nhi").receive("POST")
	if got.StatusCode != 308 || got.Header.Get("Location") != "https://example.org/a" {
		t.Errorf("%d to %q", got.StatusCode, got.Header.Get("Location"))
	}
	got = c.send("GET / HTTP/1.0\r\n\r\n").receive("GET")
	if got.StatusCode != 400 || !strings.Contains(got.body, "send a Host field") {
		t.Errorf("without a host: %d %q", got.StatusCode, got.body)
	}
}
