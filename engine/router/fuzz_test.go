package router

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// naiveRoute is a route as the manual describes it, without a tree.
type naiveRoute struct {
	methods []string
	pattern string
	id      int
}

// naiveMatch returns the values of the parameters, and how each segment matched, as text that sorts better matches
// first.
func naiveMatch(pattern, path string) (values []string, rank string, ok bool) {
	segments := strings.Split(path, "/")
	for i, want := range strings.Split(pattern, "/") {
		if i >= len(segments) {
			return nil, "", false
		}
		switch {
		case strings.HasPrefix(want, "*"):
			return append(values, strings.Join(segments[i:], "/")), rank + "2", true
		case strings.HasPrefix(want, ":"):
			if segments[i] == "" {
				return nil, "", false
			}
			values, rank = append(values, segments[i]), rank+"1"
		case want != segments[i]:
			return nil, "", false
		default:
			rank += "0"
		}
	}
	return values, rank, strings.Count(pattern, "/") == strings.Count(path, "/")
}

// naiveFind returns what find returns.
func naiveFind(routes []naiveRoute, method, path string) string {
	type match struct {
		rank, text string
	}
	var matches []match
	for _, r := range routes {
		values, rank, ok := naiveMatch(r.pattern, path)
		switch {
		case !ok:
			continue
		case slices.Contains(r.methods, method) || slices.Contains(r.methods, "*"):
		case method == "HEAD" && slices.Contains(r.methods, "GET"):
			rank += "9" // Behind HEAD itself on the same pattern.
		default:
			continue
		}
		text := strconv.Itoa(r.id)
		if len(values) > 0 {
			text += "[" + strings.Join(values, " ") + "]"
		}
		matches = append(matches, match{rank, text})
	}
	slices.SortFunc(matches, func(a, b match) int { return cmp.Compare(a.rank, b.rank) })
	var texts []string
	for _, m := range matches {
		texts = append(texts, m.text)
	}
	return strings.Join(texts, " ")
}

// FuzzFind: the tree finds what a list does, in the same order, and a path that no method finds has no Allow.
func FuzzFind(f *testing.F) {
	f.Add("GET /a\nGET /:x\n* /*r\nHEAD /a", "/a")
	f.Add("GET /:a/b\nPOST /a/:b\nGET,PUT /a/*r\nPURGE /:a/:b\nHEAD /:x/b\n* //", "/a/b")
	f.Add("GET /a/b/c\nGET /:a/b/:c\nGET /*r\nGET /a/*r\nGET /a/b/", "/a/b/")
	f.Fuzz(func(t *testing.T, lines, path string) {
		if len(lines) > 400 || len(path) > 100 || !strings.HasPrefix(path, "/") {
			return
		}
		r := &Router{}
		var routes []naiveRoute
		for line := range strings.SplitSeq(lines, "\n") {
			list, pattern, _ := strings.Cut(line, " ")
			methods := strings.Split(list, ",")
			if id := len(routes); r.Add(methods, pattern, id) == nil {
				routes = append(routes, naiveRoute{methods, pattern, id})
			}
		}
		found := false
		for _, method := range []string{"GET", "HEAD", "POST", "PURGE", "BREW"} {
			got, want := find(r, method, path), naiveFind(routes, method, path)
			if got != want {
				t.Fatalf("%q\n%s %q: %q, want %q", lines, method, path, got, want)
			}
			found = found || got != ""
			allowed := strings.Split(string(r.Allowed(nil, []byte(path))), ", ")
			if (got != "" && r.KnowsMethod([]byte(method))) && !slices.Contains(allowed, method) {
				t.Fatalf("%q\n%s %q: not in Allow: %q", lines, method, path, allowed)
			}
			if got == "" && slices.Contains(allowed, method) {
				t.Fatalf("%q\n%s %q: in Allow: %q", lines, method, path, allowed)
			}
		}
		if found && len(r.Allowed(nil, []byte(path))) == 0 {
			t.Fatalf("%q\n%q has a route and no Allow", lines, path)
		}
	})
}
