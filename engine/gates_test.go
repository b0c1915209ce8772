package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"libforker/engine/gate"
)

// allTexts are a plan with everything that a route can have.
var allTexts = gate.Texts{
	RateLimit: "1000000/s", Security: true, HSTS: "max-age=1", CSP: "default-src 'self'",
	CORSOrigins: "https://*.example", CORSMaxAge: "10m", CORSCredentials: true, CORSExpose: "X-A", CSRF: true,
}

func planOf(t *testing.T, texts gate.Texts) *gate.Plan {
	t.Helper()
	plan, err := gate.NewPlan(texts, 1)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// trusting makes a front that believes these networks.
func trusting(t *testing.T, networks string) *gate.Front {
	t.Helper()
	proxies, err := gate.ParseNetworks(networks)
	if err != nil {
		t.Fatal(err)
	}
	return &gate.Front{Trust: gate.Trust{Proxies: proxies, Form: gate.FormX}}
}

func TestGates_allocateNothing(t *testing.T) {
	front := trusting(t, "unix")
	front.IDs, front.Override, front.Plans, front.Origins, front.Slash, front.WWW = gate.NewIDs(), true, true, true, gate.SlashAdd, gate.HostWithoutWWW
	front.Rewrites = []gate.Rewrite{{From: "/old/*", To: "/$1"}}
	var err error
	if front.Rates, err = gate.OpenRates(make([]uint64, gate.RatesBytes/8)); err != nil {
		t.Fatal(err)
	}
	s := start(t, packets, admits, func(cfg *Config) { cfg.Front = front })
	s.handle("/dir/", func(c *call) { c.respond(200, "") })
	s.do(func() { s.admissions["/hello"] = &Admission{Most: 100, Plan: planOf(t, allTexts)} })
	const fields = " HTTP/1.1\r\nHost: h.example\r\nOrigin: https://a.example\r\nX-Forwarded-For: 1.1.1.1, 192.0.2.7\r\nX-Forwarded-Proto: https\r\n"
	for _, row := range []struct{ name, request, want string }{
		{"all", "GET /hello" + fields + "\r\n", "HTTP/1.1 200 "},
		{"given id", "GET /hello" + fields + "X-Request-Id: a\r\n\r\n", "HTTP/1.1 200 "},
		{"rewritten", "GET /old/hello" + fields + "\r\n", "HTTP/1.1 200 "},
		{"preflight", "OPTIONS /hello" + fields + "Access-Control-Request-Method: PUT\r\n\r\n", "HTTP/1.1 204 "},
		{"other site", "POST /hello" + fields + "Sec-Fetch-Site: cross-site\r\nContent-Length: 0\r\nX-HTTP-Method-Override: PUT\r\n\r\n", "HTTP/1.1 403 "},
		{"slash", "GET /dir" + fields + "\r\n", "HTTP/1.1 301 "},
		{"www", strings.Replace("GET /hello"+fields+"\r\n", "h.example", "www.h.example", 1), "HTTP/1.1 301 "},
	} {
		t.Run(row.name, func(t *testing.T) {
			fd := s.dialRaw()
			defer unix.Close(fd)
			request, response := []byte(row.request), make([]byte, 1<<14)
			if n := testing.AllocsPerRun(20, func() {
				if _, err := unix.Write(fd, request); err != nil {
					t.Error(err)
				}
				if n, err := unix.Read(fd, response); err != nil || n < 20 || string(response[:len(row.want)]) != row.want {
					t.Fatalf("%v: %.40q", err, response[:max(n, 0)])
				}
			}); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

// What the engine says in place of a handler that is late has what the gates add to the handler's responses.
func TestGates_ofALateHandler(t *testing.T) {
	front := trusting(t, "10.0.0.0/8")
	front.IDs, front.Plans, front.Origins = gate.NewIDs(), true, true
	s, h := startHolder(t, tcp, withH2C, func(cfg *Config) { cfg.HandlerTimeout, cfg.Front = time.Millisecond, front })
	requests := h.holdAll(s, "/later")
	pooled, entered := make(chan bool), make(chan *Request, 1)
	s.handle("/pool", func(c *call) { entered <- c.req; <-pooled; c.respond(200, "") })
	plan := planOf(t, allTexts)
	s.do(func() {
		s.admissions["/later"], s.admissions["/pool"] = &Admission{Most: 100, Plan: plan}, &Admission{Most: 100, Plan: plan}
	})
	for _, path := range []string{"/later", "/pool"} {
		c := s.dial()
		c.send("GET " + path + " HTTP/1.1\r\nHost: h\r\nOrigin: https://a.example\r\n\r\n")
		a, body := c.response("GET")
		if a.StatusCode != 504 || a.Header.Get("Access-Control-Allow-Origin") != "https://a.example" || a.Header.Get("X-Frame-Options") != "SAMEORIGIN" || len(a.Header.Get("X-Request-Id")) != 32 {
			t.Errorf("%s: %d %v %q", path, a.StatusCode, a.Header, body)
		}
		if path == "/later" {
			h.reasons(t, 1)
			h.tell(<-requests, EventResponse, true, "")
		} else {
			close(pooled)
		}
	}
	s.eventually("the requests to be taken back", func() bool { return len(s.loop.freeRequests) >= len(s.loop.byIndex)-2 })
}

// What is said in place of a late handler has nothing of the response before it, of a route with other gates.
func TestGates_ofALateHandlerAreItsOwn(t *testing.T) {
	front := trusting(t, "")
	front.Plans = true
	s, h := startHolder(t, tcp, func(cfg *Config) { cfg.HandlerTimeout, cfg.Front = time.Millisecond, front })
	requests := h.holdAll(s, "/later")
	s.do(func() { s.admissions["/hello"] = &Admission{Most: 100, Plan: planOf(t, allTexts)} })
	c := s.dial()
	c.send(getHello)
	if before, _ := c.response("GET"); before.Header.Get("X-Frame-Options") != "SAMEORIGIN" {
		t.Errorf("/hello: %v", before.Header)
	}
	c.send(get("/later"))
	if late, _ := c.response("GET"); late.StatusCode != 504 || late.Header.Get("X-Frame-Options") != "" {
		t.Errorf("/later: %d %v", late.StatusCode, late.Header)
	}
	h.reasons(t, 1)
	h.tell(<-requests, EventResponse, true, "")
}

// A program that answers other sites by itself is not spoken over: browsers refuse two answers.
func TestGates_leaveCORSToTheProgram(t *testing.T) {
	front := trusting(t, "")
	front.Plans, front.Origins = true, true
	s := start(t, tcp, func(cfg *Config) { cfg.Front = front })
	s.handle("/own", func(c *call) { c.field("access-control-allow-origin", "null"); c.respond(200, "") })
	s.do(func() { s.admissions["/own"] = &Admission{Most: 100, Plan: planOf(t, allTexts)} })
	c := s.dial()
	c.send("GET /own HTTP/1.1\r\nHost: h\r\nOrigin: https://a.example\r\n\r\n")
	a, _ := c.response("GET")
	if got := fmt.Sprint(a.Header["Access-Control-Allow-Origin"], a.Header["Access-Control-Allow-Credentials"], a.Header["X-Frame-Options"]); got != "[null] [] [SAMEORIGIN]" {
		t.Error(got)
	}
}

// A rule can lead to one path from many targets: none is redirected to itself, or to one that grows.
func TestGates_slashOfARewrittenPath(t *testing.T) {
	for _, row := range []struct {
		slash        gate.Slash
		target, want string
	}{
		{gate.SlashAdd, "/old/a", "301 /old/a/"},
		{gate.SlashAdd, "/old/a/", "404 "},
		{gate.SlashAdd, "/dir", "301 /dir/"},
		{gate.SlashAdd, "/x/../dir", "301 /x/../dir/"},
		{gate.SlashRemove, "/back/leaf", "404 "},
		{gate.SlashRemove, "/back/leaf/", "301 /back/leaf"},
		{gate.SlashRemove, "/leaf/", "301 /leaf"},
		{gate.SlashRemove, "/leaf%2F", "404 "},
		{gate.SlashRemove, "/leaf/.", "404 "},
	} {
		front := trusting(t, "")
		front.Plans, front.Slash = true, row.slash
		front.Rewrites = []gate.Rewrite{{From: "/old/*", To: "/dir"}, {From: "/back/*", To: "/leaf/"}}
		s := start(t, tcp, func(cfg *Config) { cfg.Front = front })
		s.handle("/dir/", func(c *call) { c.respond(200, "") })
		s.handle("/leaf", func(c *call) { c.respond(200, "") })
		c := s.dial()
		c.send("GET " + row.target + " HTTP/1.1\r\nHost: h\r\n\r\n")
		a, _ := c.response("GET")
		if got := fmt.Sprint(a.StatusCode, " ", a.Header.Get("Location")); got != row.want {
			t.Errorf("%d %s: %s, want %s", row.slash, row.target, got, row.want)
		}
	}
}

// The redirect to HTTPS leads to the host that a trusted proxy says.
func TestGates_httpsOfTheHostThatWasMeant(t *testing.T) {
	for networks, want := range map[string]string{"127.0.0.1": "https://a.example/x", "10.0.0.1": "https://inner/x"} {
		s := start(t, tcp, withRedirect(443), func(cfg *Config) { cfg.Front = trusting(t, networks) })
		c := s.dial()
		c.send("GET /x HTTP/1.1\r\nHost: inner:8080\r\nX-Forwarded-Host: a.example:80\r\nX-Forwarded-Proto: http\r\n\r\n")
		if a, _ := c.response("GET"); a.Header.Get("Location") != want {
			t.Errorf("%s: %s", networks, a.Header.Get("Location"))
		}
	}
}
