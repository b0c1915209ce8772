package blackbox

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// pieces starts pieces.c with one worker and a directory of files: small (10 bytes), large, forbidden, and a directory.
func pieces(t *testing.T, b build, options ...string) (p *program, large []byte) {
	t.Helper()
	dir := t.TempDir()
	large = make([]byte, 3<<20+123)
	for i := range large {
		large[i] = byte(rand.Uint32())
	}
	must(t, os.WriteFile(filepath.Join(dir, "small"), []byte("0123456789"), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "large"), large, 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "empty"), nil, 0o644))
	must(t, os.Mkdir(filepath.Join(dir, "directory"), 0o755))
	must(t, syscall.Mknod(filepath.Join(dir, "socket"), syscall.S_IFSOCK|0o666, 0))
	p = startInMode(t, setup{build: &b, source: "pieces.c", args: []string{"127.0.0.1:0", dir}}, options)
	return p, large
}

// truncateLarge gives the large file of pieces.c another size.
func (p *program) truncateLarge(size int64) {
	p.t.Helper()
	dir := p.cmd.Args[len(p.cmd.Args)-1]
	must(p.t, os.Truncate(filepath.Join(dir, "large"), size))
}

func TestBody_isMadeOfPiecesInOrder(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p, _ := pieces(t, b)
		want := "<lent-" + strings.Repeat("l", 256<<10) + ">"
		c := p.dial()
		for range 3 {
			if a := c.get("/mixed"); a.body != want || a.ContentLength != int64(len(want)) {
				t.Fatalf("%d bytes of %d", len(a.body), a.ContentLength)
			}
		}
		c.send("HEAD /mixed HTTP/1.1\r\nHost: t\r\n\r\n")
		if a := c.receive("HEAD"); a.ContentLength != int64(len(want)) {
			t.Errorf("HEAD: Content-Length %d", a.ContentLength)
		}
		c.expectOpen()
		eventually(t, "all that was lent to be released", func() bool {
			return p.out.count("released first") == 4 && p.out.count("released second") == 4
		})
		p.expectGet("/lend-and-fail", 500, "500 Internal Server Error\n")
		p.out.wait(t, 0, "released unsent")
		for range 2 {
			p.expectGet("/give-up", 503, "503 Service Unavailable\ngave up\n")
		}
		p.out.wait(t, 0, "released dropped")
	})
}

func TestLent_isReleasedWhenTheClientLeaves(t *testing.T) {
	p, _ := pieces(t, plain)
	c := p.dial()
	must(t, setReceiveBuffer(c, 4096))
	c.send(strings.Repeat("GET /mixed HTTP/1.1\r\nHost: t\r\n\r\n", 60))
	p.out.wait(t, 0, "released second")
	_ = c.Close()
	eventually(t, "as many releases of both", func() bool {
		return p.out.count("released first") == p.out.count("released second")
	})
	p.expectGet("/", 200, "hello")
}

func setReceiveBuffer(c *conn, size int) error {
	return c.tcp().SetReadBuffer(size)
}

func TestFile_isSent(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p, large := pieces(t, b)
		c := p.dial()
		for range 3 {
			if a := c.get("/file/large"); a.body != string(large) || a.Header.Get("Content-Type") != "application/octet-stream" {
				t.Fatalf("%s, %d bytes", a.Status, len(a.body))
			}
			for target, want := range map[string]struct {
				status int
				body   string
			}{
				"/file/small":     {200, "0123456789"},
				"/file/empty":     {200, ""},
				"/file/none":      {404, "404 Not Found\n"},
				"/file/directory": {404, "404 Not Found\n"},
				"/file/socket":    {404, "404 Not Found\n"},
				"/file/small/x":   {404, "404 Not Found\n"},
				"/range/small":    {206, "[56789]"},
				"/beyond/small":   {200, "-1 -1 -1"},
			} {
				if a := c.get(target); a.StatusCode != want.status || a.body != want.body {
					t.Errorf("%s: %s %q", target, a.Status, a.body)
				}
			}
		}
		if n := len(openFilesOf(t, p.workers()[0])); n > 40 {
			t.Errorf("the worker has %d descriptors", n)
		}
	})
}

// TestFile_isWhatTheClientWantsOfIt asks for parts of a program's file, and on conditions.
func TestFile_isWhatTheClientWantsOfIt(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p, large := pieces(t, b)
		p.ageLarge()
		c := p.dial()
		tag := c.get("/file/large").Header.Get("Etag")
		for _, row := range []struct {
			method, path, field string
			status              int
			size                int64
			body                string
		}{
			{"GET", "large", "Range: bytes=5-99999", 206, 99995, string(large[5:100000])},
			{"HEAD", "large", "Range: bytes=5-99999", 200, int64(len(large)), ""},
			{"GET", "large", "If-None-Match: " + tag, 304, 0, ""},
			{"GET", "large", "If-Match: \"x\"", 412, 24, "412 Precondition Failed\n"},
			{"GET", "large", "Range: bytes=99999999-", 416, 26, "416 Range Not Satisfiable\n"},
			{"GET", "small", "Range: bytes=-4", 206, 4, "6789"},
			{"GET", "empty", "Range: bytes=0-", 200, 0, ""},
			{"GET", "none", "If-None-Match: *", 404, 14, "404 Not Found\n"},
		} {
			a := c.send(row.method + " /file/" + row.path + " HTTP/1.1\r\nHost: t\r\n" + row.field + "\r\n\r\n").receive(row.method)
			if a.StatusCode != row.status || a.body != row.body || row.status != 304 && a.ContentLength != row.size {
				t.Errorf("%s %s %s: %s, %d bytes", row.method, row.path, row.field, a.Status, len(a.body))
			}
		}
		a := c.send("GET /file/large HTTP/1.1\r\nHost: t\r\nRange: bytes=0-9,1000000-1099999\r\n\r\n").receive("GET")
		if a.StatusCode != 206 || !strings.HasPrefix(a.Header.Get("Content-Type"), "multipart/byteranges") ||
			!strings.Contains(a.body, string(large[1000000:1100000])) || strings.Count(a.body, "Content-Type: application/octet-stream") != 2 {
			t.Errorf("parts: %s %v, %d bytes", a.Status, a.Header, len(a.body))
		}
		eventually(t, "the files to be closed", func() bool { return len(openFilesOf(t, p.workers()[0])) < 40 })
	})
}

// ageLarge has the large file of pieces.c be one that nobody changes any more.
func (p *program) ageLarge() {
	p.t.Helper()
	dir := p.cmd.Args[len(p.cmd.Args)-1]
	long := time.Date(2001, 2, 3, 4, 5, 6, 789, time.UTC)
	must(p.t, os.Chtimes(filepath.Join(dir, "large"), long, long))
}

func openFilesOf(t *testing.T, pid int) []os.DirEntry {
	t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	must(t, err)
	return entries
}

func TestFile_waitsForASlowClient(t *testing.T) {
	p, large := pieces(t, plain)
	c := p.dial()
	must(t, setReceiveBuffer(c, 64<<10))
	c.send("GET /file/large HTTP/1.1\r\nHost: t\r\n\r\nGET /file/small HTTP/1.1\r\nHost: t\r\n\r\n")
	p.expectGet("/", 200, "hello")
	if a := c.receive("GET"); a.body != string(large) {
		t.Errorf("%d bytes", len(a.body))
	}
	if a := c.receive("GET"); a.body != "0123456789" {
		t.Errorf("the next response: %q", a.body)
	}
}

func TestFile_thatBecomesShorterClosesTheConnection(t *testing.T) {
	p, large := pieces(t, plain)
	c := p.dial()
	must(t, setReceiveBuffer(c, 64<<10))
	c.send("GET /file/large HTTP/1.1\r\nHost: t\r\n\r\n")
	if _, err := c.input.Peek(1); err != nil {
		t.Fatal(err)
	}
	p.truncateLarge(1000)
	if a, err := c.tryReceive("GET"); err == nil || len(a.body) >= len(large) {
		t.Errorf("%d bytes, error %v", len(a.body), err)
	}
	p.log.wait(t, 0, "a file became shorter while it was sent")
}

func TestInterim_comesBeforeTheResponse(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p, _ := pieces(t, b)
		c := p.dial()
		c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\nGET /hints HTTP/1.1\r\nHost: t\r\n\r\n")
		if a := c.receive("GET"); a.body != "hello" {
			t.Fatalf("the earlier request: %q", a.body)
		}
		line, err := c.input.ReadString('\n')
		must(t, err)
		field, err := c.input.ReadString('\n')
		must(t, err)
		if line != "HTTP/1.1 103 Early Hints\r\n" || field != "Link: </style.css>; rel=preload\r\n" {
			t.Errorf("%q %q", line, field)
		}
		_, err = c.input.ReadString('\n')
		must(t, err)
		if a := c.receive("GET"); a.body != "hinted" {
			t.Errorf("%s %q", a.Status, a.body)
		}
		old := p.dial()
		old.send("GET /hints HTTP/1.0\r\n\r\n")
		if a := old.receive("GET"); a.StatusCode != 200 || a.body != "hinted" {
			t.Errorf("HTTP/1.0: %s", a.Status)
		}
	})
}

func TestHijack_givesTheConnectionToTheProgram(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p, _ := pieces(t, b)
		c := p.dial()
		c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\nGET /hijack HTTP/1.1\r\nHost: t\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nearly ")
		if a := c.receive("GET"); a.body != "hello" {
			t.Fatalf("the earlier request: %q", a.body)
		}
		response, err := http.ReadResponse(c.input, nil)
		must(t, err)
		if response.StatusCode != 101 {
			t.Fatalf("%s", response.Status)
		}
		c.send("and late")
		c.halfClose()
		rest, err := io.ReadAll(c.input)
		must(t, err)
		if string(rest) != "early and late" {
			t.Errorf("%q", rest)
		}
		p.expectGet("/", 200, "hello")
		if p.out.count("a response after hijack works") > 0 {
			t.Error("a response after hijack works")
		}
	})
}

func TestCancelled_isSeenByAHandlerThatAsks(t *testing.T) {
	p, _ := pieces(t, plain)
	c := p.dial()
	c.send("GET /busy HTTP/1.1\r\nHost: t\r\n\r\n")
	p.out.wait(t, 0, "busy")
	_ = c.Close()
	p.out.wait(t, 0, "cancelled")
	p.expectGet("/", 200, "hello")
}

func TestPieces_misuseGivesCodes(t *testing.T) {
	p, _ := pieces(t, plain)
	p.expectGet("/misuse", 200, "-1 -1 -1 -1 -1 -1 -1 -1")
}

// A client that resets at any byte of a large response harms nobody else.
func TestReset_atManyPlacesOfAResponse(t *testing.T) {
	p, _ := pieces(t, plain)
	for _, target := range []string{"/mixed", "/file/large"} {
		for read := 1; read < 1<<18; read *= 3 {
			c := p.dial()
			c.send("GET " + target + " HTTP/1.1\r\nHost: t\r\n\r\n")
			_, err := io.ReadFull(c.input, make([]byte, read))
			must(t, err)
			must(t, c.tcp().SetLinger(0))
			_ = c.Close()
		}
	}
	p.expectGet("/", 200, "hello")
	eventually(t, "all that was lent to be released", func() bool {
		return p.out.count("released first") == p.out.count("released second")
	})
	pid := p.workers()[0]
	eventually(t, "the descriptors to be closed", func() bool { return len(openFilesOf(t, pid)) < 30 })
}
