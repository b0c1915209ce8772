package blackbox

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asked is what a server has said to a request for a file, as far as servers should say the same.
type asked struct {
	status                          int
	size                            int64
	body, tag, modified, parts, typ string
	location                        string
}

func askFor(t *testing.T, address, method, target, fields string) (a asked) {
	t.Helper()
	c := dialFrom(t, "127.0.0.1", address)
	head := method + " " + target + " HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n"
	for line := range strings.SplitSeq(fields, "|") {
		if line != "" {
			head += line + "\r\n"
		}
	}
	c.send(head + "\r\n")
	res, err := http.ReadResponse(c.input, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%s %s %s: %v", method, target, fields, err)
	}
	body, err := io.ReadAll(res.Body)
	must(t, err)
	h := res.Header
	a = asked{status: res.StatusCode}
	if a.status < 300 || a.status == 304 {
		a.tag, a.modified = h.Get("Etag"), h.Get("Last-Modified")
	}
	a.location = h.Get("Location")
	a.parts = h.Get("Content-Range")
	if a.status < 300 {
		a.typ, _, _ = strings.Cut(h.Get("Content-Type"), ";")
		if a.typ != "multipart/byteranges" {
			a.body, a.size = string(body), res.ContentLength
		}
	}
	return a
}

// differences are the requests that nginx responds to in another way, on purpose.
var differences = []struct {
	why     string
	is      func(method, target, fields string) bool
	status  int // Here,
	nginxes int // and of nginx; 0: several.
}{
	{"hidden files are not served", func(_, target, _ string) bool { return strings.Contains(target, "/.hid") }, 404, 200},
	{"links do not lead out", func(_, target, _ string) bool { return target == "/out" }, 404, 200},
	{"a link to itself is not there", func(_, target, _ string) bool { return target == "/loop" }, 404, 403},
	{"a directory without an index is not there", func(_, target, _ string) bool { return target == "/none/" }, 404, 403},
	{"guards of routes see another path", func(_, target, _ string) bool { return target == "//a.txt" || target == "/sub%2Fx.js" }, 404, 200},
	{"Range is for GET (RFC 9110 §14.2)", func(method, _, fields string) bool {
		return method == "HEAD" && strings.HasPrefix(fields, "Range: bytes=")
	}, 200, 0},
	{"a malformed Range is ignored, and so are ranges that overlap (RFC 9110 §14.2)", func(method, _, fields string) bool {
		return method == "GET" && (fields == "Range: bytes=3-1" || fields == "Range: bytes=x" || fields == "Range: bytes=0-3,2-4")
	}, 200, 0},
}

// TestStatic_respondsAsNginx asks both for the same, 230 times; where they differ, and why, is listed above.
func TestStatic_respondsAsNginx(t *testing.T) {
	root := site(t, map[string]string{
		"a.txt": "hello", "big.bin": content(100_000), "sub/index.html": "index", "sub/x.js": "js", ".hidden": "h", "none/x": "", "sp ace.txt": "space", "a%b": "percent",
	})
	outside := site(t, map[string]string{"x": "outside"})
	must(t, os.Chmod(filepath.Dir(root), 0o755))
	must(t, os.Symlink(outside+"/x", root+"/out"))
	must(t, os.Symlink("a.txt", root+"/in.txt"))
	must(t, os.Symlink("loop", root+"/loop"))
	must(t, syscall.Mkfifo(root+"/fifo", 0o644))
	address := freeAddress(t)
	nginx(t, address, "types { text/plain txt; text/html html; text/javascript js; }\ndefault_type application/octet-stream;\n"+
		"server { listen "+address+"; root "+root+"; index index.html; if_modified_since before; absolute_redirect off; }\n")
	p := serving(t, []string{"==" + root})
	info, err := os.Stat(root + "/a.txt")
	must(t, err)
	at := func(d time.Duration) string { return info.ModTime().Add(d).UTC().Format(http.TimeFormat) }
	tag := fmt.Sprintf("\"%x-5\"", info.ModTime().Unix())
	fields := []string{
		"", "If-None-Match: " + tag, "If-None-Match: W/" + tag, "If-None-Match: \"x\", " + tag, "If-None-Match: \"x\"", "If-None-Match: *",
		"If-Match: " + tag, "If-Match: \"x\"", "If-Match: *", "If-Modified-Since: " + at(0), "If-Modified-Since: " + at(time.Hour),
		"If-Modified-Since: " + at(-time.Hour), "If-Modified-Since: never", "If-Unmodified-Since: " + at(0), "If-Unmodified-Since: " + at(-time.Hour),
		"If-None-Match: \"x\"|If-Modified-Since: " + at(0), "Range: bytes=0-0", "Range: bytes=1-3", "Range: bytes=2-", "Range: bytes=-2",
		"Range: bytes=4-99999999", "Range: bytes=99999999-", "Range: bytes=3-1", "Range: bytes=x", "Range: lines=1-2", "Range: bytes=0-0,3-4", "Range: bytes=0-3,2-4",
		"Range: bytes=0-0|If-Range: " + tag, "Range: bytes=0-0|If-Range: \"x\"", "Range: bytes=0-0|If-Range: " + at(0), "Range: bytes=0-0|If-Range: " + at(time.Hour),
	}
	targets := []string{
		"/none/", "/sub", "/sub/", "/sub?x=1", "/sub/x.js", "/.hidden", "/out", "/in.txt", "/loop", "/fifo", "/sp%20ace.txt", "/a%25b", "/nothing", "/a.txt/",
		"/a.txt/x", "/sub/../a.txt", "/%61.txt", "//a.txt", "/sub%2Fx.js", "/a.txt?query", "/" + strings.Repeat("n", 300), "/sub/./x.js",
	}
	count := 0
	ask := func(method, target, fields string) {
		count++
		ours, theirs := askFor(t, p.address(0), method, target, fields), askFor(t, address, method, target, fields)
		for _, d := range differences {
			if d.is(method, target, fields) && ours.status == d.status && (theirs.status == d.nginxes || d.nginxes == 0) {
				return
			}
		}
		if ours != theirs {
			t.Errorf("%s %s %s:\n%.300s\nnginx\n%.300s", method, target, fields, fmt.Sprintf("%+v", ours), fmt.Sprintf("%+v", theirs))
		}
	}
	for _, method := range []string{"GET", "HEAD"} {
		for _, f := range fields {
			for _, target := range []string{"/a.txt", "/big.bin", "/sub/x.js"} {
				ask(method, target, f)
			}
		}
		for _, target := range targets {
			ask(method, target, "")
		}
	}
	if count < 200 {
		t.Errorf("%d requests", count)
	}
}
