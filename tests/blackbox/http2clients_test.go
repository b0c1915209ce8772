//go:build clients

package blackbox

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Clients of HTTP/2 that are not Go's: `make test-clients`, which installs them. curl and h2load are in the other tests.

// http2Serving is a server with an address in clear text and one with TLS.
func http2Serving(t *testing.T) *secured {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, strings.Repeat("0123456789abcdef", 1<<17))
	env := []string{"FORKER_TEST_ALSO=127.0.0.1:0", "FORKER_TEST_FILE=" + file}
	return secure(t, "tls=on", env, "workers=2", "h2c=on", "http2=on")
}

// byClient runs a client that asks for everything at an address, and demands that it says what it got.
func (s *secured) byClient(want string, command ...string) {
	s.t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.WaitDelay = time.Second
	timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	if out, err := cmd.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != want {
		s.t.Errorf("%q: %v\n%s, want %s", command, err, out, want)
	}
}

// url returns the base of what an address has, and the number of that.
func (s *secured) url(scheme string, index int) string {
	_, port, _ := strings.Cut(s.address(index), ":")
	return scheme + "://localhost:" + port
}

func TestHTTP2Clients_node(t *testing.T) {
	s := http2Serving(t)
	s.byClient("h2 true 2097152 1 https", "node", "testdata/clients/client.mjs", s.url("https", 1), s.roots())
	s.byClient("h2c true 2097152 1 http", "node", "testdata/clients/client.mjs", s.url("http", 0))
}

func TestHTTP2Clients_httpx(t *testing.T) {
	s := http2Serving(t)
	s.byClient("HTTP/2 True 2097152 1 https", "/usr/bin/python3", "testdata/clients/client.py", s.url("https", 1), s.roots())
	s.byClient("HTTP/2 True 2097152 1 http", "/usr/bin/python3", "testdata/clients/client.py", s.url("http", 0))
}

// In clear text it asks for an upgrade, which RFC 9113 has dropped.
func TestHTTP2Clients_java(t *testing.T) {
	s := http2Serving(t)
	s.byClient("HTTP_2 true 2097152 1 https", "java", "testdata/clients/Client.java", s.url("https", 1), s.roots())
	s.byClient("HTTP_1_1 true 2097152 1 http", "java", "testdata/clients/Client.java", s.url("http", 0), s.roots())
}

func TestHTTP2Clients_chromium(t *testing.T) {
	s := http2Serving(t)
	if dom := dumpDOM(t, "chromium", s.url("https", 1)+"/facts", "--ignore-certificate-errors"); !strings.Contains(dom, "\n3 2 h2\n") {
		t.Errorf("%s", dom)
	}
}
