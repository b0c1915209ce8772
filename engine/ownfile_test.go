package engine

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// responder returns what responds with a file as a whole, as it is now.
func responder(t *testing.T, f *os.File) func(c *call) {
	t.Helper()
	var stat unix.Stat_t
	fd := int(f.Fd())
	if err := unix.Fstat(fd, &stat); err != nil {
		t.Fatal(err)
	}
	return func(c *call) {
		c.part(Part{Kind: PartFile, Fd: int32(fd), Len: uint64(stat.Size)})
		response := &c.req.Response
		response.File, response.Inode = 1, stat.Ino
		response.Modified, response.ModifiedNs = stat.Mtim.Sec, uint32(stat.Mtim.Nsec)
	}
}

// oldFile returns a file that was changed long ago.
func (s *server) oldFile(text string, modified time.Time) *os.File {
	s.t.Helper()
	f := s.file(text)
	s.must(os.Chtimes(f.Name(), modified, modified))
	return f
}

func inodeOf(t *testing.T, f *os.File) uint64 {
	t.Helper()
	var stat unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &stat); err != nil {
		t.Fatal(err)
	}
	return stat.Ino
}

// ownFieldsOf returns the fields of a response with the program's file: what the program says of it is not said of another text.
func ownFieldsOf(status int, tag string) map[string]string {
	switch status {
	case 200, 206:
		return map[string]string{
			"Content-Type": "text/x", "Content-Language": "la", "Accept-Ranges": "bytes",
			"Cache-Control": "private", "Etag": tag, "Last-Modified": longAgoText,
		}
	case 304:
		return map[string]string{"Content-Type": "", "Content-Language": "", "Cache-Control": "private", "Etag": tag}
	}
	return map[string]string{"Content-Type": "text/plain; charset=utf-8", "Content-Language": "", "Etag": ""}
}

func TestOwnFile_conditionsAndRanges(t *testing.T) {
	s := start(t, tcp, withH2C)
	content := text(100000)
	f := s.oldFile(content, longAgo)
	respond := responder(t, f)
	s.handle("/file", func(c *call) {
		c.field("Content-Type", "text/x")
		c.field("Content-Language", "la")
		c.field("Cache-Control", "private")
		respond(c)
	})
	tag := fmt.Sprintf("\"%x-%x-%x\"", longAgo.Unix(), len(content), inodeOf(t, f))
	c := s.dial()
	for _, row := range []struct {
		method, fields string
		status         int
		want, said     string
	}{
		{"GET", "Accept: x", 200, content, ""},
		{"HEAD", "Accept: x", 200, "", ""},
		{"GET", "If-None-Match: \"x\", " + tag, 304, "", ""},
		{"HEAD", "If-None-Match: W/" + tag, 304, "", ""},
		{"GET", "If-None-Match: \"x\"", 200, content, ""},
		{"GET", "If-Modified-Since: " + longAgoText, 304, "", ""},
		{"GET", "If-Modified-Since: Sat, 03 Feb 2001 04:05:05 GMT", 200, content, ""},
		{"GET", "If-Match: " + tag, 200, content, ""},
		{"GET", "If-Match: \"x\"", 412, "412 Precondition Failed\n", ""},
		{"GET", "If-Unmodified-Since: Sat, 03 Feb 2001 04:05:05 GMT", 412, "412 Precondition Failed\n", ""},
		{"GET", "Range: bytes=10-29", 206, content[10:30], "bytes 10-29/100000"},
		{"GET", "Range: bytes=-3", 206, content[99997:], "bytes 99997-99999/100000"},
		{"HEAD", "Range: bytes=10-29", 200, "", ""},
		{"GET", "Range: bytes=10-29|If-Range: " + tag, 206, content[10:30], "bytes 10-29/100000"},
		{"GET", "Range: bytes=10-29|If-Range: " + longAgoText, 206, content[10:30], "bytes 10-29/100000"},
		{"GET", "Range: bytes=10-29|If-Range: \"x\"", 200, content, ""},
		{"GET", "Range: bytes=100000-", 416, "416 Range Not Satisfiable\n", "bytes */100000"},
		{"GET", "Range: bytes=0-0|If-None-Match: " + tag, 304, "", ""},
	} {
		res, body := c.ask(row.method, "/file", strings.Split(row.fields, "|")...)
		h := res.Header
		if res.StatusCode != row.status || body != row.want || h.Get("Content-Range") != row.said {
			t.Errorf("%s %s: %s, %d bytes, %v", row.method, row.fields, res.Status, len(body), h)
		}
		for name, want := range ownFieldsOf(row.status, tag) {
			if got := strings.Join(h.Values(name), ", "); got != want {
				t.Errorf("%s %s: %s is %q, want %q", row.method, row.fields, name, got, want)
			}
		}
		if row.method == "HEAD" && row.status == 200 && res.ContentLength != int64(len(content)) {
			t.Errorf("HEAD: %d bytes", res.ContentLength)
		}
	}
	expectOwnParts(t, s, content)
}

// expectOwnParts asks for several parts of /file, by HTTP/2 too.
func expectOwnParts(t *testing.T, s *server, content string) {
	t.Helper()
	res, body := s.dial().ask("GET", "/file", "Range: bytes=0-4,90000-99999")
	boundary, isParts := strings.CutPrefix(res.Header.Get("Content-Type"), "multipart/byteranges; boundary=")
	part := func(first, last int) string {
		return fmt.Sprintf("\r\n--%s\r\nContent-Type: text/x\r\nContent-Range: bytes %d-%d/100000\r\n\r\n%s", boundary, first, last, content[first:last+1])
	}
	want := part(0, 4) + part(90000, 99999) + "\r\n--" + boundary + "--\r\n"
	if !isParts || len(res.Header.Values("Content-Type")) != 1 || res.StatusCode != 206 || body != want {
		t.Errorf("two parts: %s %v, %d bytes of %d", res.Status, res.Header, len(body), len(want))
	}
	if overTLS {
		return
	}
	client := s.h2Client()
	for ranges, size := range map[string]int{"bytes=5-60000": 59996, "bytes=0-4,90000-99999": len(want)} {
		req, _ := http.NewRequest("GET", "http://h/file", nil)
		req.Header.Set("Range", ranges)
		res, err := client.Do(req)
		s.must(err)
		body, err := io.ReadAll(res.Body)
		s.must(err)
		res.Body.Close()
		if res.StatusCode != 206 || len(body) != size {
			t.Errorf("%s by HTTP/2: %s, %d bytes of %d", ranges, res.Status, len(body), size)
		}
	}
}

// What the program says of a file itself goes before what the file does.
func TestOwnFile_heedsTheProgram(t *testing.T) {
	s := start(t, tcp)
	f := s.oldFile("0123456789", longAgo)
	just := s.file("0123456789")
	respond := responder(t, f)
	for path, set := range map[string]func(c *call){
		"/tag":    func(c *call) { c.field("etag", `"v1"`) },
		"/weak":   func(c *call) { c.field("ETag", `W/"v1"`) },
		"/none":   func(c *call) { c.field("ETag", "nonsense") },
		"/date":   func(c *call) { c.field("Last-Modified", "Sat, 03 Feb 2001 00:00:00 GMT") },
		"/whole":  func(c *call) { c.field("Accept-Ranges", "none") },
		"/status": func(c *call) { c.respond(201, "") },
		"/more":   func(c *call) { c.respond(200, "more") },
	} {
		s.handle(path, func(c *call) {
			respond(c)
			set(c)
		})
	}
	s.handle("/just", responder(t, just))
	own := fmt.Sprintf("\"%x-a-%x\"", longAgo.Unix(), inodeOf(t, f))
	c := s.dial()
	for _, row := range []struct {
		method, path, fields string
		status               int
		tag                  string
	}{
		{"GET", "/tag", `If-None-Match: "v1"`, 304, `"v1"`},
		{"GET", "/tag", "If-None-Match: " + own, 200, `"v1"`},
		{"GET", "/tag", `Range: bytes=0-0|If-Range: "v1"`, 206, `"v1"`},
		{"GET", "/weak", `If-None-Match: "v1"`, 304, `W/"v1"`},
		{"GET", "/weak", `Range: bytes=0-0|If-Range: "v1"`, 200, `W/"v1"`},
		{"GET", "/none", `If-None-Match: "nonsense"`, 200, "nonsense"},
		{"GET", "/date", "If-Modified-Since: Sat, 03 Feb 2001 00:00:00 GMT", 304, own},
		{"GET", "/date", "If-Modified-Since: Fri, 02 Feb 2001 00:00:00 GMT", 200, own},
		{"GET", "/whole", "Range: bytes=0-0", 200, own},
		{"GET", "/status", "Range: bytes=0-0|If-None-Match: *", 201, ""},
		{"GET", "/more", "Range: bytes=0-0|If-None-Match: *", 200, ""},
		{"POST", "/tag", "Content-Length: 0|Range: bytes=0-0|If-None-Match: *", 200, `"v1"`},
		{"GET", "/just", "Range: bytes=0-0|If-Range: " + time.Now().UTC().Format(http.TimeFormat), 200, "W/"},
	} {
		res, _ := c.ask(row.method, row.path, strings.Split(row.fields, "|")...)
		got := res.Header.Get("Etag")
		if res.StatusCode != row.status || got != row.tag && !(row.tag == "W/" && strings.HasPrefix(got, "W/")) {
			t.Errorf("%s %s %s: %s, %s", row.method, row.path, row.fields, res.Status, got)
		}
	}
}

// Files that a program chooses among have tags of their own, though they are as old and as large.
func TestOwnFile_hasATagOfItsOwn(t *testing.T) {
	s := start(t, tcp)
	times := []time.Time{longAgo, longAgo, longAgo.Add(time.Microsecond)}
	for i, modified := range times {
		f := s.oldFile(fmt.Sprint("user", i), modified)
		s.handle(fmt.Sprintf("/%d", i), responder(t, f))
	}
	var tags []string
	for i := range times {
		res, _ := s.dial().ask("GET", fmt.Sprintf("/%d", i))
		tags = append(tags, res.Header.Get("Etag"))
	}
	if exact := fmt.Sprintf("\"%x.3e8-5-", longAgo.Unix()); !strings.HasPrefix(tags[2], exact) {
		t.Errorf("%s, want %s", tags[2], exact)
	}
	if tags[0] == tags[1] || tags[1] == tags[2] {
		t.Error(tags)
	}
}

func TestOwnFile_allocatesNothing(t *testing.T) {
	s := start(t, packets)
	f := s.oldFile("0123456789", longAgo)
	s.handle("/file", responder(t, f))
	for _, row := range []struct{ fields, end string }{
		{"Accept: x", "\r\n\r\n0123456789"}, {"If-None-Match: *", "\r\n\r\n"}, {"Range: bytes=1-2\r\nIf-None-Match: \"x\"", "\r\n\r\n12"},
	} {
		fd := s.dialRaw()
		defer unix.Close(fd)
		request, room := []byte("GET /file HTTP/1.1\r\nHost: h\r\n"+row.fields+"\r\n\r\n"), make([]byte, 1<<16)
		end := []byte(row.end)
		if n := testing.AllocsPerRun(20, func() {
			_, _ = unix.Write(fd, request)
			for got := 0; !bytes.HasSuffix(room[:got], end); {
				n, err := unix.Read(fd, room[got:])
				if err != nil || n == 0 {
					t.Fatalf("%q, %v", room[:got], err)
				}
				got += n
			}
		}); n != 0 {
			t.Errorf("%q: %v allocations", row.fields, n)
		}
	}
}

func TestOwnFile_clientLeaves(t *testing.T) {
	s := start(t, tcp)
	f := s.oldFile(text(32<<20), longAgo)
	s.handle("/file", responder(t, f))
	for range 5 {
		c := s.dial()
		c.send("GET /file HTTP/1.1\r\nHost: h\r\nRange: bytes=1-,0-0\r\n\r\n")
		s.settle()
		c.reset()
	}
	s.expectAllBack()
}
