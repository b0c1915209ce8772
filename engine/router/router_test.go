package router

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// build makes a router of lines such as "GET,POST /users/:id"; a route's number is that of its line.
func build(t testing.TB, lines ...string) *Router {
	t.Helper()
	r := &Router{}
	for id, line := range lines {
		add(t, r, id, line)
	}
	return r
}

func add(t testing.TB, r *Router, id int, line string) {
	t.Helper()
	methods, pattern, _ := strings.Cut(line, " ")
	if err := r.Add(strings.Split(methods, ","), pattern, id); err != nil {
		t.Fatal(err)
	}
}

// find returns all matches in order, as "3[a b] 1": numbers of routes, with the values of those that have parameters.
func find(r *Router, method, path string) string {
	var all []string
	for skip := 0; ; skip++ {
		var params Params
		id, n, ok := r.Find([]byte(method), []byte(path), skip, &params)
		if !ok {
			return strings.Join(all, " ")
		}
		match := strconv.Itoa(id)
		if n > 0 {
			values := make([]string, n)
			for i := range values {
				values[i] = string(params[i].In([]byte(path)))
			}
			match += "[" + strings.Join(values, " ") + "]"
		}
		all = append(all, match)
	}
}

func TestFind_escapes(t *testing.T) {
	r := build(t, `GET /tasks/\:done`, "GET /tasks/:id", `GET /\*`, "GET /*all", `GET /a/\:b/:c`, `GET /x\:y`, `GET /\x`)
	for path, want := range map[string]string{
		"/tasks/:done": "0 1[:done] 3[tasks/:done]", `/tasks/\:done`: `1[\:done] 3[tasks/\:done]`, "/tasks/7": "1[7] 3[tasks/7]",
		"/*": "2 3[*]", "/a/:b/7": "4[7] 3[a/:b/7]", `/x\:y`: `5 3[x\:y]`, `/\x`: `6 3[\x]`,
	} {
		if got := find(r, "GET", path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if r.Add([]string{"GET"}, `/\:`, 9) != nil || r.Add([]string{"GET"}, `/\:`, 10) == nil {
		t.Errorf("a lone colon is a segment like others")
	}
}

func TestFind_matches(t *testing.T) {
	for _, row := range []struct{ pattern, path, want string }{
		{"/", "/", "0"},
		{"/", "", ""},
		{"/", "*", ""},
		{"/", "a", ""},
		{"/", "//", ""},
		{"/", "/a", ""},
		{"/a", "/a", "0"},
		{"/a", "/a/", ""},
		{"/a/", "/a/", "0"},
		{"/a/", "/a", ""},
		{"/a", "/A", ""},
		{"/a", "/ab", ""},
		{"/ab", "/a", ""},
		{"/a//b", "/a//b", "0"},
		{"/a//b", "/a/b", ""},
		{"/a/b", "/a//b", ""},
		{"/a:b/c*d", "/a:b/c*d", "0"},
		{"/\xc3\xa4 %41", "/\xc3\xa4 %41", "0"},
		{"/:x", "/a", "0[a]"},
		{"/:x", "/", ""},
		{"/:x", "/a/", ""},
		{"/:x", "/a/b", ""},
		{"/:x/", "/a/", "0[a]"},
		{"/:x/", "//", ""},
		{"/u/:x/p/:y", "/u/12/p/3", "0[12 3]"},
		{"/u/:x/p/:y", "/u//p/3", ""},
		{"/u/:x/p/:y", "/u/12/p/", ""},
		{"/u/:x/p/:y", "/u/12/q/3", ""},
		{"/u/:x", "/u/:x", "0[:x]"},
		{"/f/*x", "/f", ""},
		{"/f/*x", "/f/", "0[]"},
		{"/f/*x", "/f/a", "0[a]"},
		{"/f/*x", "/f/a/b/", "0[a/b/]"},
		{"/f/*x", "/f//", "0[/]"},
		{"/f/*x", "/g/a", ""},
		{"/*x", "/", "0[]"},
		{"/*x", "/a/b", "0[a/b]"},
		{"/*x", "*", ""},
		{"/:x/*y", "/a/b/c", "0[a b/c]"},
		{"/:x/*y", "/a/", "0[a ]"},
		{"/:x/*y", "/a", ""},
		{"/:x/*y", "//b", ""},
		{"/:a/:b/:c/:d/:e/:f/:g/:h/:i/:j/:k/:l/:m/:n/:o/*p", "/1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g/h", "0[1 2 3 4 5 6 7 8 9 a b c d e f g/h]"},
	} {
		if got := find(build(t, "GET "+row.pattern), "GET", row.path); got != row.want {
			t.Errorf("%s on %q: %q, want %q", row.pattern, row.path, got, row.want)
		}
	}
}

func TestFind_ordersMatches(t *testing.T) {
	lines := []string{
		"GET /*r",     // 0
		"GET /:a",     // 1
		"GET /a",      // 2
		"GET /:a/:b",  // 3
		"GET /a/:b",   // 4
		"GET /:a/b",   // 5
		"GET /a/b",    // 6
		"GET /a/*r",   // 7
		"GET /:a/*r",  // 8
		"GET /a/:b/c", // 9
		"GET /x/y/z",  // 10
	}
	rows := []struct{ path, want string }{
		{"/", "0[]"},
		{"/a", "2 1[a] 0[a]"},
		{"/q", "1[q] 0[q]"},
		{"/a/b", "6 4[b] 7[b] 5[a] 3[a b] 8[a b] 0[a/b]"},
		{"/a/q", "4[q] 7[q] 3[a q] 8[a q] 0[a/q]"},
		{"/q/b", "5[q] 3[q b] 8[q b] 0[q/b]"},
		{"/a/b/c", "9[b] 7[b/c] 8[a b/c] 0[a/b/c]"}, // Out of the exact /a/b again.
		{"/x/y/q", "8[x y/q] 0[x/y/q]"},
		{"/x/", "8[x ] 0[x/]"},
		{"//", "0[/]"},
	}
	forward, backward := build(t, lines...), &Router{}
	for id := len(lines) - 1; id >= 0; id-- {
		add(t, backward, id, lines[id])
	}
	for _, row := range rows {
		if got := find(forward, "GET", row.path); got != row.want {
			t.Errorf("%q: %q, want %q", row.path, got, row.want)
		}
		if got := find(backward, "GET", row.path); got != row.want {
			t.Errorf("%q with routes added backwards: %q, want %q", row.path, got, row.want)
		}
	}
}

func TestFind_methods(t *testing.T) {
	r := build(t,
		"GET /a",                        // 0
		"HEAD /a",                       // 1
		"POST,PUT /a",                   // 2
		"* /b",                          // 3
		"GET /c",                        // 4
		"* /:x",                         // 5
		"GET,HEAD /d",                   // 6
		"PURGE,M-SEARCH /d",             // 7
		"HEAD /e",                       // 8
		"OPTIONS,TRACE,DELETE,PATCH /d", // 9
		"GET /h/:x",                     // 10
		"HEAD /h/:y",                    // 11
		"HEAD /h/*z",                    // 12
	)
	for _, row := range []struct{ method, path, want string }{
		{"GET", "/a", "0 5[a]"},
		{"HEAD", "/a", "1 0 5[a]"},
		{"POST", "/a", "2 5[a]"},
		{"PUT", "/a", "2 5[a]"},
		{"DELETE", "/a", "5[a]"},
		{"get", "/a", "5[a]"},
		{"", "/a", "5[a]"},
		{"BREW", "/b", "3 5[b]"},
		{"HEAD", "/b", "3 5[b]"},
		{"PURGE", "/b", "3 5[b]"},
		{"HEAD", "/c", "4 5[c]"},
		{"GET", "/d", "6 5[d]"},
		{"HEAD", "/d", "6 5[d]"},
		{"PURGE", "/d", "7 5[d]"},
		{"M-SEARCH", "/d", "7 5[d]"},
		{"TRACE", "/d", "9 5[d]"},
		{"PATCH", "/d", "9 5[d]"},
		{"GET", "/e", "5[e]"},
		{"HEAD", "/h/1", "11[1] 10[1] 12[1]"},
		{"PUT", "/h/1", ""},
	} {
		if got := find(r, row.method, row.path); got != row.want {
			t.Errorf("%s %s: %q, want %q", row.method, row.path, got, row.want)
		}
	}
}

func TestAllowed(t *testing.T) {
	r := build(t, "GET /a", "POST,PURGE /:x", "HEAD /b/*r", "* /c/:x", "PUT /c/1", "TRACE /d", "OPTIONS /d", "BREW /f/")
	for _, row := range []struct{ path, want string }{
		{"/a", "GET, HEAD, OPTIONS, POST, PURGE"},
		{"/z", "OPTIONS, POST, PURGE"},
		{"/b/", "HEAD, OPTIONS"},
		{"/c/1", "BREW, DELETE, GET, HEAD, OPTIONS, PATCH, POST, PURGE, PUT, TRACE"},
		{"/d", "OPTIONS, POST, PURGE, TRACE"},
		{"/f/", "BREW, OPTIONS"},
		{"/", ""},
		{"/b/c/d", "HEAD, OPTIONS"},
		{"/c/", ""},
		{"/a/b", ""},
		{"", ""},
		{"*", ""},
	} {
		if got := string(r.Allowed([]byte("Allow: "), []byte(row.path))); got != "Allow: "+row.want {
			t.Errorf("%q: %q, want %q", row.path, got, row.want)
		}
	}
}

func TestKnowsMethod(t *testing.T) {
	r := build(t, "* /a", "PURGE /a/b", "PURGE,LINK /c")
	for method, want := range map[string]bool{
		"GET": true, "HEAD": true, "POST": true, "PUT": true, "DELETE": true, "CONNECT": true, "OPTIONS": true, "TRACE": true, "PATCH": true,
		"PURGE": true, "LINK": true, "UNLINK": false, "get": false, "": false, "*": false,
	} {
		if r.KnowsMethod([]byte(method)) != want {
			t.Errorf("%q: %v", method, !want)
		}
	}
}

func TestAdd_refuses(t *testing.T) {
	for _, row := range []struct{ methods, pattern, want string }{
		{"GET", "", `pattern "": does not start with "/"`},
		{"GET", "a", `pattern "a": does not start with "/"`},
		{"GET", "*", `pattern "*": does not start with "/"`},
		{"GET", "/a\x00", `pattern "/a\x00": contains NUL, which no path does`},
		{"GET", "/a/../b", `pattern "/a/../b": has a segment "..", which no path has after decoding`},
		{"GET", "/.", `pattern "/.": has a segment ".", which no path has after decoding`},
		{"GET", "/:", `pattern "/:": parameter ":": has no name`},
		{"GET", "/a/*", `pattern "/a/*": parameter "*": has no name`},
		{"GET", "/*a/b", `pattern "/*a/b": "*a" takes the whole rest, so it must come last`},
		{"GET", "/*a/", `pattern "/*a/": "*a" takes the whole rest, so it must come last`},
		{"GET", "/:a.json", `pattern "/:a.json": parameter ":a.json": takes a whole segment, and its name has only letters, digits, "_" and "-"`},
		{"GET", "/:a/:a", `pattern "/:a/:a": parameter ":a": the name is used twice`},
		{"GET", "/:a/*a", `pattern "/:a/*a": parameter "*a": the name is used twice`},
		{"", "/", `pattern "/": a method is empty`},
		{"GET,", "/", `pattern "/": a method is empty`},
		{"GET PUT", "/", `pattern "/": method "GET PUT": is not a token`},
		{"G\xe4", "/", `pattern "/": method "G\xe4": is not a token`},
		{"get", "/", `pattern "/": method get: case matters, write GET`},
		{"CONNECT", "/", `pattern "/": method CONNECT: not supported`},
		{strings.Repeat("A", 25), "/", `pattern "/": method AAAAAAAAAAAAAAAAAAAAAAAAA: longer than 24 characters`},
	} {
		r := &Router{}
		err := r.Add(strings.Split(row.methods, ","), row.pattern, 1)
		if row.want == "" && err != nil || row.want != "" && (err == nil || err.Error() != row.want) {
			t.Errorf("%s %q:\n%v\n%s", row.methods, row.pattern, err, row.want)
		}
		if err != nil && (r.count != 0 || len(r.named) != 0 || find(r, "GET", "/a") != "") {
			t.Errorf("%s %q: left something behind", row.methods, row.pattern)
		}
	}
	r := &Router{}
	if err := r.Add(nil, "/", 1); err == nil || err.Error() != `pattern "/": no method given: name one, or "*" for any` {
		t.Error(err)
	}
	var names strings.Builder
	for i := range MaxParams + 1 {
		fmt.Fprintf(&names, "/:p%d", i)
	}
	if err := r.Add([]string{"GET"}, names.String(), 1); err == nil || !strings.HasSuffix(err.Error(), "has 17 parameters, the most is 16") {
		t.Error(err)
	}
}

func TestAdd_refusesTheSameRoute(t *testing.T) {
	for _, row := range []struct{ first, second, want string }{
		{"GET /a", "GET /a", "GET /a: the same as /a, which has a route for it already"},
		{"GET,PUT /a", "POST,PUT /a", "PUT /a: the same as /a, which has a route for it already"},
		{"GET /:a", "GET /:b", "GET /:b: the same as /:a, which has a route for it already"},
		{"GET /x/*a", "GET /x/*b", "GET /x/*b: the same as /x/*a, which has a route for it already"},
		{"* /a", "DELETE /a", "DELETE /a: the same as /a, which has a route for it already"},
		{"PURGE /a", "* /a", "PURGE /a: the same as /a, which has a route for it already"},
		{"* /a", "* /a", "* /a: the same as /a, which has a route for it already"},
		{"* /a", "PURGE /a", "PURGE /a: the same as /a, which has a route for it already"},
		{"GET /a", "HEAD /a", ""},
		{"GET /a", "POST /a", ""},
		{"GET /a", "GET /a/", ""},
		{"GET /:a", "GET /*a", ""},
		{"GET /:a/b", "GET /a/:b", ""},
	} {
		r := build(t, row.first)
		methods, pattern, _ := strings.Cut(row.second, " ")
		err := r.Add(strings.Split(methods, ","), pattern, 1)
		if row.want == "" && err != nil || row.want != "" && (err == nil || err.Error() != row.want) {
			t.Errorf("%s and %s:\n%v\n%s", row.first, row.second, err, row.want)
		}
	}
}

func TestAdd_limits(t *testing.T) {
	r := &Router{}
	for i := range MaxNamed {
		if err := r.Add([]string{fmt.Sprint("M", i)}, "/m", i); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Add([]string{"M0", "ONEMORE"}, "/", 0); err == nil || !strings.Contains(err.Error(), "method ONEMORE: there are 54 non-standard methods") {
		t.Error(err)
	}
	if got := find(r, "M53", "/m"); got != "53" {
		t.Error(got)
	}
	if got := find(r, "ONEMORE", "/m"); got != "" {
		t.Error(got)
	}
	for i := r.count; i < MaxRoutes; i++ {
		if err := r.Add([]string{"GET"}, fmt.Sprintf("/r/%d/:x", i), i); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Add([]string{"GET"}, "/", 0); err == nil || err.Error() != `pattern "/": there are 65535 routes already, which is the most` {
		t.Error(err)
	}
	if got := find(r, "GET", "/r/65534/a"); got != "65534[a]" {
		t.Error(got)
	}
}

// thousand has routes of the shapes that services have.
func thousand(t testing.TB) *Router {
	var lines []string
	for i := range 250 {
		name := fmt.Sprintf("/api/v%d/things%d", i%3, i)
		lines = append(lines, "GET "+name, "POST "+name, "GET,PUT "+name+"/:id", "GET "+name+"/:id/files/*path")
	}
	return build(t, lines...)
}

func TestFind_allocatesNothing(t *testing.T) {
	r := thousand(t)
	var params Params
	dst := make([]byte, 0, 128)
	for _, path := range []string{"/api/v0/things3", "/api/v0/things3/1", "/api/v0/things3/1/files/a/b", "/nowhere"} {
		p := []byte(path)
		for _, method := range []string{"GET", "HEAD", "OPTIONS", "BREW"} {
			m := []byte(method)
			if n := testing.AllocsPerRun(100, func() {
				r.Find(m, p, 0, &params)
				r.Find(m, p, 1, &params)
				dst = r.Allowed(dst[:0], p)
				r.KnowsMethod(m)
			}); n != 0 {
				t.Errorf("%s %s: %v allocations", method, path, n)
			}
		}
	}
}

func BenchmarkFind(b *testing.B) {
	few := build(b, "GET /", "GET /plaintext", "GET /users/:id", "GET /files/*path")
	many := thousand(b)
	for _, bench := range []struct {
		name string
		r    *Router
		path string
	}{
		{"exact", few, "/plaintext"},
		{"param", few, "/users/12345"},
		{"rest", few, "/files/css/site.css"},
		{"none", few, "/nowhere"},
		{"1000/exact", many, "/api/v0/things123"},
		{"1000/param", many, "/api/v0/things123/45678"},
		{"1000/rest", many, "/api/v0/things123/45678/files/a/b"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			method, path := []byte("GET"), []byte(bench.path)
			var params Params
			b.ReportAllocs()
			for b.Loop() {
				bench.r.Find(method, path, 0, &params)
			}
		})
	}
}
