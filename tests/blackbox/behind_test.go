package blackbox

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// traffic is clients that ask a proxy for /who again and again, and want each time to be answered.
type traffic struct {
	t        *testing.T
	stop     chan bool
	ends     sync.Once
	clients  sync.WaitGroup
	answered atomic.Int64
}

// sendTraffic starts them. kept: some keep their connections.
func sendTraffic(t *testing.T, address string, kept bool) *traffic {
	tr := &traffic{t: t, stop: make(chan bool)}
	for i := range 4 {
		client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: !kept || i%2 == 0}}
		tr.clients.Go(func() {
			defer client.CloseIdleConnections()
			for tr.ask(client, address) {
			}
		})
	}
	t.Cleanup(tr.end)
	return tr
}

// ask asks once. false: there is no more to ask.
func (tr *traffic) ask(client *http.Client, address string) bool {
	select {
	case <-tr.stop:
		return false
	default:
	}
	res, err := client.Get("http://" + address + "/who")
	if err != nil {
		tr.t.Error(err)
		return false
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil || res.StatusCode != 200 || !strings.HasPrefix(string(body), "127.0.0.1 ") {
		tr.t.Errorf("%s %q %v", res.Status, body, err)
		return false
	}
	tr.answered.Add(1)
	return true
}

// more waits until so many more are answered.
func (tr *traffic) more(n int64) {
	tr.t.Helper()
	want := tr.answered.Load() + n
	eventually(tr.t, "requests are answered", func() bool { return tr.answered.Load() >= want })
}

// end ends it, once.
func (tr *traffic) end() {
	tr.ends.Do(func() {
		close(tr.stop)
		tr.clients.Wait()
		tr.t.Logf("%d requests were answered", tr.answered.Load())
	})
}

// pair is two servers that a proxy has behind it.
type pair struct {
	t       *testing.T
	query   string // Of their addresses.
	address [2]string
	program [2]*program
}

func startPair(t *testing.T, query string) *pair {
	two := &pair{t: t, query: query, address: [2]string{"127.0.0.1:0", "127.0.0.1:0"}}
	for i := range two.program {
		two.start(i)
	}
	return two
}

// start starts one of them, where it was before.
func (two *pair) start(i int) {
	two.t.Helper()
	two.program[i] = gates(two.t, []string{two.address[i] + two.query, "/who"}, "workers=2", "trusted_proxies=127.0.0.1", "forwarded=x-forwarded-for")
	two.address[i] = two.program[i].address(0)
}

// haproxies is HAProxy, and its socket for orders.
type haproxies struct {
	t      *testing.T
	socket string
}

// order gives an order, and returns the answer.
func (h *haproxies) order(text string) string {
	h.t.Helper()
	c, err := net.Dial("unix", h.socket)
	must(h.t, err)
	defer c.Close()
	must(h.t, c.SetDeadline(time.Now().Add(patience)))
	_, err = io.WriteString(c, text+"\n")
	must(h.t, err)
	answer, err := io.ReadAll(c)
	must(h.t, err)
	return string(answer)
}

// waitState waits until a server is in a state, such as "UP" or "DRAIN", and has so many connections at most.
func (h *haproxies) waitState(name, state string, most int) {
	h.t.Helper()
	last := ""
	defer func() {
		if h.t.Failed() {
			h.t.Logf("%s is to be %s: %s", name, state, last)
		}
	}()
	eventually(h.t, name+" is "+state, func() bool {
		for line := range strings.Lines(h.order("show stat")) {
			columns := strings.Split(line, ",")
			if len(columns) > 17 && columns[0] == "b" && columns[1] == name {
				last = line
				var current int
				_, _ = fmt.Sscan(columns[4], &current)
				return strings.HasPrefix(columns[17], state) && current <= most
			}
		}
		return false
	})
}

// TestBehindHAProxy_serversComeAndGo: each of two servers ends while clients come, of whom none notices; checks tell that it
// has gone, and that it is there again. By HTTP a request is sent to the other server then; what HAProxy passes on as it
// is, cannot be: there it is told first, and sends it no more connections.
func TestBehindHAProxy_serversComeAndGo(t *testing.T) {
	for name, row := range map[string]struct{ query, mode, back, server string }{
		"HTTP":     {"", "http", "option forwardfor\n    option httpchk GET /who\n    retry-on conn-failure empty-response\n", ""},
		"PROXY v1": {"?proxy=on", "tcp", "", " send-proxy"},
		"PROXY v2": {"?proxy=on", "tcp", "", " send-proxy-v2"},
	} {
		t.Run(name, func(t *testing.T) {
			two, address := startPair(t, row.query), freeAddress(t)
			h := &haproxies{t: t, socket: filepath.Join(t.TempDir(), "s")}
			config := fmt.Sprintf("    mode %s\n    option redispatch 1\nfrontend f\n    bind %s\n    default_backend b\nbackend b\n    timeout check 10s\n    %s", row.mode, address, row.back)
			for i, a := range two.address {
				config += fmt.Sprintf("    server s%d %s check inter 50ms fastinter 50ms downinter 50ms rise 1 fall 1%s\n", i, a, row.server)
			}
			haproxy(t, address, config+"global\n    stats socket "+h.socket+" level admin\n")
			tr := sendTraffic(t, address, row.mode == "http")
			for i := range two.program {
				server := fmt.Sprintf("s%d", i)
				tr.more(50)
				if row.mode == "tcp" {
					h.order("set server b/" + server + " state drain")
					h.waitState(server, "DRAIN", 0)
				}
				two.program[i].stop(syscall.SIGTERM)
				if row.mode == "tcp" {
					h.order("set server b/" + server + " state ready")
				}
				h.waitState(server, "DOWN", 1000)
				tr.more(50)
				two.start(i)
				h.waitState(server, "UP", 1000)
			}
			tr.more(50)
			tr.end()
		})
	}
}

// TestBehindNginx_serversComeAndGo: nginx asks the other server where one has gone.
func TestBehindNginx_serversComeAndGo(t *testing.T) {
	two, address := startPair(t, ""), freeAddress(t)
	upstream := "upstream u {\n"
	for _, a := range two.address {
		upstream += "server " + a + " max_fails=0;\n"
	}
	nginx(t, address, upstream+"keepalive 4;\n}\nserver { listen "+address+"; location / { proxy_pass http://u; proxy_http_version 1.1;\n"+
		"proxy_set_header Connection ''; proxy_set_header X-Forwarded-For $remote_addr; } }\n")
	tr := sendTraffic(t, address, true)
	for i := range two.program {
		tr.more(50)
		two.program[i].stop(syscall.SIGTERM)
		tr.more(50)
		two.start(i)
	}
	tr.more(50)
	tr.end()
}
