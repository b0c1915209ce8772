package engine

import (
	"testing"
	"time"
)

// meanwhile has the loop's clock put forward beyond the time of idle connections in an iteration whose events are known already, after
// what has been called.
func (s *server) meanwhile(what func()) {
	s.t.Helper()
	s.do(func() {
		what()
		s.loop.clock.baseNs += int64(2 * time.Hour)
		s.loop.clock.read()
	})
}

// A request that comes while the loop is busy is served, though the time of its idle connection is over by then.
func TestIdle_servesWhatHasComeMeanwhile(t *testing.T) {
	s := start(t, tcp)
	c := s.dial()
	c.send(get("/hello"))
	c.expect(ok("hello"))
	s.meanwhile(func() { c.send(get("/hello")) })
	c.expect(ok("hello"))
	s.meanwhile(func() {})
	c.expectClosed()
}

func TestIdle_servesWhatHasComeMeanwhileByHTTP2(t *testing.T) {
	s := start(t, tcp, withH2C)
	c := s.dialH2()
	c.request("GET", "/hello", true)
	c.expect("HEADERS 1 200", `DATA 1 "hello" end`)
	s.meanwhile(func() { c.request("GET", "/hello", true) })
	c.expect("HEADERS 3 200", `DATA 3 "hello" end`)
	s.meanwhile(func() {})
	c.expect("GOAWAY 3 NO_ERROR", "EOF")
}
