package blackbox

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// http2Client returns a client that speaks HTTP/2 to the first address, with TLS or without.
func (p *program) http2Client(config *tls.Config) *http.Client {
	if len(p.ports) == 0 { // It is a program that says where it listens.
		p.address(0)
	}
	_, name := dialName(p.ports[0])
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		if config == nil {
			return (&net.Dialer{}).DialContext(ctx, "tcp", name)
		}
		own := config.Clone()
		own.NextProtos = []string{"h2", "http/1.1"}
		return (&tls.Dialer{Config: own}).DialContext(ctx, "tcp", name)
	}
	transport := &http.Transport{DisableCompression: true, Protocols: new(http.Protocols), DialContext: dial, DialTLSContext: dial}
	transport.Protocols.SetHTTP2(config != nil)
	transport.Protocols.SetUnencryptedHTTP2(config == nil)
	p.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// fetch returns the body of a response by HTTP/2.
func fetch(t *testing.T, client *http.Client, req *http.Request) string {
	t.Helper()
	resp, err := client.Do(req)
	if err != nil {
		t.Fatalf("%s: %v", req.URL, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.ProtoMajor != 2 || resp.StatusCode != 200 {
		t.Fatalf("%s: %s %s, %v", req.URL, resp.Proto, resp.Status, err)
	}
	return string(body)
}

func newRequest(t *testing.T, method, path string, body io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequest(method, "https://localhost"+path, body)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func TestHTTP2_overTLSByOption(t *testing.T) {
	text := strings.Repeat("0123456789abcdef", 1<<17)
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, text)
	s := secure(t, "tls=on", []string{"FORKER_TEST_FILE=" + path}, "workers=1", "body_buffer=64k", "http2=on")
	s.address(0)
	client := s.http2Client(s.config())
	if got := fetch(t, client, newRequest(t, "GET", "/", nil)); got != "https" {
		t.Errorf("scheme %q", got)
	}
	if facts := strings.Split(fetch(t, client, newRequest(t, "GET", "/facts", nil)), "\n"); facts[4] != "3 2 h2" {
		t.Errorf("%q", facts)
	}
	for range 2 {
		if got := fetch(t, client, newRequest(t, "POST", "/body", strings.NewReader(text))); got != text {
			t.Fatalf("%d bytes of the body come back", len(got))
		}
		if got := fetch(t, client, newRequest(t, "GET", "/file", nil)); got != text {
			t.Fatalf("%d bytes of the file", len(got))
		}
		hint := ""
		trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			hint = fmt.Sprint(code, header.Get("Link"))
			return nil
		}}
		req := newRequest(t, "GET", "/hint", nil)
		if got := fetch(t, client, req.WithContext(httptrace.WithClientTrace(context.Background(), trace))); got != "hinted" || hint != "103</style.css>" {
			t.Fatalf("%q %q", got, hint)
		}
		if got := fetch(t, client, newRequest(t, "GET", "/hijack", nil)); got != "-3 -1" {
			t.Fatalf("hijack: %q", got)
		}
	}
	// Others are served as before.
	if got := s.dialTLS(s.config()).send(getOf("/")).receive("GET").body; got != "https" {
		t.Errorf("HTTP/1.1: %q", got)
	}
	s.stop(syscall.SIGTERM)
}

func TestHTTP2_withoutTLSByOption(t *testing.T) {
	p := start(t, setup{source: "golden.c", env: environment([]string{"workers=1", "h2c=on"})}).waitReady()
	p.address(0)
	client := p.http2Client(nil)
	const want = "GET path /show/x query a=b host localhost (localhost) version 20\n"
	if got := fetch(t, client, newRequest(t, "GET", "/show/x?a=b", nil)); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if curl, err := exec.LookPath("curl"); err == nil {
		_, name := dialName(p.address(0))
		got, err := exec.Command(curl, "-sS", "--http2-prior-knowledge", "-w", "%{http_version}", "http://"+name+"/show/x").CombinedOutput()
		if err != nil || !strings.HasSuffix(string(got), "version 20\n2") {
			t.Errorf("curl: %s, %v", got, err)
		}
	}
	p.stop(syscall.SIGTERM)
}

// Every request that a client begins during reloads is served, by this worker or, when that has said that it was not, by another.
func TestHTTP2_reloadsLoseNoRequest(t *testing.T) {
	reloads := 3
	if long() {
		reloads = 50
	}
	s := secure(t, "tls=on", nil, "workers=2", "drain_grace=200ms", "http2=on")
	s.address(0)
	stop, results := make(chan struct{}), make(chan error)
	const clients = 3
	for range clients {
		go func() { results <- s.fetchUntil(stop, s.http2Client(s.config())) }()
	}
	for range reloads {
		s.reload("reload: done")
	}
	close(stop)
	for range clients {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

// fetchUntil sends requests until stop.
func (s *secured) fetchUntil(stop chan struct{}, client *http.Client) error {
	for n := 0; ; n++ {
		select {
		case <-stop:
			return nil
		default:
		}
		resp, err := client.Get("https://localhost/who")
		if err != nil {
			return fmt.Errorf("request %d: %w", n, err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != 200 {
			return fmt.Errorf("request %d: %s, %w", n, resp.Status, err)
		}
		_ = resp.Body.Close()
	}
}
