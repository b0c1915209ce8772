package router

import (
	"strconv"
	"strings"
	"testing"
)

// hosts makes routes of lines such as "a.example GET /x"; "-" is any host.
func hosts(t testing.TB, lines ...string) *Hosts {
	t.Helper()
	h := &Hosts{}
	for id, line := range lines {
		host, rest, _ := strings.Cut(line, " ")
		if host == "-" {
			host = ""
		}
		if prefix, is := strings.CutPrefix(rest, "guard "); is {
			if err := h.Of(host).AddGuard(strings.TrimSuffix(prefix, "/"), id); err != nil {
				t.Fatal(err)
			}
			continue
		}
		add(t, h.Of(host), id, rest)
	}
	return h
}

func (h *Hosts) all(host, method, path string) string {
	var all []string
	for skip := 0; ; skip++ {
		var params Params
		id, _, ok := h.Find([]byte(host), []byte(method), []byte(path), skip, &params)
		if !ok {
			return strings.Join(all, " ")
		}
		all = append(all, strconv.Itoa(id))
	}
}

func TestHosts_matches(t *testing.T) {
	h := hosts(t, "- GET /x", "a.example GET /x", "*.example GET /x", "*.b.example GET /:p", "[::1] GET /x", "- GET /*all", "a.example guard /", "127.0.0.1 GET /x")
	for host, want := range map[string]string{
		"": "0 5", "other": "0 5", "example": "0 5", ".example": "0 5", "a.example": "1 6 2 0 5", "A.Example": "1 6 2 0 5",
		"a.example:80": "1 6 2 0 5", "a.example.": "1 6 2 0 5", "a.example.:443": "1 6 2 0 5", "x.example": "2 0 5",
		"x.b.example": "3 2 0 5", "y.x.b.example": "3 2 0 5", "b.example": "2 0 5", "a.example.evil": "0 5", "xa.example": "2 0 5",
		"[::1]": "4 0 5", "[::1]:80": "4 0 5", "[::2]": "0 5", "127.0.0.1:8080": "7 0 5", "a..example": "0 5", ":80": "0 5", "[": "0 5",
		strings.Repeat("x", 300) + ".example": "0 5", "..": "0 5", "a.example..": "0 5",
	} {
		if got := h.all(host, "GET", "/x"); got != want {
			t.Errorf("%q: %q, want %q", host, got, want)
		}
	}
}

func TestHosts_allow(t *testing.T) {
	h := hosts(t, "- GET /x", "a.example POST /x", "*.example PURGE /x")
	for host, want := range map[string]string{
		"": "GET, HEAD, OPTIONS", "a.example": "GET, HEAD, OPTIONS, POST, PURGE", "b.example": "GET, HEAD, OPTIONS, PURGE",
	} {
		if got := string(h.Allowed(nil, []byte(host), []byte("/x"))); got != want {
			t.Errorf("%q: %q", host, got)
		}
	}
	if !h.KnowsMethod([]byte("PURGE")) || h.KnowsMethod([]byte("BREW")) {
		t.Errorf("PURGE is known, BREW is not")
	}
	if got := string((&Hosts{}).Allowed(nil, nil, []byte("/x"))); got != "" {
		t.Errorf("%q", got)
	}
}

func TestHosts_allocateNothing(t *testing.T) {
	h := hosts(t, "- GET /x", "a.example GET /x", "*.example GET /x")
	host, method, path := []byte("A.example:8080"), []byte("GET"), []byte("/x")
	var params Params
	if n := testing.AllocsPerRun(100, func() { h.Find(host, method, path, 0, &params) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
