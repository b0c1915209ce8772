package blackbox

import (
	"fmt"
	"strings"
	"testing"
)

func hostsProgram(t *testing.T, b build, options ...string) *program {
	t.Helper()
	return startInMode(t, setup{build: &b, source: "hosts.c", args: []string{"127.0.0.1:0"}}, options)
}

func TestHost_hasRoutesOfItsOwn(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := hostsProgram(t, b, "h2c=on")
		for _, row := range []struct {
			what, body, passed string
			status             int
		}{
			{"GET /\nHost: elsewhere", "any", "server", 200},
			{"GET /\nHost: api.example\nX-Token: api", "guarded api", "server", 200},
			{"GET /\nHost: api.example\nX-Token: other", "401", "server", 401},
			{"GET /v1/users/7\nHost: API.Example:8080\nX-Token: api", "guarded user", "server v1", 200},
			{"POST /take abc\nHost: api.example.\nX-Token: api", "abc", "server", 200},
			{"POST /take abc\nHost: api.example.", "401", "server", 401},
			{"GET /only\nHost: api.example\nX-Token: api", "any only", "server", 200},
			{"GET /admin/x\nHost: api.example\nX-Token: api", "401", "server", 401},
			{"GET /admin/x\nHost: w.example\nX-Token: admin", "guarded by path", "server", 200},
			{"GET /admin/x\nHost: w.example", "401", "server", 401},
			{"GET /\nHost: www.example", "below", "server", 200},
			{"GET /\nHost: a.b.example", "below", "server", 200},
			{"GET /\nHost: example", "any", "server", 200},
			{"POST /\nHost: www.example", "405", "server", 405},
		} {
			a := p.exchange(row.what)
			if got := strings.Join(a.Header.Values("X-Passed"), " "); a.StatusCode != row.status || !strings.Contains(a.body, row.body) || row.status == 200 && got != row.passed {
				t.Errorf("%q: %s %q, passed %q", row.what, a.Status, a.body, got)
			}
		}
		if lines := p.out.String(); strings.Contains(lines, "took") || strings.Contains(lines, "does not") {
			t.Errorf("%s", lines)
		}
	})
}

// TestHost_guardCannotBePassedBy tries to come to what only requests to one host may see.
func TestHost_guardCannotBePassedBy(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := hostsProgram(t, b)
		c := p.dial()
		for _, host := range []string{
			"api.example", "API.EXAMPLE", "api.example:80", "api.example.", "api.example.:80", "elsewhere", "www.example", "example",
			"x.api.example", "api.example.evil", "api%2eexample", "127.0.0.1", "[::1]", "xapi.example", "api..example", "api.example..",
		} {
			for _, target := range []string{"/", "/v1/users/7", "/v1%2Fusers/7", "/v1/../v1/users/7", "//", "http://" + host + "/v1/users/7", "http://api.example/v1/users/7", "/take", "/admin/x"} {
				for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS"} {
					for _, more := range []string{"", "X-Forwarded-Host: elsewhere\r\n", "X-Forwarded-Host: api.example\r\n", "Forwarded: host=api.example\r\n"} {
						c.send(fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 0\r\n%s\r\n", method, target, host, more))
						a, err := c.tryReceive(method)
						if err != nil || a.Close {
							c = p.dial()
						}
						if err != nil || a.StatusCode/100 == 5 || strings.Contains(a.body, "guarded") {
							t.Errorf("%s %s of %s, %q: %v %s %q", method, target, host, more, err, a.Status, a.body)
						}
					}
				}
			}
		}
	})
}

// TestRate_countsOnce: three routes see a request one after the other, of which the first and the last have the same rate.
func TestRate_countsOnce(t *testing.T) {
	p := hostsProgram(t, plain)
	for _, want := range []int{200, 200, 429} {
		if a := p.get("/rated/x"); a.StatusCode != want {
			t.Errorf("%s, want %d", a.Status, want)
		}
	}
}
