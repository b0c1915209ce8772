package blackbox

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func lastWord(t *testing.T, b build, options ...string) *program {
	t.Helper()
	return startInMode(t, setup{build: &b, source: "lastword.c", args: []string{"127.0.0.1:0"}}, options)
}

func TestOnError_wordsAllErrors(t *testing.T) {
	const form = "\nX-As: form\nContent-Type: application/x-www-form-urlencoded"
	eachBuild(t, func(t *testing.T, b build) {
		p := lastWord(t, b, "max_body=10", "h2c=on", "errors=problem")
		for _, row := range []struct {
			request string
			status  int
			body    string
		}{
			{"GET /fine", 200, "fine"},
			{"GET /nowhere", 404, `mine: 404 GET /nowhere id=- body=0 ""`},
			{"POST /fine", 405, `mine: 405 POST /fine id=- body=0 ""`},
			{"BREW /fine", 501, `mine: 501 BREW /fine id=- body=0 "no such method here"`},
			{"GET /fail/7", 500, `mine: 500 GET /fail/7 id=7 body=0 ""`},
			{"GET /next/7", 404, `mine: 404 GET /next/7 id=next body=0 ""`},
			{"GET /pooled/8", 500, `mine: 500 GET /pooled/8 id=8 body=0 ""`},
			{"POST /fail/9 12345", 500, `mine: 500 POST /fail/9 id=9 body=5 ""`},
			{"POST /fail/9 12345678901", 413, `mine: 413 POST /fail/9 id=- body=0 "the body is larger than option max_body"`},
			{"GET /refuse", 401, `mine: 401 GET /refuse id=- body=0 "who are you?"`},
			{"GET /drop", 500, `mine: 500 GET /drop id=- body=0 ""`},
			{"GET /nowhere\nX-As: other", 418, "teapot"},
			{"GET /nowhere\nX-As: library", 404, `"title"`},
			{"GET /nowhere\nX-As: nothing", 404, `"title"`},
			{"GET /nowhere\nX-As: code", 404, `"title"`},
			{"GET /nowhere\nX-As: late", 404, `"title"`},
			{"GET /refuse\nX-As: library", 401, "who are you?"},
			{"GET /refuse\nX-As: code", 401, "who are you?"},
			{"HEAD /nowhere", 404, ""},
			{"POST /fail/9 a=b" + form, 500, "form 0 b"},
			{"POST /fail/9 " + form, 500, "form 0 none"},
			{"POST /nowhere a=b" + form, 404, "form 0 b"},
			{"POST /fail/9 12345678901" + form, 413, "form -3 none"}, // It has not come.
		} {
			a := p.exchange(row.request)
			if a.StatusCode != row.status || !strings.Contains(a.body, row.body) || strings.Contains(a.body, "half") {
				t.Errorf("%s: %s %q", row.request, a.Status, a.body)
			}
			if a.Header.Get("X-Dropped")+a.Header.Get("X-Half")+a.Header.Get("ETag") != "" {
				t.Errorf("%s: fields of what was dropped: %v", row.request, a.Header)
			}
			if row.status == 405 && a.Header.Get("Allow") != "GET, HEAD, OPTIONS" || row.status == 401 && a.Header.Get("Www-Authenticate") != "Basic" {
				t.Errorf("%s: %v", row.request, a.Header)
			}
		}
		for _, fault := range []string{"returned FORKER_OK without a response for a 404", "failed for a 404", "said FORKER_NEXT after it had begun a response"} {
			p.log.wait(t, 0, "the error function "+fault)
		}
		// What cannot be read is no request.
		if a := p.dial().send("GET /fine HTTP/1.1\r\nBad Name: x\r\n\r\n").receive("GET"); a.StatusCode != 400 || strings.Contains(a.body, "mine") {
			t.Errorf("a bad head: %s %q", a.Status, a.body)
		}
		if a := p.dial().send("GET /%zz HTTP/1.1\r\nHost: t\r\n\r\n").receive("GET"); a.StatusCode != 400 || !strings.Contains(a.body, "mine: 400 GET /%zz") {
			t.Errorf("a bad path: %s %q", a.Status, a.body)
		}
		if a := p.dial().send("POST /fail/1 HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n").receive("POST"); a.StatusCode != 400 || !strings.Contains(a.body, "mine: 400 POST /fail/1") {
			t.Errorf("a bad body: %s %q", a.Status, a.body)
		}
		if got := p.get("/released").body; got == "0" {
			t.Errorf("what a handler has lent before it failed is not released")
		}
	})
}

// TestOnError_wordsAPipeline: the error of one request and what is behind it.
func TestOnError_wordsAPipeline(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		c := lastWord(t, b).dial()
		c.send("GET /nowhere HTTP/1.1\r\nHost: t\r\n\r\nGET /fine HTTP/1.1\r\nHost: t\r\n\r\nGET /fail/1 HTTP/1.1\r\nHost: t\r\n\r\nGET /fine HTTP/1.1\r\nHost: t\r\n\r\n")
		for _, want := range []string{"mine: 404", "fine", "mine: 500", "fine"} {
			if a := c.receive("GET"); !strings.HasPrefix(a.body, want) {
				t.Errorf("%q, want %q", a.body, want)
			}
		}
	})
}

func TestOnHead_isCalledForEveryResponse(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := lastWord(t, b, "h2c=on", "max_body=10")
		for _, row := range []struct {
			request string
			status  int
		}{
			{"GET /heads/fine", 200},
			{"HEAD /heads/fine", 200},
			{"GET /heads/fail", 500},
			{"GET /heads/refuse", 401},
			{"GET /heads/refuse\nX-As: library", 401},
			{"GET /heads/nowhere", 404},
			{"GET /heads/stream", 200},
			{"GET /heads/events", 200},
			{"GET /heads/late", 202},
			{"POST /heads/take 12345", 200},
		} {
			a := p.exchange(row.request)
			want := fmt.Sprintf("inner %d, outer %d", row.status, row.status)
			if got := strings.Join(a.Header.Values("X-Head"), ", "); a.StatusCode != row.status || got != want {
				t.Errorf("%s: %s, %q, want %q", row.request, a.Status, got, want)
			}
		}
		for _, target := range []string{"/heads/fine?c", "/heads/nowhere?c", "/heads/stream?c"} {
			a := p.dial().get(target)
			if dates := a.Header.Values("Date"); len(dates) != 1 || dates[0] != "Thu, 01 Jan 1970 00:00:00 GMT" || !a.Close || a.Header.Get("Set-Cookie") == "" {
				t.Errorf("%s: %v, close %v", target, a.Header, a.Close)
			}
		}
		c := p.dial()
		if a := c.get("/heads/events"); a.Header.Get("X-Thread") != "own" {
			t.Errorf("events begin on %q thread", a.Header.Get("X-Thread"))
		}
		if a := c.get("/most"); a.Header.Get("X-Most") != "16" {
			t.Errorf("%v", a.Header)
		}
		if a := c.get("/fine"); a.Header.Get("X-Head") != "" || a.StatusCode != http.StatusOK {
			t.Errorf("a later request: %v", a.Header)
		}
	})
}

func TestRequest_knowsItsEndAndServer(t *testing.T) {
	b := plain
	p := startInMode(t, setup{build: &b, source: "lastword.c", args: []string{"127.0.0.1:0", "[::1]:0", ":0", "unix:" + t.TempDir() + "/s"}}, nil)
	for i, prefix := range []string{"127.0.0.1:", "[::1]:", "127.0.0.1:", "unix:"} {
		address := p.address(i)
		port := address[strings.LastIndexByte(address, ':')+1:]
		if strings.HasPrefix(address, "unix:") {
			port = ""
		}
		for _, target := range []string{"/ends", "/pooled-ends"} {
			if a, err := ask(t, address, target); err != nil || a.body != prefix+port+" 1 1" {
				t.Errorf("%s of %s: %v %q", target, address, err, a.body)
			}
		}
	}
}
