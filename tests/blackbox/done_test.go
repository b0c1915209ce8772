package blackbox

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// account is what done.c tells when it has ended.
type account struct{ seen, once, more, killed, missing, wrong int }

// closeDone stops done.c, and returns its account.
func (p *program) closeDone() (a account) {
	p.t.Helper()
	p.stop(syscall.SIGTERM)
	line := p.out.wait(p.t, 0, "account: ").text
	if _, err := fmt.Sscanf(line, "account: seen %d once %d more %d killed %d missing %d wrong %d", &a.seen, &a.once, &a.more, &a.killed, &a.missing, &a.wrong); err != nil {
		p.t.Fatalf("%s: %v", line, err)
	}
	return a
}

// waysThrough are requests that end in all ways.
var waysThrough = []string{
	"GET /", "GET /fail", "GET /respond", "GET /drop", "GET /hold", "GET /stream", "GET /pool", "GET /midway", "GET /none", "GET /files/none",
	"GET /files", "DELETE /", "POST /take", "POST /whole",
}

// wayThrough returns one of them as the bytes of a request.
func wayThrough(random *rand.Rand) string {
	way := waysThrough[random.IntN(len(waysThrough))]
	if way[0] == 'P' {
		return post(way[len("POST "):], content(random.IntN(100_000)), random.IntN(2)*9000)
	}
	return way + " HTTP/1.1\r\nHost: t\r\n\r\n"
}

// wander sends such requests on one connection, and leaves: after all responses, or in the middle of anything.
func wander(address string, random *rand.Rand) {
	c, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return
	}
	defer c.Close()
	sent := make(chan bool)
	count, stays := 1+random.IntN(6), random.IntN(3) == 0
	var requests strings.Builder
	for range count {
		requests.WriteString(wayThrough(random))
	}
	go func() {
		defer close(sent)
		_, err := io.WriteString(c, requests.String())
		if stays && err == nil {
			_ = c.(*net.TCPConn).CloseWrite()
		}
	}()
	switch {
	case stays:
		_ = c.SetDeadline(time.Now().Add(patience))
		_, _ = io.Copy(io.Discard, c)
	case random.IntN(2) == 0:
		_ = c.SetDeadline(time.Now().Add(time.Second))
		_, _ = io.CopyN(io.Discard, c, int64(random.IntN(40_000)))
	default:
		_ = c.SetDeadline(time.Now().Add(time.Duration(random.IntN(30)) * time.Millisecond))
		_, _ = io.Copy(io.Discard, c)
	}
	_ = c.Close()
	<-sent
}

// wanderHTTP2 sends them as streams, some of which it resets.
func wanderHTTP2(t *testing.T, client *http.Client, random *rand.Rand) {
	method, path, _ := strings.Cut(waysThrough[random.IntN(len(waysThrough))], " ")
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(random.IntN(40))*time.Millisecond)
	defer cancel()
	var body io.Reader
	if method == "POST" {
		body = strings.NewReader(content(random.IntN(100_000)))
	}
	req := newRequest(t, method, path, body).WithContext(ctx)
	req.URL.Scheme = "http"
	res, err := client.Do(req)
	if err != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, res.Body, int64(random.IntN(60_000)))
	_ = res.Body.Close()
}

// playDone has clients wander until a time is over, in which workers are killed at these intervals; 0: none.
func (p *program) playDone(killing time.Duration) {
	address, client := p.address(0), p.http2Client(nil)
	end := time.Now().Add(ledgerTime() / 2)
	var clients sync.WaitGroup
	for i := range 8 {
		clients.Go(func() {
			for random := rand.New(rand.NewPCG(uint64(i), 1)); time.Now().Before(end); {
				if i < 5 {
					wander(address, random)
				} else {
					wanderHTTP2(p.t, client, random)
				}
			}
		})
	}
	for n := 0; killing > 0 && time.Now().Before(end); n++ {
		time.Sleep(killing) // So long it does its work.
		if pid := p.workers()[n%4]; pid > 0 {
			_ = syscall.Kill(pid, syscall.SIGKILL) // It may be dead already, and have no successor yet.
		}
	}
	clients.Wait()
}

// TestDone_comesOnceForEachRequest: a done function is called exactly once for each request that its before function has seen,
// however it goes on; only those that a worker has when it is killed have no end.
func TestDone_comesOnceForEachRequest(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		for name, killing := range map[string]time.Duration{"nobody dies": 0, "workers are killed": 300 * time.Millisecond} {
			t.Run(name, func(t *testing.T) {
				p := start(t, setup{build: &b, source: "done.c", args: []string{"127.0.0.1:0"}, env: environment([]string{"workers=4", "h2c=on"})}).waitReady()
				p.playDone(killing)
				a := p.closeDone()
				t.Logf("%+v", a)
				if a.more+a.missing+a.wrong > 0 || a.once+a.killed != a.seen || a.once < 100 || killing == 0 && a.killed > 0 {
					t.Errorf("%+v", a)
				}
			})
		}
	})
}
