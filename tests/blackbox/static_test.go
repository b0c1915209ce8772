package blackbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// site makes a directory with files. A name that ends with a slash is a directory.
func site(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	past := time.Now().Add(-time.Hour).Truncate(time.Second) // So that tags are those of servers that know no more.
	for name, content := range files {
		path := filepath.Join(root, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte(content), 0o644))
		must(t, os.Chtimes(path, past, past))
	}
	return root
}

// serving starts static.c with these arguments.
func serving(t *testing.T, arguments []string, options ...string) *program {
	t.Helper()
	return startInMode(t, setup{source: "static.c", args: append([]string{"127.0.0.1:0"}, arguments...)}, append([]string{"h2c=on"}, options...))
}

func TestStatic_servesBelowItsPrefix(t *testing.T) {
	big := content(900_000)
	root := site(t, map[string]string{"a.txt": "hello", "index.html": "index", "sub/x.js": "js", "big": big})
	other := site(t, map[string]string{"a.txt": "other"})
	p := serving(t, []string{
		"=/assets=" + root, "+static_cache_control=*.js=max-age=600; *=no-cache", "@/g/:user", "=/files=" + other, "=/root=" + root + "/sub",
		"@", "=/one=" + root, "/one/exact",
	})
	for _, row := range []struct{ what, want, location, control string }{
		{"GET /assets/a.txt", "200 hello", "", "no-cache"},
		{"HEAD /assets/a.txt", "200 ", "", "no-cache"},
		{"GET /assets/", "200 index", "", "no-cache"},
		{"GET /assets", "301", "/assets/", ""},
		{"GET /assets?x=1", "301", "/assets/?x=1", ""},
		{"GET /assets/sub", "301", "/assets/sub/", ""},
		{"GET /assets/sub/x.js", "200 js", "", "max-age=600"},
		{"GET /assets/big", "200 " + big, "", "no-cache"},
		{"GET /assets/none", "404", "", ""},
		{"POST /assets/a.txt body", "405", "", ""},
		{"DELETE /assets/a.txt", "405", "", ""},
		{"OPTIONS /assets/a.txt", "204", "", ""},
		{"GET /g/7/files/a.txt", "200 other", "", ""},
		{"GET /g/7/files", "301", "/g/7/files/", ""},
		{"GET /g/7/root/x.js", "200 js", "", ""},
		{"GET /one/exact", "200 handled", "", ""},
		{"GET /one/a.txt", "200 hello", "", ""},
		{"GET /assets/a.txt\nRange: bytes=1-2", "206 el", "", "no-cache"},
		{"GET /assets/big\nRange: bytes=800000-", "206 " + big[800_000:], "", "no-cache"},
		{"GET /assets/big\nRange: bytes=900000-", "416", "", ""},
		{"GET /assets/a.txt\nIf-None-Match: *", "304 ", "", "no-cache"},
		{"GET /assets/a.txt\nIf-Match: \"x\"", "412", "", ""},
	} {
		a := p.exchange(row.what)
		if got := fmt.Sprint(a.StatusCode, " ", a.body); got != row.want && !(len(row.want) == 3 && strings.HasPrefix(got, row.want)) ||
			a.Header.Get("Location") != row.location || a.Header.Get("Cache-Control") != row.control {
			t.Errorf("%s: %.60q %v", row.what, got, a.Header)
		}
	}
}

// TestStatic_guardCannotBePassedBy tries to read what is below /private without its guard, which is in front of a directory
// that has all.
func TestStatic_guardCannotBePassedBy(t *testing.T) {
	root := site(t, map[string]string{"private/x.txt": "guarded", "private/index.html": "guarded", "open.txt": "open"})
	for _, more := range [][]string{nil, {"+dispatch=pool"}, {"&"}} {
		p := serving(t, append([]string{"==" + root, "@/private", "!"}, append(more, "=/own="+root+"/private")...), "max_body=1k")
		for _, target := range []string{
			"/private", "/private/", "/private/x.txt", "/private/index.html", "/private/own/x.txt", "/private/own", "/private/own/",
			"//private/x.txt", "/private//x.txt", "/private%2Fx.txt", "/private%2fx.txt", "/%2Fprivate/x.txt", "/%70rivate/x.txt",
			"/x/../private/x.txt", "/x/%2e%2e/private/x.txt", "/./private/x.txt", "/private/./x.txt", `/private\x.txt`, "/private%5Cx.txt",
			`/\private/x.txt`, "/open.txt/../private/x.txt", "/private/x.txt/", "/private/x.txt?a", "///private///x.txt", "/%2e/private/x.txt",
			"http://" + p.address(0) + "/private/x.txt", "http://elsewhere/private/x.txt", "/.%2Fprivate/x.txt", "/open/..%2fprivate/x.txt",
		} {
			for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS", "PUT", "BREW"} {
				a := p.dial().send(method + " " + target + " HTTP/1.1\r\nHost: t\r\n\r\n").receive(method)
				if a.StatusCode < 400 && method != "OPTIONS" || strings.Contains(a.body, "guarded") {
					t.Errorf("%v %s %s: %s %q", more, method, target, a.Status, a.body)
				}
			}
		}
		for what, want := range map[string]string{
			"GET /private/x.txt": "200 guarded", "GET /private/own/x.txt": "200 guarded", "GET /private/own/": "200 guarded",
			"GET /private/own/none": "404", "GET /private": "301", "GET /private/own": "301",
		} {
			a := p.exchange(what + "\nX-Token: secret")
			if got := fmt.Sprint(a.StatusCode, " ", a.body); !strings.HasPrefix(got, want) {
				t.Errorf("%v %s: %s", more, what, got)
			}
		}
		a := p.exchange("GET /private/own/x.txt body of a request\nX-Token: secret")
		if a.body != "guarded" || a.Header.Get("X-Guard") != "x.txt" {
			t.Errorf("%q, the guard has seen %q", a.body, a.Header.Get("X-Guard"))
		}
		p.out.wait(t, 0, "done /private/own/x.txt 200 out 7")
	}
}

func TestStatic_gatesCount(t *testing.T) {
	root := site(t, map[string]string{"a.txt": "hello"})
	p := serving(t, []string{"=/a=" + root, "+security=on", "+cors_origins=https://example.org", "+rate_limit=1/h burst=20"})
	for range 10 {
		a := p.exchange("GET /a/a.txt\nOrigin: https://example.org")
		if a.StatusCode != 200 || len(a.Header.Values("X-Content-Type-Options")) != 1 || a.Header.Get("X-Frame-Options") == "" ||
			a.Header.Get("Access-Control-Allow-Origin") != "https://example.org" {
			t.Fatalf("%s %v", a.Status, a.Header)
		}
	}
	if a := p.dial().get("/a/a.txt"); a.StatusCode != 429 {
		t.Errorf("beyond the limit: %s", a.Status)
	}
}

func TestStatic_errorsCanBeTheProgramsOwn(t *testing.T) {
	root := site(t, map[string]string{"a.txt": "hello"})
	p := serving(t, []string{"?", "=/a=" + root})
	for what, want := range map[string]string{
		"GET /a/a.txt": "200 hello", "GET /a/none": "404 own", "POST /a/a.txt": "405 own", "GET /a/a.txt\nIf-Match: \"x\"": "412 own",
		"GET /a/a.txt\nIf-None-Match: *": "304 ", "GET /a": "301 301 Moved Permanently\n",
	} {
		a := p.exchange(what)
		if got := fmt.Sprint(a.StatusCode, " ", a.body); got != want {
			t.Errorf("%s: %q", what, got)
		}
	}
}

func TestStatic_refusesWhatCannotBeServed(t *testing.T) {
	root := site(t, map[string]string{"a.txt": "hello"})
	for _, row := range []struct {
		arguments []string
		want      string
	}{
		{[]string{"=/a=" + root + "/none"}, "static /a: directory " + root + "/none: No such file or directory"},
		{[]string{"=/a=" + root + "/a.txt"}, "static /a: directory " + root + "/a.txt: Not a directory"},
		{[]string{"=/a/=" + root}, `static /a/: a prefix starts with "/" and does not end with it`},
		{[]string{"=a=" + root}, `static a: a prefix starts with "/" and does not end with it`},
		{[]string{"=/*x=" + root}, `static /*x: "*name" cannot be in a prefix`},
		{[]string{"=/a=" + root, "=/a=" + root}, "handle GET /a/*file: GET /a/*file has a handler already"},
		{[]string{"=/a=" + root, "+static_index=../x"}, `route set of GET /a/*file: static_index: "../x" is not a file`},
		{[]string{"=/a=" + root, "+static_cache_control=*.js"}, `"*.js" is not a list of rules`},
		{[]string{"=/a=" + root, "+static_types=a=b"}, `"a=b" is not a list of types`},
		{[]string{"=/a=" + root, "+static_listing=yes"}, `"yes"`},
		{[]string{"/a", "+static_listing=on"}, "route set static_listing of GET /a: it has a handler, and serves no files"},
	} {
		p := start(t, setup{source: "static.c", args: append([]string{"127.0.0.1:0"}, row.arguments...), env: environment([]string{"workers=1"})})
		line := p.out.waitFor(t, 0, "the end", func(line string) bool { return strings.HasPrefix(line, "run returned") })
		if !strings.Contains(line.text, row.want) {
			t.Errorf("%v: %s", row.arguments, line.text)
		}
		if status := p.wait(); status != 1 {
			t.Errorf("%v: it ends with %d", row.arguments, status)
		}
	}
}
