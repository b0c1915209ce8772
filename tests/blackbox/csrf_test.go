package blackbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"libforker/engine/secure/testcert"
)

// Requests that show by a token that a page of the server has sent them.

const cookieKey = "0123456789abcdef0123456789abcdef"

func tokened(t *testing.T, b build, address string, env []string, options ...string) *program {
	t.Helper()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "f"), []byte("of a file"), 0o644))
	env = append(env, environment(append([]string{"workers=1", "h2c=on", "cookie_keys=" + cookieKey}, options...))...)
	return start(t, setup{build: &b, source: "csrf.c", args: []string{address, dir}, env: env}).waitReady()
}

// visitor is a browser that has been given a page: what it has in its cookies, and a token of the page.
type visitor struct{ cookie, token string }

// visit gets a page as a client that has no cookie of the server yet.
func (p *program) visit() visitor {
	p.t.Helper()
	return p.readPage(p.get("/page"))
}

func (p *program) readPage(a response) visitor {
	p.t.Helper()
	first, second, _ := strings.Cut(a.body, " ")
	cookie, attributes, _ := strings.Cut(a.Header.Get("Set-Cookie"), ";")
	if a.StatusCode != 200 || len(first) != 86 || len(second) != 86 || first == second || len(a.Header.Values("Set-Cookie")) != 1 || a.Header.Get("Cache-Control") != "no-store" {
		p.t.Fatalf("%d %v %q", a.StatusCode, a.Header, a.body)
	}
	want := " Path=/; HttpOnly; SameSite=Lax"
	if strings.HasPrefix(cookie, "__Host-") {
		want = " Path=/; Secure; HttpOnly; SameSite=Lax"
	}
	if attributes != want {
		p.t.Errorf("%q", attributes)
	}
	return visitor{cookie, first}
}

// inForm and inField are how a visitor shows a token with a cookie.
func inForm(path, token, cookie string) string {
	return "POST " + path + " a=1&csrf_token=" + token + ofForm + "\nCookie: " + cookie
}

func inField(path, token, cookie string) string {
	return "POST " + path + " {}\nX-CSRF-Token: " + token + "\nCookie: " + cookie
}

type shown struct {
	what   string
	status int
	want   string
}

func (p *program) expectShown(rows []shown) {
	p.t.Helper()
	for _, row := range rows {
		a := p.exchange(row.what)
		if a.StatusCode != row.status || !strings.Contains(a.body, row.want) {
			p.t.Errorf("%s: %d %q, want %d %q", row.what, a.StatusCode, a.body, row.status, row.want)
		}
		if before := a.Header.Get("X-Before") == "1"; before != (strings.Contains(row.what, "inner") && row.status == 200) {
			p.t.Errorf("%s: a function of the group was called: %v", row.what, before)
		}
	}
}

func TestTokens_areTakenAndNothingElse(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := tokened(t, b, "127.0.0.1:0", nil)
		me, other := p.visit(), p.visit()
		p.expectTokensTaken(me)
		p.expectTokensRefused(me, other)
	})
}

func (p *program) expectTokensTaken(me visitor) {
	p.t.Helper()
	p.expectShown([]shown{
		{inForm("/site/save", me.token, me.cookie), 200, "saved 101 1"},
		{inField("/site/save", me.token, me.cookie), 200, "saved 2 none"},
		{strings.Replace(inField("/site/save", me.token, me.cookie), "POST", "DELETE", 1), 200, "saved 2 none"},
		{inForm("/site/save", me.token, "a=b; "+me.cookie+"; c=d"), 200, "saved 101 1"},
		{inForm("/site/inner/save", me.token, me.cookie), 200, "saved 101 1"},
		{inForm("/site/pool", me.token, me.cookie), 200, "saved 101 1"},
		{inField("/site/pool", me.token, me.cookie), 200, "saved 2 none"},
		{inForm("/site/stream", me.token, me.cookie), 200, "the last piece has 101"},
		{inForm("/site/later", me.token, me.cookie), 200, "later"},
		{inField("/site/later", me.token, me.cookie), 200, "later"},
		{inForm("/site/none", me.token, me.cookie), 200, "saved 101 1"},
		{inForm("/left/save", me.token, me.cookie), 200, "saved 101 1"},
		{inForm("/site/small", me.token, me.cookie), 413, ""},
		// What reads is not asked, nor what says where it is from, nor where it is off.
		{"GET /site/save", 200, "saved 0 none"},
		{"HEAD /site/save", 200, ""},
		{"OPTIONS /site/save", 200, "saved 0 none"},
		{"GET /site/files/f", 200, "of a file"},
		{"POST /site/save {}\nSec-Fetch-Site: same-origin", 200, "saved 2 none"},
		{"POST /site/save {}\nOrigin: https://partner.example", 200, "saved 2 none"},
		{"POST /site/hook {}", 200, "saved 2 none"},
		{"POST /elsewhere {}", 200, "saved 2 none"},
	})
	const part = "--b\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n"
	body := fmt.Sprintf(part, "csrf_token", me.token) + fmt.Sprintf(part, "a", "7") + "--b--\r\n"
	if a := p.exchangeBody("POST /site/save\nContent-Type: multipart/form-data; boundary=b\nCookie: "+me.cookie, body); a.StatusCode != 200 || !strings.HasSuffix(a.body, " 7") {
		p.t.Errorf("%d %q", a.StatusCode, a.body)
	}
}

func (p *program) expectTokensRefused(me, other visitor) {
	p.t.Helper()
	value := strings.TrimPrefix(me.cookie, "csrf=")
	forged := strings.Repeat("A", 43) + "." + strings.Repeat("A", 43)
	const page, none, mine, made = "a page of this site has to send this request: ", "there is no cookie, or several, of the name csrf", "the token is not that of the cookie", "this site has not made the cookie csrf"
	const missing = "there is no field X-CSRF-Token, and no csrf_token in a form"
	p.expectShown([]shown{
		// Nothing is shown.
		{"POST /site/save {}", 403, page + none},
		{"POST /site/save", 403, page + none},
		{"POST /site/save {}\nCookie: " + me.cookie, 403, page + missing},
		{"POST /site/save a=1" + ofForm + "\nCookie: " + me.cookie, 403, page + missing},
		{"POST /site/save csrf_token=" + me.token + "\nCookie: " + me.cookie, 403, page + missing}, // It is no form.
		{"POST /site/save?csrf_token=" + me.token + " {}\nCookie: " + me.cookie, 403, page + missing},
		{inForm("/site/save", me.token, "other=1"), 403, page + none},
		{inForm("/site/stream", "", me.cookie), 403, page + mine},
		{inForm("/site/none", "x", me.cookie), 403, page + mine},
		{inForm("/site/files/f", "x", me.cookie), 403, page + mine},
		{"POST /site/files/f", 403, page + none},
		{inForm("/left/save", "x", me.cookie), 403, page + mine},
		// Somebody else's, or parts of it.
		{inForm("/site/save", other.token, me.cookie), 403, page + mine},
		{inField("/site/save", other.token, me.cookie), 403, page + mine},
		{inField("/site/save", me.token, other.cookie), 403, page + mine},
		{inField("/site/save", me.token[:85], me.cookie), 403, page + mine},
		{inField("/site/save", me.token[:43], me.cookie), 403, page + mine},
		{inField("/site/save", me.token+"A", me.cookie), 403, page + mine},
		{inField("/site/save", me.token[:43]+other.token[43:], me.cookie), 403, page + mine},
		{inField("/site/save", strings.Repeat("A", 86), me.cookie), 403, page + mine},
		{inField("/site/save", value[:43], me.cookie), 403, page + mine}, // The secret itself, which is in the cookie.
		{inField("/site/save", strings.Repeat("A", 43)+value[:43], me.cookie), 403, page + mine},
		{"POST /site/save csrf_token=" + me.token + "&csrf_token=" + me.token + ofForm + "\nCookie: " + me.cookie, 403, page + missing},
		// Cookies that the server has not made.
		{inField("/site/save", strings.Repeat("A", 86), "csrf="+forged), 403, page + made},
		{inField("/site/save", me.token, "csrf="+value[:43]), 403, page + made},
		{inField("/site/save", me.token, "csrf="+value[:86]), 403, page + made},
		{inField("/site/save", me.token, "csrf="+other.cookie[5:49]+value[44:]), 403, page + made},
		{inField("/site/save", me.token, "csrf="), 403, page + made},
		// A cookie beside the right one, as another host of the domain can set it.
		{inField("/site/save", other.token, other.cookie+"; "+me.cookie), 403, page + none},
		{inField("/site/save", other.token, me.cookie+"; "+other.cookie), 403, page + none},
		// A token does not excuse what browsers say.
		{inField("/site/save", me.token, me.cookie) + "\nSec-Fetch-Site: cross-site", 403, "another site"},
		{inField("/site/save", me.token, me.cookie) + "\nSec-Fetch-Site: same-site", 403, "another site"},
		{inField("/site/save", me.token, me.cookie) + "\nOrigin: https://evil.example", 403, "another site"},
	})
}

// TestTokens_stayGoodForTheirCookie: a client that has a cookie gets no other one; its tokens differ, and all of them are good.
func TestTokens_stayGoodForTheirCookie(t *testing.T) {
	p := tokened(t, plain, "127.0.0.1:0", nil)
	me := p.visit()
	seen := map[string]bool{me.token: true}
	for range 20 {
		a := p.dial().send("GET /page HTTP/1.1\r\nHost: t\r\nCookie: " + me.cookie + "\r\n\r\n").receive("GET")
		token, _, _ := strings.Cut(a.body, " ")
		if seen[token] || a.Header.Get("Set-Cookie") != "" || a.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%v %q", a.Header, a.body)
		}
		seen[token] = true
	}
	for token := range seen {
		if a := p.exchange(inField("/site/save", token, me.cookie)); a.StatusCode != 200 {
			t.Errorf("%d %q", a.StatusCode, a.body)
		}
	}
	for _, cookie := range []string{"csrf=x", me.cookie + "; " + me.cookie, strings.Replace(me.cookie, "csrf", "__Host-csrf", 1)} {
		if a := p.dial().send("GET /page HTTP/1.1\r\nHost: t\r\nCookie: " + cookie + "\r\n\r\n").receive("GET"); a.Header.Get("Set-Cookie") == "" {
			t.Errorf("%s: no other cookie", cookie)
		}
	}
	p.stop(syscall.SIGTERM)
	const later = "ffffffffffffffffffffffffffffffff"
	for keys, want := range map[string]int{later + "," + cookieKey: 200, later: 403} { // A key goes when its cookies have ended.
		q := tokened(t, plain, "127.0.0.1:0", nil, "cookie_keys="+keys)
		if a := q.exchange(inField("/site/save", me.token, me.cookie)); a.StatusCode != want {
			t.Errorf("%s: %d, want %d", keys, a.StatusCode, want)
		}
		q.stop(syscall.SIGTERM)
	}
}

// TestTokens_cookieIsSetBesideThem: also where a response was taken back that had one, or its cookies.
func TestTokens_cookieIsSetBesideThem(t *testing.T) {
	p := tokened(t, plain, "127.0.0.1:0", nil)
	for _, path := range []string{"/after/reset", "/after/set", "/after/error"} {
		a := p.get(path)
		cookie := ""
		for _, set := range a.Header.Values("Set-Cookie") {
			if pair, _, _ := strings.Cut(set, ";"); strings.HasPrefix(pair, "csrf=") {
				cookie += pair
			}
		}
		for token := range strings.FieldsSeq(a.body) {
			if saved := p.exchange(inField("/site/save", token, cookie)); saved.StatusCode != 200 || len(token) != 86 {
				t.Errorf("%s: %v %q: %d %q", path, a.Header, a.body, saved.StatusCode, saved.body)
			}
		}
		if a.body == "" {
			t.Errorf("%s: %s", path, a.Status)
		}
	}
}

// TestTokens_overTLS: the cookie is one that no other host can set, and one that another host of the domain has set is not taken.
func TestTokens_overTLS(t *testing.T) {
	pair := testcert.New(testcert.Spec{Names: []string{"localhost"}})
	files := keep(t, t.TempDir(), "pair", pair)
	p := tokened(t, plain, "127.0.0.1:0?tls=on", []string{"FORKER_TEST_CHAIN=" + files[0], "FORKER_TEST_KEY=" + files[1]})
	s := &secured{program: p, pairs: []*testcert.Pair{pair}}
	plain := tokened(t, plain, "127.0.0.1:0", nil)
	fixed := plain.visit() // An attacker's own, by the same keys: he has it of a host that speaks no TLS.
	c := s.dialTLS(s.config())
	me := p.readPage(c.send(getOf("/page")).receive("GET"))
	if !strings.HasPrefix(me.cookie, "__Host-csrf=") {
		t.Fatal(me.cookie)
	}
	for _, row := range []struct {
		token, cookie string
		want          int
	}{
		{me.token, me.cookie, 200},
		{fixed.token, fixed.cookie, 403},
		{fixed.token, fixed.cookie + "; " + me.cookie, 403},
		{fixed.token, "__Host-" + fixed.cookie, 403},
		{me.token, me.cookie + "; " + fixed.cookie, 200}, // Which is another one.
		{me.token, strings.TrimPrefix(me.cookie, "__Host-"), 403},
		{me.token, strings.ToLower(me.cookie[:12]) + me.cookie[12:], 403},
	} {
		request := "POST /site/save HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nX-CSRF-Token: " + row.token + "\r\nCookie: " + row.cookie + "\r\n\r\n"
		if a := c.send(request).receive("POST"); a.StatusCode != row.want {
			t.Errorf("%s: %s %q, want %d", row.cookie, a.Status, a.body, row.want)
		}
	}
}

// TestTokens_needKeys: without any, nothing is signed.
func TestTokens_needKeys(t *testing.T) {
	p := start(t, setup{source: "csrf.c", args: []string{"127.0.0.1:0", t.TempDir()}, env: environment([]string{"workers=1"})})
	if p.wait() == 0 {
		t.Error("it serves")
	}
	p.log.wait(t, 0, "run: csrf=token of route /site: option cookie_keys is empty, by which the cookie of a token is signed")
}
