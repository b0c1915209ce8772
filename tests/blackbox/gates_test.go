package blackbox

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// gated starts gates.c with arguments that say which routes it has.
func gated(t *testing.T, arguments []string, options ...string) *program {
	t.Helper()
	return gates(t, append([]string{"127.0.0.1:0"}, arguments...), append([]string{"workers=1", "h2c=on"}, options...)...)
}

// exchange sends a request by each version of HTTP, and wants the same answer. what is "GET /path" or "POST /path body", and
// fields behind LF.
func (p *program) exchange(what string) response {
	p.t.Helper()
	line, fields, _ := strings.Cut(what, "\n")
	method, path, _ := strings.Cut(line, " ")
	path, body, _ := strings.Cut(path, " ")
	return p.exchangeBody(method+" "+path+"\n"+fields, body)
}

// exchangeBody is exchange with a body that has lines.
func (p *program) exchangeBody(what, body string) response {
	p.t.Helper()
	p.address(0)
	line, fields, _ := strings.Cut(what, "\n")
	var both [2]response
	for i, transport := range []http.RoundTripper{
		&http.Transport{DisableKeepAlives: true, DisableCompression: true}, p.http2Client(nil).Transport,
	} {
		method, path, _ := strings.Cut(line, " ")
		req, err := http.NewRequest(method, "http://"+p.address(0)+path, strings.NewReader(body))
		if err != nil {
			p.t.Fatal(err)
		}
		for field := range strings.Lines(fields) {
			name, value, _ := strings.Cut(strings.TrimSpace(field), ": ")
			if req.Header.Add(name, value); name == "Host" {
				req.Host = value
			}
		}
		res, err := transport.RoundTrip(req)
		if err != nil {
			p.t.Fatalf("%s: %v", what, err)
		}
		text, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		both[i] = response{res, string(text)}
		(&http.Client{Transport: transport}).CloseIdleConnections()
	}
	if a, b := both[0], both[1]; a.StatusCode != b.StatusCode || a.body != b.body || a.Header.Get("Location") != b.Header.Get("Location") || a.Header.Get("Vary") != b.Header.Get("Vary") {
		p.t.Errorf("%s: HTTP/1.1 %d %q, HTTP/2 %d %q", what, a.StatusCode, a.body, b.StatusCode, b.body)
	}
	return both[0]
}

func TestGates_redirects(t *testing.T) {
	for _, row := range []struct{ options, what, want string }{
		{"slash=add", "GET /dir?a=b", "301 /dir/?a=b"},
		{"slash=add", "POST /dir body", "308 /dir/"},
		{"slash=add", "GET /dir/", "200 "},
		{"slash=add", "GET /leaf", "200 "},
		{"slash=add", "GET /leaf/", "404 "},
		{"slash=add", "GET //dir", "404 "},
		{"slash=remove", "GET /leaf/?a=b", "301 /leaf?a=b"},
		{"slash=remove", "GET /dir", "404 "},
		{"slash=strict", "GET /dir", "404 "},
		{"www=add", "GET /leaf?a=b\nHost: example.org:8080", "301 http://www.example.org:8080/leaf?a=b"},
		{"www=add", "GET /leaf", "200 "},
		{"www=remove", "POST /nowhere body\nHost: www.example.org", "308 http://example.org/nowhere"},
		{"www=remove trusted_proxies=127.0.0.1 forwarded=x-forwarded-for", "GET /leaf\nX-Forwarded-Host: www.example.org\nX-Forwarded-Proto: https", "301 https://example.org/leaf"},
	} {
		p := gated(t, []string{"/dir/", "/leaf"}, strings.Fields(row.options)...)
		a := p.exchange(row.what)
		if got := fmt.Sprintf("%d %s", a.StatusCode, a.Header.Get("Location")); got != row.want {
			t.Errorf("%s: %q: %q, want %q", row.options, row.what, got, row.want)
		}
		p.stop(syscall.SIGTERM)
	}
}

// TestGates_slashRedirectStaysHere: "//evil" and "/\evil" would lead elsewhere.
func TestGates_slashRedirectStaysHere(t *testing.T) {
	p := gated(t, []string{"/:a", "/:a/:b"}, "slash=remove")
	for target, want := range map[string]string{
		"//evil.example/":    "/evil.example",
		"/\\evil.example/":   "/evil.example",
		"///evil.example/":   "/evil.example",
		"/%2Fevil.example/":  "/%2Fevil.example",
		"/a\\evil.example/":  "/a%5Cevil.example",
		"/\\/evil.example//": "/evil.example",
		"/a%2F":              "",
		"/a/.":               "",
	} {
		a := p.dial().send("GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n").receive("GET")
		if location := a.Header.Get("Location"); location != "" && location != want {
			t.Errorf("%s: %d %s", target, a.StatusCode, location)
		}
	}
}

func TestGates_methodOverride(t *testing.T) {
	p := gated(t, []string{"/who"}, "method_override=header")
	for what, want := range map[string]string{
		"POST /who\nX-HTTP-Method-Override: DELETE": "DELETE",
		"POST /who\nx-http-method-override: PATCH":  "PATCH",
		"POST /who\nX-HTTP-Method-Override: GET":    "POST",
		"POST /who\nX-HTTP-Method-Override: delete": "POST",
		"GET /who\nX-HTTP-Method-Override: DELETE":  "GET",
		"PUT /who\nX-HTTP-Method-Override: DELETE":  "PUT",
	} {
		if a := p.exchange(what); !strings.HasSuffix(a.body, " "+want) {
			t.Errorf("%s: %q", what, a.body)
		}
	}
	p = gated(t, []string{"/who"})
	if a := p.exchange("POST /who\nX-HTTP-Method-Override: DELETE"); !strings.HasSuffix(a.body, " POST") {
		t.Errorf("off: %q", a.body)
	}
}

func TestGates_fields(t *testing.T) {
	p := gated(t, []string{"/who", "/api", "+cors_origins=https://a.example", "+cors_credentials=on", "+security=off", "+csp=none"},
		"security=on", "hsts=max-age=1")
	a := p.exchange("GET /who")
	if a.Header.Get("X-Content-Type-Options") != "nosniff" || a.Header.Get("X-Frame-Options") != "SAMEORIGIN" || a.Header.Get("Strict-Transport-Security") != "" {
		t.Errorf("%v", a.Header)
	}
	if a = p.exchange("GET /nowhere"); a.StatusCode != 404 || a.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%v", a.Header)
	}
	a = p.exchange("GET /api\nOrigin: https://a.example")
	if a.StatusCode != 200 || a.Header.Get("X-Content-Type-Options") != "" || a.Header.Get("Content-Security-Policy") != "none" || a.Header.Get("Access-Control-Allow-Origin") != "https://a.example" || a.Header.Get("Vary") != "Origin" {
		t.Errorf("%v", a.Header)
	}
	a = p.exchange("OPTIONS /api\nOrigin: https://a.example\nAccess-Control-Request-Method: PUT")
	if a.StatusCode != 204 || a.Header.Get("Access-Control-Allow-Methods") != "PUT" || a.Header.Get("Access-Control-Allow-Credentials") != "true" {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
	a = p.exchange("OPTIONS /api\nOrigin: https://evil.example\nAccess-Control-Request-Method: PUT")
	if a.StatusCode != 204 || a.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
	if a = p.exchange("OPTIONS /api"); a.StatusCode != 200 || !strings.HasSuffix(a.body, " OPTIONS") {
		t.Errorf("what is no preflight: %d %q", a.StatusCode, a.body)
	}
}

func TestGates_otherSites(t *testing.T) {
	p := gated(t, []string{"/who", "/hook", "+csrf=off"}, "csrf=fetch", "csrf_origins=https://partner.example")
	for what, want := range map[string]int{
		"POST /who body\nSec-Fetch-Site: cross-site\nOrigin: https://evil.example":    403,
		"POST /who body\nSec-Fetch-Site: cross-site\nOrigin: https://partner.example": 200,
		"POST /who body\nSec-Fetch-Site: same-origin":                                 200,
		"POST /who body": 200,
		"POST /who body\nOrigin: https://evil.example": 403,
		"GET /who\nSec-Fetch-Site: cross-site":         200,
		"POST /hook body\nSec-Fetch-Site: cross-site":  200,
		"DELETE /who\nSec-Fetch-Site: same-site":       403,
	} {
		if a := p.exchange(what); a.StatusCode != want {
			t.Errorf("%s: %d, want %d", what, a.StatusCode, want)
		}
	}
}

// TestGates_areNotPassedByNext: the handler of a route that bars nothing leaves requests to one that does.
func TestGates_areNotPassedByNext(t *testing.T) {
	for _, dispatch := range []string{"inline", "pool"} {
		p := gated(t, []string{"/next", "+dispatch=" + dispatch, "/:any", "+csrf=fetch", "+rate_limit=2/h"})
		if a := p.exchange("POST /next body\nSec-Fetch-Site: cross-site"); a.StatusCode != 403 {
			t.Errorf("%s: %d", dispatch, a.StatusCode)
		}
		if a := p.dial().send(getOf("/next")).receive("GET"); a.StatusCode != 429 || a.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %d: both that were barred count", dispatch, a.StatusCode)
		}
		p = gated(t, []string{"/next", "/:any", "+dispatch=" + dispatch}, "rate_limit=1/h")
		if a := p.get("/next"); a.StatusCode != 200 {
			t.Errorf("%s: one request has counted twice: %d", dispatch, a.StatusCode)
		}
	}
}

// TestGates_ofGroups: an inner setting goes before an outer one, and all go before the server's.
func TestGates_ofGroups(t *testing.T) {
	p := gated(t, []string{"/out", "@/api", "+csrf=fetch", "+csp=none", "/in", "/open", "+csrf=off"}, "security=on", "csp=self")
	for what, want := range map[string]string{
		"POST /out body\nSec-Fetch-Site: cross-site":      "200 self nosniff",
		"POST /api/in body\nSec-Fetch-Site: cross-site":   "403 none nosniff",
		"POST /api/in body\nSec-Fetch-Site: same-origin":  "200 none nosniff",
		"POST /api/open body\nSec-Fetch-Site: cross-site": "200 none nosniff",
	} {
		a := p.exchange(what)
		if got := fmt.Sprint(a.StatusCode, " ", a.Header.Get("Content-Security-Policy"), " ", a.Header.Get("X-Content-Type-Options")); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
}

func TestGates_rateIsAnswered429(t *testing.T) {
	p := gated(t, []string{"/who", "/own", "+rate_limit=1/m by=header:X-Api-Key"}, "rate_limit=2/h burst=3")
	c := p.dial()
	for i, want := range []int{200, 200, 200, 429, 429} {
		if a := c.get("/who"); a.StatusCode != want || want == 429 && (a.Header.Get("Retry-After") != "1800" || a.body != "429 Too Many Requests\ntoo many requests\n") {
			t.Errorf("request %d: %d %v %q", i, a.StatusCode, a.Header, a.body)
		}
	}
	a := c.send("POST /who HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n").receive("POST")
	if a.StatusCode != 429 {
		t.Errorf("an upload: %d", a.StatusCode)
	}
	for _, row := range []struct {
		key  string
		want int
	}{{"a", 200}, {"a", 429}, {"b", 200}} {
		a := p.dial().send("GET /own HTTP/1.1\r\nHost: h\r\nX-Api-Key: " + row.key + "\r\n\r\n").receive("GET")
		if a.StatusCode != row.want {
			t.Errorf("key %s: %d", row.key, a.StatusCode)
		}
	}
}

// TestGates_rateIsExactOverWorkers counts what a client gets of four workers, of which one is killed now and then: what
// the rate says to one in a hundred, no more and no less.
func TestGates_rateIsExactOverWorkers(t *testing.T) {
	for name, killing := range map[string]time.Duration{"nobody dies": 0, "workers are killed": 300 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			const each, burst = 200, 2000
			p := gates(t, []string{"127.0.0.1:0", "/who"}, "workers=4", fmt.Sprintf("rate_limit=%d/s burst=%d", each, burst))
			address := p.address(0)
			begin := time.Now()
			end := begin.Add(ledgerTime())
			served, failed, clients := asMuchAsThereIs(t, address, end)
			for n := 0; killing > 0 && time.Now().Before(end); n++ {
				time.Sleep(killing)
				if pid := p.workers()[n%4]; pid > 0 {
					_ = syscall.Kill(pid, syscall.SIGKILL) // It may be dead already.
				}
			}
			clients.Wait()
			// The clients have taken long to see that the time is over, while more has come; until nothing is left at some time.
			var asked, told time.Time
			for status := 200; status == 200; {
				asked = time.Now()
				a, err := ask(t, address, "/who") // On a connection of its own.
				if told = time.Now(); err != nil {
					failed.Add(1)
					continue
				}
				if status = a.StatusCode; status == 200 {
					served.Add(1)
				}
			}
			n, lost := float64(served.Load()), float64(failed.Load())
			least, most := burst+each*asked.Sub(begin).Seconds(), burst+each*told.Sub(begin).Seconds()
			t.Logf("%.0f were served and %.0f failed, of %.0f to %.0f that may be", n, lost, least, most)
			// What has failed may have been counted before its worker was killed.
			if n > most*1.01 || n+lost < least*0.99 || killing == 0 && lost > 0 {
				t.Error("that is not what the rate says")
			}
		})
	}
}

// asMuchAsThereIs has clients ask until the time is over, and counts what was served, and what was sent and not answered. None of it
// is sent again.
func asMuchAsThereIs(t *testing.T, address string, end time.Time) (served, failed *atomic.Int64, clients *sync.WaitGroup) {
	t.Helper()
	served, failed, clients = new(atomic.Int64), new(atomic.Int64), new(sync.WaitGroup)
	askAll := func(c net.Conn) {
		defer c.Close()
		for input := bufio.NewReader(c); time.Now().Before(end); {
			_ = c.SetDeadline(time.Now().Add(patience))
			_, _ = io.WriteString(c, "GET /who HTTP/1.1\r\nHost: h\r\n\r\n")
			res, err := http.ReadResponse(input, nil)
			if err == nil {
				_, err = io.Copy(io.Discard, res.Body)
			}
			switch {
			case err != nil:
				failed.Add(1)
				return
			case res.StatusCode == 200:
				served.Add(1)
			}
			if res.Close {
				return
			}
		}
	}
	for range 8 {
		clients.Go(func() {
			for time.Now().Before(end) {
				if c, err := net.Dial("tcp", address); err == nil {
					askAll(c)
				}
			}
		})
	}
	return served, failed, clients
}

func TestGates_wrongOptionsAreRefused(t *testing.T) {
	for _, row := range []struct {
		options, arguments []string
		want               string
	}{
		{[]string{"rate_limit=100"}, nil, `"100" is not a rate (empty, or a count by s, m or h`},
		{[]string{"rate_limit=1/h burst=100"}, nil, `"1/h burst=100" is not a rate`},
		{[]string{"cors_origins=example.org"}, nil, `"example.org" is not a list of origins`},
		{[]string{"cors_expose=a b:"}, nil, `is not a list of names`},
		{[]string{"cors_origins=*", "cors_credentials=on"}, nil, "cors_credentials=on: cors_origins has *"},
		{nil, []string{"/a", "+cors_origins=*", "+cors_credentials=on"}, "cors_credentials=on of route /a: cors_origins has *"},
		{[]string{"csrf_origins=https://a.example,*"}, nil, "csrf_origins: * would be all sites"},
		{nil, []string{"/a", "+csrf_origins=*"}, "csrf_origins of route /a: * would be all sites"},
		{nil, []string{"/a", "+rate_limit=1/x"}, `route set of * /a: rate_limit: "1/x" is not a rate`},
		{nil, []string{"/a", "+slash=add"}, `no route option "slash"`},
	} {
		p := start(t, setup{source: "gates.c", args: append([]string{"127.0.0.1:0", "/who"}, row.arguments...), env: environment(row.options)})
		if p.wait() == 0 {
			t.Errorf("%v %v: it serves", row.options, row.arguments)
		}
		p.log.wait(t, 0, row.want)
	}
}

func TestGates_rewrite(t *testing.T) {
	p := gated(t, []string{"/new/*path", "/other/*path", ">/old", "/new/one", ">/old/*", "/new/$1", ">/gone/*", "/new/none", ">/new/x", "/other/x"}, "csp=self")
	for what, want := range map[string]string{
		"GET /old":            "200 /new/one",
		"GET /old/a/b?c":      "200 /new/a/b",
		"GET /old/":           "200 /new/",
		"GET /old/x":          "200 /new/x", // Once.
		"GET /new/x":          "200 /other/x",
		"GET /%6fld/%61":      "200 /new/a",
		"GET /old//a":         "200 /new//a",
		"GET /gone/a":         "200 /new/none",
		"GET /older":          "404 404 Not Found\n",
		"GET /old/a/../../..": "404 404 Not Found\n",
		"GET /old/%2e%2e/a":   "404 404 Not Found\n",
	} {
		a := p.dial().send(strings.Replace(getOf("X"), "GET X", what, 1)).receive("GET")
		if got := fmt.Sprint(a.StatusCode, " ", a.body); got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	for _, row := range []struct{ from, to, want string }{
		{"old", "/new", `both paths start with "/"`},
		{"/old*", "/new", `"*" stands at the end`},
		{"/old", "/new/$1", `"$1" stands at the end`},
		{"/old/*", "/$1/new", `"$1" stands at the end`},
		{"/old", "/new?a", "paths are written decoded"},
		{"/old", "/../new", "the new path has a segment that begins with a dot"},
	} {
		p := start(t, setup{source: "gates.c", args: []string{"127.0.0.1:0", "/who", ">" + row.from, row.to}})
		if p.wait() == 0 {
			t.Errorf("%+v: it serves", row)
		}
		p.log.wait(t, 0, "rewrite "+row.from+" "+row.to+": "+row.want)
	}
}

// What asks before a request is not that request: where no CORS answers it, it goes to the handler of its own method, also if the routes of
// the two have different gates.
func TestGates_preflightIsNoRequest(t *testing.T) {
	p := gated(t, []string{"DELETE/thing", "+security=on", "OPTIONS/thing", "+rate_limit=1000/s"})
	a := p.exchange("OPTIONS /thing\nOrigin: http://other.example\nAccess-Control-Request-Method: DELETE")
	if !strings.HasSuffix(a.body, " OPTIONS") || a.Header.Get("X-Frame-Options") != "" {
		t.Errorf("%d %v %q", a.StatusCode, a.Header, a.body)
	}
	p.stop(syscall.SIGTERM)
}

// A route that pages of other sites may use does not open another one, which its path and method lead to and which is not for them.
func TestGates_preflightIsAboutItsRoute(t *testing.T) {
	p := gated(t, []string{"/:any", "+cors_origins=https://a.example", "+cors_credentials=on", "DELETE/thing"})
	const origin, ask = "\nOrigin: https://a.example", "\nAccess-Control-Request-Method: "
	for what, want := range map[string]string{
		"OPTIONS /thing" + origin + ask + "DELETE": "200  [Origin]",
		"DELETE /thing" + origin:                   "200  []",
		"OPTIONS /thing" + origin + ask + "PUT":    "204 https://a.example + [Origin Access-Control-Request-Method, Access-Control-Request-Headers]",
		"OPTIONS /thing" + origin:                  "200 https://a.example + [Origin]",
	} {
		if a := p.exchange(what); fmt.Sprint(a.shared(), " ", a.Header["Vary"]) != want {
			t.Errorf("%s: %v %v, want %s", what, a.shared(), a.Header["Vary"], want)
		}
	}
	p.stop(syscall.SIGTERM)
}

// A route has its responses compressed or not, whatever the server has.
func TestCompress_byRoute(t *testing.T) {
	p := gated(t, []string{
		"/path/:p", "/path-off/:p", "+compress=off", "/path-html/:p", "+compress_types=text/html", "/path-zstd/:p", "+compress=zstd",
	}, "compress=gzip", "compress_min=100")
	long := strings.Repeat("a", 200)
	for _, row := range []struct{ path, accept, want string }{
		{"/path/" + long, "gzip, zstd", "gzip Accept-Encoding"},
		{"/path/" + long, "br", " Accept-Encoding"},
		{"/path/short", "gzip", " "},
		{"/path-off/" + long, "gzip", " "},
		{"/path-html/" + long, "gzip", " "},
		{"/path-zstd/" + long, "gzip, zstd", "zstd Accept-Encoding"},
		{"/path-zstd/" + long, "gzip", " Accept-Encoding"},
	} {
		res := p.exchange("GET " + row.path + "\nAccept-Encoding: " + row.accept)
		if got := res.Header.Get("Content-Encoding") + " " + res.Header.Get("Vary"); got != row.want {
			t.Errorf("%s %s: %q, want %q", row.path, row.accept, got, row.want)
		}
	}
}

// A route has the bodies of its requests decoded or not; a form that comes compressed is one like others.
func TestDecompress_byRoute(t *testing.T) {
	p := startInMode(t, setup{build: &plain, source: "form.c", args: []string{"127.0.0.1:0"}}, []string{"workers=1", "decompress=on"})
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = io.WriteString(w, "a=b&c=d")
	_ = w.Close()
	send := func(coding string, body []byte) response {
		t.Helper()
		head := fmt.Sprintf("POST /whole HTTP/1.1\r\nHost: t\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n", coding, len(body))
		return p.dial().send(head + string(body)).receive("POST")
	}
	want := send("identity", []byte("a=b&c=d"))
	if got := send("gzip", packed.Bytes()); got.StatusCode != 200 || got.body != want.body {
		t.Errorf("%s %q, want %q", got.Status, got.body, want.body)
	}
	if got := send("br", packed.Bytes()); got.StatusCode != 415 || got.Header.Get("Accept-Encoding") != "gzip, zstd" {
		t.Errorf("%s %v", got.Status, got.Header)
	}
	p.stop(syscall.SIGTERM)
	p = gated(t, []string{"/who", "/plain", "+decompress=off"}, "decompress=on")
	for what, status := range map[string]int{
		"POST /who garbage\nContent-Encoding: gzip": 400, "POST /plain garbage\nContent-Encoding: gzip": 200, "POST /plain x\nContent-Encoding: br": 200,
		"POST /none x\nContent-Encoding: br": 415,
	} {
		if a := p.exchange(what); a.StatusCode != status {
			t.Errorf("%s: %d, want %d", what, a.StatusCode, status)
		}
	}
}
