package blackbox

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Who may come in, by option basic_auth.

const (
	joes = "joe:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n"                                         // "secret"
	anns = "ann \"x\":$6$abcd$/MbKxU/BgWxzupDiYV4ytn3PK97WczmtLQteV4NkqPSgL4IwHA6VQYHfE1tznNV0X/0nftEY1dzbMvtgPtuCx.\n" // "pässwörd:x"
)

// basic is the field by which somebody shows a name and a password.
func basic(pair string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
}

// userFile makes a file of users.
func userFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "users")
	write(t, path, text)
	return path
}

func TestUsers_areAskedFor(t *testing.T) {
	file := userFile(t, "# users\n"+joes+anns)
	for _, workers := range []string{"0", "1"} {
		options := []string{"workers=" + workers, "h2c=on", "basic_auth=" + file, "auth_realm=circle"}
		p := start(t, setup{source: "gates.c", args: []string{"127.0.0.1:0", "/own", "+basic_auth=", "/who", "/inner", "+auth_realm=ünter \"uns\""}, env: environment(options)})
		p.log.wait(t, 0, "serving on")
		for what, want := range map[string]string{
			"GET /who":                                   "401 circle",
			"GET /who\n" + basic("joe:secret"):           "200 joe",
			"HEAD /who\n" + basic("joe:secret"):          "200 ",
			"POST /who body\n" + basic("joe:secret"):     "200 joe",
			"GET /who\n" + basic("ann \"x\":pässwörd:x"): "200 ann \"x\"",
			"GET /who\n" + basic("ann \"x\":pässwörd"):   "401 circle",
			"GET /who\n" + basic("joe:pässwörd:x"):       "401 circle",
			"GET /none\n" + basic("joe:x"):               "401 circle",
			"GET /none\n" + basic("joe:secret"):          "404 ",
			"OPTIONS /who":                               "401 circle",
			"GET /own":                                   "200 ",
			"GET /inner":                                 `401 ünter \"uns\"`,
			"OPTIONS /who\nOrigin: http://a.example\nAccess-Control-Request-Method: GET": "401 circle",
		} {
			a := p.exchange(what)
			_, user, _ := strings.Cut(a.body, " none "+strings.SplitN(what, " ", 2)[0]+" ")
			realm, _, _ := strings.Cut(strings.TrimPrefix(a.Header.Get("WWW-Authenticate"), `Basic realm="`), `", charset="UTF-8"`)
			if got := fmt.Sprintf("%d %s%s", a.StatusCode, user, realm); got != want {
				t.Errorf("workers=%s: %s: %q, want %q", workers, what, got, want)
			}
		}
		p.stop(syscall.SIGTERM)
	}
}

// TestUsers_cannotBePassedBy tries to come to what is below /admin without a password, also where no route is: then the
// route for all would have it.
func TestUsers_cannotBePassedBy(t *testing.T) {
	p := gated(t, []string{"/*path", "@/admin", "+basic_auth=" + userFile(t, joes), "GET/exact", "/:id/in", "/files/*path"})
	client := p.http2Client(nil)
	for _, target := range []string{
		"/admin", "/admin/", "/admin/exact", "/admin/7/in", "/admin/files/a/b", "/admin/no/such/route", "/admin/exact/", "/admin//exact",
		"/admin%2Fexact", "/%61dmin/exact", "/admin/%65xact", "/admin%2fexact", "/x/../admin/exact", "/x/%2e%2e/admin/exact",
		"/./admin/exact", "/admin/./exact", "/admin/exact?x=1", "http://" + p.address(0) + "/admin/exact", "http://elsewhere/admin/exact",
		"/admin/..%2Fadmin/exact", "/admin/%2Fexact",
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS", "DELETE", "BREW"} {
			for _, more := range []string{"", "Content-Length: 5\r\n\r\n12345", "Origin: http://a.example\r\nAccess-Control-Request-Method: GET\r\n", basic("joe:") + "\r\n"} {
				if !strings.Contains(more, "\r\n\r\n") {
					more += "\r\n"
				}
				if a := p.dial().send(method + " " + target + " HTTP/1.1\r\nHost: t\r\n" + more).receive(method); a.StatusCode != 401 {
					t.Errorf("%s %s %q: %s %q", method, target, more, a.Status, a.body)
				}
			}
			if !strings.HasPrefix(target, "/") {
				continue
			}
			req := newRequest(t, method, target, nil)
			req.URL.Scheme = "http"
			res, err := client.Do(req)
			must(t, err)
			_ = res.Body.Close()
			if res.StatusCode != 401 {
				t.Errorf("HTTP/2 %s %s: %s", method, target, res.Status)
			}
		}
	}
	for target, want := range map[string]int{"/admin/exact": 200, "/admin/none": 200, "/other": 200} {
		if a := p.dial().send("GET " + target + " HTTP/1.1\r\nHost: t\r\n" + basic("joe:secret") + "\r\n\r\n").receive("GET"); a.StatusCode != want {
			t.Errorf("joe %s: %s", target, a.Status)
		}
	}
	if a := p.get("//admin/exact"); a.StatusCode != 200 { // Another path.
		t.Errorf("//admin/exact: %s", a.Status)
	}
}

// TestUsers_areNotPassedByNext: a handler that leaves a request to another route does not let it in there.
func TestUsers_areNotPassedByNext(t *testing.T) {
	for _, dispatch := range []string{"inline", "pool"} {
		p := gated(t, []string{"/next", "+dispatch=" + dispatch, "/:any", "+basic_auth=" + userFile(t, joes)})
		for what, want := range map[string]int{
			"GET /next": 401, "POST /next body": 401, "GET /next\n" + basic("joe:x"): 401,
			"GET /next\n" + basic("joe:secret"): 200, "POST /next body\n" + basic("joe:secret"): 200,
		} {
			if a := p.exchange(what); a.StatusCode != want {
				t.Errorf("%s: %s: %d, want %d", dispatch, what, a.StatusCode, want)
			}
		}
	}
}

func TestUsers_areInTheAccessLog(t *testing.T) {
	for format, want := range map[string]string{
		"common": `127.0.0.1 - ann\x20\x22x\x22 [`, "json": `"user":"ann \"x\""`,
	} {
		log := newLogFile(t)
		p := gated(t, []string{"/who"}, "basic_auth="+userFile(t, joes+anns), "access_log="+format, "access_log_file="+log.path)
		p.dial().send("GET /who HTTP/1.1\r\nHost: t\r\n" + basic("ann \"x\":pässwörd:x") + "\r\n\r\n").receive("GET")
		p.dial().send("GET /who HTTP/1.1\r\nHost: t\r\n" + basic("joe:wrong") + "\r\n\r\n").receive("GET")
		p.stop(syscall.SIGTERM)
		if text := log.text(); strings.Count(text, want) != 1 || strings.Contains(text, "joe") || strings.Contains(text, "ssw") {
			t.Errorf("%s:\n%s", format, text)
		}
	}
}

func TestUsers_fileIsReadAgainAtReload(t *testing.T) {
	file := userFile(t, joes)
	p := gated(t, []string{"/who"}, "basic_auth="+file)
	asks := func(pair string, want int) {
		t.Helper()
		if a := p.dial().send("GET /who HTTP/1.1\r\nHost: t\r\n" + basic(pair) + "\r\n\r\n").receive("GET"); a.StatusCode != want {
			t.Errorf("%s: %s, want %d", pair, a.Status, want)
		}
	}
	asks("joe:secret", 200)
	write(t, file, joes+"garbage\n")
	p.reload("reload refused: basic_auth: " + file + `: line 2: it is not "name:hash"; the workers go on as they are`)
	asks("joe:secret", 200)
	must(t, syscall.Unlink(file))
	p.reload("reload refused: basic_auth: " + file + ": No such file or directory; the workers go on as they are")
	worker := p.workers()[0]
	p.kill(worker, syscall.SIGKILL) // Its successor has what was there.
	p.waitReplaced(0, worker)
	asks("joe:secret", 200)
	write(t, file, anns)
	p.reload("reload: done")
	asks("joe:secret", 401)
	asks("ann \"x\":pässwörd:x", 200)
}

func TestUsers_badFilesAreRefused(t *testing.T) {
	for _, workers := range []string{"0", "1"} {
		for text, want := range map[string]string{
			"":                   "there is no user in it",
			joes + "ann:$apr1$x": "line 2: ann: the hash is one that is too quick to compute",
			joes + joes:          "line 2: joe: there is a line of that name before",
		} {
			file := userFile(t, text)
			p := start(t, setup{source: "gates.c", args: []string{"127.0.0.1:0", "/who", "+basic_auth=" + file}, env: environment([]string{"workers=" + workers})})
			if p.wait() == 0 {
				t.Errorf("%q: it serves", text)
			}
			p.log.wait(t, 0, "run: basic_auth: "+file+": "+want)
		}
		p := start(t, setup{source: "gates.c", args: []string{"127.0.0.1:0", "/who", "+basic_auth=/none"}, env: environment([]string{"workers=" + workers})})
		if p.wait() == 0 {
			t.Error("it serves without the file")
		}
		p.log.wait(t, 0, "run: basic_auth: /none: No such file or directory")
	}
}

func TestUsers_overTLS(t *testing.T) {
	s := secure(t, "tls=on", nil, "workers=1", "http2=on", "basic_auth="+userFile(t, joes))
	for _, http2 := range []bool{false, true} {
		client := s.http2Client(s.config())
		if !http2 {
			client = &http.Client{Transport: &http.Transport{TLSClientConfig: s.config(), DisableKeepAlives: true}}
		}
		for password, want := range map[string]int{"": 401, "wrong": 401, "secret": 200} {
			req, err := http.NewRequest("GET", "https://"+s.address(0)+"/", nil)
			must(t, err)
			if password != "" {
				req.SetBasicAuth("joe", password)
			}
			res, err := client.Do(req)
			must(t, err)
			_ = res.Body.Close()
			if res.StatusCode != want || http2 != (res.ProtoMajor == 2) {
				t.Errorf("%q: %s %s, want %d", password, res.Proto, res.Status, want)
			}
		}
		client.CloseIdleConnections()
	}
}

// TestHowTo_usersWithPasswords sets the options that the page has.
func TestHowTo_usersWithPasswords(t *testing.T) {
	page, err := os.ReadFile("../../docs/HOWTO.md")
	must(t, err)
	_, text, _ := strings.Cut(string(page), "forker_group *admin = forker_server_group(srv, \"/admin\");\n")
	text, _, _ = strings.Cut(text, "```")
	arguments := []string{"/*path", "@/admin"}
	file := userFile(t, joes)
	for line := range strings.Lines(text) {
		name, value, found := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(line, `forker_group_set(admin, "`), "\");\n"), `", "`)
		if !found {
			t.Fatal(line)
		}
		arguments = append(arguments, "+"+name+"="+strings.Replace(value, "/etc/app/users", file, 1))
	}
	p := gated(t, append(arguments, "/page"))
	for what, want := range map[string]string{
		"GET /other": "200 ", "GET /admin/none": `401 Basic realm="the back office", charset="UTF-8"`, "GET /admin/page\n" + basic("joe:secret"): "200 ",
	} {
		a := p.exchange(what)
		if got := fmt.Sprint(a.StatusCode, " ", a.Header.Get("WWW-Authenticate")); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
}
