package blackbox

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func interims(t *testing.T, b build, address string, options ...string) *program {
	t.Helper()
	return startInMode(t, setup{build: &b, source: "interims.c", args: []string{address}}, options)
}

// receiveWithHints reads a response and the interim ones before it, and gives their X-Hint.
func (c *conn) receiveWithHints() (hints []string, a response) {
	c.t.Helper()
	for {
		got, err := http.ReadResponse(c.input, &http.Request{Method: "GET"})
		if err != nil {
			c.t.Fatalf("receive: %v", err)
		}
		if got.StatusCode != 103 {
			body, err := io.ReadAll(got.Body)
			must(c.t, err)
			return hints, response{got, string(body)}
		}
		hints = append(hints, got.Header.Get("X-Hint"))
	}
}

func request(target string) string { return "GET " + target + " HTTP/1.1\r\nHost: t\r\n\r\n" }

// expectHints wants so many interim responses, in their order, and then a response with this body.
func (c *conn) expectHints(count int, body string) {
	c.t.Helper()
	hints, a := c.receiveWithHints()
	var want []string
	for i := range count {
		want = append(want, strconv.Itoa(i))
	}
	if strings.Join(hints, " ") != strings.Join(want, " ") || a.StatusCode != 200 || a.body != body {
		c.t.Errorf("interim responses %.200q, then %s with %.200q; want %d, then %.200q", hints, a.Status, a.body, count, body)
	}
}

func TestInterim_comesFromEveryThread(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := interims(t, b, "127.0.0.1:0")
		c := p.dial()
		for _, target := range []string{"/inline/", "/pool/", "/passed/"} {
			for _, count := range []int{0, 1, 2, 100} {
				full := request(target + strconv.Itoa(count))
				c.send(request("/fast") + full + full + request("/fast"))
				c.receive("GET")
				c.expectHints(count, "0")
				c.expectHints(count, "0")
				c.receive("GET")
			}
			old := p.dial()
			old.send("GET "+target+"3 HTTP/1.0\r\n\r\n").expectHints(0, "0")
		}
		c.send(request("/fast") + request("/deferred") + request("/fast"))
		c.receive("GET")
		c.expectHints(2, "later")
		c.receive("GET")
		p.out.wait(t, 0, "deferred interim 0")
		p.out.wait(t, 0, "deferred hijack -3")
		p.out.wait(t, 0, "streaming interim -3")
		p.expectGet("/elsewhere", 200, "-3 -3 0")
	})
}

func TestInterim_toAClientThatDoesNotReadIsNotWaitedFor(t *testing.T) {
	p := interims(t, plain, "127.0.0.1:0")
	c := p.dial()
	must(t, setReceiveBuffer(c, 128<<10))
	c.send(request("/plenty"))
	p.out.wait(t, 0, "plenty")
	p.expectGet("/other", 200, "other")
	hints, a := c.receiveWithHints()
	if a.body != fmt.Sprintf("%d -14", len(hints)) || len(hints) == 0 {
		t.Errorf("%d interim responses, then %q", len(hints), a.body)
	}
	for _, value := range hints {
		if len(value) != 59999 {
			t.Fatalf("an interim response has a value of %d bytes", len(value))
		}
	}
	c.send(request("/inline/1")).expectHints(1, "0")
}

// TestInterim_harmsNoOtherClient: the number of a descriptor is used again when its client has left, and a handler may
// still have had to do with that one.
func TestInterim_harmsNoOtherClient(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := interims(t, b, "127.0.0.1:0")
		for range 5 {
			mark := p.out.mark()
			a := p.dial()
			a.send(request("/left"))
			p.out.wait(t, mark, "left begins")
			must(t, a.tcp().SetLinger(0))
			_ = a.Close()
			p.out.wait(t, mark, "left is cancelled")
			b := p.dial() // It has the number of a's.
			if got := b.get("/other"); got.body != "other" {
				t.Errorf("%q", got.body)
			}
			p.out.wait(t, mark, "interim -15")
			p.out.wait(t, mark, "hijack -3")
			if got := b.get("/other"); got.StatusCode != 200 || got.body != "other" {
				t.Errorf("%s %q", got.Status, got.body)
			}
		}
		mark := p.out.mark()
		a := p.dial()
		a.send(request("/forsaken"))
		p.out.wait(t, mark, "forsaken begins")
		_ = a.Close()
		p.out.wait(t, mark, "forsaken interim -15")
	})
}

func TestInterim_afterTheTimeOfTheHandlerIsACode(t *testing.T) {
	p := interims(t, plain, "127.0.0.1:0", "handler_timeout=20ms")
	c := p.dial()
	c.send(request("/late"))
	hints, a := c.receiveWithHints()
	if len(hints) > 0 || a.StatusCode != 504 {
		t.Errorf("%v, then %s", hints, a.Status)
	}
	p.out.wait(t, 0, "late interim -15")
	p.out.wait(t, 0, "late hijack -3")
	c.expectClosed()
}

// TestInterim_waitsForEarlierResponses that a client does not take, or is left out. The sizes go over what a unix socket
// holds.
func TestInterim_waitsForEarlierResponses(t *testing.T) {
	p := interims(t, plain, "unix:"+filepath.Join(t.TempDir(), "socket"))
	for count := 60; count < 260; count += 3 {
		c := p.dial()
		c.send(strings.Repeat(request("/fast"), count) + request("/pool/2"))
		for range 5 { // The loop, and perhaps the pool, have done what they can.
			p.expectGet("/other", 200, "other")
		}
		for range count {
			if a := c.receive("GET"); a.StatusCode != 200 || len(a.body) != 1000 {
				t.Fatalf("%d requests: %s with %d bytes", count, a.Status, len(a.body))
			}
		}
		hints, a := c.receiveWithHints()
		if text := strings.Join(hints, " "); !strings.HasPrefix("0 1", text) || a.body != "0" {
			t.Errorf("%d requests: interim responses %q, then %s with %q", count, text, a.Status, a.body)
		}
	}
}
