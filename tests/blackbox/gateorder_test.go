package blackbox

import (
	"fmt"
	"strings"
	"testing"
)

// gatePair is a request that two gates which are neighbours would both answer, or whose answer tells which of the two came first.
type gatePair struct {
	pair     string
	options  string // Of the server,
	route    string // and of the route /dir/.
	what     string
	want     string // Status, and the field of the answer that tells more.
	field    string
	repeated int // What comes before it, as often.
}

func (row gatePair) show(t *testing.T) {
	arguments := []string{"127.0.0.1:0", "/dir/"}
	if row.route != "" {
		arguments = append(arguments, "+"+row.route)
	}
	p := gates(t, arguments, append([]string{"workers=1"}, strings.Fields(row.options)...)...)
	var a response
	for i := range row.repeated + 1 {
		what := row.what
		if strings.Contains(what, "%d") {
			what = fmt.Sprintf(what, i)
		}
		a = p.once(what)
	}
	told := a.Header.Get(row.field)
	if strings.HasSuffix(row.want, "*") && told != "" && told != "given" {
		told = "*"
	}
	if got := fmt.Sprint(a.StatusCode, " ", told); got != row.want {
		t.Errorf("%s: %q, want %q", row.what, got, row.want)
	}
}

// TestGates_order has for each two gates that are neighbours a request which both would answer, or whose answer tells which of the two
// was first. The order is that of engine/gates.go.
func TestGates_order(t *testing.T) {
	file := userFile(t, joes)
	const (
		other     = "\nSec-Fetch-Site: cross-site\nOrigin: https://evil.example"
		preflight = "\nOrigin: https://app.example\nAccess-Control-Request-Method: PUT"
		proxied   = "trusted_proxies=127.0.0.1/32 forwarded=x-forwarded-for"
	)
	large := strings.Repeat("x", 100)
	users, small, wrong := "basic_auth="+file, "max_body=10", "\n"+basic("joe:wrong")
	for _, row := range []gatePair{
		// 1 and 2: only who is trusted gives a request its id.
		{pair: "trust, id", options: proxied + " request_id=on", what: "GET /dir/\nX-Request-Id: given", want: "200 given", field: "X-Request-Id"},
		{pair: "no trust, id", options: "request_id=on", what: "GET /dir/\nX-Request-Id: given", want: "200 *", field: "X-Request-Id"},
		// 1 and 3: a redirect goes by the host and scheme that the proxy says.
		{pair: "trust, redirect", options: proxied + " www=add", what: "GET /dir/\nX-Forwarded-For: 192.0.2.1\nX-Forwarded-Host: a.example\nX-Forwarded-Proto: https", want: "301 https://www.a.example/dir/", field: "Location"},
		// 1 and 4: a rate is the client's, not the proxy's.
		{pair: "trust, rate", options: proxied + " rate_limit=1/h", what: "GET /dir/\nX-Forwarded-For: 192.0.2.%d", want: "200 ", repeated: 3},
		// 2 and 3: a redirect has an id, and is that of the method that is meant.
		{pair: "id, redirect", options: "request_id=on slash=add", what: "GET /dir", want: "301 *", field: "X-Request-Id"},
		{pair: "method, redirect", options: "method_override=header www=add", what: "POST /dir/ x\nHost: a.example\nX-HTTP-Method-Override: DELETE", want: "308 http://www.a.example/dir/", field: "Location"},
		// 2 and 7: the method that is meant is the one that counts.
		{pair: "method, site", options: "method_override=header csrf=fetch", what: "POST /dir/ x\nX-HTTP-Method-Override: DELETE" + other, want: "403 "},
		// 3: host before slash.
		{pair: "host, slash", options: "www=add slash=add", what: "GET /dir\nHost: a.example", want: "301 http://www.a.example/dir", field: "Location"},
		// 3 and 4: who is sent elsewhere has not come yet.
		{pair: "host, rate", options: "www=add rate_limit=1/h", what: "GET /dir/\nHost: a.example", want: "301 http://www.a.example/dir/", field: "Location", repeated: 3},
		{pair: "slash, rate", options: "slash=add rate_limit=1/h", what: "GET /dir", want: "301 /dir/", field: "Location", repeated: 3},
		{pair: "slash, user", options: "slash=add " + users, what: "GET /dir", want: "301 /dir/", field: "Location"},
		// 4 and 5: preflights are requests, too.
		{pair: "rate, preflight", options: "rate_limit=1/h cors_origins=https://app.example", what: "OPTIONS /dir/" + preflight, want: "429 ", repeated: 1},
		// 4 and 6: guesses count.
		{pair: "rate, user", options: "rate_limit=1/h " + users, what: "GET /dir/", want: "429 ", repeated: 1},
		// 5 and 6: browsers have no password yet when they ask.
		{pair: "preflight, user", options: "cors_origins=https://app.example " + users, what: "OPTIONS /dir/" + preflight, want: "204 PUT", field: "Access-Control-Allow-Methods"},
		// 5 and 7: nor is what asks the request of another site.
		{pair: "preflight, site", options: "cors_origins=https://app.example csrf=fetch", what: "OPTIONS /dir/\nSec-Fetch-Site: cross-site" + preflight, want: "204 PUT", field: "Access-Control-Allow-Methods"},
		// 6 and 7.
		{pair: "user, site", options: "csrf=fetch " + users, what: "POST /dir/ x" + other, want: `401 Basic realm="restricted", charset="UTF-8"`, field: "WWW-Authenticate"},
		{pair: "user, token", options: "csrf=token cookie_keys=" + cookieKey + " " + users, what: "POST /dir/ x", want: `401 Basic realm="restricted", charset="UTF-8"`, field: "WWW-Authenticate"},
		// 6 and 8.
		{pair: "user, coding", options: "decompress=on " + users, what: "POST /dir/ x\nContent-Encoding: br", want: `401 Basic realm="restricted", charset="UTF-8"`, field: "WWW-Authenticate"},
		{pair: "user, limit", options: users, route: small, what: "POST /dir/ " + large, want: `401 Basic realm="restricted", charset="UTF-8"`, field: "WWW-Authenticate"},
		// 6 again: whether a password is right is asked behind all others, because that takes long.
		{pair: "site, password", options: "csrf=fetch " + users, what: "POST /dir/ x" + wrong + other, want: "403 "},
		{pair: "coding, password", options: "decompress=on " + users, what: "POST /dir/ x\nContent-Encoding: br" + wrong, want: "415 gzip, zstd", field: "Accept-Encoding"},
		{pair: "limit, password", options: users, route: small, what: "POST /dir/ " + large + wrong, want: "413 "},
		{pair: "password, token", options: "csrf=token cookie_keys=" + cookieKey + " " + users, what: "POST /dir/ x" + wrong, want: "401 Basic realm=\"restricted\", charset=\"UTF-8\"", field: "WWW-Authenticate"},
		// 7 and 8.
		{pair: "site, coding", options: "csrf=fetch decompress=on", what: "POST /dir/ x\nContent-Encoding: br" + other, want: "403 "},
		{pair: "site, limit", options: "csrf=fetch", route: small, what: "POST /dir/ " + large + other, want: "403 "},
		// 8: the coding, then the limit; a token, which can be in the body, is looked for behind both.
		{pair: "coding, limit", options: "decompress=on", route: small, what: "POST /dir/ " + large + "\nContent-Encoding: br", want: "415 gzip, zstd", field: "Accept-Encoding"},
		{pair: "limit, token", options: "csrf=token cookie_keys=" + cookieKey, route: small, what: "POST /dir/ " + large, want: "413 "},
		{pair: "coding, token", options: "csrf=token decompress=on cookie_keys=" + cookieKey, what: "POST /dir/ x\nContent-Encoding: br", want: "415 gzip, zstd", field: "Accept-Encoding"},
	} {
		t.Run(row.pair, row.show)
	}
}

// once sends a request, as exchange has it, by HTTP/1.1 only.
func (p *program) once(what string) response {
	p.t.Helper()
	line, fields, _ := strings.Cut(what, "\n")
	method, path, _ := strings.Cut(line, " ")
	path, body, _ := strings.Cut(path, " ")
	if !strings.Contains("\n"+fields, "\nHost: ") {
		fields = "Host: t\n" + fields
	}
	if method == "POST" {
		fields = fmt.Sprintf("Content-Length: %d\n%s", len(body), fields)
	}
	return p.dial().send(method + " " + path + " HTTP/1.1\r\n" + strings.ReplaceAll(strings.TrimSuffix(fields, "\n"), "\n", "\r\n") + "\r\n\r\n" + body).receive(method)
}

// TestGates_redirectsLeadToNoOtherHost: what stands in Host is a name and a port, or there is no redirect to it.
func TestGates_redirectsLeadToNoOtherHost(t *testing.T) {
	p := gated(t, []string{"/dir/"}, "www=add", "slash=add")
	for host, want := range map[string]string{
		"good.example":               "301 http://www.good.example/dir",
		"good.example:8080":          "301 http://www.good.example:8080/dir",
		"GOOD.example":               "301 http://www.GOOD.example/dir",
		"good.example@evil.example":  "400 ",
		"good.example:80@evil":       "400 ",
		"evil.example/":              "400 ",
		"evil.example/a.good":        "400 ",
		"evil.example\\.good":        "400 ",
		"evil.example#.good.example": "400 ",
		"evil.example?.good.example": "400 ",
		"good.example evil.example":  "400 ",
		"good.example\tevil":         "400 ",
		"good.example:80:80":         "400 ",
		"good.example:x":             "400 ",
		"http://evil.example":        "400 ",
		"//evil.example":             "400 ",
		"[::1":                       "400 ",
		"":                           "400 ",
	} {
		a := p.dial().send("GET /dir HTTP/1.1\r\nHost: " + host + "\r\n\r\n").receive("GET")
		if got := fmt.Sprint(a.StatusCode, " ", a.Header.Get("Location")); got != want {
			t.Errorf("%q: %s, want %s", host, got, want)
		}
	}
	if a := p.dial().send("GET /dir HTTP/1.1\r\nHost: good.example\r\nHost: evil.example\r\n\r\n").receive("GET"); a.StatusCode != 400 {
		t.Errorf("two: %s", a.Status)
	}
	if a := p.dial().send("GET /dir HTTP/1.1\r\nHost: good.example\r\nX-Forwarded-Host: evil.example\r\n\r\n").receive("GET"); a.Header.Get("Location") != "http://www.good.example/dir" {
		t.Errorf("X-Forwarded-Host of nobody who is trusted: %q", a.Header.Get("Location"))
	}
}
