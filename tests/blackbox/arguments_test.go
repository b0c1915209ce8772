package blackbox

import (
	"fmt"
	"mime"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"
)

const cookieKeys = "cookie_keys=0123456789abcdef0123456789abcdef"

func arguments(t *testing.T, b build, options ...string) *program {
	t.Helper()
	return startInMode(t, setup{build: &b, source: "arguments.c", args: []string{"127.0.0.1:0"}}, options)
}

func escape(text string) string { return url.QueryEscape(text) }

func TestRedirect_staysOnItsHost(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		c := arguments(t, b).dial()
		for _, row := range []struct{ to, want string }{
			{"/", "/"},
			{"/a/b?c=d#e", "/a/b?c=d#e"},
			{"//evil.example", "/evil.example"},
			{"///evil.example/x", "/evil.example/x"},
			{`/\evil.example`, "/evil.example"},
			{`/\/\evil.example`, "/evil.example"},
			{"/\t/evil.example", "/%09/evil.example"},
			{"/\n//evil.example", "/%0A//evil.example"},
			{"/a\r\nSet-Cookie: x=y", "/a%0D%0ASet-Cookie:%20x=y"},
			{"/ä <b>\"", "/%C3%A4%20%3Cb%3E%22"},
			{"/%2F/x", "/%2F/x"},
			{"?page=2", "?page=2"},
			{"https://a.example/x", "https://a.example/x"},
			{"HTTP://a.example", "HTTP://a.example"},
			{"https:///evil.example", ""},
			{"javascript:alert(1)", ""},
			{"evil.example", ""},
			{`\\evil.example`, ""},
			{" //evil.example", ""},
			{"", ""},
		} {
			a := c.get("/redirect?to=" + escape(row.to))
			if want := 303; row.want == "" && a.StatusCode != 400 || row.want != "" && (a.StatusCode != want || a.Header.Get("Location") != row.want) {
				t.Errorf("%q: %s, Location %q, want %q", row.to, a.Status, a.Header.Get("Location"), row.want)
			}
			if location, err := a.Location(); row.want != "" && row.to[0] == '/' && (err != nil || location.Host != "" && location.Host != "t") {
				t.Errorf("%q leads to %v, %v", row.to, location, err)
			}
		}
		for _, status := range []int{300, 304, 200, 399} {
			if a := c.get(fmt.Sprintf("/redirect?to=/&status=%d", status)); a.StatusCode != 400 {
				t.Errorf("status %d: %s", status, a.Status)
			}
		}
		if a := c.get("/redirect?to=/" + strings.Repeat("a", 7000)); a.StatusCode != 303 || len(a.Header.Get("Location")) != 7001 {
			t.Errorf("a long location: %s", a.Status)
		}
	})
}

func TestAttachment_namesAreReadByMime(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		c := arguments(t, b).dial()
		for _, row := range []struct{ name, want string }{
			{"a.pdf", "a.pdf"},
			{"naïve €.pdf", "naïve €.pdf"},
			{`a"b\c.txt`, `a"b_c.txt`},
			{"../../etc/passwd", ".._.._etc_passwd"},
			{"a\r\nX: y", "a__X: y"},
			{"100%.txt", "100%.txt"},
			{"a;b=c", "a;b=c"},
		} {
			a := c.get("/attach?name=" + escape(row.name))
			kind, params, err := mime.ParseMediaType(a.Header.Get("Content-Disposition"))
			if err != nil || kind != "attachment" || params["filename"] != row.want {
				t.Errorf("%q: %q: %s %q, %v", row.name, a.Header.Get("Content-Disposition"), kind, params["filename"], err)
			}
		}
		if got := c.get("/attach?inline=1").Header.Get("Content-Disposition"); got != "inline" {
			t.Errorf("inline: %q", got)
		}
		for _, name := range []string{"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe4\xbd", strings.Repeat("x", 1025)} {
			if a := c.get("/attach?name=" + escape(name)); a.StatusCode != 400 {
				t.Errorf("%q: %s", name, a.Status)
			}
		}
	})
}

func TestQuery_hasAllPairs(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		c := arguments(t, b).dial()
		for _, row := range []struct{ query, want string }{
			{"a=1&a=2&b=%26&a=", "a=1;a=2;b=&;a=;"},
			{"&&a&=b&c=d=e&", "a=;=b;c=d=e;"},
			{"x+y=%zz+1", "x y=%zz 1;"},
			{"n=a%00b", "n=a\x00b;"},
			{"", ""},
		} {
			a := c.get("/query?" + row.query)
			if a.body != row.want {
				t.Errorf("%q: %q, want %q", row.query, a.body, row.want)
			}
		}
		if got := c.get("/query?a&b").Header.Get("X-Error"); got != "query_at 2: there are 2 parameters" {
			t.Errorf("beyond the last: %q", got)
		}
	})
}

func TestArguments_areCheckedAndExplained(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		c := arguments(t, b).dial()
		for _, row := range []struct{ target, fields, want string }{
			{"/args/0", "", "7 0.5 1 1 0"},
			{"/args/yes?int=-5&double=1.5e3", "Cookie: choice=asc\r\nX-Flag: off\r\n", "-5 1500 0 0 1"},
			{"/args/true?int=9223372036854775807&double=-.5", "", `double: "-.5" is not a number from -1e+300 to 1e+300`},
			{"/args/true?int=9223372036854775808", "", `int: "9223372036854775808" is not a whole number from -5 to 9223372036854775807`},
			{"/args/true?int=", "", `int: "" is not a whole number from -5 to 9223372036854775807`},
			{"/args/true?int=+1", "", `int: " 1" is not a whole number from -5 to 9223372036854775807`},
			{"/args/true?int=1%00", "", "int: has a NUL in it"},
			{"/args/true?int=-6", "", `int: "-6" is not a whole number from -5 to 9223372036854775807`},
			{"/args/true?double=nan", "", `double: "nan" is not a number from -1e+300 to 1e+300`},
			{"/args/true?double=0x10", "", `double: "0x10" is not a number from -1e+300 to 1e+300`},
			{"/args/true?double=1e999", "", `double: "1e999" is not a number from -1e+300 to 1e+300`},
			{"/args/maybe", "", `flag: "maybe" is none of false|true|0|1|off|on|no|yes`},
			{"/args/1", "Cookie: choice=as\r\n", `choice: "as" is none of asc|desc`},
		} {
			a := c.send("GET " + row.target + " HTTP/1.1\r\nHost: t\r\n" + row.fields + "\r\n").receive("GET")
			if got := strings.TrimPrefix(strings.TrimSuffix(a.body, "\n"), "400 Bad Request\n"); got != row.want {
				t.Errorf("%s: %q, want %q", row.target, got, row.want)
			}
		}
	})
}

// TestArguments_timesAreThoseOfTheGoLibrary compares what is read with time.Parse, and lists what is none.
func TestArguments_timesAreThoseOfTheGoLibrary(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		c := arguments(t, b).dial()
		ask := func(at string) string {
			body := c.get("/time?at=" + url.QueryEscape(at)).body
			return strings.TrimPrefix(strings.TrimSuffix(body, "\n"), "400 Bad Request\n")
		}
		for _, at := range []string{
			"1970-01-01T00:00:00Z", "1969-12-31T23:59:59.999Z", "2026-11-30T08:15:00Z", "2026-11-30T08:15:00.5+01:00", "2026-11-30t08:15:00.123456789z",
			"2026-11-30T08:15:00-23:59", "2024-02-29T12:00:00Z", "2000-02-29T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "1900-03-01T00:00:00+00:30",
			"2026-12-31T23:59:59.1Z", "2026-01-31T00:00:00.01Z", "1600-02-29T23:00:00-05:00",
		} {
			want, err := time.Parse(time.RFC3339, strings.ToUpper(at))
			must(t, err)
			if got := ask(at); got != fmt.Sprint(want.UnixMilli()) {
				t.Errorf("%s: %s, want %d", at, got, want.UnixMilli())
			}
		}
		for day := time.Date(1890, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() < 2110; day = day.AddDate(0, 0, 13) {
			if got := ask(day.Format(time.DateOnly)); got != fmt.Sprint(day.UnixMilli()) {
				t.Fatalf("%s: %s, want %d", day.Format(time.DateOnly), got, day.UnixMilli())
			}
		}
		for _, at := range []string{
			"", "now", "2026", "2026-11", "2026-11-31", "2026-02-29", "1900-02-29", "2026-00-01", "2026-13-01", "2026-01-00", "0000-01-01", "26-01-01", "+2026-01-01",
			"2026-11-30T08:15Z", "2026-11-30T08:15:00", "2026-11-30T24:00:00Z", "2026-11-30T08:60:00Z", "2026-11-30T08:15:61Z", "2026-11-30T08:15:00.Z",
			"2026-11-30T08:15:00,5Z", "2026-11-30T08:15:00+24:00", "2026-11-30T08:15:00+1:00", "2026-11-30T08:15:00+0100", "2026-11-30T08:15:00Zx", "2026-11-30Z",
			"2026-11-30 08:15:00Z", " 2026-11-30", "2026-11-30T08:15:00+01:60", "2026-1-30",
		} {
			if got, want := ask(at), fmt.Sprintf("at: %q is not a time, such as 2026-11-30T08:15:00Z or 2026-11-30", at); got != want {
				t.Errorf("%q: %q", at, got)
			}
		}
		for query, want := range map[string]string{
			"":                                    "1767225600000",
			"?at=2026-11-30T08:15:00+01:00":       "1796022900000", // A "+" that was not escaped.
			"?at=2016-12-31T23:59:60Z":            "1483228800000", // A leap second is the next one.
			"?narrow&at=1970-01-01T23:59:59.999Z": "86399999",
			"?narrow&at=1970-01-02":               `at: "1970-01-02" is not from 1970-01-01T00:00:00Z to 1970-01-01T23:59:59Z`,
			"?narrow&at=1969-12-31":               `at: "1969-12-31" is not from 1970-01-01T00:00:00Z to 1970-01-01T23:59:59Z`,
		} {
			if got := strings.TrimPrefix(strings.TrimSuffix(c.get("/time"+query).body, "\n"), "400 Bad Request\n"); got != want {
				t.Errorf("%s: %q, want %q", query, got, want)
			}
		}
	})
}

func TestCookie_isReadAndGiven(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := arguments(t, b)
		c := p.dial()
		for _, row := range []struct{ fields, name, want string }{
			{"Cookie: a=1; b=2", "b", "2"},
			{"Cookie: a=1;b=2 ;  c=3=4", "c", "3=4"},
			{`Cookie: a="quoted"`, "a", "quoted"},
			{"Cookie: A=1; a=2", "a", "2"},
			{"Cookie: a=1; a=2", "a", "1"},
			{"Cookie: a=1\r\ncookie: b=2", "b", "2"},
			{"Cookie: ab=1; =x; b; a=", "a", ""},
		} {
			a := c.send("GET /cookie?name=" + row.name + " HTTP/1.1\r\nHost: t\r\n" + row.fields + "\r\n\r\n").receive("GET")
			if a.StatusCode != 200 || a.body != row.want {
				t.Errorf("%q: %s %q, want %q", row.fields, a.Status, a.body, row.want)
			}
		}
		if a := c.send("GET /cookie?name=b HTTP/1.1\r\nHost: t\r\nCookie: a=b; bb=1; b\r\n\r\n").receive("GET"); a.StatusCode != 404 {
			t.Errorf("a cookie that is not there: %s %q", a.Status, a.body)
		}
		for _, row := range []struct{ query, want string }{
			{"name=sid&value=x", "sid=x; HttpOnly; SameSite=Lax"},
			{"name=sid&value=&flags=7&path=/&domain=example.org&age=60&same_site=2", "sid=; Path=/; Domain=example.org; Max-Age=60; Secure; SameSite=None; Partitioned"},
			{"name=__Host-a&value=b&flags=1&path=/&same_site=1&age=0", "__Host-a=b; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict"},
			{"name=__host-a&value=b&flags=1", ""},
			{"name=__Host-a&value=b&flags=1&path=/&domain=x.org", ""},
			{"name=__Secure-a&value=b", ""},
			{"name=a&value=b&same_site=2", ""},
			{"name=a&value=b&same_site=3", ""},
			{"name=a&value=b&flags=4", ""},
			{"name=a%20b&value=b", ""},
			{"name=&value=b", ""},
			{"name=a", ""},
			{"name=a&value=b%3Bc", ""},
			{"name=a&value=b%0D%0AX:y", ""},
			{"name=a&value=%C3%A4", ""},
			{"name=a&value=b&path=/%3B", ""},
			{"name=a&value=b&path=x", ""},
			{"name=a&value=" + strings.Repeat("x", 4096), ""},
		} {
			a := c.get("/give?" + row.query)
			if got := a.Header.Get("Set-Cookie"); got != row.want || (row.want == "") != (a.StatusCode == 400) {
				t.Errorf("%s: %s %q, want %q", row.query, a.Status, got, row.want)
			}
		}
		jar, err := cookiejar.New(nil)
		must(t, err)
		client := &http.Client{Jar: jar, Timeout: patience}
		for _, path := range []string{"/give?name=sid&value=7&path=/", "/cookie?name=sid"} {
			resp, err := client.Get("http://" + p.address(0) + path)
			must(t, err)
			resp.Body.Close()
			if resp.StatusCode != 200 {
				t.Errorf("%s: %s", path, resp.Status)
			}
		}
	})
}

func TestCookie_signaturesHold(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := arguments(t, b, cookieKeys)
		c := p.dial()
		text := c.get("/sign?name=sid&value=joe.7").body
		if !strings.HasPrefix(text, "joe.7.") || len(text) != len("joe.7.")+43 {
			t.Fatalf("signed: %q", text)
		}
		verify := func(name, text string) string { return c.get("/sign?name=" + name + "&text=" + escape(text)).body }
		if got := verify("sid", text); got != "joe.7" {
			t.Errorf("verified: %q", got)
		}
		const refused = "400 Bad Request\n-1\n"
		for _, bad := range []string{"", ".", "joe.7", "joe.7.", "jim.7" + text[5:], text + "A", text[:len(text)-1], strings.ToUpper(text), "x" + text, text[:6] + " " + text[7:]} {
			if got := verify("sid", bad); got != refused {
				t.Errorf("%q is taken: %q", bad, got)
			}
		}
		for i := range text {
			changed := []byte(text)
			if changed[i]++; i == len(text)-1 {
				continue // Two bits of the last character mean nothing to some decoders; here it is compared as text.
			}
			if got := verify("sid", string(changed)); got != refused {
				t.Errorf("%q is taken: %q", changed, got)
			}
		}
		if got := verify("other", text); got != refused {
			t.Errorf("it is good for another name: %q", got)
		}
		if got := c.get("/sign?name=sid&value=joe&size=47").body; got != "400 Bad Request\n-12\n" {
			t.Errorf("no room: %q", got)
		}
		if got := c.get("/sign?name=sid&value=a%3Bb").body; got != refused {
			t.Errorf("a value that is none: %q", got)
		}
		other := arguments(t, b, "cookie_keys=another key of thirty-two bytes.., 0123456789abcdef0123456789abcdef")
		if got := other.get("/sign?name=sid&text=" + escape(text)).body; got != "joe.7" {
			t.Errorf("by a later key: %q", got)
		}
		without := arguments(t, b)
		if got := without.get("/sign?name=sid&value=joe").body; got != "400 Bad Request\n-3\n" {
			t.Errorf("without keys: %q", got)
		}
	})
}

func TestValues_endWithTheirRequest(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := arguments(t, b)
		c := p.dial()
		for range 3 {
			if got := c.get("/users/me?user=joe").body; got != "joe of 1" {
				t.Errorf("the handler sees %q", got)
			}
		}
		c.get("/users/none?user=jim")
		if got := c.get("/live").body; got != "0 0" {
			t.Errorf("values that are left, and seen by another request: %s", got)
		}
		if n := p.out.count("done has a value"); n != 4 {
			t.Errorf("%d done functions had a value", n)
		}
	})
}
