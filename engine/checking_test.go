package engine

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"libforker/engine/credential"
	"libforker/engine/gate"
)

// users are joe with the password "secret".
const users = "joe:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n"

// authorization is the field by which somebody shows a name and a password.
func authorization(pair string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(pair)) + "\r\n"
}

// serveUsers starts a server on which these paths are for users, and tell who it is.
func serveUsers(t *testing.T, network string, setup ...func(*Config)) *server {
	t.Helper()
	known, err := credential.ParseUsers(users, 1)
	if err != nil {
		t.Fatal(err)
	}
	front := &gate.Front{Plans: true, Users: true}
	s := start(t, network, append([]func(*Config){admits, withH2C, func(cfg *Config) { cfg.Front = front }}, setup...)...)
	plan := planOf(t, gate.Texts{Users: known, Realm: `the "inner" circle`})
	who := func(c *call) {
		c.respond(200, fmt.Sprintf("%s %d %v", c.req.User[:c.req.UserLen], len(c.body()), c.early))
	}
	s.do(func() {
		for _, path := range []string{"/who", "/stream"} {
			s.handlers[path], s.admissions[path] = who, &Admission{Most: 1 << 20, Plan: plan, Stream: path == "/stream"}
		}
	})
	return s
}

// with puts a field into a request.
func with(field, request string) string {
	return strings.Replace(request, "Host: h\r\n", "Host: h\r\n"+field, 1)
}

func TestUsers_showTheirPassword(t *testing.T) {
	s := serveUsers(t, tcp)
	joe := authorization("joe:secret")
	for _, row := range []struct{ name, request, want string }{
		{"nobody", get("/who"), "401"},
		{"no body of nobody's", post("/who", "hello"), "401"},
		{"joe", with(joe, get("/who")), "200 joe 0 false"},
		{"joe again", with(joe, get("/who")), "200 joe 0 false"},
		{"wrong password", with(authorization("joe:Secret"), get("/who")), "401"},
		{"no such user", with(authorization("jo:secret"), get("/who")), "401"},
		{"two fields", with(joe+joe, get("/who")), "401"},
		{"two fields, one of them wrong", with(authorization("joe:x")+joe, get("/who")), "401"},
		{"another scheme", with("Authorization: Bearer x\r\n", get("/who")), "401"},
		{"a body", with(joe, post("/who", text(100000))), "200 joe 100000 false"},
		{"chunks", with(joe, chunked("/who", text(100000), 1000)), "200 joe 100000 false"},
		{"elsewhere", with(authorization("joe:x"), get("/hello")), "200 hello"},
		{"HEAD", strings.Replace(get("/who"), "GET", "HEAD", 1), "401"},
		{"absolute form", "GET http://h/who HTTP/1.1\r\nHost: h\r\n\r\n", "401"},
		{"escapes", get("/%77ho"), "401"},
		{"dots", get("/x/../who"), "401"},
		{"too much", with(joe, "POST /who HTTP/1.1\r\nHost: h\r\nContent-Length: 2000000\r\n\r\n"), "413"},
	} {
		c := s.dial()
		c.send(row.request)
		method, _, _ := strings.Cut(row.request, " ")
		res, body := c.response(method)
		if got := fmt.Sprintf("%d %s", res.StatusCode, body); !strings.HasPrefix(got, row.want) {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
		challenge := res.Header.Get("WWW-Authenticate")
		if want := `Basic realm="the \"inner\" circle", charset="UTF-8"`; (res.StatusCode == 401) != (challenge == want) {
			t.Errorf("%s: %d, WWW-Authenticate %s", row.name, res.StatusCode, challenge)
		}
		_ = c.Close()
	}
}

// Each body is new to the server as that of nobody known.
func TestUsers_bodiesComeWhenTheyAreKnown(t *testing.T) {
	for _, body := range []string{"x", text(3000), text(100000), text(1 << 20)} {
		for _, path := range []string{"/who", "/stream"} {
			for _, form := range []string{"length", "chunks", "HTTP/2"} {
				if form == "HTTP/2" && overTLS {
					continue
				}
				s := serveUsers(t, tcp)
				want := fmt.Sprintf("200 joe %d false", len(body))
				if path == "/stream" {
					want = "200 joe 0 true"
				}
				if got := s.asJoe(form, path, body); got != want {
					t.Errorf("%s, %s, %d bytes: %s", path, form, len(body), got)
				}
			}
		}
	}
}

func (s *server) asJoe(form, path, body string) string {
	s.t.Helper()
	if form == "HTTP/2" {
		req, err := http.NewRequest("POST", "http://h"+path, strings.NewReader(body))
		s.must(err)
		req.SetBasicAuth("joe", "secret")
		res, err := s.h2Client().Do(req)
		s.must(err)
		defer res.Body.Close()
		got, _ := io.ReadAll(res.Body)
		return fmt.Sprintf("%d %s", res.StatusCode, got)
	}
	request := post(path, body)
	if form == "chunks" {
		request = chunked(path, body, 5000)
	}
	c := s.dial()
	go func() { _, _ = io.WriteString(c.Conn, with(authorization("joe:secret"), request)) }() // What is not wanted may not be taken.
	res, got := c.response("POST")
	return fmt.Sprintf("%d %s", res.StatusCode, got)
}

func TestUsers_clientThatAsksFirstIsToldToContinueWhenItIsKnown(t *testing.T) {
	s := serveUsers(t, packets)
	c := s.dial()
	const rest = "Expect: 100-continue\r\nContent-Length: 5\r\n"
	c.send(with(rest, "POST /who HTTP/1.1\r\nHost: h\r\n\r\n"))
	if got := c.receive(); !strings.HasPrefix(got, "HTTP/1.1 401 ") {
		t.Errorf("%q", got)
	}
	c = s.dial()
	c.send(with(rest+authorization("joe:secret"), "POST /who HTTP/1.1\r\nHost: h\r\n\r\n"))
	c.expect("HTTP/1.1 100 Continue\r\n\r\n")
	c.send("hello")
	if res, got := c.response("POST"); res.StatusCode != 200 || got != "joe 5 false" {
		t.Errorf("%s %q", res.Status, got)
	}
}

// busy has what computes be busy until the channel is closed.
func (s *server) busy() chan struct{} {
	s.t.Helper()
	over := make(chan struct{})
	s.do(func() { s.loop.hasher.submit(offloadJob{work: func() { <-over }, finish: func() {}}) })
	return over
}

// eventuallyWait waits until so many names and passwords are to be checked.
func (s *server) eventuallyWait(want int) {
	s.t.Helper()
	s.eventually(fmt.Sprint(want, " to be checked"), func() bool { return len(s.loop.checks) == want })
}

func TestUsers_holdUpNobody(t *testing.T) {
	s := serveUsers(t, tcp)
	over := s.busy()
	joe, other := s.dial(), s.dial()
	joe.send(getHello + with(authorization("joe:secret"), get("/who")) + getHello)
	if _, body := joe.response("GET"); body != "hello" {
		t.Errorf("before it: %q", body)
	}
	s.eventuallyWait(1)
	for range 20 {
		other.send(getHello)
		if _, body := other.response("GET"); body != "hello" {
			t.Errorf("%q", body)
		}
	}
	close(over)
	for _, want := range []string{"joe 0 false", "hello"} {
		if _, body := joe.response("GET"); body != want {
			t.Errorf("%q, want %q", body, want)
		}
	}
}

func TestUsers_manyAtOnce(t *testing.T) {
	s := serveUsers(t, tcp)
	over := s.busy()
	var same []*client
	for range 5 {
		c := s.dial()
		c.send(with(authorization("joe:secret"), get("/who")))
		same = append(same, c)
	}
	s.eventually("all to wait for one check", func() bool {
		for _, c := range s.loop.checks {
			return len(s.loop.checks) == 1 && len(c.waiting) == len(same)
		}
		return false
	})
	left := s.dial()
	left.send(with(authorization("joe:secret"), get("/who")))
	s.settle()
	left.reset()
	for i := range checksMost - 1 {
		s.dial().send(with(authorization(fmt.Sprintf("joe:%d", i)), get("/who")))
	}
	s.eventuallyWait(checksMost)
	c := s.dial()
	c.send(with(authorization("joe:other"), get("/who")) + getHello)
	if res, _ := c.response("GET"); res.StatusCode != 503 || res.Header.Get("Retry-After") != "1" {
		t.Errorf("one more: %s %v", res.Status, res.Header)
	}
	if _, body := c.response("GET"); body != "hello" {
		t.Errorf("behind it: %q", body)
	}
	close(over)
	for _, c := range same {
		if res, body := c.response("GET"); res.StatusCode != 200 || body != "joe 0 false" {
			t.Errorf("%s %q", res.Status, body)
		}
	}
	s.eventuallyWait(0)
}

// TestUsers_loopEndsMeanwhile: of a hosted loop nothing is left, though a password is being checked when it ends.
func TestUsers_loopEndsMeanwhile(t *testing.T) {
	s := serveUsers(t, tcp, func(cfg *Config) { cfg.Hosted = true })
	over := s.busy()
	for i := range 3 {
		s.dial().send(with(authorization(fmt.Sprintf("joe:%d", i)), get("/who")))
	}
	s.eventuallyWait(3)
	s.unused = 0
	s.drain(0)
	close(over)
	s.wait()
}
