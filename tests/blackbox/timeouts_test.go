package blackbox

import (
	"fmt"
	"strings"
	"testing"
)

// timeouts starts timeouts.c, whose handlers wait until they are released.
func timeouts(t *testing.T, b build, option string) *program {
	t.Helper()
	return startInMode(t, setup{build: &b, source: "timeouts.c", args: []string{"127.0.0.1:0"}}, []string{"h2c=on", "handler_timeout=" + option})
}

// expectTooLate expects that a handler has had too much time, by each version of HTTP.
func (p *program) expectTooLate(paths ...string) {
	p.t.Helper()
	for _, path := range paths {
		if a := p.exchange("GET " + path); a.StatusCode != 504 || a.body != "504 Gateway Timeout\nthe handler did not answer in time\n" {
			p.t.Errorf("%s: %s %q", path, a.Status, a.body)
		}
		p.log.wait(p.t, 0, "the handler of GET "+path+" has not answered within handler_timeout; answered 504")
	}
}

// expectPatience expects that handlers may wait while others, which were asked later, are ended by the same times.
func (p *program) expectPatience(ended string, paths ...string) {
	p.t.Helper()
	answers, client := make(chan string), p.http2Client(nil)
	conns := make([]*conn, len(paths))
	for i, path := range paths {
		conns[i] = p.dial().send("GET " + path + " HTTP/1.1\r\nHost: t\r\n\r\n")
		go func() {
			resp, err := client.Get("http://localhost" + path)
			if err != nil {
				answers <- fmt.Sprint(path, ": ", err)
				return
			}
			_ = resp.Body.Close()
			answers <- fmt.Sprint(path, ": ", resp.StatusCode)
		}()
	}
	eventually(p.t, "all handlers wait", func() bool { return p.out.count("waiting") == 2*len(paths) })
	p.expectTooLate(ended)
	p.expectGet("/release", 200, "released")
	for i, path := range paths {
		if a := conns[i].receive("GET"); a.StatusCode != 200 || a.body != "answered" {
			p.t.Errorf("%s: %s %q", path, a.Status, a.body)
		}
		if got := <-answers; !strings.HasSuffix(got, ": 200") {
			p.t.Errorf("by HTTP/2: %s", got)
		}
	}
}

// TestHandlerTimeout_isThatOfTheRoute: of its group where it has none, and of the server where that has none either.
func TestHandlerTimeout_isThatOfTheRoute(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		t.Run("shorter", func(t *testing.T) {
			p := timeouts(t, b, "0")
			p.expectTooLate("/quick/deferred", "/quick/pooled", "/quick/before")
			p.expectGet("/release", 200, "released")
			p.expectGet("/deferred", 200, "answered")
		})
		t.Run("none", func(t *testing.T) {
			p := timeouts(t, b, "40ms")
			p.expectPatience("/deferred", "/quick/patient/deferred", "/quick/patient/pooled")
		})
	})
}

// TestHandlerTimeout_ofNext: a handler that leaves the request to another one leaves it that one's time.
func TestHandlerTimeout_ofNext(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := timeouts(t, b, "10m")
		p.expectTooLate("/next/quick")
		p = timeouts(t, b, "10m")
		p.expectPatience("/quick/deferred", "/next/patient/pooled", "/next/later/deferred")
	})
}

// TestHandlerTimeout_ofMethods: of calls of gRPC, which their client's deadline can end before.
func TestHandlerTimeout_ofMethods(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := timeouts(t, b, "40ms")
		c := &rpc{p, p.http2Client(nil)}
		call := func(method string, fields ...string) *reply {
			return c.send("/test.Times/"+method, strings.NewReader(framed("")), fields...)
		}
		const late, passed = "the handler did not answer in time", "the deadline of the call has passed"
		c.check(call("Quick"), "4", late)
		c.check(call("Quick", "Grpc-Timeout: 1H"), "4", late)
		c.check(call("Server"), "4", late)
		patient := make(chan *reply)
		go func() { patient <- call("Patient") }()
		eventually(t, "four handlers have waited", func() bool { return p.out.count("waiting") == 4 })
		c.check(call("Patient", "Grpc-Timeout: 90m"), "4", passed) // Before its handler has begun, if the machine is busy.
		c.check(call("Server"), "4", late)
		p.expectGet("/release", 200, "released")
		c.check(<-patient, "0", "", "x")
	})
}
