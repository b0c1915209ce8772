package blackbox

import (
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"
)

// expectRoutes stops a program, and wants its lines to say which route each path is of, twice.
func expectRoutes(t *testing.T, p *program, log logFile, want []string) {
	t.Helper()
	p.stop(syscall.SIGTERM) // What is collected is written.
	var got []string
	for line := range strings.Lines(log.text()) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		if entry["client"] != "127.0.0.1" || entry["request_id"] == nil {
			t.Errorf("no client, or no id: %s", line)
		}
		got = append(got, fmt.Sprint(entry["target"], " ", entry["route"], " ", entry["header:X-Tenant"]))
	}
	if len(got) != 2*len(want) {
		t.Fatalf("%d lines: %q", len(got), got)
	}
	for i, line := range got {
		if line != want[i/2] {
			t.Errorf("%q, want %q", line, want[i/2])
		}
	}
}

const loggedFields = "access_log_fields=request_id, route, client, header:X-Tenant"

// TestAccessLogFields_ofRoutes: the route is the one that answered, wherever its handler runs.
func TestAccessLogFields_ofRoutes(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		log := newLogFile(t)
		p := groups(t, b, "h2c=on", "access_log=json", "request_id=on", loggedFields, "access_log_file="+log.path)
		var want []string
		for _, c := range []struct{ request, fields, route, tenant string }{
			{"GET /outer/a/x", "", "/outer/*rest", "<nil>"}, // The first has left it to the next one.
			{"GET /admin/7", "", "/admin/:id", "<nil>"},     // A function before the handler refuses.
			{"GET /admin/7", "\nX-Token: secret\nx-tenant: a\nX-Tenant: b", "/admin/:id", "a"},
			{"GET /admin/no/such", "", "<nil>", "<nil>"}, // Functions of the group are asked, and there is no route.
			{"GET /admin/no/such", "\nX-Token: secret\nX-Tenant: \"\\", "/*all", "\"\\"},
			{"GET /slow/hello", "\nX-Token: secret", "/slow/hello", "<nil>"}, // It is deferred.
			{"GET /pool/here", "", "/pool/here", "<nil>"},
			{"BREW /pool/here", "", "/*all", "<nil>"},
		} {
			p.exchange(c.request + c.fields)
			_, path, _ := strings.Cut(c.request, " ")
			want = append(want, path+" "+c.route+" "+c.tenant)
		}
		expectRoutes(t, p, log, want)
	})
}

// TestAccessLogFields_ofGates: of a route whose gates answer, too.
func TestAccessLogFields_ofGates(t *testing.T) {
	log := newLogFile(t)
	p := gated(t, []string{"/who", "/once", "+rate_limit=1/h burst=2"}, "access_log=json", "request_id=on", loggedFields, "access_log_file="+log.path)
	for _, path := range []string{"/once", "/once", "/who", "/none"} {
		p.get(path)
		p.get(path)
	}
	expectRoutes(t, p, log, []string{"/once /once <nil>", "/once /once <nil>", "/who /who <nil>", "/none <nil> <nil>"})
}

// TestAccessLogFields_behindCombined: what programs read stays where it is.
func TestAccessLogFields_behindCombined(t *testing.T) {
	p := serve(t, "workers=1", "access_log=combined", "access_log_fields=route,header:accept,request_id")
	p.dial().send("GET /missing HTTP/1.1\r\nHost: t\r\nAccept: a\" b=\"c\r\n\r\n").receive("GET")
	p.log.wait(t, 0, `"GET /missing HTTP/1.1" 404 14 "-" "-" route="-" header:accept="a\x22 b=\x22c" request_id="-"`)
}
