package blackbox

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

func wrapper(t *testing.T, b build, options ...string) *program {
	t.Helper()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "wrapper.txt"), []byte("a file"), 0o644))
	return startInMode(t, setup{build: &b, source: "wrapper.cpp", standard: "c++17", args: []string{"127.0.0.1:0", dir}}, options)
}

type wrapped struct {
	request string
	status  int
	body    string
}

func (p *program) expectWrapped(rows []wrapped) {
	p.t.Helper()
	for _, row := range rows {
		a := p.exchange(row.request)
		if a.StatusCode != row.status || !strings.Contains(a.body, row.body) {
			p.t.Errorf("%s: %s %q, want %d %q", row.request, a.Status, a.body, row.status, row.body)
		}
		if may, want := a.Header.Get("Access-Control-Allow-Origin"), strings.Contains(a.body, "asked.example"); (may != "") != want {
			p.t.Errorf("%s: %q", row.request, may)
		}
		if row.status == 500 && strings.Contains(a.body, "reason") {
			p.t.Errorf("%s: tells the client why: %q", row.request, a.body)
		}
	}
}

func TestWrapper_answers(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := wrapper(t, b, "h2c=on")
		p.out.wait(t, 0, "refused")
		p.expectWrapped([]wrapped{
			{"GET /", 200, "literal"},
			{"GET /string", 200, "string /string"},
			{"GET /response", 201, "{}"},
			{"GET /code", 202, "code"},
			{"GET /nothing", 500, ""},
			{"GET /void", 203, "in parts"},
			{"GET /next/a", 200, "next a"},
			{"GET /throw", 500, ""},
			{"GET /throw-int", 500, ""},
			{"GET /throw-http", 409, "busy"},
			{"GET /throw-bad", 500, ""},
			{"GET /throw-late", 500, ""},
			{"GET /throw-grpc", 500, ""},
			{"GET /throw-library", 500, ""},
			{"GET /redirect", 303, ""},
			{"GET /html", 200, "<p>"},
			{"GET /args", 200, "5 1 0 1 - 0"},
			{"GET /args?n=7&b=off&c=desc&d=0.1", 200, "7 0 1 0 7 4"},
			{"GET /args?n=70", 400, `n: "70" is not a whole number from 1 to 10`},
			{"GET /time", 200, "0"},
			{"GET /time?at=2026-11-30T08:15:00.5Z", 200, "1796026500500"},
			{"GET /time?at=noon", 400, `at: "noon" is not a time`},
			{"POST /echo body\nX-Token: t", 200, "POST body t 0"},
			{"POST /form a=b+c\nContent-Type: application/x-www-form-urlencoded", 200, "b c none"},
			{"POST /form {}\nContent-Type: application/json", 400, "form"},
			{"GET /nowhere", 404, "own 404"},
			{"GET /no-url", 500, ""},
			{"GET /\nHost: api.example", 200, "host"},
			{"GET /files/wrapper.txt", 200, "a file"},
			{"GET /later", 200, "later"},
			{"GET /dropped", 500, ""},
			{"GET /stream", 200, "piece piece piece "},
			{"GET /events", 200, "event: kind\nid: 1\ndata: two\ndata: lines\n\n"},
			{"POST /take " + strings.Repeat("x", 100), 200, "taken 100"},
			{"POST /take-badly 123", 500, ""},
		})
		for _, said := range []string{
			"a handler threw: the reason", "a handler threw something that is no std::exception", "respond_error: status 99",
			"a handler threw: no status", "a handler threw: too late", "a handler threw: this is no call",
			"header_set Content-Length", "url nobody", "on_body threw: bad piece", "without a response",
		} {
			p.log.wait(t, 0, said)
		}
		if about := p.dial().get("/about").body; about != "http 11 0 0" {
			t.Errorf("%q", about)
		}
		a := p.dial().get("/cookie")
		if a.Header.Get("Set-Cookie") != "sid=none; Path=/; Secure; HttpOnly; SameSite=Lax" {
			t.Errorf("%v", a.Header)
		}
	})
}

func TestWrapper_groups(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := wrapper(t, b, "h2c=on")
		p.expectWrapped([]wrapped{
			{"GET /api/nowhere", 401, "who are you?"},
			{"GET /api/v1/users/7\nX-Token: joe", 200, "joe 7"},
			{"GET /keys/who", 401, "a key is needed"},
			{"GET /keys/none?key=secre", 401, "the key is not good"},
			{"GET /keys/who?key=secret", 200, "known"},
			{"GET /keys/who?key=throw", 403, "not this one"},
			{"GET /keys/who\nAuthorization: Bearer secret", 200, "known"},
			{"GET /tokens/page", 200, "86"},
			{"POST /tokens/page", 403, "there is no cookie, or several, of the name csrf"},
			{"GET /nul-keys/none?key=secret", 401, "the key is not good"}, // Which C would see of it.
			{"GET /nul-keys/none?key=secret%00more", 401, "the key is not good"},
			{"GET /own-keys/none?key=bad", 402, "own words"},
			{"GET /own-keys/none?key=good", 404, "own 404"},
			{"GET /names/who", 401, "name and password are needed"},
			{"GET /names/who\n" + basic("joe:secret"), 200, "user joe"},
			{"GET /names/who\n" + basic("joe:x"), 401, "name and password are needed"},
			{"GET /origins/who\nOrigin: https://asked.example", 200, "https://asked.example"},
			{"GET /origins/who\nOrigin: https://throws.example", 200, "nobody"},
			{"GET /url", 200, "/api/v1/users/a%20b?page=2 1"},
		})
		a := p.dial().send("GET /api/v1/users/7 HTTP/1.1\r\nHost: t\r\nX-Token: joe\r\n\r\n").receive("GET")
		if a.Header.Get("X-Head") != "head 200" || a.Header.Get("X-Inner") != "1" {
			t.Errorf("%v", a.Header)
		}
		p.log.wait(t, 0, "an on_origin function threw: cannot tell")
		p.out.wait(t, 0, "done 401 nobody")
		p.out.wait(t, 0, "done 200 joe")
	})
}

func TestWrapper_releasesWhatItKeeps(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := wrapper(t, b)
		c := p.dial()
		for range 3 {
			p.expectGet("/timers", 200, "100")
			p.expectGet("/post", 200, "posted")
		}
		eventually(t, "all timers have been called", func() bool { return p.out.count("thrice") == 3 && p.out.count("once") == 3 })
		p.out.wait(t, 0, "posted")
		p.log.wait(t, 0, "a posted function threw: posted in vain")
		// A client that leaves in the middle of a body.
		d := p.dial().send("POST /take HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\n12345")
		d.waitRead()
		_ = d.Close()
		eventually(t, "nothing is kept", func() bool { return c.get("/alive").body == "0" })
		p.stop(syscall.SIGTERM)
		p.out.wait(t, 0, "alive at the end 0")
	})
}

func TestWrapper_tests(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		cmd := exec.Command(compile(t, b, "tested.cpp", "c++17"))
		cmd.Dir, cmd.Env = t.TempDir(), append(cleanEnvironment(), b.env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
}

// TestWrapper_hasAllOfTheAPI: all that forker.hpp leaves out is listed here, with what it has instead.
func TestWrapper_hasAllOfTheAPI(t *testing.T) {
	instead := map[string]string{
		"forker_server_handle":  "forker_group_route", // Of the group that is the server itself; whoever does not want the Route drops it.
		"forker_server_route":   "forker_group_route",
		"forker_group_handle":   "forker_group_route",
		"forker_server_static":  "forker_group_static",
		"forker_server_grpc":    "forker_server_grpc_route",
		"forker_request_pack":   "forker_request_header_at", // For bindings, to which a call is dear.
		"forker_respond_packed": "forker_respond",
	}
	var source []byte
	parts, err := filepath.Glob(filepath.Join("..", "..", "include", "forker", "*.hpp"))
	must(t, err)
	for _, part := range parts {
		text, err := os.ReadFile(part)
		must(t, err)
		source = append(source, regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAll(text, nil)...)
	}
	has := func(name string) bool { return regexp.MustCompile(`\b` + name + `\b`).Match(source) }
	for _, name := range declaredFunctions(t) {
		if other := instead[name]; has(name) == (other != "") || other != "" && !has(other) {
			t.Errorf("%s: in forker.hpp: %v; %s: %v", name, has(name), other, has(other))
		}
	}
}
