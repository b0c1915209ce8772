package admin

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func TestParse_refusesWhatIsNoRequest(t *testing.T) {
	const host = "\r\nHost: localhost"
	for head, want := range map[string]int{
		"GET / HTTP/1.1" + host:                      0,
		"GET / HTTP/1.0":                             0,
		"GET /status?a=b HTTP/1.1" + host + "\r\nX:": 0,
		"":                                               400,
		"GET /":                                          400,
		"GET  / HTTP/1.1" + host:                         400,
		"GET / x HTTP/1.1" + host:                        400,
		" / HTTP/1.1" + host:                             400,
		"GET http://localhost/ HTTP/1.1" + host:          400,
		"GET / SIP/2.0" + host:                           400,
		"GET / HTTP/2.0" + host:                          505,
		"GET / HTTP/1.1":                                 400,
		"GET / HTTP/1.1" + host + host:                   400,
		"GET / HTTP/1.1" + host + "\r\nX":                400,
		"GET / HTTP/1.1" + host + "\r\n: x":              400,
		"GET / HTTP/1.1" + host + "\r\nX : x":            400,
		"GET / HTTP/1.1" + host + "\r\n folded: x":       400,
		"GET / HTTP/1.1" + host + "\r\nX: bare\nHost: b": 400,
		"GET / HTTP/1.1" + host + "\r\nX: nul\x00":       400,
	} {
		if _, status := parse(head); status != want {
			t.Errorf("%q: %d, want %d", head, status, want)
		}
	}
	r, _ := parse("GET /history?since=5&x HTTP/1.1\r\nhost: \t localhost:80 \t")
	if r != (request{"GET", "/history", "since=5&x", "localhost:80"}) {
		t.Errorf("%+v", r)
	}
}

func TestServer_readsAHeadThatComesInPieces(t *testing.T) {
	addr := newTree(t, 1).listen(t, "tcp", "127.0.0.1:0")
	conn, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for piece := range strings.SplitAfterSeq("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", "") {
		if _, err = io.WriteString(conn, piece); err != nil {
			t.Fatal(err)
		}
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	response, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(response), "HTTP/1.1 200 OK\r\nDate: ") || !strings.HasSuffix(string(response), "\r\n\r\nok\n") {
		t.Errorf("%q, %v", response, err)
	}
}

func TestServer_survivesAPanic(t *testing.T) {
	tr := newTree(t, 1)
	tr.source.Resident = func(int32) uint64 { panic("for the test") }
	if w := tr.get(t, "/status"); w.Code != 500 {
		t.Errorf("answered %d", w.Code)
	}
}

func TestServer_answersWhatEndsTooEarly(t *testing.T) {
	addr := newTree(t, 1).listen(t, "tcp", "127.0.0.1:0")
	conn, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: loc")
	_ = conn.(*net.TCPConn).CloseWrite()
	_ = conn.SetDeadline(time.Now().Add(patience))
	response, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(response), "HTTP/1.1 400 Bad Request\r\n") {
		t.Errorf("%q, %v", response, err)
	}
}
