package blackbox

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

func groups(t *testing.T, b build, options ...string) *program {
	t.Helper()
	return startInMode(t, setup{build: &b, source: "groups.c", args: []string{"127.0.0.1:0"}}, options)
}

// expectLedger wants that done was called once for each request that before had seen, but for the one that asks.
func (p *program) expectLedger() {
	p.t.Helper()
	eventually(p.t, "every request is done with", func() bool {
		var before, done, wrong int
		n, _ := fmt.Sscanf(p.get("/ledger").body, "before %d done %d wrong %d", &before, &done, &wrong)
		return n == 3 && before == done+1 && wrong == 0
	})
}

func order(a response) string { return strings.Join(a.Header.Values("X-Order"), " ") }

// TestGroup_guardCannotBePassedBy tries to come to what is below /admin without its guard.
func TestGroup_guardCannotBePassedBy(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := groups(t, b, "h2c=on")
		authority := p.address(0)
		for _, target := range []string{
			"/admin", "/admin/", "/admin/exact", "/admin/7", "/admin/form", "/admin/files/", "/admin/files/a/b", "/admin/any",
			"/admin/deep/er/still", "/admin/deep/er", "/admin/deep", "/admin/no/such/route", "/admin/exact/", "/admin//exact",
			"/admin%2Fexact", "/%61dmin/exact", "/admin/%65xact", "/admin%2fexact", "/x/../admin/exact", "/x/%2e%2e/admin/exact",
			"/./admin/exact", "/admin/./exact", "/admin/exact?x=1", "http://" + authority + "/admin/exact", "http://elsewhere/admin/exact",
			"/admin/files/../exact", "/admin/..%2Fadmin/exact", "/admin/%2Fexact",
		} {
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"} {
				for _, body := range []string{"", "Content-Length: 5\r\n\r\n12345", "Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n"} {
					if body == "" {
						body = "\r\n"
					}
					a := p.dial().send(method + " " + target + " HTTP/1.1\r\nHost: t\r\n" + body).receive(method)
					if a.StatusCode != 401 || strings.Contains(a.body, "guarded") || strings.Contains(a.body, "open") {
						t.Errorf("%s %s passes the guard: %s %q", method, target, a.Status, a.body)
					}
				}
			}
		}
		// These are other paths, which no route of the group has either.
		for _, target := range []string{"//admin/exact", "/Admin/exact", "/admin2/exact", "/admin%20/exact", "/admin;/exact", "/%2Fadmin/exact"} {
			if a := p.dial().get(target); a.StatusCode != 200 || !strings.HasPrefix(a.body, "open") {
				t.Errorf("%s: %s %q", target, a.Status, a.body)
			}
		}
		p.expectLedger()
	})
}

func TestGroup_guardHoldsOverHTTP2(t *testing.T) {
	p := groups(t, plain, "h2c=on")
	p.address(0)
	client := p.http2Client(nil)
	for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS", "DELETE"} {
		for _, target := range []string{"/admin/exact", "/admin", "/admin/none", "/admin%2Fexact", "/admin/form"} {
			var body io.Reader
			if method == "POST" {
				body = strings.NewReader(strings.Repeat("x", 1000))
			}
			req := newRequest(t, method, target, body)
			req.URL.Scheme = "http"
			resp, err := client.Do(req)
			must(t, err)
			resp.Body.Close()
			if resp.StatusCode != 401 || resp.ProtoMajor != 2 {
				t.Errorf("%s %s: %s %s", method, target, resp.Proto, resp.Status)
			}
		}
	}
	for _, target := range []string{"/admin/form", "/slow/echo", "/slow/pool", "/slow/take"} {
		for _, size := range []int{0, 10, 30000, 60000, 300000} {
			text := content(size)
			req := newRequest(t, "POST", target, strings.NewReader(text))
			req.URL.Scheme = "http"
			req.Header.Set("X-Token", "secret")
			want := text
			if target == "/slow/take" {
				want = "taken"
			}
			if got := fetch(t, client, req); got != want {
				t.Errorf("%s, %d bytes: %d bytes came back", target, size, len(got))
			}
		}
	}
	p.expectLedger()
}

func TestGroup_letsThroughWhatItsGuardLets(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := groups(t, b)
		c := p.dial()
		for _, row := range []struct {
			request string
			status  int
			body    string
		}{
			{"GET /admin", 200, "guarded root"},
			{"GET /admin/", 200, "guarded slash"},
			{"GET /admin/exact", 200, "guarded exact"},
			{"GET /admin/7", 200, "guarded id"},
			{"GET /admin/files/a/b", 200, "guarded rest"},
			{"GET /admin/deep/er/still", 200, "guarded deep"},
			{"BREW /admin/any", 200, "guarded any"},
			// A guard has no routes: what comes behind it is asked as if it were not there.
			{"GET /admin/no/such/route", 200, "open"},
			{"PUT /admin/exact", 200, "open"},
			{"OPTIONS /admin/exact", 200, "open"},
		} {
			a := c.send(row.request + " HTTP/1.1\r\nHost: t\r\nX-Token: secret\r\n\r\n").receive("GET")
			if a.StatusCode != row.status || a.body != row.body || order(a) != "server" {
				t.Errorf("%s: %s %q, X-Order %q", row.request, a.Status, a.body, order(a))
			}
		}
		p.expectLedger()
	})
}

func TestGroup_functionsComeInOrderAndOnce(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := groups(t, b)
		a := p.dial().get("/outer/n/y")
		if a.body != "y" || order(a) != "server first second inner" {
			t.Errorf("%q, order %q", a.body, order(a))
		}
		p.out.wait(t, 0, "done GET /outer/n/y 200 0 in 0 out 1")
		var undone []string
		for _, line := range p.out.all() {
			if text, ok := strings.CutPrefix(line.text, "undone "); ok {
				undone = append(undone, text)
			}
		}
		if got := strings.Join(undone, ","); got != "inner,only done,first" {
			t.Errorf("the done functions came as %s", got)
		}
		a = p.dial().get("/outer/n/x") // whose handler passes it on
		if a.body != "the next route" || order(a) != "server first second inner" {
			t.Errorf("%q, order %q", a.body, order(a))
		}
		p.expectLedger()
	})
}

func TestGroup_refusesABodyBeforeItComes(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := groups(t, b)
		for _, target := range []string{"/bodies/echo", "/bodies/take", "/bodies/none"} {
			for _, framing := range []string{"Content-Length: 1000000", "Transfer-Encoding: chunked"} {
				c := p.dial().send("POST " + target + " HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\n" + framing + "\r\n\r\n")
				if a := c.receive("POST"); a.StatusCode != 401 || !a.Close {
					t.Errorf("%s %s: %s %v", target, framing, a.Status, a.Header)
				}
			}
		}
		text := content(100000)
		for _, chunk := range []int{0, 7000} {
			request := post("/bodies/echo", text, chunk)
			request = strings.Replace(request, "Host: t", "Host: t\r\nX-Token: secret", 1)
			c := p.dial()
			c.sendAside(request + hello)
			if a := c.receive("POST"); a.body != text {
				t.Errorf("%d bytes came back", len(a.body))
			}
			c.receive("GET")
		}
		p.out.wait(t, 0, "done POST /bodies/echo 200 0 in 100000 out 100000")
		p.expectLedger()
	})
}

func TestGroup_deferredBeforeGoesOn(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := groups(t, b)
		text := content(100000)
		for range 5 {
			c := p.dial()
			for _, target := range []string{"/slow/echo", "/slow/pool"} {
				for _, chunk := range []int{0, 9000} {
					request := post(target, text, chunk)
					c.sendAside(strings.Replace(request, "Host: t", "Host: t\r\nX-Token: secret", 1))
					if a := c.receive("POST"); a.body != text || order(a) != "server thread" {
						t.Fatalf("%s: %s, %d bytes came back, order %q", target, a.Status, len(a.body), order(a))
					}
				}
			}
			c.sendAside(strings.Replace(post("/slow/take", text, 0), "Host: t", "Host: t\r\nX-Token: secret", 1))
			if a := c.receive("POST"); a.body != "taken" {
				t.Fatalf("take: %s %q", a.Status, a.body)
			}
			c.send("GET /slow/hello HTTP/1.1\r\nHost: t\r\nX-Token: secret\r\n\r\nGET /slow/none HTTP/1.1\r\nHost: t\r\nX-Token: secret\r\n\r\n")
			if a := c.receive("GET"); a.body != "waited" {
				t.Fatalf("hello: %s %q", a.Status, a.body)
			}
			if a := c.receive("GET"); a.body != "open" {
				t.Fatalf("no route: %s %q", a.Status, a.body)
			}
			if a := c.get("/slow/hello"); a.StatusCode != 403 || a.body != "no" {
				t.Fatalf("refused: %s %q", a.Status, a.body)
			}
		}
		if a := p.get("/next-by-handler"); a.body != "deferred_next: the handler has deferred the request, after which nothing comes" {
			t.Errorf("next by a handler: %q", a.body)
		}
		if p.out.count("a used handle works") > 0 {
			t.Error("a used handle works")
		}
		p.expectLedger()
	})
}

func TestGroup_doneComesWhateverBecomesOfTheRequest(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := groups(t, b, "half_close=off", "handler_timeout=1s")
		hold := "GET /slow/hello HTTP/1.1\r\nHost: t\r\nX-Token: hold\r\n\r\n"
		c := p.dial().send(hold)
		p.out.wait(t, 0, "held")
		_ = c.Close() // the client leaves
		p.out.wait(t, 0, "next aborted")
		p.out.wait(t, 0, "done GET /slow/hello 0 1")
		if a := p.dial().send(hold).receive("GET"); a.StatusCode != 504 { // the handler is too slow
			t.Errorf("held for too long: %s", a.Status)
		}
		p.out.wait(t, 0, "done GET /slow/hello 504 2")
		if a := p.get("/code"); a.StatusCode != 500 {
			t.Errorf("/code: %s", a.Status)
		}
		p.out.wait(t, 0, "done GET /code 500 0")
		p.log.wait(t, 0, "the handler of GET /code returned -2 (out of memory); answered 500")
		for _, path := range []string{"/seven", "/deferred", "/nothing", "/twice"} {
			if a := p.get(path); a.StatusCode != 500 {
				t.Errorf("%s: %s", path, a.Status)
			}
		}
		p.get("/bodies/stream")
		p.out.wait(t, 0, "done GET /bodies/stream 401 0")
		a := p.dial().send("GET /bodies/stream HTTP/1.1\r\nHost: t\r\nX-Token: secret\r\n\r\n").receive("GET")
		if a.body != "a stream" {
			t.Errorf("stream: %q", a.body)
		}
		p.out.wait(t, 0, "done GET /bodies/stream 200 0 in 0 out 8")
		late := p.dial().send("POST /bodies/echo HTTP/1.1\r\nHost: t\r\nX-Token: secret\r\nContent-Length: 9\r\n\r\n1234")
		late.waitRead()
		_ = late.Close() // in the middle of its body
		p.out.wait(t, 0, "done POST /bodies/echo 0 1 in 4")
		p.expectLedger()
	})
}

func TestGroup_hasOptions(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := groups(t, b)
		c := p.dial()
		for _, row := range []struct {
			target, body string
			status       int
			want, order  string
		}{
			{"/pool/here", "", 200, "pool", "server pool"},
			{"/pool/not", "", 200, "main", "server main"},
			{"/pool/here", "0123456789", 200, "pool", "server pool"},
			{"/pool/large", strings.Repeat("x", 20), 200, strings.Repeat("x", 20), "server pool"},
			{"/pool/large", strings.Repeat("x", 21), 413, "", ""},
			{"/pool/here", "0123456789a", 413, "", ""},
		} {
			if row.status == 413 {
				c = p.dial()
			}
			a := c.send(post(row.target, row.body, 0)).receive("POST")
			if a.StatusCode != row.status || row.want != "" && (a.body != row.want || order(a) != row.order) {
				t.Errorf("%s with %d bytes: %s %q, order %q", row.target, len(row.body), a.Status, a.body, order(a))
			}
		}
		p.expectLedger()
	})
}

// TestGroup_doneComesAfterTheServerHasStopped uses up a handle, in every way, when the loop that had the request is over.
func TestGroup_doneComesAfterTheServerHasStopped(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := start(t, setup{build: &b, source: "ended.c"})
		for way, code := range []int{-15, -15, -15, 0} {
			p.out.wait(t, 0, fmt.Sprintf("way %d: 0, then 1 and 1, result %d", way, code))
		}
		if status := p.wait(); status != 0 || p.out.count("the handler was called") > 0 {
			t.Errorf("exit status %d:\n%s", status, p.out)
		}
	})
}
