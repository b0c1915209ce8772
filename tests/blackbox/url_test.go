package blackbox

import (
	"bytes"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"

	"libforker/engine/http1"
	"libforker/engine/router"
)

// url returns what forker_url() makes of a pattern and pairs of names and values: its code, or -255 if the pattern is none.
func (g *grammar) url(t *testing.T, pattern string, pairs []string) (code int, text string) {
	t.Helper()
	command := fmt.Sprintf("u%s\x00%d", pattern, len(pairs)/2)
	for _, p := range pairs {
		command += p + "\x00"
	}
	if _, err := io.WriteString(g.Stdin, command); err != nil {
		t.Fatal(err)
	}
	status, err := g.Stdout.ReadByte()
	if err != nil {
		t.Fatal(err)
	}
	text, err = g.Stdout.ReadString(0)
	if err != nil {
		t.Fatal(err)
	}
	return -int(status), strings.TrimSuffix(text, "\x00")
}

const (
	codeInvalid = -1 // FORKER_E_INVALID
	noRoute     = -255
)

// parameters returns the names that a pattern has, and whether each is for the rest of a path.
func parameters(pattern string) map[string]bool {
	names := map[string]bool{}
	for segment := range strings.SplitSeq(pattern, "/") {
		if segment != "" && (segment[0] == ':' || segment[0] == '*') {
			names[segment[1:]] = segment[0] == '*'
		}
	}
	return names
}

// canStand reports whether a value can stand in the place of a parameter.
func canStand(value string, isRest bool) bool {
	segments := strings.Split(value, "/")
	for _, s := range segments {
		if s == "." || s == ".." {
			return false
		}
	}
	return isRest || value != "" && len(segments) == 1
}

// checkURL wants that what leads to a route is decoded to the path of that route, with these values, and is no reference to
// another host, whatever the values are.
func (g *grammar) checkURL(t *testing.T, pattern string, pairs []string) {
	t.Helper()
	r := &router.Router{}
	code, text := g.url(t, pattern, pairs)
	if taken := r.Add([]string{"GET"}, pattern, 7) == nil; !taken || code == noRoute {
		return // FuzzGrammar has the two say the same.
	}
	values, want, can := map[string]string{}, url.Values{}, true
	names := parameters(pattern)
	for i := 0; i < len(pairs); i += 2 {
		name, value := pairs[i], pairs[i+1]
		isRest, is := names[name]
		_, again := values[name]
		switch {
		case !is:
			want.Add(name, value)
		case !again: // The first one counts.
			values[name] = value
			can = can && canStand(value, isRest)
		}
	}
	can = can && len(values) == len(names)
	if can != (code == 0) || !can && (code != codeInvalid || text != "") {
		t.Fatalf("%q with %q: %d %q", pattern, pairs, code, text)
	}
	if can {
		checkPath(t, r, pattern, text, values, want)
	}
}

func checkPath(t *testing.T, r *router.Router, pattern, text string, values map[string]string, want url.Values) {
	t.Helper()
	raw, query, _ := strings.Cut(text, "?")
	if strings.HasPrefix(text, "//") || raw[0] != '/' || strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c >= 0x7f || strings.ContainsRune("\\\"<>#", c) }) {
		t.Fatalf("%q: %q", pattern, text)
	}
	path := []byte(raw)
	if !http1.PathIsPlain(path) {
		decoded, fault := http1.DecodePath(make([]byte, 0, len(path)), path)
		if fault != nil {
			t.Fatalf("%q: %q: %v", pattern, text, fault)
		}
		path = decoded
	}
	var params router.Params
	id, count, ok := r.Find([]byte("GET"), path, 0, &params)
	if !ok || id != 7 || count != len(values) {
		t.Fatalf("%q: %q does not lead to it, but to %q", pattern, text, path)
	}
	at := 0
	for segment := range strings.SplitSeq(pattern, "/") {
		if segment == "" || segment[0] != ':' && segment[0] != '*' {
			continue
		}
		if got := params[at].In(path); !bytes.Equal(got, []byte(values[segment[1:]])) {
			t.Fatalf("%q: by %q %s is %q, want %q", pattern, text, segment, got, values[segment[1:]])
		}
		at++
	}
	got, err := url.ParseQuery(query)
	if err != nil || len(got) != len(want) || got.Encode() != want.Encode() {
		t.Fatalf("%q: %q is a query of %v, %v, want %v", pattern, text, got, err, want)
	}
}

// FuzzURL: what forker_url() makes leads to the route, and nowhere else. Each line is a pattern, with pairs behind it.
func FuzzURL(f *testing.F) {
	g := startGrammar(f)
	f.Add("/users/:id", "id", "a b?#%\xc3\xa4", "page", "2&3=4+5")
	f.Add("/*all", "all", "//evil.example/../x", "", "")
	f.Add("/*all", "all", "\\evil.example", "all", "b")
	f.Add("/a/\\:done/:x/\\*", "x", "...", "q", "\xff\x01")
	f.Add("/:a/:b", "b", "2", "a", "1")
	f.Add("//:a", "a", ":", "", "x")
	f.Add("/:a/*b", "b", "", "a", "%2e%2e")
	f.Fuzz(func(t *testing.T, pattern, name1, value1, name2, value2 string) {
		pairs := []string{name1, value1, name2, value2}
		if len(pattern) > 1000 || strings.Contains(pattern+strings.Join(pairs, ""), "\x00") || len(strings.Join(pairs, "")) > 2000 {
			return
		}
		g.checkURL(t, pattern, pairs)
		g.checkURL(t, pattern, pairs[:2])
		g.checkURL(t, pattern, nil)
	})
}

// FuzzHostName: a host that C takes is one to which requests come, written in any way.
func FuzzHostName(f *testing.F) {
	g := startGrammar(f)
	for _, host := range []string{"api.example.org", "*.example.org", "[::1]", "A_b-c", "xn--bcher-kva.example", "a..b", "*.*.a", ".", "a.", "-", "*.", "[", "[]"} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		if strings.Contains(host, "\x00") {
			return
		}
		if _, err := io.WriteString(g.Stdin, "ng"+host+"\x00"); err != nil {
			t.Fatal(err)
		}
		if taken, err := g.Stdout.ReadByte(); err != nil || taken == 0 {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
		lower := strings.ToLower(host)
		hosts := &router.Hosts{}
		if err := hosts.Of(lower).Add([]string{"GET"}, "/", 7); err != nil {
			t.Fatal(err)
		}
		name := lower
		if rest, isBelow := strings.CutPrefix(lower, "*"); isBelow {
			name = "any" + rest
		}
		isBelow, isAddress := lower[0] == '*', lower[0] == '['
		for asked, want := range map[string]bool{name: true, strings.ToUpper(name): true, name + ":8080": true, name + ".": true, "x." + name: isBelow} {
			if isAddress && asked != name && asked != name+":8080" && asked != strings.ToUpper(name) || len(asked) > 255 {
				continue // An address has no dot behind it, and no names before; and no name is so long.
			}
			if _, _, found := hosts.Find([]byte(asked), []byte("GET"), []byte("/"), 0, &router.Params{}); found != want {
				t.Fatalf("host %q: a request to %q comes to it: %v", host, asked, found)
			}
		}
	})
}
