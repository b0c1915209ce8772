package engine

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"libforker/engine/gate"
)

// coded compresses a text.
func coded(coding, text string) string {
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	if coding == "zstd" {
		w, _ = zstd.NewWriter(&b)
	}
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

// decodingMost is how long bodies may be that are decoded.
const decodingMost = 2 << 20

// serveDecoding starts a server that decodes the bodies for some paths: /whole wants them as a whole, /pieces takes them piece by
// piece, and both answer with them.
func serveDecoding(t *testing.T, network string, setup ...func(*Config)) *server {
	t.Helper()
	front := &gate.Front{Plans: true, Decodes: true}
	s := start(t, network, append([]func(*Config){admits, withH2C, func(cfg *Config) { cfg.Front = front }}, setup...)...)
	plan := planOf(t, gate.Texts{Decompress: true})
	tell := func(c *call, body string) {
		var names []string
		for _, field := range c.req.Head.Fields[:c.req.Head.FieldCount] {
			if name := strings.ToLower(c.text(field.Name)); strings.HasPrefix(name, "content-") {
				names = append(names, name+"="+c.text(field.Value))
			}
		}
		c.field("X-Fields", strings.Join(names, " "))
		c.field("X-Body-Length", fmt.Sprint(c.req.Head.ContentLength))
		c.respond(200, body)
	}
	var come []byte
	s.do(func() {
		s.handlers["/whole"] = func(c *call) { tell(c, string(c.body())) }
		s.admissions["/whole"] = &Admission{Most: decodingMost, Plan: plan}
		s.handlers["/pieces"] = func(c *call) {
			come = nil
			c.req.OnBody, c.outcome.Next = 1, AsksBody
		}
		s.onBody["/pieces"] = func(c *call, piece []byte, last int) {
			come = append(come, piece...)
			switch {
			case last == BodyEnds:
				tell(c, string(come))
			case last == BodyGoesOn:
				c.outcome.Next = AsksBody
			}
		}
		s.admissions["/pieces"] = &Admission{Most: decodingMost, Stream: true, Plan: plan}
	})
	return s
}

// codedRequest is one whose body is said to be coded.
func codedRequest(path, coding, body string, chunk int) string {
	if chunk > 0 {
		return with("Content-Encoding: "+coding+"\r\n", chunked(path, body, chunk))
	}
	return with("Content-Encoding: "+coding+"\r\n", post(path, body))
}

func TestDecompress_bodies(t *testing.T) {
	s := serveDecoding(t, tcp, func(cfg *Config) { cfg.BodyBuffer = 100 << 10 })
	c := s.dial()
	for _, path := range []string{"/whole", "/pieces"} {
		for _, coding := range []string{"gzip", "zstd", "x-gzip", "GZIP", "identity", "identity, gzip"} {
			for _, body := range []string{"", "x", text(30000), text(200000), strings.Repeat("x", decodingMost)} {
				name := strings.ToLower(coding[max(0, strings.LastIndex(coding, " ")+1):])
				sent := body
				if name != "identity" {
					sent = coded(strings.TrimPrefix(name, "x-"), body)
				}
				for _, chunk := range []int{0, 7000} {
					if chunk > 0 && len(sent) == 0 {
						continue
					}
					request := codedRequest(path, coding, sent, chunk)
					go func() { _, _ = io.WriteString(c.Conn, request) }()
					res, got := c.response("POST")
					if res.StatusCode != 200 || got != body {
						t.Fatalf("%s %s, %d bytes, chunks of %d: %s, %d bytes came", path, coding, len(body), chunk, res.Status, len(got))
					}
					if fields := res.Header.Get("X-Fields"); name != "identity" && len(sent) > 0 && strings.Contains(fields, "content-") {
						t.Errorf("%s %s: the program sees %s", path, coding, fields)
					}
					if length := res.Header.Get("X-Body-Length"); path == "/whole" && name != "identity" && length != strconv.Itoa(len(body)) {
						t.Errorf("%s %s: the length is %s, want %d", path, coding, length, len(body))
					}
				}
			}
		}
	}
}

// TestDecompress_cutAnywhere sends the same in pieces.
func TestDecompress_cutAnywhere(t *testing.T) {
	s := serveDecoding(t, packets)
	want := text(300)
	for _, path := range []string{"/whole", "/pieces"} {
		for _, coding := range []string{"gzip", "zstd"} {
			request := codedRequest(path, coding, coded(coding, want), 0)
			for cut := 1; cut < len(request); cut += 1 + cut/40 {
				c := s.dial()
				c.send(request[:cut])
				s.settle()
				c.send(request[cut:])
				if _, got := c.response("POST"); got != want {
					t.Fatalf("%s %s, cut at %d: %d bytes", path, coding, cut, len(got))
				}
				_ = c.Close()
			}
		}
	}
}

func TestDecompress_whatIsRefused(t *testing.T) {
	s := serveDecoding(t, tcp)
	bomb := coded("gzip", strings.Repeat("\x00", decodingMost+1))
	good := coded("gzip", "hello")
	for _, path := range []string{"/whole", "/pieces"} {
		for _, row := range []struct {
			name, coding, body string
			status             int
		}{
			{"too much", "gzip", bomb, 413},
			{"much too much", "zstd", coded("zstd", strings.Repeat("\x00", 500<<20)), 413},
			{"garbage", "gzip", "garbage", 400},
			{"garbage behind it", "gzip", good + "garbage", 400},
			{"garbage", "zstd", "garbage", 400},
			{"cut off", "gzip", good[:len(good)-1], 400},
			{"cut off in the head", "gzip", good[:5], 400},
			{"cut off", "zstd", coded("zstd", "hello")[:9], 400},
			{"a wrong sum", "gzip", good[:len(good)-8] + "xxxx" + good[len(good)-4:], 400},
			{"twice", "gzip, gzip", coded("gzip", good), 415},
			{"twice", "gzip, zstd", good, 415},
			{"br", "br", "x", 415},
			{"deflate", "deflate", "x", 415},
			{"nonsense", "\"gzip", "x", 415},
		} {
			for _, chunk := range []int{0, 1000} {
				c := s.dial()
				request := codedRequest(path, row.coding, row.body, chunk)
				go func() { _, _ = io.WriteString(c.Conn, request) }()
				res, body := c.response("POST")
				if res.StatusCode != row.status {
					t.Errorf("%s %s %s: %s %q, want %d", path, row.coding, row.name, res.Status, body, row.status)
				}
				if got := res.Header.Get("Accept-Encoding"); (got == "gzip, zstd") != (row.status == 415) {
					t.Errorf("%s %s %s: Accept-Encoding %q", path, row.coding, row.name, got)
				}
				_ = c.Close()
			}
		}
	}
	c := s.dial()
	c.send(codedRequest("/whole", "gzip", "garbage", 0) + getHello)
	if res, _ := c.response("POST"); res.StatusCode != 400 || res.Close {
		t.Errorf("%s", res.Status)
	}
	if _, body := c.response("GET"); body != "hello" {
		t.Errorf("behind what was refused: %q", body)
	}
	// What is not decoded has its fields.
	c.send(codedRequest("/echo", "gzip", good, 0))
	if _, body := c.response("POST"); body != good {
		t.Errorf("%q", body)
	}
}

func TestDecompress_severalMembers(t *testing.T) {
	s := serveDecoding(t, tcp)
	for _, path := range []string{"/whole", "/pieces"} {
		for _, coding := range []string{"gzip", "zstd"} {
			c := s.dial()
			c.send(codedRequest(path, coding, coded(coding, "one ")+coded(coding, "two"), 0))
			if res, body := c.response("POST"); res.StatusCode != 200 || body != "one two" {
				t.Errorf("%s %s: %s %q", path, coding, res.Status, body)
			}
		}
	}
}

func TestDecompress_byHTTP2(t *testing.T) {
	if overTLS {
		return
	}
	s := serveDecoding(t, tcp)
	client := s.h2Client()
	for _, path := range []string{"/whole", "/pieces"} {
		for _, coding := range []string{"gzip", "zstd", "br"} {
			for _, body := range []string{"", "x", text(200000), strings.Repeat("x", decodingMost), strings.Repeat("x", decodingMost+1)} {
				want := map[bool]int{true: 200, false: 413}[len(body) <= decodingMost]
				if coding == "br" {
					want = 415
				}
				for _, known := range []bool{true, false} {
					var sent io.Reader = strings.NewReader(coded(coding, body))
					if !known {
						sent = unknown{sent}
					}
					req, err := http.NewRequest("POST", "http://h"+path, sent)
					s.must(err)
					req.Header.Set("Content-Encoding", coding)
					res, err := client.Do(req)
					s.must(err)
					got, _ := io.ReadAll(res.Body)
					_ = res.Body.Close()
					if res.StatusCode != want || want == 200 && string(got) != body {
						t.Errorf("%s %s, %d bytes, length known %v: %s, %d bytes", path, coding, len(body), known, res.Status, len(got))
					}
				}
			}
		}
	}
}

// TestDecompress_othersHaveTheirTurn: a small request that is decoded to much does not hold up others.
func TestDecompress_othersHaveTheirTurn(t *testing.T) {
	s := serveDecoding(t, tcp)
	done := 0
	s.do(func() {
		s.admissions["/large"] = &Admission{Most: 64 << 20, Plan: s.admissions["/whole"].Plan}
		s.handlers["/large"] = func(c *call) { done++; c.respond(200, fmt.Sprint(len(c.body()))) }
		s.handlers["/done"] = func(c *call) { c.respond(200, fmt.Sprint(done)) }
	})
	bomb := codedRequest("/large", "gzip", coded("gzip", strings.Repeat("x", 64<<20)), 0)
	large, other := s.dial(), s.dial()
	large.send(bomb)
	s.eventually("it to be decoded", func() bool { return s.loop.bodyBytes > 1<<20 })
	if _, got := other.ask("GET", "/done"); got != "0" {
		t.Errorf("%s are done", got)
	}
	if _, got := large.response("POST"); got != fmt.Sprint(64<<20) {
		t.Errorf("%s bytes came", got)
	}
	leaving := s.dial()
	leaving.send(bomb)
	s.settle()
	leaving.reset()
}

// TestDecompress_pauses: nothing comes while the program has paused, though it is there.
func TestDecompress_memoryIsLimited(t *testing.T) {
	s := serveDecoding(t, tcp, func(cfg *Config) { cfg.BodyMemory = 1 << 20; cfg.SpillDir = t.TempDir() })
	for coding, want := range map[string]int{"gzip": 200, "zstd": 503} {
		c := s.dial()
		c.send(codedRequest("/whole", coding, coded(coding, text(3000)), 0))
		if res, _ := c.response("POST"); res.StatusCode != want {
			t.Errorf("%s: %s", coding, res.Status)
		}
	}
}

func TestDecompress_clientLeavesAnywhere(t *testing.T) {
	s := serveDecoding(t, tcp)
	for _, path := range []string{"/whole", "/pieces"} {
		request := codedRequest(path, "gzip", coded("gzip", text(20000)), 0)
		for cut := 1; cut < len(request); cut += 1 + cut/10 {
			c := s.dial()
			c.send(request[:cut])
			if cut%2 == 0 {
				s.settle()
			}
			c.reset()
		}
	}
}
