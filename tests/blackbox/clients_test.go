package blackbox

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// curl runs curl and gives what it prints.
func curl(t *testing.T, input string, args ...string) string {
	t.Helper()
	cmd := exec.Command("curl", append([]string{"-sS", "--max-time", "20", "--noproxy", "*"}, args...)...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("curl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.ReplaceAll(string(out), "\r\n", "\n")
}

func TestCurl_isServed(t *testing.T) {
	p := serve(t, "workers=2")
	url := "http://" + p.address(0)
	large := strings.Repeat("0123456789", 200_000)
	cases := []struct {
		name, input string
		args        []string
		want        string
	}{
		{"GET", "", []string{url}, "hello\n"},
		{"GET by HTTP/1.0", "", []string{"--http1.0", url}, "hello\n"},
		{"POST", "", []string{"-d", "a body", url + "/body"}, "a body"},
		{"POST in chunks", "from stdin", []string{"-H", "Transfer-Encoding: chunked", "--data-binary", "@-", url + "/body"}, "from stdin"},
		{"PUT of much", large, []string{"-T", "-", url + "/body"}, large},
		{"POST that waits", large, []string{"-H", "Expect: 100-continue", "--data-binary", "@-", url + "/body"}, large},
		{"upgrade that is not there", "", []string{"--http2", url}, "hello\n"},
		{"one connection", "", []string{"-w", "%{num_connects}\n", url, url, url}, "hello\n1\nhello\n0\nhello\n0\n"},
		{"status", "", []string{"-o", "/dev/null", "-w", "%{http_code}", url + "/none"}, "404"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := curl(t, c.input, c.args...); got != c.want {
				t.Errorf("got %.300q, want %.300q", got, c.want)
			}
		})
	}
	head := regexp.MustCompile(`^HTTP/1\.1 200 OK\nServer: libforker\nDate: [^\n]+ GMT\nContent-Length: 6\nContent-Type: text/plain\n\n$`)
	if got := curl(t, "", "-I", url); !head.MatchString(got) {
		t.Errorf("HEAD gives %q", got)
	}
}

func TestCurl_isServedOnUnixSockets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	p := start(t, setup{args: []string{"unix:" + path}}).waitReady()
	if address := p.address(0); address != "unix:"+path {
		t.Errorf("the address is %s", address)
	}
	if got := curl(t, "", "--unix-socket", path, "http://any/"); got != "hello\n" {
		t.Errorf("got %q", got)
	}
}

// wrk loads the server, and must see nothing but good responses, whatever happens meanwhile.
func (p *program) wrk(meanwhile func()) {
	p.t.Helper()
	cmd := exec.Command("wrk", "-t1", "-c64", "-d2s", "http://"+p.address(0)+"/")
	done := make(chan error, 1)
	var out []byte
	go func() {
		var err error
		out, err = cmd.CombinedOutput()
		done <- err
	}()
	meanwhile()
	if err := <-done; err != nil {
		p.t.Errorf("wrk: %v\n%s", err, out)
	}
	if strings.Contains(string(out), "Socket errors") || strings.Contains(string(out), "Non-2xx") || !strings.Contains(string(out), "requests in") {
		p.t.Errorf("wrk says\n%s", out)
	}
}

func TestWrk_isServed(t *testing.T) {
	p := serve(t, "workers=2")
	p.wrk(func() {})
	p.wrk(func() {
		master := p.master()
		p.kill(master, syscall.SIGKILL)
		eventually(t, "there is another master", func() bool { return p.master() != master })
	})
}
