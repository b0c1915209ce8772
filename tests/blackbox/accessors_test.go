package blackbox

import (
	"slices"
	"strings"
	"syscall"
	"testing"
)

// eachAccessors starts accessors.c, with both builds. Its handlers check what they get, and write what is wrong to
// stderr.
func eachAccessors(t *testing.T, test func(t *testing.T, p *program)) {
	eachBuild(t, func(t *testing.T, b build) {
		s := setup{build: &b, source: "accessors.c", args: []string{"127.0.0.1:0"}, env: environment([]string{"workers=1"})}
		p := start(t, s).waitReady()
		test(t, p)
		p.stop(syscall.SIGTERM)
		if !p.log.waitEnd(patience) || p.log.count("accessors.c:") > 0 {
			t.Errorf("checks have failed:\n%s", p.log)
		}
	})
}

func TestRequest_isReadByAccessors(t *testing.T) {
	eachAccessors(t, func(t *testing.T, p *program) {
		c := p.dial()
		for range 2 { // Whatever the first request has left must not be seen in the second.
			a := c.send("POST /request/a%20b//../%2e/c?x=1&y=a+b%21&z&x=2&n=%00%zz HTTP/1.1\r\nHost: test\r\n" +
				"Content-Length: 8\r\n\r\nthe body").receive("POST")
			if a.StatusCode != 200 || a.body != "fine" {
				t.Errorf("answered %s %q", a.Status, a.body)
			}
			a = c.send("GET /headers HTTP/1.1\r\nHost: test\r\nX-One:first\r\nx-one: \t second \t \r\nEmpty:\r\nSpaces: a  b\r\n\r\n").receive("GET")
			if a.StatusCode != 200 || a.body != "fine" {
				t.Errorf("answered %s %q", a.Status, a.body)
			}
			a = c.send("GET http://real.example:81/authority/path?q=1 HTTP/1.1\r\nHost: other.example\r\n\r\n").receive("GET")
			if a.StatusCode != 200 || a.body != "fine" {
				t.Errorf("answered %s %q", a.Status, a.body)
			}
		}
	})
}

func TestPacked_isARequestAndAResponseInACallEach(t *testing.T) {
	eachAccessors(t, func(t *testing.T, p *program) {
		c := p.dial()
		for range 2 {
			a := c.send("GET /packed/a%20b?q=1 HTTP/1.1\r\nHost: test\r\nX-One: a\r\nx-one:\r\n\r\n").receive("GET")
			if a.StatusCode != 200 || a.body != "fine" {
				t.Errorf("answered %s %q", a.Status, a.body)
			}
			a = c.get("/respond-packed")
			if a.StatusCode != 201 || a.body != "fine" || a.Close || a.Header["Left"] != nil || a.Header.Get("Own") != "kept" {
				t.Errorf("answered %s %v %q", a.Status, a.Header, a.body)
			}
			if added, empty := a.Header["Added"], a.Header["Empty"]; !slices.Equal(added, []string{"one", "two"}) || !slices.Equal(empty, []string{""}) {
				t.Errorf("fields are %q and %q", added, empty)
			}
			if dates := a.Header["Date"]; len(dates) != 1 || dates[0] == "never" {
				t.Errorf("dates are %q", dates)
			}
		}
	})
}

func TestResponse_refusesWhatWouldBreakIt(t *testing.T) {
	eachAccessors(t, func(t *testing.T, p *program) {
		c := p.dial()
		if a := c.get("/refused"); a.StatusCode != 200 || a.body != "fine" || a.Header.Get("Name") != "tab\tand ä are fine" {
			t.Errorf("answered %s %v %q", a.Status, a.Header, a.body)
		}
		if a := c.get("/limit"); a.StatusCode != 503 || a.Header["Many"] != nil || !strings.Contains(a.body, "dropped what was set") {
			t.Errorf("answered %s %q", a.Status, a.body)
		}
		if a := c.get("/second"); a.StatusCode != 200 || a.body != "fine" {
			t.Errorf("answered %s %q", a.Status, a.body)
		}
		if a := c.get("/second-error"); a.StatusCode != 418 || a.body != "418 I'm a teapot\nfine\n" {
			t.Errorf("answered %s %q", a.Status, a.body)
		}
	})
}

func TestResponse_canBeBegunAnew(t *testing.T) {
	eachAccessors(t, func(t *testing.T, p *program) {
		c := p.dial()
		a := c.get("/reset")
		if a.StatusCode != 200 || a.body != "clean" || a.Header["Left"] != nil || a.Close {
			t.Errorf("answered %s %v %q", a.Status, a.Header, a.body)
		}
		if date := a.Header["Date"]; len(date) != 1 || date[0] == "never" {
			t.Errorf("dates are %q", date)
		}
		if a := c.get("/reset-nothing"); a.StatusCode != 500 {
			t.Errorf("answered %s %q", a.Status, a.body)
		}
		if a := c.get("/reset-lent"); a.StatusCode != 200 || a.body != "lent" {
			t.Errorf("answered %s %q", a.Status, a.body)
		}
	})
}

func TestResponse_isBuiltPieceByPiece(t *testing.T) {
	eachAccessors(t, func(t *testing.T, p *program) {
		c := p.dial()
		a := c.get("/build")
		if a.StatusCode != 201 || a.body != strings.Repeat("piece ", 1000) || !a.Close {
			t.Errorf("answered %s with %d bytes, Connection: close is %v", a.Status, len(a.body), a.Close)
		}
		for name, want := range map[string][]string{
			"Replaced": {"two"}, "Added": {"one", "two"}, "Server": {"own"}, "Date": {"own"}, "Content-Length": {"6000"},
		} {
			if got := a.Header[name]; !slices.Equal(got, want) {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		c.expectClosed()
		if a := p.get("/build-and-fail"); a.StatusCode != 500 || a.Header.Get("Dropped") != "" || strings.Contains(a.body, "dropped") {
			t.Errorf("answered %s %v %q", a.Status, a.Header, a.body)
		}
		a = p.get("/fields")
		if a.StatusCode != 202 || !slices.Equal(a.Header["Content-Type"], []string{"text/plain"}) || a.Header.Get("Own") != "kept" {
			t.Errorf("answered %s %v %q", a.Status, a.Header, a.body)
		}
	})
}

func TestBody_mayBeChangedInPlace(t *testing.T) {
	eachAccessors(t, func(t *testing.T, p *program) {
		c := p.dial()
		for _, text := range []string{"abc", strings.Repeat("ab", 100_000)} {
			upside := []byte(text)
			slices.Reverse(upside)
			c.send("POST /change HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n")
			c.send(chunked(text)).send("0\r\n\r\n")
			if a := c.receive("POST"); a.body != string(upside) {
				t.Errorf("%.20q comes back as %.20q", text, a.body)
			}
		}
	})
}

func TestRoutes_passOnByNext(t *testing.T) {
	eachAccessors(t, func(t *testing.T, p *program) {
		p.expectGet("/next/exact", 200, "the rest")
		p.expectGet("/next/other", 200, "the rest")
		p.expectGet("/next/", 200, "the rest")
	})
}
