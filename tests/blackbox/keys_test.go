package blackbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Keys and passwords that the program judges.

const ofForm = "\nContent-Type: application/x-www-form-urlencoded"

// keyed starts keys.c, with a file "f" that is served behind each group.
func keyed(t *testing.T, b build, options ...string) *program {
	t.Helper()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "f"), []byte("of a file"), 0o644))
	return startInMode(t, setup{build: &b, source: "keys.c", args: []string{"127.0.0.1:0", dir}}, append([]string{"h2c=on"}, options...))
}

// What a group with several sources of keys answers to who shows none of them, and to who shows one that is none.
const (
	ofRealm    = ` realm="a \"realm\""`
	keyMissing = "401 Bearer" + ofRealm + " | ApiKey" + ofRealm
	keyWrong   = "401 Bearer" + ofRealm + `, error="invalid_token" | ApiKey` + ofRealm
)

func TestKeys_areAskedFor(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := keyed(t, b)
		for what, want := range map[string]string{
			"GET /admin/exact": keyMissing,
			"GET /admin/exact\nAuthorization: Bearer secret":   "200 GET 0 none",
			"GET /admin/exact\nAuthorization: bEARER   secret": "200 GET 0 none",
			"HEAD /admin/exact\nAuthorization: Bearer secret":  "200 ",
			"HEAD /admin/exact": keyMissing,
			"BREW /admin/exact\nAuthorization: Bearer secret":       "200 BREW 0 none",
			"GET /admin/exact\nAuthorization: Bearer secre":         keyWrong,
			"GET /admin/exact\nAuthorization: Bearer secrets":       keyWrong,
			"GET /admin/exact\nAuthorization: Bearer Secret":        keyWrong,
			"GET /admin/exact\nAuthorization: Bearersecret":         keyMissing,
			"GET /admin/exact\nAuthorization: Bearer":               keyMissing,
			"GET /admin/exact\nAuthorization: secret":               keyMissing,
			"GET /admin/exact\nAuthorization: Basic c2VjcmV0OmE=":   keyMissing,
			"GET /admin/exact\nAuthorization: Digest Bearer secret": keyMissing,
			"GET /admin/exact\nX-Key: secret":                       "200 GET 0 none",
			"GET /admin/exact\nX-Key: Bearer secret":                keyWrong,
			"GET /admin/exact?api+key=secret":                       "200 GET 0 none",
			"GET /admin/exact?api%20key=%73ecret":                   "200 GET 0 none",
			"GET /admin/exact?api+key=":                             keyMissing,
			"GET /admin/exact?apikey=secret":                        keyMissing,
			"GET /admin/exact?API+KEY=secret":                       keyMissing,
			"GET /admin/exact?api+key=secret%00":                    keyWrong,
			"GET /admin/exact\nCookie: a=b; sid=secret":             "200 GET 0 none",
			"GET /admin/exact\nCookie: SID=secret":                  keyMissing,
			"GET /admin/exact\nCookie: sid=x\nX-Key: secret":        "200 GET 0 none", // The first source counts.
			"GET /admin/exact\nX-Key: x\nCookie: sid=secret":        keyWrong,
			"POST /admin/exact a=1&key=secret" + ofForm:             "200 POST 14 1",
			"POST /admin/exact key=%73ecret" + ofForm:               "200 POST 12 none",
			"POST /admin/exact key=wrong" + ofForm:                  keyWrong,
			"POST /admin/exact a=1" + ofForm:                        keyMissing,
			"POST /admin/exact key=secret":                          keyMissing, // It is no form.
			"POST /admin/exact key=secret\nX-Key: x" + ofForm:       keyWrong,
			"POST /admin/exact?api+key=secret a=1&key=x" + ofForm:   "200 POST 9 1",
		} {
			p.expectKeyed(what, "", want)
		}
		part := func(name, value string) string {
			return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
		}
		const parts = "POST /admin/exact\nContent-Type: multipart/form-data; boundary=b"
		p.expectKeyed(parts, part("key", "secret")+part("a", "7")+"--b--\r\n", "200 POST 118 7")
		p.expectKeyed(parts, part("key", "secret")+part("key", "secret")+"--b--\r\n", keyMissing)
		p.expectKeyed(parts, part("key", "secret")+"--b", keyMissing) // Malformed.
	})
}

func TestKeys_areAskedForWhateverTheRoute(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := keyed(t, b)
		for what, want := range map[string]string{
			"OPTIONS /admin/exact":                             keyMissing,
			"GET /admin/none":                                  keyMissing,
			"GET /admin":                                       keyMissing,
			"GET /admin/none?api+key=secret":                   "200 open",
			"GET /admin/files/f":                               keyMissing,
			"GET /admin/files/f?api+key=secret":                "200 of a file",
			"HEAD /admin/files/f":                              keyMissing,
			"POST /admin/files/f key=secret" + ofForm:          "200 open", // Files are for GET; the next route is for all.
			"POST /form/files/f key=wrong" + ofForm:            "401 ApiKey" + ` realm="restricted"`,
			"POST /admin/stream a=1\nX-Key: secret":            "200 the last piece has 3",
			"POST /form/stream a=1&key=secret" + ofForm:        "200 the last piece has 14",
			"POST /form/stream a=1" + ofForm:                   `401 ApiKey realm="restricted"`,
			"POST /form/small a=1&key=secret" + ofForm:         "413 ",
			"POST /form/none a=1&key=secret" + ofForm:          "200 open",
			"POST /form/none a=1" + ofForm:                     `401 ApiKey realm="restricted"`,
			"POST /pool/exact a=1&key=secret" + ofForm:         "200 POST 14 1",
			"POST /pool/pool a=2&key=secret" + ofForm:          "200 POST 14 2",
			"POST /pool/pool key=other" + ofForm:               `401 Bearer realm="restricted", error="invalid_token" | ApiKey realm="restricted"`,
			"GET /pool/exact\nAuthorization: Bearer secret":    "200 GET 0 none",
			"GET /later/exact?key=k&who=friend":                "200 GET 0 none",
			"POST /later/exact?who=friend a=1&key=k" + ofForm:  "200 POST 9 1",
			"POST /later/stream?who=friend a=1&key=k" + ofForm: "200 the last piece has 9",
			"POST /later/exact?who=foe key=k" + ofForm:         "403 ",
			"GET /later/exact?who=friend":                      `401 ApiKey realm="restricted"`,
			"GET /own/exact?key=o":                             "418 ",
			"GET /own/exact?key=x":                             `401 ApiKey realm="restricted"`,
			"GET /code/exact?key=1":                            "200 GET 0 none",
			"GET /code/exact?key=0":                            `401 ApiKey realm="restricted"`,
			"GET /code/exact?key=-3":                           "500 ",
			"GET /code/exact?key=2":                            "500 ",
			"GET /code/exact?key=7":                            "500 ",
			"POST /leave/exact key=secret" + ofForm:            "200 POST 10 none",
			"POST /leave/exact key=other" + ofForm:             `401 ApiKey realm="restricted"`,
			"POST /leave/exact":                                `401 ApiKey realm="restricted"`,
			"GET /other":                                       "200 open",
		} {
			p.expectKeyed(what, "", want)
		}
	})
}

// expectKeyed wants "200 body", or the challenges of a refusal, by each version of HTTP. what is as for exchange.
func (p *program) expectKeyed(what, body, want string) {
	p.t.Helper()
	exchange := p.exchange
	if body != "" {
		exchange = func(what string) response { return p.exchangeBody(what, body) }
	}
	a := exchange(what)
	got := fmt.Sprintf("%d %s", a.StatusCode, a.body)
	if a.StatusCode != 200 {
		got = fmt.Sprintf("%d %s", a.StatusCode, strings.Join(a.Header.Values("WWW-Authenticate"), " | "))
	}
	if got != want {
		p.t.Errorf("%s: %q %v, want %q", what, got, a.Header, want)
	}
	if behind := a.Header.Get("X-Behind") == "1"; behind != (a.StatusCode == 200) && strings.Contains(what, "/exact") {
		p.t.Errorf("%s: %s, and the function behind the check was called: %v", what, a.Status, behind)
	}
}

// TestKeys_shownTwiceAreNone: whoever comes after us could take the other one.
func TestKeys_shownTwiceAreNone(t *testing.T) {
	p := keyed(t, plain)
	for _, row := range []struct {
		request string
		status  int
	}{
		{"GET /admin/exact HTTP/1.1\r\nHost: t\r\nX-Key: secret\r\n", 200},
		{"GET /admin/exact HTTP/1.1\r\nHost: t\r\nX-Key: secret\r\nx-key: other\r\n", 401},
		{"GET /admin/exact HTTP/1.1\r\nHost: t\r\nX-Key: secret\r\nX-Key: secret\r\n", 401},
		{"GET /admin/exact HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer secret\r\nAuthorization: Bearer secret\r\n", 401},
		{"GET /admin/exact?api+key=secret&a=b HTTP/1.1\r\nHost: t\r\n", 200},
		{"GET /admin/exact?api+key=secret&api%20key=secret HTTP/1.1\r\nHost: t\r\n", 401},
		{"GET /admin/exact HTTP/1.1\r\nHost: t\r\nCookie: sid=secret; sid=secret\r\n", 401},
		{"GET /admin/exact HTTP/1.1\r\nHost: t\r\nCookie: sid=secret\r\nCookie: sid=secret\r\n", 401},
		{"POST /form/exact HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\nkey=secret", 200},
		{"POST /form/exact HTTP/1.1\r\nHost: t\r\nContent-Length: 21\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\nkey=secret&key=secret", 401},
	} {
		if !strings.Contains(row.request, "\r\n\r\n") {
			row.request += "\r\n"
		}
		if a := p.dial().send(row.request).receive("GET"); a.StatusCode != row.status {
			t.Errorf("%q: %s, want %d", row.request, a.Status, row.status)
		}
	}
}

// TestKeys_cannotBePassedBy tries to come to what is below /admin without a key, also where no route is.
func TestKeys_cannotBePassedBy(t *testing.T) {
	p := keyed(t, plain)
	client := p.http2Client(nil)
	for _, target := range []string{
		"/admin", "/admin/", "/admin/exact", "/admin/7/in", "/admin/files/f", "/admin/files/", "/admin/no/such/route", "/admin/exact/", "/admin//exact",
		"/admin%2Fexact", "/%61dmin/exact", "/admin/%65xact", "/admin%2fexact", "/x/../admin/exact", "/x/%2e%2e/admin/exact", "/admin/files/%66",
		"/./admin/exact", "/admin/./exact", "/admin/exact?x=1", "/admin/files/../files/f", "/form/exact", "/form/files/f", "/basic/exact", "/basic/files/f",
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS", "DELETE", "BREW"} {
			for _, more := range []string{
				"\r\n", "Content-Length: 5\r\n\r\n12345", "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n",
				"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 5\r\n\r\nkey=x",
				"Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nkey=x\r\n0\r\n\r\n",
			} {
				if a := p.dial().send(method + " " + target + " HTTP/1.1\r\nHost: t\r\n" + more).receive(method); a.StatusCode != 401 {
					t.Errorf("%s %s %q: %s %q", method, target, more, a.Status, a.body)
				}
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
}

// TestKeys_ofFormsAreAwaited: a client that asks first is told to send its form, and refused at the head where the key can only
// be there.
func TestKeys_ofFormsAreAwaited(t *testing.T) {
	p := keyed(t, plain)
	const head = " HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 10\r\n"
	for _, path := range []string{"/form/exact", "/form/stream", "/pool/pool", "/form/none"} {
		c := p.dial().send("POST " + path + head + "\r\n")
		if a := c.receive("POST"); a.StatusCode != 100 {
			t.Fatalf("%s: %s", path, a.Status)
		}
		if a := c.send("key=secret").receive("POST"); a.StatusCode != 200 {
			t.Errorf("%s: %s", path, a.Status)
		}
	}
	if a := p.dial().send("POST /pool/pool" + head + "Authorization: Bearer x\r\n\r\n").receive("POST"); a.StatusCode != 401 {
		t.Errorf("a wrong key in the head: %s", a.Status)
	}
}

func TestPasswords_areAskedFor(t *testing.T) {
	const ask = `401 Basic realm="restricted", charset="UTF-8"`
	long := strings.Repeat("x", 255)
	eachBuild(t, func(t *testing.T, b build) {
		p := keyed(t, b)
		for what, want := range map[string]string{
			"GET /basic/exact":                                                   ask,
			"GET /basic/exact\n" + basic("joé:a:b c"):                            "200 GET 0 none joé",
			"HEAD /basic/exact\n" + basic("joé:a:b c"):                           "200 ",
			"POST /basic/exact a=1\n" + basic("joé:a:b c") + ofForm:              "200 POST 3 1 joé",
			"POST /basic/pool a=1\n" + basic("joé:a:b c") + ofForm:               "200 POST 3 1 joé",
			"GET /basic/files/f\n" + basic("joé:a:b c"):                          "200 of a file",
			"GET /basic/files/f":                                                 ask,
			"GET /basic/none\n" + basic("joé:a:b c"):                             "200 open",
			"GET /basic/exact\n" + basic("joé:a:b"):                              ask,
			"GET /basic/exact\n" + basic("jo:a:b c"):                             ask,
			"GET /basic/exact\n" + basic("busy:"):                                "503 ",
			"GET /basic/exact\n" + basic(":a:b c"):                               ask,
			"GET /basic/exact\n" + basic("joé"):                                  ask,
			"GET /basic/exact\n" + basic("joé:a:b c\x00"):                        ask,
			"GET /basic/exact\n" + basic(long+":"+long):                          ask,
			"GET /basic/exact\n" + basic("x"+long+":"):                           ask,
			"GET /basic/exact\n" + basic("x:"+strings.Repeat(long, 5)):           ask,
			"GET /basic/exact\nAuthorization: Basic am/DqTphOmIgYw":              ask,
			"GET /basic/exact\nAuthorization: Basic":                             ask,
			"GET /basic/exact\nAuthorization: Basic !!!!":                        ask,
			"GET /basic/exact\nAuthorization: Bearer am/DqTphOmIgYw==":           ask,
			"GET /basic/exact\nAuthorization: bASIC  " + basic("joé:a:b c")[21:]: "200 GET 0 none joé",
		} {
			a := p.exchange(what)
			got := fmt.Sprintf("%d %s", a.StatusCode, a.body)
			if a.StatusCode != 200 {
				got = fmt.Sprintf("%d %s", a.StatusCode, strings.Join(a.Header.Values("WWW-Authenticate"), " | "))
			}
			if got != want {
				t.Errorf("%s: %q, want %q", what, got, want)
			}
		}
	})
}

// TestPasswords_nameIsOfOneRequest: the next request on a connection is nobody's again, and the access log knows whose the first was.
func TestPasswords_nameIsOfOneRequest(t *testing.T) {
	log := newLogFile(t)
	p := keyed(t, plain, "access_log=json", "access_log_file="+log.path)
	c := p.dial()
	c.send("GET /basic/exact HTTP/1.1\r\nHost: t\r\n" + basic("joé:a:b c") + "\r\n\r\n").receive("GET")
	if a := c.send("GET /admin/exact HTTP/1.1\r\nHost: t\r\nX-Key: secret\r\n\r\n").receive("GET"); a.body != "GET 0 none" {
		t.Errorf("%q", a.body)
	}
	c.send("GET /basic/exact HTTP/1.1\r\nHost: t\r\n" + basic("joé:wrong") + "\r\n\r\n").receive("GET")
	p.stop(syscall.SIGTERM)
	if text := log.text(); strings.Count(text, `"user":"`) != 1 || !strings.Contains(text, `"user":"joé"`) {
		t.Errorf("%s", text)
	}
}
