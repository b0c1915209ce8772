package blackbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whose pages may read what is answered, where the program says so.

// origins starts origins.c, with a file "f" that is served below /api/files.
func origins(t *testing.T, b build, options ...string) *program {
	t.Helper()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "f"), []byte("of a file"), 0o644))
	return startInMode(t, setup{build: &b, source: "origins.c", args: []string{"127.0.0.1:0", dir}}, append([]string{"h2c=on"}, options...))
}

// shared is what a response says to pages of other sites: its status, who may read it, and "+" with credentials.
func (a response) shared() string {
	text := fmt.Sprint(a.StatusCode, " ", strings.Join(a.Header.Values("Access-Control-Allow-Origin"), ","))
	if a.Header.Get("Access-Control-Allow-Credentials") != "" {
		text += " +"
	}
	return text
}

func TestOrigins_areJudged(t *testing.T) {
	const asked, ask = "\nOrigin: https://asked.example", "\nAccess-Control-Request-Method: "
	eachBuild(t, func(t *testing.T, b build) {
		p := origins(t, b)
		for what, want := range map[string]string{
			"GET /plain\nOrigin: https://root.example":  "200 https://root.example",
			"GET /plain\nOrigin: https://other.example": "200 ",
			"GET /plain": "200 ",
			"GET /none\nOrigin: https://root.example":                     "404 https://root.example",
			"OPTIONS /plain\nOrigin: https://root.example" + ask + "PUT":  "204 https://root.example",
			"OPTIONS /plain\nOrigin: https://other.example" + ask + "PUT": "204 ",
			// The function of the nearest group is asked, and only about what its list does not name.
			"GET /api/exact" + asked:                                  "200 https://asked.example +",
			"GET /api/exact\nOrigin: https://listed.example":          "200 https://listed.example +",
			"GET /api/exact\nOrigin: https://root.example":            "200 ",
			"GET /api/exact\nOrigin: null":                            "200 null +",
			"GET /api/exact\nOrigin: https://x/https://asked.example": "200 ",
			"GET /api/inner/exact" + asked:                            "200 ",
			"GET /api/inner/exact\nOrigin: https://inner.example":     "200 https://inner.example +",
			"GET /api/none/none" + asked:                              "404 ", // There is no route, so that it is the server's.
			// Whoever answers.
			"GET /api/pool" + asked:                                       "200 https://asked.example +",
			"GET /api/stream" + asked:                                     "200 https://asked.example +",
			"GET /api/never" + asked:                                      "504 https://asked.example +",
			"GET /api/fail" + asked:                                       "500 https://asked.example +",
			"GET /api/own" + asked:                                        "200 https://own.example",
			"GET /api/files/f" + asked:                                    "200 https://asked.example +",
			"GET /api/files/g" + asked:                                    "404 https://asked.example +",
			"POST /api/files/f" + asked:                                   "405 ",
			"POST /api/small 123" + asked:                                 "413 https://asked.example +",
			"POST /api/exact body" + asked:                                "200 https://asked.example +",
			"HEAD /api/exact" + asked:                                     "200 https://asked.example +",
			"GET /api/next" + asked:                                       "200 https://asked.example +",
			"OPTIONS /api/7/in" + asked + ask + "DELETE":                  "204 https://asked.example +",
			"OPTIONS /api/files/f" + asked + ask + "GET":                  "204 https://asked.example +",
			"OPTIONS /api/exact\nOrigin: https://x.example" + ask + "GET": "204 ",
			// What the function must not do.
			"GET /api/exact\nOrigin: https://tries.example":  "200 https://tries.example +",
			"GET /api/exact\nOrigin: https://defers.example": "200 ",
			"GET /api/exact\nOrigin: https://fails.example":  "200 ",
		} {
			a := p.exchange(what)
			if got := a.shared(); got != want {
				t.Errorf("%s: %q, want %q (%q)", what, got, want, a.body)
			}
			if vary := a.Header.Get("Vary"); vary != "Origin" && a.body != "own" {
				t.Errorf("%s: Vary: %q", what, vary)
			}
		}
		for _, want := range []string{
			"the on_origin function returned 2 for https://defers.example, which is neither 1 nor 0; its pages may not read the answer; the last call that failed: defer: an on_origin function says 1 or 0, and answers nothing",
			"the on_origin function returned -8 (the operating system refused) for https://fails.example",
		} {
			p.log.wait(t, 0, want)
		}
		// A page reads that it has come too often, and how long that lasts.
		if a := p.dial().send(getOf("/api/often")).receive("GET"); a.StatusCode != 200 {
			t.Errorf("%d", a.StatusCode)
		}
		if a := p.exchange("GET /api/often" + asked); a.shared() != "429 https://asked.example +" {
			t.Errorf("%q", a.shared())
		}
	})
}

// TestOrigins_seeTheHead: once, before anything of the body; what a function sets the handler has.
func TestOrigins_seeTheHead(t *testing.T) {
	p := origins(t, plain)
	for what, want := range map[string]string{
		"GET /api/7/in\nX-Tenant: t":                "GET /api/7/in 7 t 0",
		"POST /api/7%20a/in body":                   "POST /api/7 a/in 7 a none 0",
		"POST /api/pool body\nX-Tenant: t":          "POST /api/pool none t 0",
		"GET /api/next":                             "GET /api/next none none 0", // Two routes have the function, and there is one question.
		"GET /api/exact\nX-Tenant: t\nOrigin: null": "GET /api/exact none t 0",
	} {
		if !strings.Contains(what, "Origin") {
			what += "\nOrigin: https://asked.example"
		}
		if a := p.exchange(what); a.body != want {
			t.Errorf("%s: %q, want %q", what, a.body, want)
		}
	}
	for _, what := range []string{"GET /api/exact", "GET /api/exact\nOrigin: https://listed.example"} {
		if a := p.exchange(what); a.body != "not asked" {
			t.Errorf("%s: %q", what, a.body)
		}
	}
	// The requests of a connection are asked about one by one.
	c := p.dial()
	for _, origin := range []string{"https://asked.example", "https://x.example", "https://asked.example"} {
		want := ""
		if origin == "https://asked.example" {
			want = origin
		}
		a := c.send("POST /api/exact HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nOrigin: " + origin + "\r\n\r\nbody").receive("POST")
		if a.Header.Get("Access-Control-Allow-Origin") != want || a.body != "POST /api/exact none none 0" {
			t.Errorf("%s: %v %q", origin, a.Header, a.body)
		}
	}
}

// TestOrigins_ofAll: "*" leaves nothing to be asked.
func TestOrigins_ofAll(t *testing.T) {
	p := start(t, setup{source: "origins.c", args: []string{"127.0.0.1:0", t.TempDir()}, env: environment([]string{"workers=1", "cors_origins=*"})})
	if status := p.wait(); status != 1 {
		t.Errorf("exit status %d", status)
	}
	p.log.wait(t, 0, "run: cors_origins: it has *, so that the function of forker_group_on_origin() would never be asked")
}
