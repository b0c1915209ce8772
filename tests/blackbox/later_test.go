package blackbox

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// later starts later.c in the present mode, with options.
func later(t *testing.T, options ...string) *program {
	t.Helper()
	return startLater(t, plain, options...)
}

func startLater(t *testing.T, b build, options ...string) *program {
	t.Helper()
	return startInMode(t, setup{build: &b, source: "later.c", args: []string{"127.0.0.1:0"}}, options)
}

func TestDeferred_isAnsweredFromAnotherThread(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := startLater(t, b)
		c := p.dial()
		for i := range 50 {
			body := strings.Repeat("b", i)
			c.send(fmt.Sprintf("POST /respond?%d HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n%s", i, i, body))
			if got, want := c.receive("POST").body, fmt.Sprintf("later %d %s", i, body); got != want {
				t.Fatalf("%q, want %q", got, want)
			}
		}
		a := c.get("/send")
		if a.StatusCode != 201 || a.body != "in pieces" || a.Header.Get("X-Later") != "yes" {
			t.Errorf("%s %v %q", a.Status, a.Header, a.body)
		}
		p.out.wait(t, 0, "send without a response -3")
		if got := c.get("/at-once").body; got != "at once" {
			t.Errorf("answered inside the handler: %q", got)
		}
		if n := p.out.count("a used handle works"); n > 0 {
			t.Errorf("%d used handles work", n)
		}
	})
}

func TestDeferred_keepsTheOrderOfAPipeline(t *testing.T) {
	p := later(t)
	c := p.dial()
	var requests, want strings.Builder
	for i := range 30 {
		fmt.Fprintf(&requests, "GET /respond?%d HTTP/1.1\r\nHost: t\r\n\r\nGET /inline HTTP/1.1\r\nHost: t\r\n\r\n", i)
		fmt.Fprintf(&want, "later %d \ninline\n", i)
	}
	c.send(requests.String())
	var got strings.Builder
	for range 60 {
		got.WriteString(c.receive("GET").body + "\n")
	}
	if got.String() != want.String() {
		t.Errorf("got %s", got.String())
	}
}

func TestDeferred_serveOthersMeanwhile(t *testing.T) {
	p := later(t)
	waiting := p.dial()
	waiting.send("GET /wait HTTP/1.1\r\nHost: t\r\n\r\n")
	p.out.wait(t, 0, "waiting")
	p.expectGet("/inline", 200, "inline")
}

func TestDeferred_knowsThatItsClientHasLeft(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := startLater(t, b, "half_close=off")
		c := p.dial()
		c.send("GET /wait HTTP/1.1\r\nHost: t\r\n\r\n")
		p.out.wait(t, 0, "waiting")
		_ = c.Close()
		p.out.wait(t, 0, "closed 1")
		p.out.wait(t, 0, "cancelled target 0")
		p.out.wait(t, 0, "respond -15")
		p.out.wait(t, 0, "again -15")
		p.expectGet("/inline", 200, "inline")
		if n := p.out.count("closed"); n != 1 {
			t.Errorf("on_close was called %d times", n)
		}
	})
}

func TestDeferred_answersAHalfClosedClient(t *testing.T) {
	p := later(t)
	c := p.dial()
	c.send("GET /wait HTTP/1.1\r\nHost: t\r\n\r\n")
	p.out.wait(t, 0, "waiting")
	c.halfClose()
	if got := c.receive("GET").body; got != "gone" {
		t.Errorf("answer %q", got)
	}
	c.expectClosed()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestDeferred_misuseIsALoggedError(t *testing.T) {
	p := later(t)
	p.expectGet("/drop", 500, "500 Internal Server Error\n")
	p.log.wait(t, 0, "the handler of GET /drop dropped its handle without a response; answered 500")
	p.out.wait(t, 0, "closed 0")
	p.expectGet("/liar", 200, "at once")
	p.log.wait(t, 0, "the handler of GET /liar deferred the request, but returned -1 instead of FORKER_DEFERRED")
	p.expectGet("/only-says-so", 500, "500 Internal Server Error\n")
	p.log.wait(t, 0, "the handler of GET /only-says-so returned FORKER_DEFERRED without forker_request_defer()")
}

func TestHandlerTimeout_isAnswered504(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := startLater(t, b, "handler_timeout=50ms")
		for _, target := range []string{"/wait", "/pooled-wait"} {
			c := p.dial()
			a := c.get(target)
			if a.StatusCode != 504 || a.body != "504 Gateway Timeout\nthe handler did not answer in time\n" {
				t.Errorf("%s: %s %q", target, a.Status, a.body)
			}
			c.expectClosed()
			p.log.wait(t, 0, "the handler of GET "+target+" has not answered within handler_timeout; answered 504")
		}
		p.out.wait(t, 0, "closed 2")
		p.out.wait(t, 0, "respond -15")
		p.out.wait(t, 0, "pooled was cancelled")
		p.expectGet("/inline", 200, "inline")
	})
}

func TestStop_endsDeferredRequests(t *testing.T) {
	p := later(t, "drain_timeout=1s")
	c := p.dial()
	c.send("GET /wait HTTP/1.1\r\nHost: t\r\n\r\n")
	p.out.wait(t, 0, "waiting")
	p.close()
	p.out.wait(t, 0, "closed 3")
}

func TestStream_goesOutInPieces(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := startLater(t, b)
		want := "line 0\nline 1\nline 2\nline 3\nline 4\n"
		c := p.dial()
		for range 3 {
			a := c.get("/count")
			if a.body != want || len(a.TransferEncoding) != 1 || a.Trailer.Get("X-Sum") != "5" {
				t.Fatalf("%v %q, trailers %v", a.TransferEncoding, a.body, a.Trailer)
			}
		}
		p.out.wait(t, 0, "trailer Content-Length -1")
		c.send("HEAD /count HTTP/1.1\r\nHost: t\r\n\r\n")
		if a := c.receive("HEAD"); a.body != "" || len(a.TransferEncoding) != 1 {
			t.Errorf("HEAD: %v %q", a.TransferEncoding, a.body)
		}
		if got := c.get("/inline").body; got != "inline" {
			t.Errorf("after the streams: %q", got)
		}
		old := p.dial()
		old.send("GET /count HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
		if a := old.receive("GET"); a.body != want || !a.Close || len(a.TransferEncoding) > 0 {
			t.Errorf("HTTP/1.0: %v %q", a.Header, a.body)
		}
		old.expectClosed()
	})
}

func TestStream_waitsForASlowClient(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := startLater(t, b, "stream_buffer=128k")
		const size = 20 << 20
		c := p.dial()
		c.send(fmt.Sprintf("GET /flood?%d HTTP/1.1\r\nHost: t\r\n\r\n", size))
		p.out.wait(t, 0, "full")
		p.expectGet("/inline", 200, "inline")
		response, err := http.ReadResponse(c.input, nil)
		must(t, err)
		n, err := io.Copy(io.Discard, response.Body)
		must(t, err)
		if n != size || response.ContentLength != size {
			t.Errorf("%d bytes of %d", n, response.ContentLength)
		}
		p.out.wait(t, 0, "end 0")
		p.out.wait(t, 0, "closed 0")
		if p.out.count("drained") == 0 {
			t.Error("on_drain was never called")
		}
	})
}

func TestStream_endsWhenItsClientHasLeft(t *testing.T) {
	p := later(t, "stream_buffer=128k", "write_timeout=30s")
	c := p.dial()
	c.send("GET /flood?100000000 HTTP/1.1\r\nHost: t\r\n\r\n")
	p.out.wait(t, 0, "full")
	_ = c.Close()
	p.out.wait(t, 0, "closed 1")
}

func TestStream_thatIsTooShortClosesTheConnection(t *testing.T) {
	p := later(t)
	c := p.dial()
	c.send("GET /short HTTP/1.1\r\nHost: t\r\n\r\n")
	if a, err := c.tryReceive("GET"); err == nil || a.body != "12345" {
		t.Errorf("%q, error %v", a.body, err)
	}
	p.out.wait(t, 0, "too long -12")
}

func TestStream_thatIsDroppedClosesTheConnection(t *testing.T) {
	p := later(t)
	c := p.dial()
	c.send("GET /break HTTP/1.1\r\nHost: t\r\n\r\n")
	response, err := http.ReadResponse(c.input, nil)
	must(t, err)
	p.expectGet("/let-go", 200, "let go")
	if body, err := io.ReadAll(response.Body); err == nil || string(body) != "some" {
		t.Errorf("%q, error %v", body, err)
	}
	p.out.wait(t, 0, "closed 4")
}

// The end of a body in chunks would tell the client that it has everything.
func TestStream_thatIsDroppedWhileItGoesOutDoesNotLookWhole(t *testing.T) {
	p := later(t, "stream_buffer=64k")
	c := p.dial()
	c.send("GET /break-in-drain HTTP/1.1\r\nHost: t\r\n\r\n")
	if a, err := c.tryReceive("GET"); err == nil || a.body != "some" {
		t.Errorf("%q, error %v", a.body, err)
	}
	p.out.wait(t, 0, "full -14")
}

// More streams than the loop looks at in one go are written to, and all their clients leave before it looks: that must
// not have it overlook what is behind them.
func TestStreams_manyWhoseClientsLeaveAtOnce(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		const streams = 100
		r, w, err := os.Pipe()
		must(t, err)
		defer w.Close()
		options := []string{"workers=1", "half_close=off"}
		p := start(t, setup{
			build: &b, source: "batch.c", args: []string{"127.0.0.1:0"}, env: environment(options), files: []*os.File{r},
		}).waitReady()
		_ = r.Close()
		var clients []*conn
		for range streams {
			c := p.dial().send("GET /stream HTTP/1.1\r\nHost: t\r\n\r\n")
			_, err := http.ReadResponse(c.input, nil)
			must(t, err)
			clients = append(clients, c)
		}
		other := p.dial().send("GET /write HTTP/1.1\r\nHost: t\r\n\r\n")
		p.out.wait(t, 0, "waiting")
		for _, c := range clients {
			_ = c.Close()
		}
		_ = w.Close()
		if got := other.receive("GET").body; got != "written" {
			t.Fatalf("%q", got)
		}
		p.expectGet("/later", 200, "later")
		p.expectGet("/end", 200, fmt.Sprintf("%d of %d", streams, streams))
		p.expectGet("/later", 200, "later")
	})
}

func TestEvents_areFramed(t *testing.T) {
	p := later(t)
	a := p.get("/events")
	want := "event: greeting\nid: 1\ndata: two\ndata: lines\n\ndata: \n\n"
	if a.body != want || a.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("%v %q", a.Header, a.body)
	}
	p.out.wait(t, 0, "bad event -1")
}

func TestPool_letsInlineRoutesGoOn(t *testing.T) {
	p := later(t)
	var busy []*conn
	for range 100 {
		c := p.dial()
		busy = append(busy, c.send("GET /pooled?300 HTTP/1.1\r\nHost: t\r\n\r\n"))
	}
	eventually(t, "100 handlers to run", func() bool { return p.out.count("pooled") == 100 })
	p.expectGet("/inline", 200, "inline")
	for _, c := range busy {
		if got := c.receive("GET").body; got != "pooled" {
			t.Errorf("answer %q", got)
		}
	}
}

func TestPool_isBounded(t *testing.T) {
	p := later(t, "max_handlers=2", "handler_queue=3")
	var busy []*conn
	for range 5 {
		c := p.dial()
		busy = append(busy, c.send("GET /pooled-hold HTTP/1.1\r\nHost: t\r\n\r\n"))
		c.waitRead()
	}
	p.expectGet("/inline", 200, "inline")
	a := p.get("/pooled?1")
	if a.StatusCode != 503 || a.Header.Get("Retry-After") != "1" {
		t.Errorf("beyond the queue: %s %v", a.Status, a.Header)
	}
	p.expectGet("/release", 200, "released")
	for _, c := range busy {
		if got := c.receive("GET").body; got != "held" {
			t.Errorf("answer %q", got)
		}
	}
	if n := p.out.count("thread begins"); n != 2 {
		t.Errorf("%d threads", n)
	}
}

func TestPool_usesTheLatestThreadAndEndsIdleOnes(t *testing.T) {
	p := later(t, "handler_idle=100ms")
	for range 20 {
		p.expectGet("/pooled?0", 200, "pooled")
	}
	if n := p.out.count("thread begins"); n != 1 {
		t.Errorf("%d threads for requests one by one", n)
	}
	p.out.wait(t, 0, "thread ends")
	p.expectGet("/pooled?0", 200, "pooled")
}

func TestPool_passesOnToTheLoopAndDefers(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := startLater(t, b)
		p.expectGet("/next", 200, "inline")
		p.expectGet("/pooled-respond?7", 200, "later 7 ")
		for range 200 { // The response can come before the handler has returned.
			p.expectGet("/pooled-at-once", 200, "at once")
		}
	})
}

func TestPool_tellsThatTheClientHasLeft(t *testing.T) {
	p := later(t, "half_close=off")
	c := p.dial()
	c.send("GET /pooled-wait HTTP/1.1\r\nHost: t\r\n\r\n")
	p.out.wait(t, 0, "pooled waits")
	_ = c.Close()
	p.out.wait(t, 0, "pooled was cancelled")
	p.expectGet("/inline", 200, "inline")
}

func TestPool_crashNamesItsRequest(t *testing.T) {
	p := later(t)
	c := p.dial()
	c.send("GET /pooled-crash HTTP/1.1\r\nHost: t\r\n\r\n")
	p.log.wait(t, 0, "crashed: SIGABRT in the handler of GET /pooled-crash from 127.0.0.1:")
	eventually(t, "another worker to serve", func() bool {
		a, err := p.dial().send("GET /inline HTTP/1.1\r\nHost: t\r\n\r\n").tryReceive("GET")
		return err == nil && a.StatusCode == 200
	})
}

func TestInterleaved_manyClientsOfAllKinds(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := startLater(t, b)
		targets := map[string]string{
			"/respond?x": "later x ", "/pooled?1": "pooled", "/inline": "inline", "/at-once": "at once",
			"/count": "line 0\nline 1\nline 2\nline 3\nline 4\n", "/pooled-respond?y": "later y ",
		}
		failed := make(chan error, 20)
		until := time.Now().Add(time.Second)
		for range 20 {
			c := p.dial()
			go func() {
				for time.Now().Before(until) {
					for target, want := range targets {
						if _, err := io.WriteString(c, "GET "+target+" HTTP/1.1\r\nHost: t\r\n\r\n"); err != nil {
							failed <- err
							return
						}
						if a, err := c.tryReceive("GET"); err != nil || a.body != want {
							failed <- fmt.Errorf("%s: %q, %v", target, a.body, err)
							return
						}
					}
				}
				failed <- nil
			}()
		}
		for range 20 {
			if err := <-failed; err != nil {
				t.Error(err)
			}
		}
	})
}
