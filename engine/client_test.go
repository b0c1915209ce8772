package engine

import (
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestClient_halfCloses(t *testing.T) {
	s := start(t, tcp)
	big := text(8 << 20)
	s.handle("/big", func(c *call) { c.respond(200, big) })
	for _, row := range []struct {
		name, requests string
		bodies         []string
	}{
		{"one request", getHello, []string{"hello"}},
		{"two requests", getHello + post("/echo", "x"), []string{"hello", "x"}},
		{"more than a buffer", strings.Repeat(post("/echo", text(3000)), 30), repeat(text(3000), 30)},
		{"a large response", get("/big") + getHello, []string{big, "hello"}},
		{"nothing", "", nil},
		{"half a head", getHello + getHello[:9], []string{"hello"}},
		{"half a body", getHello + post("/echo", "hello")[:53], []string{"hello"}},
	} {
		c := s.dial()
		c.send(row.requests)
		c.halfClose()
		for i, want := range row.bodies {
			if _, got := c.response("GET"); got != want {
				t.Errorf("%s: answer %d has %d bytes", row.name, i, len(got))
			}
		}
		if got := c.all(); got != "" {
			t.Errorf("%s: behind the responses %q", row.name, got)
		}
	}
}

func repeat(text string, n int) (texts []string) {
	for range n {
		texts = append(texts, text)
	}
	return texts
}

func TestClient_resetsAnywhereInARequest(t *testing.T) {
	s := start(t, tcp)
	for _, request := range []string{post("/echo", "hello"), chunked("/echo", "hello", 2), get("/a/../%68ello")} {
		for cut := range len(request) + 1 {
			c := s.dial()
			c.send(request[:cut])
			if cut%2 == 0 {
				s.settle() // It has been read; else that is a race, which is fine too.
			}
			c.reset()
		}
	}
	c := s.dial()
	c.send(getHello)
	c.response("GET")
}

func TestClient_resetsAnywhereInAResponse(t *testing.T) {
	s := start(t, tcp)
	big := text(1 << 20)
	s.handle("/big", func(c *call) { c.respond(200, big) })
	requests := getHello + get("/big") + getHello
	for cut := 0; cut < 1<<20+1000; cut += 1 + cut/2 {
		c := s.dialSlow()
		c.send(requests)
		_, err := io.CopyN(io.Discard, c, int64(cut))
		c.must(err)
		c.reset()
	}
	for cut := range len(hello) + len("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n") + 1 {
		c := s.dial()
		c.send(getHello)
		_, err := io.CopyN(io.Discard, c, int64(cut))
		c.must(err)
		c.reset()
	}
	c := s.dial()
	c.send(getHello)
	c.response("GET")
}

// TestClient_leavesWhileOthersAreServed has events of closed connections in the same iteration as new connections that
// get their descriptors.
func TestClient_leavesWhileOthersAreServed(t *testing.T) {
	s := start(t, tcp)
	for range 50 {
		var leaving, staying []*client
		for range 8 {
			leaving, staying = append(leaving, s.dial()), append(staying, s.dial())
		}
		s.settle()
		s.do(func() { // The loop finds all of this at once.
			for i := range leaving {
				leaving[i].reset()
				staying[i].send(getHello)
			}
		})
		for _, c := range staying {
			if _, got := c.response("GET"); got != "hello" {
				t.Errorf("%q", got)
			}
			_ = c.Close()
		}
	}
}

// TestClient_leavesAHandlerThatAsks: one on the loop's thread, which hears of nothing. Who has sent another request before
// wants to have its answers.
func TestClient_leavesAHandlerThatAsks(t *testing.T) {
	s := start(t, tcp)
	for _, next := range []string{"", getHello} {
		entered, left := make(chan bool), make(chan bool)
		told := make(chan bool, 1)
		s.handle("/ask", func(c *call) {
			entered <- true
			<-left
			for until := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
				s.loop.Look(c.req)
				cancelled := atomic.LoadUint32(&c.req.Cancelled) == 1
				if cancelled || next != "" || time.Now().After(until) {
					told <- cancelled
					break
				}
			}
			c.respond(200, "asked")
		})
		c := s.dial()
		c.send(get("/ask"))
		<-entered
		c.send(next)
		c.halfClose()
		left <- true
		if got := <-told; got != (next == "") {
			t.Errorf("behind %.10q it is told %v", next, got)
		}
		c.response("GET")
	}
}
