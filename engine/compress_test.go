package engine

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"

	"libforker/engine/gate"
)

// withCompression has responses of the paths compressed.
func withCompression(t *testing.T, s *server, paths ...string) {
	plan := planOf(t, gate.Texts{Compress: "on", CompressTypes: "text/*", CompressMin: 100})
	s.do(func() {
		for _, path := range paths {
			s.admissions[path] = &Admission{Most: 100, Plan: plan}
		}
	})
}

func compresses(cfg *Config) { cfg.Front, cfg.CompressStreams = &gate.Front{Plans: true}, 2 }

// decoded returns a body as it was before its Content-Encoding.
func decoded(t *testing.T, res *http.Response, body io.Reader) string {
	t.Helper()
	var err error
	switch res.Header.Get("Content-Encoding") {
	case "gzip":
		body, err = gzip.NewReader(body)
	case "zstd":
		body, err = zstd.NewReader(body)
	}
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

// what says which response came: its coding, what it varies by, its length, its tag.
func what(res *http.Response) string {
	h := res.Header
	return strings.TrimSpace(fmt.Sprint(h.Get("Content-Encoding"), " ", strings.Join(h["Vary"], "+"), " ", min(res.ContentLength, 1), " ", h.Get("Etag")))
}

// askCoded asks by HTTP/1.1 or HTTP/2 for a response in one of the codings.
func (s *server) askCoded(t *testing.T, version int, method, path, accept string) *http.Response {
	t.Helper()
	if version == 2 {
		req, _ := http.NewRequest(method, "http://h"+path, nil)
		req.Header.Set("Accept-Encoding", accept)
		res, err := s.h2Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close() })
		return res
	}
	c := s.dial()
	c.send(method + " " + path + " HTTP/1.1\r\nHost: h\r\nAccept-Encoding: " + accept + "\r\n\r\n")
	res, body := c.response(method)
	res.Body = io.NopCloser(strings.NewReader(body))
	return res
}

func TestCompress_ofWhat(t *testing.T) {
	s := start(t, tcp, compresses, withH2C)
	text := strings.Repeat("text ", 200)
	large := strings.Repeat("a larger text ", 200000)
	for _, row := range []struct {
		path    string
		handler func(c *call)
		body    string
		accept  string
		want    string
	}{
		{"/small", func(c *call) { c.field("ETag", `"a"`); c.respond(200, text) }, text, "gzip", `gzip Accept-Encoding 1 W/"a"`},
		{"/zstd", func(c *call) { c.respond(200, text) }, text, "gzip, zstd", "zstd Accept-Encoding 1"},
		{"/error", func(c *call) { c.respond(404, text) }, text, "gzip", "gzip Accept-Encoding 1"},
		{"/not-taken", func(c *call) { c.field("ETag", `"a"`); c.respond(200, text) }, text, "br", `Accept-Encoding 1 "a"`},
		{"/varies", func(c *call) { c.field("Vary", "accept-encoding"); c.respond(200, text) }, text, "gzip", "gzip accept-encoding 1"},
		{"/least", func(c *call) { c.respond(200, text[:99]) }, text[:99], "gzip", "1"},
		{"/coded", func(c *call) { c.field("Content-Encoding", "x"); c.respond(200, text) }, text, "gzip", "x  1"},
		{"/kept", func(c *call) { c.field("Cache-Control", "no-transform"); c.respond(200, text) }, text, "gzip", "1"},
		{"/part", func(c *call) { c.respond(206, text) }, text, "gzip", "1"},
		{"/large", func(c *call) { c.field("ETag", `"a"`); c.respond(200, large) }, large, "gzip", `gzip Accept-Encoding -1 W/"a"`},
		{"/lent", func(c *call) { c.respond(200, text); c.lent(large); c.respond(200, text) }, text + large + text, "zstd", "zstd Accept-Encoding -1"},
	} {
		s.handle(row.path, func(c *call) { c.field("Content-Type", "text/plain"); row.handler(c) })
		withCompression(t, s, row.path)
		versions := []int{1, 2}
		if overTLS { // The client of HTTP/2 speaks clear text.
			versions = versions[:1]
		}
		for _, version := range versions {
			for _, method := range []string{"GET", "HEAD"} {
				t.Run(fmt.Sprint(row.path[1:], version, method), func(t *testing.T) {
					res := s.askCoded(t, version, method, row.path, row.accept)
					want := row.want
					if coded := res.Header.Get("Content-Encoding"); method == "HEAD" && (coded == "gzip" || coded == "zstd") {
						want = strings.Replace(want, "Encoding 1", "Encoding -1", 1) // How long it would be is not known.
						want = strings.Replace(want, "encoding 1", "encoding -1", 1)
					}
					if got := what(res); got != want {
						t.Errorf("%q, want %q", got, want)
					}
					if method == "HEAD" {
						return
					}
					if got := decoded(t, res, res.Body); got != row.body {
						t.Errorf("%d bytes that are others: %.100q", len(got), got)
					}
				})
			}
		}
	}
	s.eventually("encoders to be given back", func() bool { return s.loop.busy == 0 })
}

func TestCompress_streamsAreFlushed(t *testing.T) {
	s, h := startHolder(t, tcp, compresses)
	requests := h.holdAll(s, "/stream")
	withCompression(t, s, "/stream")
	c := s.dial()
	c.send("GET /stream HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n" + getHello)
	req := <-requests
	s.add(&req.Response.Fields, "Content-Type: text/plain\r\n")
	begin(req, -1)
	h.write(req, "one ", false)
	res, err := http.ReadResponse(c.in, nil)
	if err != nil || what(res) != "gzip Accept-Encoding -1" {
		t.Fatal(err, what(res))
	}
	r, err := gzip.NewReader(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	piece := make([]byte, 4)
	for _, text := range []string{"one ", "two ", "nine"} {
		if _, err := io.ReadFull(r, piece); err != nil || string(piece) != text {
			t.Fatalf("%q %v, want %q", piece, err, text)
		}
		switch text {
		case "one ":
			h.write(req, "two ", false)
		case "two ":
			h.write(req, "nine", true)
		}
	}
	if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
		t.Errorf("%q %v", rest, err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	if _, body := c.response("GET"); body != "hello" {
		t.Errorf("%q", body)
	}
	s.eventually("the encoder to be given back", func() bool { return s.loop.busy == 0 })
}

// A stream with a length has that, one of HTTP/1.0 its end by the connection, and more than compress_streams go out as they are.
func TestCompress_notOfEveryStream(t *testing.T) {
	s, h := startHolder(t, tcp, compresses)
	requests := h.holdAll(s, "/stream")
	withCompression(t, s, "/stream")
	var open []*Request
	ask := func(version string, length int64) string {
		c := s.dial()
		c.send("GET /stream HTTP/" + version + "\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n")
		req := <-requests
		s.add(&req.Response.Fields, "Content-Type: text/plain\r\n")
		begin(req, length)
		h.write(req, "one", false)
		open = append(open, req)
		res, err := http.ReadResponse(c.in, nil)
		if err != nil {
			t.Fatal(err)
		}
		return what(res)
	}
	for _, got := range []string{ask("1.1", 3), ask("1.0", -1)} {
		if strings.Contains(got, "gzip") {
			t.Error(got)
		}
	}
	for i := range 4 {
		if got, want := ask("1.1", -1), []string{"gzip Accept-Encoding -1", "Accept-Encoding -1"}[min(i/2, 1)]; got != want {
			t.Errorf("stream %d: %q, want %q", i, got, want)
		}
	}
	for _, req := range open {
		h.write(req, "", true)
	}
	s.expectAllBack()
}

// The encoder of a stream whose client has left is there for others, though the program still has its handle.
func TestCompress_encodersOfClientsThatLeave(t *testing.T) {
	s, h := startHolder(t, tcp, compresses)
	requests := h.holdAll(s, "/stream")
	withCompression(t, s, "/stream")
	c := s.dial()
	c.send("GET /stream HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n")
	req := <-requests
	s.add(&req.Response.Fields, "Content-Type: text/plain\r\n")
	begin(req, -1)
	h.write(req, "one", false)
	if _, err := http.ReadResponse(c.in, nil); err != nil {
		t.Fatal(err)
	}
	c.reset()
	s.eventually("the encoder to be given back", func() bool { return s.loop.busy == 0 })
	h.write(req, "", true)
	s.expectAllBack()
}

// A large body is compressed piece by piece, between which others are served.
func TestCompress_othersHaveTheirTurn(t *testing.T) {
	s := start(t, tcp, compresses, withH2C)
	other := s.dial()
	s.handle("/other", func(c *call) { c.respond(200, fmt.Sprint(s.loop.busy)) })
	s.handle("/large", func(c *call) {
		c.field("Content-Type", "text/plain")
		c.respond(200, strings.Repeat("a larger text ", 1<<20))
		_, _ = io.WriteString(other.Conn, get("/other")) // It is there from now on.
	})
	withCompression(t, s, "/large")
	for _, version := range []int{1, 2} {
		req, _ := http.NewRequest("GET", "http://h/large", nil)
		req.Header.Set("Accept-Encoding", "gzip")
		client := s.h2Client()
		if version == 1 {
			client.Transport.(*http.Transport).Protocols.SetUnencryptedHTTP2(false)
			client.Transport.(*http.Transport).Protocols.SetHTTP1(true)
		}
		res, err := client.Do(req)
		s.must(err)
		_, err = io.Copy(io.Discard, res.Body)
		s.must(err)
		s.must(res.Body.Close())
		if _, busy := other.response("GET"); busy != "1" {
			t.Errorf("HTTP/%d: %s bodies were under way", version, busy)
		}
	}
}

// A client that takes all that it is given does not run out of time, however long the compression of a body takes.
func TestCompress_takesItsTime(t *testing.T) {
	s := start(t, tcp, compresses, func(cfg *Config) { cfg.WriteTimeout, cfg.WriteMinRate = time.Millisecond, 500 })
	body := strings.Repeat("a larger text ", 4<<20)
	s.handle("/large", func(c *call) { c.field("Content-Type", "text/plain"); c.respond(200, body) })
	withCompression(t, s, "/large")
	c := s.dial()
	c.send("GET /large HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n")
	res, coded := c.response("GET")
	if got := decoded(t, res, strings.NewReader(coded)); got != body {
		t.Errorf("%d bytes", len(got))
	}
}

func TestCompress_allocatesNothing(t *testing.T) {
	s := start(t, packets, compresses)
	text := strings.Repeat("some text ", 300)
	s.handle("/", func(c *call) { c.field("Content-Type", "text/plain"); c.field("ETag", `"a"`); c.respond(200, text) })
	withCompression(t, s, "/")
	fd := s.dialRaw()
	defer unix.Close(fd)
	request, response := []byte("GET / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n"), make([]byte, 1<<14)
	if n := testing.AllocsPerRun(20, func() {
		if _, err := unix.Write(fd, request); err != nil {
			t.Error(err)
		}
		if n, err := unix.Read(fd, response); err != nil || !strings.Contains(string(response[:max(n, 0)]), "Content-Encoding: gzip") {
			t.Fatalf("%v: %.40q", err, response[:max(n, 0)])
		}
	}); n > 1 { // The test's own text.
		t.Errorf("%v allocations", n)
	}
}
