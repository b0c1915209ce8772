package blackbox

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// The forms of the library's own error responses: option errors.

// forms are what a body is, by its Content-Type.
var forms = map[string]string{"text/plain; charset=utf-8": "text", "text/html; charset=utf-8": "html", "application/problem+json": "problem"}

// formOf returns the form of an error response, and fails unless its body is of that form and has the status.
func formOf(t *testing.T, what string, a response) string {
	t.Helper()
	form := forms[a.Header.Get("Content-Type")]
	number := strconv.Itoa(a.StatusCode) + " "
	var problem struct {
		Type, Title, Detail string
		Status              int
	}
	switch form {
	case "text":
		if !strings.HasPrefix(a.body, number) {
			t.Errorf("%s: %q", what, a.body)
		}
	case "html":
		if !strings.Contains(a.body, "<title>"+number) || strings.Contains(a.body, "<script") {
			t.Errorf("%s: %q", what, a.body)
		}
	case "problem":
		if err := json.Unmarshal([]byte(a.body), &problem); err != nil || problem.Status != a.StatusCode || problem.Type != "about:blank" || problem.Title == "" {
			t.Errorf("%s: %v: %q", what, err, a.body)
		}
	default:
		t.Errorf("%s: Content-Type %q", what, a.Header.Get("Content-Type"))
	}
	return form
}

func TestErrors_haveTheirForm(t *testing.T) {
	for _, row := range []struct{ option, accept, want string }{
		{"text", "text/html", "text"},
		{"html", "application/json", "html"},
		{"problem", "text/html", "problem"},
		{"accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "html"},
		{"accept", "application/json, text/plain, */*", "problem"},
		{"accept", "text/html;q=0.1\nAccept: application/problem+json;q=0.2", "problem"},
		{"accept", "*/*", "text"},
		{"accept", "image/png", "text"},
	} {
		p := gated(t, []string{"/who", "/error/*rest", "/once", "+rate_limit=1/h burst=2"}, "errors="+row.option, "max_body=10")
		for _, ask := range []struct {
			what   string
			status int
		}{
			{"GET /nowhere", 404},
			{"POST /who 12345678901", 413},
			{"GET /error/%3Cscript%3E%22&%5C%0A", 422},
			{"GET /once", 200}, // Twice, by each version of HTTP.
			{"GET /once", 429},
		} {
			a := p.exchange(ask.what + "\nAccept: " + row.accept)
			if a.StatusCode != ask.status {
				t.Errorf("errors=%s: %s: %d %q", row.option, ask.what, a.StatusCode, a.body)
			}
			if ask.status == 200 {
				continue
			}
			if got := formOf(t, ask.what, a); got != row.want || (a.Header.Get("Vary") == "Accept") != (row.option == "accept") {
				t.Errorf("errors=%s, Accept: %s: %s: %s, Vary: %s", row.option, row.accept, ask.what, got, a.Header.Get("Vary"))
			}
		}
		p.stop(syscall.SIGTERM)
	}
}

// TestErrors_headHasTheSameFields: and of a head that cannot be read nothing is believed.
func TestErrors_headHasTheSameFields(t *testing.T) {
	p := gated(t, []string{"/who"}, "errors=accept")
	const fields = " /nowhere HTTP/1.1\r\nHost: h\r\nAccept: text/html\r\n\r\n"
	get, head := p.dial().send("GET"+fields).receive("GET"), p.dial().send("HEAD"+fields).receive("HEAD")
	if head.body != "" || head.ContentLength != get.ContentLength || head.Header.Get("Content-Type") != "text/html; charset=utf-8" || get.ContentLength != int64(len(get.body)) {
		t.Errorf("%d %v, %d %v", get.ContentLength, get.Header, head.ContentLength, head.Header)
	}
	if a := p.dial().send("GET / HTTP/1.1\r\nAccept: text/html\r\nHost: h\r\nBad Name: x\r\n\r\n").receive("GET"); a.StatusCode != 400 || formOf(t, "a bad head", a) != "text" {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
	p = gated(t, []string{"/who"}, "errors=problem")
	if a := p.dial().send("GET / HTTP/1.1\r\nHost: h\r\nBad Name: x\r\n\r\n").receive("GET"); a.StatusCode != 400 || formOf(t, "a bad head", a) != "problem" {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
}

// TestErrors_inPlaceOfTheHandler: who has not answered in time still has the request.
func TestErrors_inPlaceOfTheHandler(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := startLater(t, b, "handler_timeout=50ms", "errors=accept")
		for _, target := range []string{"/wait", "/pooled-wait"} {
			a := p.dial().send("GET " + target + " HTTP/1.1\r\nHost: h\r\nAccept: text/html\r\n\r\n").receive("GET")
			if a.StatusCode != 504 || formOf(t, target, a) != "html" {
				t.Errorf("%s: %s %q", target, a.Status, a.body)
			}
		}
	})
}

// TestErrors_overTLS: and by HTTP/2 there.
func TestErrors_overTLS(t *testing.T) {
	s := secure(t, "tls=on", nil, "workers=1", "http2=on", "errors=accept")
	client := s.program.http2Client(s.config())
	req, err := http.NewRequest("GET", "https://localhost/nowhere", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/problem+json")
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(res.Body); err != nil || res.ProtoMajor != 2 || formOf(t, "by TLS", response{res, body.String()}) != "problem" {
		t.Errorf("%v: %s %v", err, res.Proto, res.Header)
	}
}
