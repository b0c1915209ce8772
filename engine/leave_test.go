package engine

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"golang.org/x/sys/unix"
)

// Connections that are to end by their age, or by the number of their requests.

func TestH2_lastRequestIsAnnounced(t *testing.T) {
	s := start(t, tcp, withH2C, func(cfg *Config) { cfg.MaxRequests = 2 })
	c := s.dialH2()
	c.request("GET", "/hello", true)
	c.expect("HEADERS 1 200", `DATA 1 "hello" end`)
	c.request("GET", "/hello", true)
	c.expect("HEADERS 3 200", `DATA 3 "hello" end`, "GOAWAY 2147483647 NO_ERROR", "GOAWAY 3 NO_ERROR", "EOF")
}

// TestH2_lastRequestIsAnnouncedBeforeItsResponse: that may never come.
func TestH2_lastRequestIsAnnouncedBeforeItsResponse(t *testing.T) {
	s, h := startHolder(t, tcp, withH2C, func(cfg *Config) { cfg.MaxRequests, cfg.DrainGrace = 1, 10*time.Second })
	requests := h.holdAll(s, "/later")
	c := s.dialH2()
	c.request("GET", "/later", true)
	c.expect("GOAWAY 2147483647 NO_ERROR")
	c.expectEndOfBeginning(s, h, <-requests)
}

// expectEndOfBeginning demands that a client which was told to begin nothing more is served what it begins all the same, for a while.
// What has begun goes on.
func (c *rawH2) expectEndOfBeginning(s *server, h *holder, first *Request) {
	c.t.Helper()
	c.request("GET", "/hello", true)
	c.expect("HEADERS 3 200", `DATA 3 "hello" end`)
	s.pass(11 * time.Second)
	c.expect("GOAWAY 3 NO_ERROR")
	c.request("GET", "/hello", true) // It is for another connection.
	c.must(c.WritePing(false, [8]byte{}))
	c.expect("PING")
	s.do(func() { first.Response.Status, first.Response.State = 200, ResponseWhole })
	h.tell(first, EventResponse, true, "")
	c.expect("HEADERS 1 200 end", "EOF")
}

// TestH2_oldConnectionIsToldWhateverHappens: where its only request is a silent one, or there is none.
func TestH2_oldConnectionIsToldWhateverHappens(t *testing.T) {
	s, h := startHolder(t, tcp, withH2C, func(cfg *Config) {
		cfg.MaxAge, cfg.IdleTimeout, cfg.DrainGrace = time.Minute, time.Hour, 10*time.Second
	})
	requests := h.holdAll(s, "/later")
	silent, idle := s.dialH2(), s.dialH2()
	idle.request("GET", "/hello", true)
	idle.expect("HEADERS 1 200", `DATA 1 "hello" end`)
	silent.request("GET", "/later", true)
	req := <-requests
	s.pass(59 * time.Second)
	for _, c := range []*rawH2{silent, idle} {
		c.must(c.WritePing(false, [8]byte{}))
		c.expect("PING")
	}
	s.pass(8 * time.Second)
	silent.expect("GOAWAY 2147483647 NO_ERROR")
	idle.expect("GOAWAY 2147483647 NO_ERROR")
	silent.expectEndOfBeginning(s, h, req)
	idle.expect("GOAWAY 1 NO_ERROR", "EOF")
}

// TestAge_isNotTheSameForAll: connections that began together do not end together.
func TestAge_isNotTheSameForAll(t *testing.T) {
	s := start(t, tcp, withH2C, func(cfg *Config) { cfg.MaxAge, cfg.IdleTimeout = time.Hour, 10*time.Hour })
	const many = 50
	var h1 []*client
	var h2 []*rawH2
	for range many {
		h1, h2 = append(h1, s.dial()), append(h2, s.dialH2())
	}
	told := func() (byH1, byH2 int) {
		for _, c := range h1 {
			c.send(getHello)
			if response, _ := c.response("GET"); response.Close {
				byH1++
			}
		}
		for _, c := range h2 {
			c.must(c.WritePing(false, [8]byte{}))
			if got := c.frame(); got != "PING" {
				byH2++
			}
		}
		return byH1, byH2
	}
	for _, c := range h1 { // They are accepted.
		c.send(getHello)
		c.response("GET")
	}
	s.pass(59 * time.Minute)
	if byH1, byH2 := told(); byH1 != 0 || byH2 != 0 {
		t.Errorf("%d and %d connections are told too early", byH1, byH2)
	}
	s.pass(4 * time.Minute) // Half of the tenth, and the minute.
	if byH1, byH2 := told(); byH1 == 0 || byH1 == many || byH2 == 0 || byH2 == many {
		t.Errorf("%d and %d of %d connections are told at the same time", byH1, byH2, many)
	}
}

// TestAge_ofHTTP1EndsNoStream: the response whose head has gone out goes on, and the next one says that it is the last.
func TestAge_ofHTTP1EndsNoStream(t *testing.T) {
	s, h := startHolder(t, tcp, func(cfg *Config) { cfg.MaxAge = time.Minute })
	requests := h.holdAll(s, "/later")
	c := s.dial()
	c.send(get("/later"))
	req := <-requests
	s.do(func() {
		req.Response.Status, req.Response.State, req.Response.Flags, req.Response.Length = 200, ResponseWhole, ResponseStream, -1
	})
	h.tell(req, EventResponse, false, "one ")
	s.pass(70 * time.Second)
	h.tell(req, EventStream, true, "two")
	if response, got := c.response("GET"); got != "one two" || response.Close {
		t.Errorf("%q, close %v", got, response.Close)
	}
	c.send(getHello)
	if response, _ := c.response("GET"); !response.Close {
		t.Error("the next response is not the last")
	}
	c.expectEnd()
}

// TestH2_beginsWhenItsConnectionIsAboutToEnd: the preface comes when nothing has come for too long, or in a drain that has no more patience.
func TestH2_beginsWhenItsConnectionIsAboutToEnd(t *testing.T) {
	for _, end := range []func(c *conn, l *Loop){
		func(c *conn, l *Loop) { c.protocol.expire(l) },
		func(c *conn, l *Loop) { c.protocol.drain(l) },
	} {
		s := start(t, tcp, withH2C)
		c := &rawH2{client: s.dial(), next: 1}
		c.Framer = http2.NewFramer(c.client, c.in)
		c.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
		c.hpack = hpack.NewEncoder(&c.block)
		s.eventually("the connection to be accepted", func() bool { return s.loop.open == 1 })
		s.do(func() {
			c.send(http2.ClientPreface)
			c.must(c.WriteSettings())
			for _, accepted := range s.loop.conns {
				if accepted != nil {
					end(accepted, s.loop)
				}
			}
		})
		c.expect("SETTINGS", "WINDOW_UPDATE 0", "SETTINGS ack")
		c.request("GET", "/hello", true)
		c.expect("HEADERS 1 200", `DATA 1 "hello" end`)
	}
}

// TestH2_drainReadsOnWhereInputIsFull: there is more in the input than what one turn is for, and no room to read into.
func TestH2_drainReadsOnWhereInputIsFull(t *testing.T) {
	s := start(t, tcp, withH2C, func(cfg *Config) { cfg.MaxPipelined = 1 })
	c := s.dialH2()
	c.request("GET", "/hello", true)
	c.expect("HEADERS 1 200", `DATA 1 "hello" end`)
	const size = 16 << 10
	s.do(func() {
		c.request("GET", "/hello", true)
		id := c.request("POST", "/tell", false)
		for i := range 4 {
			c.must(c.WriteData(id, i == 3, make([]byte, size)))
		}
		for _, accepted := range s.loop.conns {
			if accepted != nil {
				accepted.protocol.hear(s.loop, unix.EPOLLIN)
				accepted.protocol.drain(s.loop)
			}
		}
	})
	var got []string
	for frame := ""; frame != "EOF" && len(got) < 100; {
		frame = c.frame()
		got = append(got, frame)
	}
	want := []string{"HEADERS 3 200", `DATA 3 "hello" end`, "GOAWAY 5 NO_ERROR", "HEADERS 5 200", fmt.Sprintf("DATA 5 %.20q end", fmt.Sprintf("POST /tell %d", 4*size)), "EOF"}
	for _, want := range want {
		if !slices.Contains(got, want) {
			t.Errorf("no %s in %q", want, got)
		}
	}
}
