package engine

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"libforker/engine/message"
	"libforker/engine/static"
)

// mounted is a program that serves a directory at /f.
type mounted struct {
	*program
	mount *static.Mount
}

func (m mounted) Serve(call *Call) {
	path, isBelow := bytes.CutPrefix(call.Path, []byte("/f"))
	switch {
	case len(path) == 0 && isBelow:
		call.Req.ParamCount = 0
	case isBelow && path[0] == '/':
		call.Req.ParamCount = 1
		call.Req.Params[0] = message.Span{Off: 3, Len: uint32(len(path) - 1)}
	default:
		m.program.Serve(call)
		return
	}
	call.Outcome.Next, call.Outcome.Mount = Filed, m.mount
}

// serveFiles starts a server for a directory with these files. A name that ends with a slash is a directory, one with an
// arrow a link.
func serveFiles(t *testing.T, network string, files map[string]string, options static.Options, setup ...func(*Config)) (*server, string) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "root")
	for name, content := range files {
		putFile(t, root, name, content)
	}
	mount, err := static.Open(root, options, 0)
	if err != nil {
		t.Fatal(err)
	}
	setup = append(setup, func(cfg *Config) {
		cfg.Mounts = []*static.Mount{mount}
		cfg.Handlers = mounted{cfg.Handlers.(*program), mount}
	})
	return start(t, network, setup...), root
}

// longAgo is when files were changed that nobody changes any more.
var longAgo = time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)

func putFile(t *testing.T, root, name, content string) {
	t.Helper()
	path := filepath.Join(root, name)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Dir(path), 0o755))
	if from, to, isLink := strings.Cut(name, " -> "); isLink {
		must(os.Symlink(to, filepath.Join(root, from)))
		return
	}
	if strings.HasSuffix(name, "/") {
		must(os.MkdirAll(path, 0o755))
		return
	}
	must(os.WriteFile(path, []byte(content), 0o644))
	must(os.Chtimes(path, longAgo, longAgo))
}

// ask sends a request for a target with these lines of fields.
func (c *client) ask(method, target string, lines ...string) (*http.Response, string) {
	c.t.Helper()
	head := method + " " + target + " HTTP/1.1\r\nHost: h\r\n"
	for _, line := range lines {
		head += line + "\r\n"
	}
	c.send(head + "\r\n")
	return c.response(method)
}

const longAgoText = "Sat, 03 Feb 2001 04:05:06 GMT"

func TestFiles_areServed(t *testing.T) {
	big := text(300 << 10)
	s, _ := serveFiles(t, tcp, map[string]string{
		"a.txt": "hello", "empty": "", "big.bin": big, "kept.css": text(static.KeptMost), "page.html": "<p>", "sub/index.html": "index",
		"sub/deep/x.JS": "js", ".well-known/x": "known",
	}, static.Options{Index: "index.html"})
	c := s.dial()
	for range 2 { // The second time they are known.
		for _, row := range []struct{ target, typ, body string }{
			{"/f/a.txt", "text/plain; charset=utf-8", "hello"},
			{"/f/%61.txt?query", "text/plain; charset=utf-8", "hello"},
			{"/f/sub/../a.txt", "text/plain; charset=utf-8", "hello"},
			{"/f/empty", "application/octet-stream", ""},
			{"/f/big.bin", "application/octet-stream", big},
			{"/f/kept.css", "text/css; charset=utf-8", text(static.KeptMost)},
			{"/f/sub/", "text/html; charset=utf-8", "index"},
			{"/f/sub/index.html", "text/html; charset=utf-8", "index"},
			{"/f/sub/deep/x.JS", "text/javascript; charset=utf-8", "js"},
			{"/f/.well-known/x", "application/octet-stream", "known"},
		} {
			for _, method := range []string{"GET", "HEAD"} {
				res, body := c.ask(method, row.target)
				want := row.body
				if method == "HEAD" {
					want = ""
				}
				tag := fmt.Sprintf("\"%x-%x\"", longAgo.Unix(), len(row.body))
				h := res.Header
				if res.StatusCode != 200 || body != want || res.ContentLength != int64(len(row.body)) || h.Get("Content-Type") != row.typ ||
					h.Get("Etag") != tag || h.Get("Last-Modified") != longAgoText || h.Get("Accept-Ranges") != "bytes" ||
					h.Get("X-Content-Type-Options") != "nosniff" || len(h) != 7 {
					t.Errorf("%s %s: %s, %d bytes, %v", method, row.target, res.Status, len(body), h)
				}
			}
		}
	}
}

func TestFiles_areNotServed(t *testing.T) {
	outside := t.TempDir()
	putFile(t, outside, "secret", "secret")
	s, root := serveFiles(t, tcp, map[string]string{
		"a": "hello", ".hidden": "secret", ".git/config": "secret", "sub/.env": "secret", "sub/.well-known/x": "secret", "sub/b": "b",
		"out -> " + outside + "/secret": "", "outdir -> " + outside: "", "up -> ../": "", "loop -> loop": "", "in -> sub/b": "",
		"proc -> /proc/self/fd/0": "", "unreadable": "secret", `a\b`: "secret", "dangling -> nowhere": "",
	}, static.Options{Index: "index.html"})
	s.must(unix.Mkfifo(root+"/fifo", 0o666))
	s.must(os.Chmod(root+"/unreadable", 0))
	unreadable := 403
	if os.Geteuid() == 0 {
		unreadable = 200 // To root nothing is.
	}
	s.must(os.Symlink("/dev/zero", root+"/zero"))
	c := s.dial()
	for target, status := range map[string]int{
		"/f/none": 404, "/f/a/": 404, "/f/a/b": 404, "/f/sub": 301, "/f/sub/": 404, "/f/": 404, "/f": 301, "/f/in": 200,
		"/f/.hidden": 404, "/f/%2ehidden": 404, "/f/.git/config": 404, "/f/.git/": 404, "/f/.git": 404, "/f/sub/.env": 404,
		"/f/sub/.well-known/x": 404, "/f/out": 404, "/f/outdir/secret": 404, "/f/outdir/": 404, "/f/up/root/a": 404, "/f/up": 404,
		"/f/loop": 404, "/f/proc": 404, "/f/fifo": 404, "/f/zero": 404, "/f/dangling": 404, "/f/unreadable": unreadable,
		"/f//a": 404, "/f/sub//b": 404, "/f///": 404, "/f/sub%2Fb": 404, "/f/sub%2fb": 404, "/f/%2e%2e%2fa": 404, "/f/sub%5Cb": 404,
		`/f/a\b`: 404, "/f/a%5cb": 404, "/f/..%5ca": 404, "/f/a%00": 400, "/f/../f/a": 200, "/f/../../f/a": 200, "/f/sub/%2e%2e/a": 200,
		"/f/" + strings.Repeat("x", 300): 404, "/f/" + strings.Repeat("x/", 2500): 404, "/f/%ff%fe": 404, "/f/a%20": 404, "/f/a.": 404,
	} {
		c := c
		if status == 400 {
			c = s.dial()
		}
		res, body := c.ask("GET", target)
		if res.StatusCode != status || strings.Contains(body, "secret") && status != 200 {
			t.Errorf("%.50s: %s %.50q", target, res.Status, body)
		}
	}
}

func TestFiles_redirectToTheirDirectory(t *testing.T) {
	s, _ := serveFiles(t, tcp, map[string]string{"sub/index.html": "x", "sp ace/x": "", "index.html/x": ""}, static.Options{Index: "index.html"})
	c := s.dial()
	for _, row := range []struct{ target, location string }{
		{"/f", "/f/"}, {"/f/sub", "/f/sub/"}, {"/f/sub?a=b&c", "/f/sub/?a=b&c"}, {"/f/sp%20ace", "/f/sp%20ace/"}, {"/x/../f/sub", "/x/../f/sub/"},
	} {
		if res, _ := c.ask("GET", row.target); res.StatusCode != 301 || res.Header.Get("Location") != row.location {
			t.Errorf("%s: %s to %s", row.target, res.Status, res.Header.Get("Location"))
		}
	}
	if res, _ := c.ask("GET", "/f/"); res.StatusCode != 404 {
		t.Errorf("where the index is a directory: %s", res.Status)
	}
}

func TestFiles_conditions(t *testing.T) {
	s, _ := serveFiles(t, tcp, map[string]string{"a": "hello"}, static.Options{CacheControl: "*=no-cache"})
	tag := fmt.Sprintf("\"%x-5\"", longAgo.Unix())
	before, after := "Sat, 03 Feb 2001 04:05:05 GMT", "Sat, 03 Feb 2001 04:05:07 GMT"
	c := s.dial()
	for _, row := range []struct {
		fields string
		status int
	}{
		{"If-None-Match: " + tag, 304},
		{"If-None-Match: W/" + tag, 304},
		{"If-None-Match: \"x\", " + tag + ", \"y\"", 304},
		{"If-None-Match: \"x\"|if-none-match: " + tag, 304},
		{"If-None-Match: *", 304},
		{"If-None-Match: \"x\"", 200},
		{"If-None-Match: x", 200},
		{"If-None-Match: \"x", 200},
		{"If-None-Match: \"x\"|If-Modified-Since: " + longAgoText, 200}, // The tag goes first.
		{"If-Modified-Since: " + longAgoText, 304},
		{"If-Modified-Since: " + after, 304},
		{"If-Modified-Since: " + before, 200},
		{"If-Modified-Since: Saturday, 03-Feb-01 04:05:06 GMT", 304},
		{"If-Modified-Since: Sat Feb  3 04:05:06 2001", 304},
		{"If-Modified-Since: yesterday", 200},
		{"If-Modified-Since: ", 200},
		{"If-Match: " + tag, 200},
		{"If-Match: *", 200},
		{"If-Match: W/" + tag, 412}, // RFC 9110 §13.1.1: strongly.
		{"If-Match: \"x\"", 412},
		{"If-Match: \"x\"|If-None-Match: " + tag, 412},
		{"If-Match: " + tag + "|If-None-Match: " + tag, 304},
		{"If-Unmodified-Since: " + longAgoText, 200},
		{"If-Unmodified-Since: " + before, 412},
		{"If-Unmodified-Since: nonsense", 200},
		{"If-Match: " + tag + "|If-Unmodified-Since: " + before, 200},
		{"Range: bytes=0-1|If-None-Match: " + tag, 304},
		{"Range: bytes=9-|If-Match: \"x\"", 412},
	} {
		res, body := c.ask("GET", "/f/a", strings.Split(row.fields, "|")...)
		if res.StatusCode != row.status || row.status == 200 && body != "hello" {
			t.Errorf("%s: %s %q", row.fields, res.Status, body)
		}
		if row.status == 304 && (res.Header.Get("Etag") != tag || res.Header.Get("Cache-Control") != "no-cache" || res.Header.Get("Content-Type") != "") {
			t.Errorf("%s: %v", row.fields, res.Header)
		}
	}
}

// rangedFiles are two with the same content for ranges: one in memory, and one that is not.
func rangedFiles() map[string]string { return map[string]string{"a": text(1000), "b": text(100000)} }

func TestFiles_ranges(t *testing.T) {
	s, _ := serveFiles(t, tcp, rangedFiles(), static.Options{})
	c := s.dial()
	for name, content := range rangedFiles() {
		size := len(content)
		tag := fmt.Sprintf("\"%x-%x\"", longAgo.Unix(), size)
		for _, row := range []struct {
			fields      string
			status      int
			first, last int
		}{
			{"Range: bytes=0-0", 206, 0, 0},
			{"Range: bytes=10-20", 206, 10, 20},
			{"range: BYTES=10-20", 206, 10, 20},
			{"Range: bytes= 10-20 ,", 206, 10, 20},
			{"Range: bytes=900-", 206, 900, size - 1},
			{"Range: bytes=900-99999999999999999999999999", 206, 900, size - 1},
			{"Range: bytes=-5", 206, size - 5, size - 1},
			{"Range: bytes=-99999999", 206, 0, size - 1},
			{"Range: bytes=5-6,99999999-", 206, 5, 6},
			{"Range: bytes=99999999-", 416, 0, 0},
			{"Range: bytes=-0", 416, 0, 0},
			{"Range: bytes=99999999-,-0", 416, 0, 0},
			{"Range: bytes=", 200, 0, 0},
			{"Range: bytes=5-4", 200, 0, 0},
			{"Range: bytes=a-b", 200, 0, 0},
			{"Range: bytes=5", 200, 0, 0},
			{"Range: bytes=--5", 200, 0, 0},
			{"Range: lines=0-1", 200, 0, 0},
			{"Range: bytes=0-9,5-6", 200, 0, 0},
			{"Range: bytes=" + strings.Repeat("0-0,", 17), 200, 0, 0},
			{"Range: bytes=0-1|Range: bytes=0-1", 200, 0, 0},
			{"Range: bytes=0-1|If-Range: " + tag, 206, 0, 1},
			{"Range: bytes=0-1|If-Range: W/" + tag, 200, 0, 0},
			{"Range: bytes=0-1|If-Range: \"x\"", 200, 0, 0},
			{"Range: bytes=0-1|If-Range: " + longAgoText, 206, 0, 1},
			{"Range: bytes=0-1|If-Range: Sat, 03 Feb 2001 04:05:07 GMT", 200, 0, 0},
		} {
			res, body := c.ask("GET", "/f/"+name, strings.Split(row.fields, "|")...)
			want, said := content, ""
			switch row.status {
			case 206:
				want, said = content[row.first:row.last+1], fmt.Sprintf("bytes %d-%d/%d", row.first, row.last, size)
			case 416:
				want, said = body, fmt.Sprintf("bytes */%d", size)
			}
			if res.StatusCode != row.status || body != want || res.Header.Get("Content-Range") != said {
				t.Errorf("%s %s: %s, %d bytes, %q", name, row.fields, res.Status, len(body), res.Header.Get("Content-Range"))
			}
		}
		if res, _ := c.ask("HEAD", "/f/"+name, "Range: bytes=0-1"); res.StatusCode != 200 {
			t.Errorf("HEAD: %s", res.Status) // RFC 9110 §14.2
		}
	}
}

func TestFiles_severalRanges(t *testing.T) {
	s, _ := serveFiles(t, tcp, rangedFiles(), static.Options{})
	c := s.dial()
	for name, content := range rangedFiles() {
		size := len(content)
		var all []string
		for i := range 16 {
			all = append(all, fmt.Sprintf("%d-%d", i*20, i*20+9))
		}
		for _, ranges := range []string{"0-1,5-9", "900-,0-4,-0", "-1,0-0", strings.Join(all, ", ")} {
			res, body := c.ask("GET", "/f/"+name, "Range: bytes="+ranges)
			typ, parameters, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
			if res.StatusCode != 206 || err != nil || typ != "multipart/byteranges" || res.ContentLength != int64(len(body)) || res.Header.Get("Etag") == "" {
				t.Fatalf("%s: %s %v", ranges, res.Status, res.Header)
			}
			parts := multipart.NewReader(strings.NewReader(body), parameters["boundary"])
			var want []string
			for item := range strings.SplitSeq(ranges, ",") {
				var first, last int
				switch n, _ := fmt.Sscanf(strings.TrimSpace(item), "%d-%d", &first, &last); {
				case item == "-0":
					continue
				case n == 1 && first < 0:
					first, last = size+first, size-1
				case n == 1:
					last = size - 1
				}
				want = append(want, fmt.Sprintf("bytes %d-%d/%d %s", first, last, size, content[first:last+1]))
			}
			for i := 0; ; i++ {
				part, err := parts.NextPart()
				if err != nil {
					if i != len(want) || err != io.EOF {
						t.Errorf("%s: %d parts, %v", ranges, i, err)
					}
					break
				}
				data, _ := io.ReadAll(part)
				if got := part.Header.Get("Content-Range") + " " + string(data); i >= len(want) || got != want[i] || part.Header.Get("Content-Type") == "" {
					t.Errorf("%s, part %d: %.80q", ranges, i, got)
				}
			}
		}
	}
}

func TestFiles_areTheNewestAfterASecond(t *testing.T) {
	s, root := serveFiles(t, tcp, map[string]string{"a": "old"}, static.Options{})
	c := s.dial()
	expect := func(want string) {
		t.Helper()
		if res, body := c.ask("GET", "/f/a"); body != want && !(want == "" && res.StatusCode == 404) {
			t.Errorf("%s %q, want %q", res.Status, body, want)
		}
	}
	expect("old")
	putFile(t, root, "b", "new")
	s.must(os.Rename(root+"/b", root+"/a"))
	expect("old") // It was looked at just now.
	s.pass(time.Second)
	expect("new")
	s.must(os.WriteFile(root+"/a", []byte("newer"), 0o644))
	s.pass(time.Second)
	expect("newer")
	s.must(os.Remove(root + "/a"))
	s.pass(time.Second)
	expect("")
	s.must(os.Symlink("/etc/passwd", root+"/a"))
	expect("")
	s.must(os.Remove(root + "/a"))
	putFile(t, root, "a", "again")
	expect("again")
}

func TestFiles_changedJustNowHaveAWeakTag(t *testing.T) {
	s, root := serveFiles(t, tcp, map[string]string{"x": ""}, static.Options{})
	s.must(os.WriteFile(root+"/a", []byte("x"), 0o644))
	c := s.dial()
	res, _ := c.ask("GET", "/f/a")
	tag := res.Header.Get("Etag")
	if !strings.HasPrefix(tag, "W/\"") {
		t.Errorf("the tag is %s", tag)
	}
	for _, row := range []struct {
		fields string
		status int
	}{
		{"If-None-Match: " + tag, 304},
		{"If-Match: " + tag, 412},
		{"Range: bytes=0-0|If-Range: " + res.Header.Get("Last-Modified"), 200},
	} {
		if res, _ := c.ask("GET", "/f/a", strings.Split(row.fields, "|")...); res.StatusCode != row.status {
			t.Errorf("%s: %s", row.fields, res.Status)
		}
	}
	s.must(os.Chtimes(root+"/a", longAgo, longAgo))
	s.pass(time.Second)
	if res, _ := c.ask("GET", "/f/a"); strings.HasPrefix(res.Header.Get("Etag"), "W/") {
		t.Error("it stays weak")
	}
}

// Two changes in the same second that leave the size as it is.
func TestFiles_changedTwiceInASecondHaveTwoTags(t *testing.T) {
	s, root := serveFiles(t, tcp, map[string]string{"a": "old"}, static.Options{})
	c := s.dial()
	change := func(content string, at time.Time) (tag string) {
		t.Helper()
		s.must(os.WriteFile(root+"/a", []byte(content), 0o644))
		s.must(os.Chtimes(root+"/a", at, at))
		s.pass(time.Second)
		res, body := c.ask("GET", "/f/a")
		if body != content {
			t.Errorf("%q, want %q", body, content)
		}
		return res.Header.Get("Etag")
	}
	first := change("one", longAgo.Add(1000))
	second := change("two", longAgo.Add(2000))
	if want := fmt.Sprintf("\"%x.3e8-3\"", longAgo.Unix()); first != want || second == first {
		t.Errorf("%s, then %s, want %s first", first, second, want)
	}
	if res, _ := c.ask("GET", "/f/a", "If-None-Match: "+first); res.StatusCode != 200 {
		t.Errorf("with the tag before: %s", res.Status)
	}
}

func TestFiles_compressed(t *testing.T) {
	s, root := serveFiles(t, tcp, map[string]string{
		"a.js": "plain", "a.js.br": "brotli", "a.js.gz": "gzip", "a.js.zst": "zstd",
		"old.js": "plain", "old.js.gz": "of what it was", "only.js": "plain", "dir.js": "plain", "dir.js.gz/": "",
	}, static.Options{Precompressed: true})
	s.must(os.Chtimes(root+"/old.js.gz", longAgo, longAgo.Add(-time.Second)))
	c := s.dial()
	for _, row := range []struct{ name, accept, body string }{
		{"a.js", "gzip", "gzip"},
		{"a.js", "GZIP", "gzip"},
		{"a.js", "gzip, br, zstd", "brotli"},
		{"a.js", "gzip;q=0.9, zstd;q=0.5", "gzip"},
		{"a.js", "gzip;q=0.9, br;q=0.1, *;q=0", "gzip"},
		{"a.js", "*", "brotli"},
		{"a.js", "br;q=0, *", "zstd"},
		{"a.js", "identity, gzip;q=0.5", "plain"},
		{"a.js", "gzip;q=0", "plain"},
		{"a.js", "gzip;q=2", "plain"},
		{"a.js", "identity", "plain"},
		{"a.js", "", "plain"},
		{"old.js", "gzip", "plain"},
		{"only.js", "gzip", "plain"},
		{"dir.js", "gzip", "plain"},
	} {
		res, body := c.ask("GET", "/f/"+row.name, "Accept-Encoding: "+row.accept)
		coding := map[string]string{"brotli": "br", "zstd": "zstd", "gzip": "gzip"}[row.body]
		tag := strings.TrimSuffix(fmt.Sprintf("%x-%x-%s", longAgo.Unix(), len(body), coding), "-")
		vary := ""
		if row.name == "a.js" {
			vary = "Accept-Encoding"
		}
		if h := res.Header; body != row.body || h.Get("Content-Encoding") != coding || h.Get("Vary") != vary ||
			h.Get("Etag") != `"`+tag+`"` || h.Get("Content-Type") != "text/javascript; charset=utf-8" {
			t.Errorf("%s %q: %q %v", row.name, row.accept, body, h)
		}
		if res, _ := c.ask("GET", "/f/"+row.name, "Accept-Encoding: "+row.accept, `If-None-Match: "`+tag+`"`); res.StatusCode != 304 || res.Header.Get("Vary") != vary {
			t.Errorf("%s %q again: %s", row.name, row.accept, res.Status)
		}
	}
}

func TestFiles_fallback(t *testing.T) {
	s, _ := serveFiles(t, tcp, map[string]string{"app.html": "app", "a.js": "js", "sub/x": ""}, static.Options{Fallback: "app.html", Index: "index.html"})
	c := s.dial()
	for range 2 {
		for _, row := range []struct {
			target, accept string
			status         int
			body           string
		}{
			{"/f/users/7", "text/html,*/*;q=0.8", 200, "app"},
			{"/f/users/", "text/html", 200, "app"},
			{"/f/", "TEXT/HTML", 200, "app"},
			{"/f/sub/", "text/html", 200, "app"},
			{"/f/a.js", "text/html", 200, "js"},
			{"/f/b.js", "text/html", 404, ""},
			{"/f/users/7", "*/*", 404, ""},
			{"/f/users/7", "application/json", 404, ""},
			{"/f/users/7", "text/html;q=0", 404, ""},
			{"/f/.git/x", "text/html", 404, ""},
			{"/f/a%2Fb", "text/html", 404, ""},
			{"/f//x", "text/html", 404, ""},
		} {
			res, body := c.ask("GET", row.target, "Accept: "+row.accept)
			if res.StatusCode != row.status || row.status == 200 && body != row.body {
				t.Errorf("%s for %s: %s %q", row.target, row.accept, res.Status, body)
			}
		}
	}
}

func TestFiles_listing(t *testing.T) {
	s, _ := serveFiles(t, tcp, map[string]string{
		"sub/<b>&.txt": "hello", "sub/javascript:x": "", "sub/.hidden": "", "sub/dir/x": "", "with/index.html": "index", "sub/l -> /etc": "",
	}, static.Options{Listing: true, Index: "index.html"})
	c := s.dial()
	res, body := c.ask("GET", "/f/sub/")
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("%s %v", res.Status, res.Header)
	}
	for _, want := range []string{
		"<h1>/f/sub/</h1>", `<a href="./%3Cb%3E%26.txt">&lt;b&gt;&amp;.txt</a></td><td align="right">5</td><td>2001-02-03 04:05</td>`,
		`<a href="./javascript%3Ax">`, `<a href="./dir/">dir/</a>`, `<a href="./l">l</a></td><td align="right"></td>`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("there is no %s in %s", want, body)
		}
	}
	if strings.Contains(body, "hidden") || strings.Index(body, "dir/") > strings.Index(body, "javascript") {
		t.Error(body)
	}
	if _, body := c.ask("GET", "/f/with/"); body != "index" {
		t.Errorf("where there is an index: %q", body)
	}
	if res, _ := c.ask("GET", "/f/none/"); res.StatusCode != 404 {
		t.Errorf("what is not there: %s", res.Status)
	}
	if res, body := c.ask("HEAD", "/f/sub/"); res.StatusCode != 200 || body != "" || res.ContentLength <= 0 {
		t.Errorf("HEAD: %s %q", res.Status, body)
	}
}

func TestFiles_keepTheFieldsOfFunctionsBefore(t *testing.T) {
	s, _ := serveFiles(t, tcp, map[string]string{"a": "hello"}, static.Options{CacheControl: "*=no-cache"})
	s.do(func() {
		m := s.loop.cfg.Handlers.(mounted)
		s.loop.cfg.Handlers = fieldSetter{m}
	})
	res, body := s.dial().ask("GET", "/f/a")
	if h := res.Header; body != "hello" || h.Get("X-Own") != "1" || len(h.Values("Cache-Control")) != 1 || h.Get("Cache-Control") != "private" {
		t.Errorf("%q %v", body, h)
	}
}

// fieldSetter is a program with a function before.
type fieldSetter struct{ mounted }

func (f fieldSetter) Serve(call *Call) {
	f.mounted.Serve(call)
	f.add(&call.Req.Response.Fields, "X-Own: 1\r\ncache-control: private\r\n")
}

func TestFiles_byHTTP2(t *testing.T) {
	big := text(700 << 10)
	s, _ := serveFiles(t, tcp, map[string]string{"a": "hello", "kept": text(static.KeptMost), "big": big}, static.Options{}, withH2C)
	client := s.h2Client()
	for range 2 {
		for name, want := range map[string]string{"a": "hello", "kept": text(static.KeptMost), "big": big} {
			if got := fetch(t, client, "GET", "/f/"+name, nil); got != fmt.Sprintf("200 %d %s", len(want), want) {
				t.Errorf("%s: %.40q", name, got)
			}
			if got := fetch(t, client, "HEAD", "/f/"+name, nil); got != fmt.Sprintf("200 %d ", len(want)) {
				t.Errorf("HEAD %s: %.40q", name, got)
			}
		}
		req, _ := http.NewRequest("GET", "http://h/f/big", nil)
		req.Header.Set("Range", "bytes=1-2,300000-600000")
		res, err := client.Do(req)
		s.must(err)
		body, err := io.ReadAll(res.Body)
		s.must(err)
		res.Body.Close()
		if res.StatusCode != 206 || int64(len(body)) != res.ContentLength || !strings.Contains(string(body), big[300000:600001]) {
			t.Errorf("ranges: %s, %d bytes of %d", res.Status, len(body), res.ContentLength)
		}
		if got := fetch(t, client, "GET", "/f/none", nil); !strings.HasPrefix(got, "404") {
			t.Errorf("%.40q", got)
		}
	}
}

func TestFiles_smallAllocateNothing(t *testing.T) {
	s, _ := serveFiles(t, packets, map[string]string{"a": "hello", "b": text(static.KeptMost)}, static.Options{Index: "b"})
	for _, request := range []string{
		"GET /f/a HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip, br\r\nAccept: text/html\r\n\r\n",
		"GET /f/a HTTP/1.1\r\nHost: h\r\nIf-None-Match: \"x\"\r\nRange: bytes=1-2\r\n\r\n",
		"GET /f/ HTTP/1.1\r\nHost: h\r\nIf-None-Match: *\r\n\r\n",
	} {
		fd := s.dialRaw()
		defer unix.Close(fd)
		text, room := []byte(request), make([]byte, 1<<16)
		if n := testing.AllocsPerRun(20, func() {
			_, _ = unix.Write(fd, text)
			_, _ = unix.Read(fd, room)
		}); n != 0 {
			t.Errorf("%s: %v allocations", request, n)
		}
	}
}
