package blackbox

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"
)

// expectIdle wants that the program has let go of every upload, and the worker of every body.
func (p *program) expectIdle() {
	p.t.Helper()
	eventually(p.t, "no upload lives", func() bool { return p.get("/live").body == "0" })
	p.expectNoBodiesLeft()
}

func TestStreamedBody_isWhole(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := upload(t, b, "max_body=2m")
		for _, target := range []string{"/stream", "/stream-pool", "/whole-asked"} {
			for _, size := range []int{0, 1, 30000, 40000, 1 << 20, 2 << 20, 2<<20 + 1} {
				for _, chunk := range []int{0, 3, 4000, 70000, 1 << 30} {
					if chunk == 3 && size > 40000 {
						continue
					}
					body := content(size)
					c := p.dial().sendAside(post(target, body, chunk) + hello)
					a := c.receive("POST")
					if size > 2<<20 {
						if a.StatusCode != 413 || !a.Close {
							t.Errorf("%s, %d bytes in chunks of %d: %s", target, size, chunk, a.Status)
						}
						continue
					}
					if want := sum(body) + " trailer none, "; !strings.HasPrefix(a.body, want) || target == "/stream" && !strings.HasSuffix(a.body, "small pieces") {
						t.Errorf("%s, %d bytes in chunks of %d: %q, want %q", target, size, chunk, a.body, want)
					}
					if got := c.receive("GET").body; got != "hello" {
						t.Errorf("%s, behind %d bytes: %q", target, size, got)
					}
				}
			}
		}
		p.expectIdle()
	})
}

func TestStreamedBody_comesByteByByte(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := upload(t, b)
		const trailer = "0\r\nX-Sum: 42\r\nHost: evil\r\n\r\n"
		for _, request := range []string{
			post("/stream", content(50), 0),
			strings.TrimSuffix(post("/stream", content(50), 7), "0\r\n\r\n") + trailer,
		} {
			c := p.dial()
			must(t, c.tcp().SetNoDelay(true))
			for i := range request {
				c.send(request[i : i+1])
				if i%16 == 0 {
					c.waitRead()
				}
			}
			want := sum(content(50)) + " trailer none, small pieces"
			if strings.HasSuffix(request, trailer) {
				want = strings.Replace(want, "none", "42", 1)
			}
			if got := c.receive("POST").body; got != want {
				t.Errorf("%q, want %q", got, want)
			}
			c.expectOpen()
		}
	})
}

func TestStreamedBody_canBeEchoedAndDeferred(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := upload(t, b)
		body := content(300000)
		c := p.dial().sendAside(post("/echo", body, 0) + post("/echo", body, 5000) + post("/defer-at-the-end", body, 5000) + hello)
		for range 2 {
			if got := c.receive("POST").body; got != body {
				t.Errorf("%d bytes of %d", len(got), len(body))
			}
		}
		if a := c.receive("POST"); a.StatusCode != 422 || a.body != "enough" {
			t.Errorf("%s %q", a.Status, a.body)
		}
		if got := c.receive("GET").body; got != "hello" {
			t.Errorf("behind them: %q", got)
		}
		old := p.dial().send("POST /echo HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello")
		if a := old.receive("POST"); a.body != "hello" || !a.Close {
			t.Errorf("HTTP/1.0: %v %q", a.Header, a.body)
		}
		p.expectIdle()
	})
}

func TestStreamedBody_continuesWhenItIsAskedFor(t *testing.T) {
	p := upload(t, plain)
	head := func(target string) string {
		return "POST " + target + " HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
	}
	c := p.dial().send(head("/stream"))
	if a := c.receive("POST"); a.StatusCode != 100 {
		t.Fatal(a.Status)
	}
	if a := c.send("hello").receive("POST"); a.StatusCode != 200 || !strings.HasPrefix(a.body, sum("hello")) {
		t.Errorf("%s %q", a.Status, a.body)
	}
	for _, target := range []string{"/refuse", "/refuse-after-asking"} {
		c = p.dial().send(head(target))
		if a := c.receive("POST"); a.StatusCode != 403 || !a.Close {
			t.Errorf("%s: %s, close %v", target, a.Status, a.Close)
		}
		c.expectClosed()
	}
	p.expectIdle()
}

// TestStreamedBody_earlyResponseIsRead: a client that sends on and on reads it all the same.
func TestStreamedBody_earlyResponseIsRead(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := upload(t, b, "max_body=64m")
		for _, row := range []struct {
			target string
			status int
		}{{"/refuse", 403}, {"/refuse-after-asking", 403}, {"/enough", 422}, {"/fail", 500}, {"/next-after-asking", 500}} {
			for _, chunk := range []int{0, 50000} {
				c := p.dial().send(post(row.target, content(5<<20), chunk)) // All of it, before the response is looked at.
				if a := c.receive("POST"); a.StatusCode != row.status || !a.Close {
					t.Errorf("%s: %s, close %v", row.target, a.Status, a.Close)
				}
				c.expectClosed()
			}
			if row.target == "/enough" || row.target == "/fail" {
				continue // They would have all of it in one piece.
			}
			// What has come whole is skipped.
			c := p.dial().send(post(row.target, content(100), 0))
			if a := c.receive("POST"); a.StatusCode != row.status || a.Close {
				t.Errorf("%s: %s, close %v", row.target, a.Status, a.Close)
			}
			c.expectOpen()
		}
		p.log.wait(t, 0, "the handler of POST /fail returned -1 (an argument is NULL, out of range or malformed); answered 500")
		p.log.wait(t, 0, "the handler of POST /next-after-asking returned FORKER_NEXT after it had begun a response or asked for the body; answered 500")
		p.expectIdle()
	})
}

func TestStreamedBody_isGatheredForTheNextRoute(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := upload(t, b, "body_buffer=100000")
		for _, size := range []int{0, 5, 50000, 100001} {
			for _, chunk := range []int{0, 7000} {
				body := content(size)
				file := "none"
				if size > 100000 {
					file = "same"
				}
				c := p.dial()
				for _, target := range []string{"/pass/whole", "/pass/pool"} {
					c.sendAside(post(target, body, chunk))
					if got, want := c.receive("POST").body, sum(body)+" file "+file+", NUL 1"; got != want {
						t.Errorf("%s, %d bytes: %q, want %q", target, size, got, want)
					}
				}
			}
		}
		p.expectIdle()
	})
}

func TestRoute_hasItsOwnLimitForBodies(t *testing.T) {
	p := upload(t, plain, "max_body=5000")
	for _, row := range []struct {
		target string
		limit  int
	}{{"/whole", 5000}, {"/whole-limited", 1000}, {"/stream-limited", 1000}, {"/whole-wide", 1 << 20}, {"/none", 5000}} {
		for _, size := range []int{row.limit, row.limit + 1} {
			for _, chunk := range []int{0, 1 << 30} {
				c := p.dial()
				want := 200
				switch {
				case size > row.limit:
					want = 413
				case row.target == "/none":
					want = 405
				}
				if got := c.sendAside(post(row.target, content(size), chunk)).receive("POST").StatusCode; got != want {
					t.Errorf("%s, %d bytes in chunks of %d: %d, want %d", row.target, size, chunk, got, want)
				}
			}
		}
	}
	p.expectIdle()
}

func TestPause_holdsTheClientUp(t *testing.T) {
	const size = 50 << 20
	eachBuild(t, func(t *testing.T, b build) {
		p := upload(t, b, "max_body=64m", "read_body_timeout=5m")
		c := p.dial()
		must(t, c.tcp().SetWriteBuffer(64<<10))
		pid := p.workers()[0]
		p.expectGet("/live", 200, "0")
		before := residentOf(t, pid)
		sent := make(chan int, 1)
		go func() {
			n, _ := io.WriteString(c, fmt.Sprintf("POST /paused?100000 HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n", size))
			m, _ := io.Copy(c, io.LimitReader(zeros{}, size))
			sent <- n + int(m)
		}()
		p.out.wait(t, 0, "paused 0")
		select {
		case <-sent:
			t.Error("the whole body could be sent while it was paused")
		case <-time.After(300 * time.Millisecond):
		}
		p.expectGet("/live", 200, "1")
		if now := residentOf(t, pid); now > before+4<<20 {
			t.Errorf("resident memory grew from %d to %d bytes while a body was paused", before, now)
		}
		p.expectGet("/resume", 200, "steered")
		p.out.wait(t, 0, "resume 0")
		if got := c.receive("POST").body; !strings.HasPrefix(got, strconv.Itoa(size)+" ") {
			t.Errorf("%q", got)
		}
		p.out.wait(t, 0, "pause too early -3")
		p.out.wait(t, 0, "pause at the end -3")
		p.out.wait(t, 0, "closed 0")
		if now := residentOf(t, pid); now > before+4<<20 {
			t.Errorf("resident memory grew from %d to %d bytes with a body", before, now)
		}
		p.expectIdle()
	})
}

// zeros is an endless reader.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// residentOf is how many bytes of memory a process has (VmRSS).
func residentOf(t *testing.T, pid int) int {
	t.Helper()
	kilobytes, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(status(t, pid, "VmRSS"), "kB")))
	must(t, err)
	return kilobytes << 10
}

func TestPause_atOnceAndOnAnyRoute(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := upload(t, b)
		body := content(20000)
		for _, target := range []string{"/paused?0", "/paused?5", "/paused-pool?0", "/whole-paused?0"} {
			for _, chunk := range []int{0, 100} {
				if target == "/paused?5" && chunk == 0 {
					continue // It has come in one piece, or has not.
				}
				mark := p.out.mark()
				c := p.dial().send(post(target, body, chunk) + hello)
				p.out.wait(t, mark, "paused 0")
				p.expectGet("/live", 200, "1")
				p.expectGet("/resume", 200, "steered")
				if got := c.receive("POST").body; !strings.HasPrefix(got, sum(body)) {
					t.Errorf("%s in chunks of %d: %q", target, chunk, got)
				}
				if got := c.receive("GET").body; got != "hello" {
					t.Errorf("%s in chunks of %d: behind it %q", target, chunk, got)
				}
			}
		}
		p.expectIdle()
	})
}

func TestPause_endsWithAResponseOrTheHandlerTimeout(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := upload(t, b, "handler_timeout=300ms")
		c := p.dial().send(post("/paused?5", content(20000), 0)[:5000])
		p.out.wait(t, 0, "paused 0")
		p.expectGet("/respond", 200, "steered")
		if a := c.receive("POST"); a.StatusCode != 422 || !a.Close {
			t.Errorf("%s, close %v", a.Status, a.Close)
		}
		p.out.wait(t, 0, "respond 0")
		p.out.wait(t, 0, "aborted behind")
		p.out.wait(t, 0, "closed 0")

		mark := p.out.mark()
		c = p.dial().send(post("/paused?5", content(20000), 0)[:5000])
		if a := c.receive("POST"); a.StatusCode != 504 || !a.Close {
			t.Errorf("%s, close %v", a.Status, a.Close)
		}
		p.out.wait(t, mark, "aborted behind")
		p.out.wait(t, mark, "closed 2")
		p.expectGet("/resume", 200, "steered")
		p.out.wait(t, mark, "resume -15")
		p.expectIdle()
	})
}

func TestStreamedBody_thatIsTooSlowIsAnswered408(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := upload(t, b, "read_body_timeout=100ms")
		for _, target := range []string{"/stream", "/paused?1000000", "/whole", "/stream-pool"} {
			request := post(target, content(50000), 0)
			c := p.dial().send(request[:len(request)-1])
			if a := c.receive("POST"); a.StatusCode != 408 || !a.Close {
				t.Errorf("%s: %s, close %v", target, a.Status, a.Close)
			}
			c.expectClosed()
		}
		p.out.wait(t, 0, "closed 2")
		p.expectIdle()
	})
}

func TestStreamedBody_thatIsMalformedIsRefused(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := upload(t, b, "max_body=1000")
		for _, target := range []string{"/stream", "/paused?1000000"} {
			for body, want := range map[string]int{"5\r\nhello\r\nx": 400, "5\r\nhello\r\n0\r\nno colon\r\n\r\n": 400, "5\r\nhello\r\n3e4\r\n": 413} {
				mark := p.out.mark()
				c := p.dial().send("POST " + target + " HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
				if a := c.receive("POST"); a.StatusCode != want || !a.Close {
					t.Errorf("%s %q: %s, close %v", target, body, a.Status, a.Close)
				}
				c.expectClosed()
				p.out.wait(t, mark, "aborted behind 5")
			}
		}
		p.out.wait(t, 0, "closed 4")
		p.expectIdle()
	})
}

func TestStreamedBody_endsWhenItsClientLeaves(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := upload(t, b)
		for _, target := range []string{"/stream", "/stream-pool", "/paused?1000000", "/paused?5", "/whole", "/echo"} {
			for _, request := range []string{post(target, content(300000), 0), post(target, content(300000), 60000)} {
				for cut := bytes.Index([]byte(request), []byte("\r\n\r\n")) + 4; cut < len(request); cut += 99991 {
					c := p.dial().sendAside(request[:cut])
					if target != "/paused?5" {
						c.waitRead()
					} else {
						eventually(t, "it is received", func() bool { return p.get("/live").body == "1" })
					}
					must(t, c.tcp().SetLinger(0))
					must(t, c.Close())
					p.expectIdle()
				}
			}
		}
		if p.out.count("closed 1") == 0 || p.out.count("closed 0") > 0 {
			t.Errorf("on_close said:\n%s", p.out)
		}
	})
}

func TestStreamedBody_misuseGivesTheDocumentedResults(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := upload(t, b)
		c := p.dial().send(post("/misuse", "hello", 0))
		if a := c.receive("POST"); a.StatusCode != 500 {
			t.Error(a.Status)
		}
		for _, line := range []string{
			"on_body NULL -1", "on_body first 0", "on_body second -3", "on_body inside -3", "pause without a handle -3", "hijack inside -3",
		} {
			p.out.wait(t, 0, line)
		}
		p.log.wait(t, 0, "the handler of POST /misuse returned FORKER_OK without a response; "+
			"the last call that failed: hijack: only a handler on the main thread can, before it defers; answered 500")
		request := post("/misuse", "hello", 0)
		c = p.dial().send(request[:len(request)-1])
		c.waitRead()
		_ = c.Close()
		p.out.wait(t, 0, "respond after the end -3")
		p.out.wait(t, 0, "defer after the end -3")
	})
}
