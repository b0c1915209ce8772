package blackbox

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func streams(t *testing.T, b build, options ...string) *program {
	t.Helper()
	return startInMode(t, setup{build: &b, source: "streams.c", args: []string{"127.0.0.1:0"}}, options)
}

func (c *conn) closeWrite() {
	c.t.Helper()
	c.halfClose()
}

// beginStream asks for a stream, and reads its head.
func (p *program) beginStream(target, version string) *conn {
	p.t.Helper()
	c := p.dial().send("GET " + target + " " + version + "\r\nHost: t\r\n\r\n")
	_, err := http.ReadResponse(c.input, nil)
	must(p.t, err)
	return c
}

// TestStream_ofUnknownLengthEndsWithItsClient at once, whatever option half_close says and whether there is anything to
// send: of the client there is no more than its end.
func TestStream_ofUnknownLengthEndsWithItsClient(t *testing.T) {
	for _, halfClose := range []string{"half_close=on", "half_close=off"} {
		eachBuild(t, func(t *testing.T, b build) {
			p := streams(t, b, halfClose, "stream_buffer=128k", "write_timeout=1h")
			for _, target := range []string{"/events", "/silent", "/torrent"} {
				for _, version := range []string{"HTTP/1.0", "HTTP/1.1"} {
					full := p.out.mark()
					c := p.beginStream(target, version)
					if target == "/torrent" {
						p.out.wait(t, full, "full")
					}
					mark := p.out.mark()
					c.closeWrite()
					p.out.wait(t, mark, "closed 1")
					p.expectGet("/", 200, "hello")
				}
			}
			c := p.dial().send("HEAD /silent HTTP/1.1\r\nHost: t\r\n\r\n")
			c.receive("HEAD")
			mark := p.out.mark()
			c.closeWrite()
			p.out.wait(t, mark, "closed 1")
			c.expectClosed()
		})
	}
}

func TestStream_writesOfAThreadWaitForTheClient(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		for _, dispatch := range []string{"inline", "pool"} {
			writesWait(t, b, dispatch)
		}
	})
}

func writesWait(t *testing.T, b build, dispatch string) {
	p := streams(t, b, "stream_buffer=128k", "dispatch="+dispatch)
	p.expectGet("/", 200, "hello")
	mark := p.out.mark()
	c := p.dial().send("GET /waiting HTTP/1.1\r\nHost: t\r\n\r\n")
	p.out.wait(t, mark, "waits")
	response, err := http.ReadResponse(c.input, nil)
	must(t, err)
	n, err := io.Copy(io.Discard, response.Body)
	must(t, err)
	if n != 1024*64*1024 {
		t.Errorf("%d bytes have come", n)
	}
	p.out.wait(t, mark, "poured")
	mark = p.out.mark()
	c = p.dial().send("GET /waiting HTTP/1.1\r\nHost: t\r\n\r\n")
	p.out.wait(t, mark, "waits")
	c.closeWrite()
	p.out.wait(t, mark, "nobody takes it")
	if p.out.count("waits on the thread") != 0 {
		t.Error("a handler could have waited for itself")
	}
}

// TestStream_ofUnknownLengthIsNotBegunForAClientThatHasEnded.
func TestStream_ofUnknownLengthIsNotBegunForAClientThatHasEnded(t *testing.T) {
	p := streams(t, plain)
	c := p.dial().send(request("/begins-late"))
	p.out.wait(t, 0, "begins late")
	c.closeWrite()
	p.out.wait(t, 0, "closed 1")
}

// TestHalfClose_getsEveryResponseThatHasAnEnd by itself.
func TestHalfClose_getsEveryResponseThatHasAnEnd(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := streams(t, b)
		for target, want := range map[string]string{"/": "hello", "/later": "the whole", "/bounded": "the whole", "/finite": "finite"} {
			for _, version := range []string{"HTTP/1.0", "HTTP/1.1"} {
				c := p.dial().send("GET " + target + " " + version + "\r\nHost: t\r\n\r\n")
				c.closeWrite()
				if a := c.receive("GET"); a.body != want {
					t.Errorf("%s %s: %q", target, version, a.body)
				}
			}
		}
		several := p.dial().send(strings.Repeat(request("/later"), 3))
		several.closeWrite()
		for range 3 {
			if a := several.receive("GET"); a.body != "the whole" {
				t.Errorf("%q", a.body)
			}
		}
	})
}
