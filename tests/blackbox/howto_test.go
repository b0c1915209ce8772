package blackbox

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// recipe returns the block of code in a language from docs/HOWTO.md, with its two addresses replaced.
func recipe(t *testing.T, language, front, back string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/HOWTO.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "```"+language+"\n")
	text, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatalf("docs/HOWTO.md has no block of %s", language)
	}
	return strings.NewReplacer("127.0.0.1:8000", front, "127.0.0.1:8080", back).Replace(text)
}

// freeAddress returns an address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// front starts a proxy that is no server of ours, until the test ends, and waits until it listens.
func front(t *testing.T, address string, command ...string) {
	t.Helper()
	if _, err := exec.LookPath(command[0]); err != nil {
		t.Skipf("%s is not installed; tools/install-deps test", command[0])
	}
	cmd := exec.Command(command[0], command[1:]...)
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		if t.Failed() {
			t.Logf("%s: %s", command[0], output.String())
		}
	})
	for {
		c, err := net.Dial("tcp", address)
		if err == nil {
			_ = c.Close()
			return
		}
		select {
		case <-ended:
			t.Fatalf("%s has ended: %s", command[0], output.String())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// nginx starts nginx with a server.
func nginx(t *testing.T, address, server string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	var paths strings.Builder
	for _, name := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&paths, "%s_temp_path %s/%s;\n", name, dir, name)
	}
	config := filepath.Join(dir, "nginx.conf")
	user := ""
	if os.Getuid() == 0 {
		user = "user root;\n"
	}
	write(t, config, user+"daemon off;\nmaster_process off;\npid "+dir+"/pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n"+paths.String()+server+"}\n")
	front(t, address, "nginx", "-c", config, "-e", "stderr")
}

// haproxy starts HAProxy with what stands behind the defaults.
func haproxy(t *testing.T, address, config string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "haproxy.cfg")
	write(t, path, "defaults\n    timeout connect 5s\n    timeout client 10s\n    timeout server 10s\n"+config)
	front(t, address, "haproxy", "-db", "-f", path)
}

// dialFrom connects as a client with an address of its own, which is no proxy's.
func dialFrom(t *testing.T, client, address string) *conn {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(client)}, Timeout: patience}
	c, err := dialer.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &conn{t, c, bufio.NewReader(c)}
}

func TestHowTo_behindNginx(t *testing.T) {
	p := gates(t, []string{"127.0.0.1:0", "/who"}, "workers=2", "trusted_proxies=127.0.0.1", "forwarded=x-forwarded-for")
	address := freeAddress(t)
	nginx(t, address, recipe(t, "nginx", address, p.address(0)))
	c := dialFrom(t, "127.0.0.2", address)
	for range 3 {
		got := c.send("GET /who HTTP/1.1\r\nHost: example.org:8000\r\nX-Forwarded-For: 6.6.6.6, 127.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.example\r\n\r\n").receive("GET").body
		if got != "127.0.0.2 http example.org:8000 none GET" {
			t.Errorf("%q", got)
		}
	}
}

func TestHowTo_behindNginxByAUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	gates(t, []string{"unix:" + path, "/who"}, "workers=1", "trusted_proxies=unix", "forwarded=x-forwarded-for")
	address := freeAddress(t)
	nginx(t, address, strings.Replace(recipe(t, "nginx", address, "X"), "http://X;", "http://unix:"+path+":;", 1))
	if got := dialFrom(t, "127.0.0.2", address).whoAsks("X-Forwarded-For: 6.6.6.6"); got != "127.0.0.2 http h none GET" {
		t.Errorf("%q", got)
	}
}

func TestHowTo_behindHAProxy(t *testing.T) {
	for _, version := range []string{"send-proxy-v2", "send-proxy"} {
		p := gates(t, []string{"127.0.0.1:0?proxy=on", "/who"}, "workers=2", "trusted_proxies=127.0.0.1", "h2c=on")
		address := freeAddress(t)
		haproxy(t, address, strings.Replace(recipe(t, "haproxy", address, p.address(0)), "send-proxy-v2", version, 1))
		if got := dialFrom(t, "127.0.0.2", address).whoAsks("X-Forwarded-For: 6.6.6.6"); got != "127.0.0.2 http h none GET" {
			t.Errorf("%s: %q", version, got)
		}
		p.reloadBehind(address)
		for _, line := range p.log.all() {
			if strings.Contains(line.text, "with proxy=on") {
				t.Errorf("%s: %s", version, line.text)
			}
		}
		p.stop(syscall.SIGTERM)
	}
}

// reloadBehind reloads the server while clients come by a proxy, which must all be answered.
func (p *program) reloadBehind(address string) {
	p.t.Helper()
	p.signal(syscall.SIGHUP)
	reloaded := func() bool {
		for _, line := range p.log.all() {
			if strings.Contains(line.text, "reload: done") {
				return true
			}
		}
		return false
	}
	until := time.Now().Add(patience)
	for n := 0; n < 50 || !reloaded(); n++ {
		res, err := http.Get("http://" + address + "/who")
		if err != nil {
			p.t.Fatalf("request %d: %v", n, err)
		}
		_, err = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != 200 || time.Now().After(until) {
			p.t.Fatalf("request %d: %s %v", n, res.Status, err)
		}
	}
}

func TestHowTo_haproxyByFields(t *testing.T) {
	p := gates(t, []string{"127.0.0.1:0", "/who"}, "workers=1", "trusted_proxies=127.0.0.1", "forwarded=x-forwarded-for")
	address := freeAddress(t)
	haproxy(t, address, "frontend f\n    mode http\n    bind "+address+"\n    option forwardfor\n    http-request set-header X-Forwarded-Proto https\n"+
		"    default_backend b\nbackend b\n    mode http\n    option httpchk GET /who\n    server s "+p.address(0)+" check inter 100ms\n")
	if got := dialFrom(t, "127.0.0.2", address).whoAsks("X-Forwarded-For: 6.6.6.6\nX-Forwarded-Proto: gopher"); got != "127.0.0.2 https h none GET" {
		t.Errorf("%q", got)
	}
}

// TestHowTo_siteWithFallback sets the options that the page has.
func TestHowTo_siteWithFallback(t *testing.T) {
	page, err := os.ReadFile("../../docs/HOWTO.md")
	must(t, err)
	_, text, _ := strings.Cut(string(page), "forker_server_static(srv, \"\", \"/srv/site\", &site);\n")
	text, _, _ = strings.Cut(text, "```")
	root := site(t, map[string]string{"index.html": "app", "assets/app.1f.js": "js", "assets/app.1f.js.gz": "gzip"})
	arguments := []string{"/api/users", "==" + root}
	for line := range strings.Lines(text) {
		var name, value string
		if _, err := fmt.Sscanf(strings.ReplaceAll(line, ",", " , "), "forker_route_set(site , %q , %q);", &name, &value); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		arguments = append(arguments, "+"+name+"="+strings.ReplaceAll(value, " , ", ","))
	}
	p := serving(t, arguments)
	const forever = "public, max-age=31536000, immutable"
	for _, row := range []struct{ what, want, control string }{
		{"GET /users/7\nAccept: text/html", "200 app", "no-cache"},
		{"GET /\nAccept: text/html", "200 app", "no-cache"},
		{"GET /assets/app.1f.js", "200 js", forever},
		{"GET /assets/app.1f.js\nAccept-Encoding: gzip", "200 gzip", forever},
		{"GET /assets/gone.js\nAccept: text/html", "404 404 Not Found\n", ""},
		{"GET /api/users\nAccept: text/html", "200 handled", ""},
	} {
		a := p.exchange(row.what)
		if got := fmt.Sprint(a.StatusCode, " ", a.body); got != row.want || a.Header.Get("Cache-Control") != row.control {
			t.Errorf("%s: %s, %q", row.what, got, a.Header.Get("Cache-Control"))
		}
	}
}

// TestHowTo_unitTests runs the unit tests of the page, and sees them fail when what they ask is not as they say.
func TestHowTo_unitTests(t *testing.T) {
	page, err := os.ReadFile("../../docs/HOWTO.md")
	must(t, err)
	_, section, _ := strings.Cut(string(page), "\n## Testing one's own handlers\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, row := range []struct{ language, compiler, standard, expected string }{
		{"c", "gcc", "c11", `"joe"`},
		{"cpp", "g++", "c++17", `"noted milk"`},
	} {
		_, source, _ := strings.Cut(section, "```"+row.language+"\n")
		source, _, found := strings.Cut(source, "```")
		if !found || !strings.Contains(source, row.expected) {
			t.Fatalf("there is no %s", row.language)
		}
		for _, fails := range []bool{false, true} {
			dir := t.TempDir()
			file, program := filepath.Join(dir, "test."+row.language), filepath.Join(dir, "test")
			if fails {
				source = strings.Replace(source, row.expected, `"else"`, 1)
			}
			must(t, os.WriteFile(file, []byte(source), 0o644))
			cmd := exec.Command(row.compiler, "-std="+row.standard, "-Wall", "-Wextra", "-Werror", "-I../../include", "-o", program, file, "-L"+plain.dir, "-lforker", "-pthread", "-Wl,-rpath,"+plain.dir)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			cmd = exec.Command(program)
			cmd.Dir, cmd.Env = dir, cleanEnvironment()
			if out, err := cmd.CombinedOutput(); (err != nil) != fails {
				t.Errorf("%s, which fails: %v: %v %s", row.language, fails, err, out)
			}
		}
	}
}
