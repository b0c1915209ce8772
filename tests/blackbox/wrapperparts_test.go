package blackbox

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func wrapperBody(t *testing.T, b build, options ...string) *program {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, []byte("a file"), 0o644))
	return startInMode(t, setup{build: &b, source: "wrapper_body.cpp", standard: "c++17", args: []string{"127.0.0.1:0", file}}, options)
}

// expectNothingKept wants that what lambdas had captured is released, while a worker serves and when it leaves.
func (p *program) expectNothingKept() {
	p.t.Helper()
	eventually(p.t, "nothing is kept", func() bool { return p.get("/alive").body == "0" })
	p.stop(syscall.SIGTERM)
	p.out.wait(p.t, 0, "alive at the end 0")
}

func TestWrapper_bodiesInPieces(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := wrapperBody(t, b)
		large := strings.Repeat("f", 150000)
		body, contentType := multipartForm([]part{{"a", "", "1"}, {"f", `C:\dir\own.txt`, "content"}, {"a", "", "2"}})
		for _, row := range []struct {
			request string
			status  int
			body    string
		}{
			{"POST /trailers HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-A: 1\r\nX-B: 2\r\n\r\n", 200, "X-A=1;X-B=2;in memory"},
			{post("/trailers", large, 0), 200, "in a file"},
			{postForm("/form", body, contentType, 0), 200, "a=1;a=2;own.txt:content;"},
			{postForm("/streamed/parts", body, contentType, 7), 200, "a f@ a 9"},
			{postForm("/streamed/paused", body, contentType, 0), 201, "a f@ a 9 1"},
			{postForm("/streamed/paused", body[:len(body)-10], contentType, 0), 201, "a f@ 9 -1"},
			{postForm("/streamed/parts", body, "text/plain", 0), 400, "form"},
			{postForm("/streamed/parts", body[:len(body)-10], contentType, 0), 400, ""},
			{postForm("/streamed/parts-badly", body, contentType, 0), 409, "not this one"},
		} {
			a := p.dial().sendAside(row.request).receive("POST")
			if a.StatusCode != row.status || !strings.Contains(a.body, row.body) {
				t.Errorf("%.60q: %s %q, want %d %q", row.request, a.Status, a.body, row.status, row.body)
			}
		}
		p.expectNothingKept()
	})
}

func TestWrapper_responsesInPieces(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := wrapperBody(t, b)
		p.expectGet("/lend", 200, "at first "+strings.Repeat("l", 100000))
		p.log.wait(t, 0, "a release function threw: released")
		p.expectGet("/lend-refused", 200, "answered")
		p.out.wait(t, 0, "lend: the request is answered already")
		p.expectGet("/file", 200, "filea")
		c := p.dial().send("GET /hijack HTTP/1.1\r\nHost: t\r\n\r\nearly")
		if text, _ := io.ReadAll(c); string(text) != "taken over, behind it: early" {
			t.Errorf("%q", text)
		}
		p.expectNothingKept()
	})
}

func TestWrapper_handles(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := wrapperBody(t, b, "stream_buffer=64k")
		p.expectGet("/pump", 200, strings.Repeat("x", 100*50000))
		d := p.dial().send("GET /pump-badly HTTP/1.1\r\nHost: t\r\n\r\n")
		if text, err := io.ReadAll(d); strings.HasSuffix(string(text), "0\r\n\r\n") {
			t.Errorf("a stream whose on_drain has thrown is whole: %v, %d bytes", err, len(text))
		}
		p.log.wait(t, 0, "on_drain threw: no more of it")
		p.expectGet("/closing", 200, "closing")
		p.out.wait(t, 0, "closed 0")
		p.log.wait(t, 0, "on_close threw: closed in vain")
		p.expectGet("/checked/it", 200, "checked")
		p.expectGet("/turn", 200, "a turn")
		p.out.wait(t, 0, "no turn in a handler -3")
		d = p.dial().send("GET /waiting HTTP/1.1\r\nHost: t\r\n\r\n")
		p.out.wait(t, 0, "waiting")
		d.reset()
		p.out.wait(t, 0, "left 1")
		d = p.dial().send("GET /pump HTTP/1.1\r\nHost: t\r\n\r\n") // A client that leaves a stream.
		d.waitRead()
		d.reset()
		p.expectNothingKept()
		for _, never := range []string{"the one that was replaced", "a check was closed", "a head without a client"} {
			if p.out.count(never) > 0 {
				t.Error(never)
			}
		}
	})
}

func TestWrapper_calls(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := startInMode(t, setup{build: &b, source: "wrapper_grpc.cpp", standard: "c++17", args: []string{"127.0.0.1:0"}}, []string{"h2c=on"})
		p.address(0)
		c := &rpc{p, p.http2Client(nil)}
		call := func(method string, messages []string, fields ...string) *reply {
			return c.send(method, strings.NewReader(framed(messages...)), fields...)
		}
		one := func(method, message string, fields ...string) *reply {
			return call("/t."+method, []string{message}, fields...)
		}
		c.check(one("T/Say", "hello"), "0", "", "hello")
		c.check(one("T/Pack", ""), "0", "", "packed")
		failed := one("T/Fail", "no such thing")
		c.check(failed, "5", "no such thing")
		if details := failed.trailer.Get("Grpc-Status-Details-Bin") + failed.header.Get("Grpc-Status-Details-Bin"); details != "CAU" {
			t.Errorf("details %q", details)
		}
		if got := one("T/Throw", ""); got.code != "13" || strings.Contains(got.text, "reason") {
			t.Errorf("%v", got)
		}
		p.log.wait(t, 0, "a handler threw: the reason")
		c.check(one("T/Refuse", ""), "7", "")
		if got := one("T/Twice", ""); got.code != "13" {
			t.Errorf("%v", got)
		}
		p.log.wait(t, 0, "grpc_reserve")
		got := one("T/Metadata", "", "x-text: text", "x-bytes-bin: AAEC")
		c.check(got, "0", "", "none")
		if got.header.Get("x-before") != "text" || got.trailer.Get("x-behind-bin") != "AAEC" {
			t.Errorf("%v %v", got.header, got.trailer)
		}
		for timeout, want := range map[string]string{"": "no deadline", "1H": "long", "900m": "short"} {
			var fields []string
			if timeout != "" {
				fields = []string{"grpc-timeout: " + timeout}
			}
			if got := one("T/Remaining", "", fields...); got.code == "0" || timeout != "900m" { // A slow machine may be late.
				c.check(got, "0", "", want)
			}
		}
		got = one("T/Count", "", "grpc-accept-encoding: gzip")
		c.check(got, "0", "", strings.Repeat("1", 100), strings.Repeat("2", 100), strings.Repeat("3", 100))
		if !slices.Equal(got.zipped, []bool{false, true, false}) {
			t.Errorf("compressed: %v", got.zipped)
		}
		got = c.send("/t.T/Zip", strings.NewReader(zipped("x")), "grpc-encoding: gzip", "grpc-accept-encoding: gzip")
		c.check(got, "0", "", "z"+strings.Repeat("m", 1000))
		if !slices.Equal(got.zipped, []bool{true}) {
			t.Errorf("compressed: %v", got.zipped)
		}
		if got := one("T/ZipBadly", ""); got.code != "13" {
			t.Errorf("%v", got)
		}
		p.log.wait(t, 0, "grpc_compress: 7 is none of 1, 0 and -1")
		c.check(call("/t.T/Join", []string{"a", "", "b"}), "0", "", "a||b|")
		c.check(one("T/JoinBadly", "a"), "11", "too far")
		c.check(one("Guarded/Say", "x", "x-token: t"), "0", "", "guarded x")
		c.check(one("Guarded/Say", "x"), "16", "who are you?")
		c.check(call("/grpc.health.v1.Health/Check", []string{""}), "0", "", "\x08\x01")
		p.expectNothingKept()
	})
}

func TestWrapper_setup(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		chain, key := devCertificate(t, "localhost")
		p := start(t, setup{
			build: &b, source: "wrapper_setup.cpp", standard: "c++17", args: []string{"127.0.0.1:0?tls=on", chain, key},
			env: environment([]string{"workers=1"}),
		})
		p.out.wait(t, 0, "certificates -18 -1 -18")
		p.out.wait(t, 0, "options workers whole 0.1.0")
		p.out.wait(t, 0, "all workers are ready")
		p.log.wait(t, 0, "the fork function threw: no worker at first") // The line at which the function of the log has thrown.
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
		get := func(target string) string {
			t.Helper()
			resp, err := client.Get("https://" + p.address(0) + target)
			if err != nil {
				return err.Error()
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			return fmt.Sprint(resp.StatusCode, " ", string(body))
		}
		if got := get("/sign"); !strings.HasPrefix(got, "200 joe.") || !strings.HasSuffix(got, " joe not good") {
			t.Errorf("%q", got)
		}
		if got := get("/sign?value=a%3Bb"); !strings.HasPrefix(got, "500 ") {
			t.Errorf("%q", got)
		}
		p.out.wait(t, 0, "a handler threw: cookie_sign sid: ")
		if got := get("/stats"); got != "200 1 /stats 1" {
			t.Errorf("%q", got)
		}
		p.out.wait(t, 0, `access 127.0.0.1 - - [`)
		get("/die")
		p.out.wait(t, 0, "died 0 1 7 GET /die")
	})
}
