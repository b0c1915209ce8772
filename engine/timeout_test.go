package engine

import (
	"strings"
	"testing"
	"time"
)

// shortly is more than a timeout may be late.
const shortly = 2 * wheelTick * time.Nanosecond

func headTimeout(cfg *Config) { cfg.ReadHeaderTimeout = 10 * time.Second }

func (c *client) expectTimeout(reason string) {
	c.t.Helper()
	if got := c.receive(); !strings.HasPrefix(got, "HTTP/1.1 408 Request Timeout\r\n") || !strings.HasSuffix(got, reason+"\n") || !strings.Contains(got, "Connection: close") {
		c.t.Errorf("%q", got)
	}
	c.expectEnd()
}

func TestTimeout_headOfNewConnection(t *testing.T) {
	s := start(t, packets, headTimeout)
	silent, slow, quick := s.dial(), s.dial(), s.dial()
	slow.send("GET")
	s.settle()
	s.pass(9 * time.Second)
	slow.send(" / HT") // A total deadline: bytes do not put it off.
	quick.send(getHello)
	quick.expect(hello)
	s.settle()
	s.pass(time.Second + shortly)
	silent.expectEnd() // Nothing was asked, so nothing is answered.
	slow.expectTimeout("the head did not come in time")
	quick.send(getHello)
	quick.expect(hello)
}

func TestTimeout_headBeginsWithItsFirstByte(t *testing.T) {
	s := start(t, packets, headTimeout, func(cfg *Config) { cfg.IdleTimeout = 20 * time.Second })
	c := s.dial()
	c.send(getHello)
	c.expect(hello)
	s.pass(19 * time.Second)
	c.send("GET")
	s.settle()
	s.pass(9 * time.Second) // It would have been idle for too long now.
	c.send(getHello[3:])
	c.expect(hello)
	c.send("G")
	s.settle()
	s.pass(10*time.Second + shortly)
	c.expectTimeout("the head did not come in time")
}

func TestTimeout_headBehindAnotherRequest(t *testing.T) {
	s := start(t, packets, headTimeout)
	c := s.dial()
	c.send(getHello + "GET")
	c.expect(hello)
	for range 5 { // Each head comes in time, and begins before the connection was ever idle.
		s.pass(9 * time.Second)
		c.send(getHello[3:] + "GET")
		c.expect(hello)
	}
	s.pass(10*time.Second + shortly)
	c.expectTimeout("the head did not come in time")
}

func TestTimeout_body(t *testing.T) {
	for _, request := range []string{post("/echo", text(100)), post("/echo", text(100000)), chunked("/echo", text(100), 10)} {
		s := start(t, packets, headTimeout, func(cfg *Config) { cfg.ReadBodyTimeout = 30 * time.Second })
		late, quick := s.dial(), s.dial()
		late.send(request[:20])
		s.settle()
		s.pass(9 * time.Second)
		late.sendPieces(request[20 : len(request)-2])
		quick.sendPieces(request[:len(request)-2])
		s.settle()
		s.pass(29 * time.Second)
		quick.send(request[len(request)-2:])
		if got := quick.receive(); !strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n") {
			t.Errorf("%.300q", got)
		}
		s.pass(time.Second + shortly)
		late.expectTimeout("the body did not come in time")
	}
}

func TestTimeout_bodyThatComesFastEnoughHasMoreTime(t *testing.T) {
	for _, request := range []string{post("/tell", text(100000)), chunked("/tell", text(100000), 60000)} {
		s := start(t, packets, func(cfg *Config) { cfg.ReadBodyTimeout, cfg.BodyMinRate = 30*time.Second, 100 })
		steady, silent := s.dial(), s.dial()
		silent.send(request[:1000])
		sent := 1000
		steady.send(request[:sent])
		s.settle()
		for range 4 { // Of each, 100 bytes a second.
			s.pass(20 * time.Second)
			steady.send(request[sent : sent+2000])
			sent += 2000
			s.settle()
		}
		silent.expectTimeout("the body did not come in time")
		steady.send(request[sent : sent+50000]) // This is no credit for 500 seconds.
		s.settle()
		s.pass(29 * time.Second)
		steady.send(request[sent+50000 : sent+50100])
		s.settle()
		s.pass(2*time.Second + shortly)
		steady.expectTimeout("the body did not come in time")
	}
}

func TestTimeout_idle(t *testing.T) {
	s := start(t, packets, func(cfg *Config) { cfg.IdleTimeout = 10 * time.Second })
	c, busy := s.dial(), s.dial()
	c.send(getHello)
	c.expect(hello)
	for range 4 {
		busy.send(getHello)
		busy.expect(hello)
		s.pass(4 * time.Second)
	}
	c.expectEnd()
	busy.send(getHello)
	busy.expect(hello)
}

func TestTimeout_idleBehindAnEmptyLine(t *testing.T) {
	s := start(t, packets, headTimeout, func(cfg *Config) { cfg.IdleTimeout = 30 * time.Second })
	for _, pieces := range [][]string{{getHello + "\r\n"}, {getHello, "\r\n"}, {getHello, "\r", "\n"}, {getHello + "\r"}} {
		silent, goesOn := s.dial(), s.dial()
		for _, c := range []*client{silent, goesOn} {
			for _, piece := range pieces {
				c.send(piece)
				s.settle()
			}
			c.expect(hello)
		}
		s.do(func() {
			if n := len(s.loop.byIndex) - len(s.loop.freeRequests); n != 0 {
				t.Errorf("%q: idle connections hold %d requests", pieces, n)
			}
			if n := s.loop.blocks.Used() - s.unused; n >= int64(s.loop.inSize) {
				t.Errorf("%q: idle connections hold %d bytes of buffers", pieces, n)
			}
		})
		s.pass(29 * time.Second)
		rest := "\r\n"[len(strings.Join(pieces, ""))-len(getHello):]
		goesOn.send(rest + getHello)
		goesOn.expect(hello)
		s.pass(time.Second + shortly)
		silent.expectEnd()
		goesOn.send("\r\n")
		s.settle()
		goesOn.send("\r\n") // One may precede a request, two may not, however they come.
		if got := goesOn.receive(); !strings.HasPrefix(got, "HTTP/1.1 400 ") {
			t.Errorf("%q", got)
		}
		goesOn.expectEnd()
	}
}

func TestTimeout_emptyLineOnANewConnection(t *testing.T) {
	s := start(t, packets, headTimeout)
	c := s.dial()
	c.send("\r\n")
	s.settle()
	s.pass(10*time.Second + shortly)
	c.expectEnd()
}

func TestTimeout_headBehindAnEmptyLine(t *testing.T) {
	s := start(t, packets, headTimeout)
	c := s.dial()
	c.send(getHello + "\r\n")
	c.expect(hello)
	s.pass(20 * time.Second)
	c.send("GET")
	s.settle()
	s.pass(9 * time.Second)
	c.send(getHello[3:])
	c.expect(hello)
	c.send("\r\nG")
	s.settle()
	s.pass(10*time.Second + shortly)
	c.expectTimeout("the head did not come in time")
}

func TestTimeout_write(t *testing.T) {
	s := start(t, tcp, func(cfg *Config) { cfg.WriteTimeout = 10 * time.Second })
	big := text(32 << 20)
	s.handle("/big", func(c *call) { c.respond(200, big) })
	slow, quick := s.dial(), s.dial()
	slow.send(get("/big"))
	quick.send(getHello)
	quick.response("GET")
	s.settle()
	s.pass(9 * time.Second)
	if s.counts().Connections != 2 {
		t.Error("closed too early")
	}
	s.pass(time.Second + shortly)
	if s.counts().Connections != 1 {
		t.Error("a client that takes nothing keeps its connection")
	}
	quick.send(getHello)
	quick.response("GET")
}

// refused returns a client that has its response, and would have to close now.
func (s *server) refused() *client {
	s.t.Helper()
	c := s.dial()
	c.send("\x00")
	if got := c.receive(); !strings.HasPrefix(got, "HTTP/1.1 400 ") {
		s.t.Errorf("%q", got)
	}
	c.expectEnd()
	return c
}

func TestTimeout_lingerOfASilentClient(t *testing.T) {
	s := start(t, packets)
	s.refused()
	s.settle()
	s.pass(time.Duration(lingerNs) - shortly)
	if s.counts().Connections != 1 {
		t.Error("closed too early")
	}
	s.pass(2 * shortly)
	if s.counts().Connections != 0 {
		t.Error("a client that does not close is waited for")
	}
}

func TestTimeout_lingerOfAClientThatGoesOn(t *testing.T) {
	s := start(t, packets)
	c := s.refused()
	for range 20 { // 30 seconds.
		if s.counts().Connections != 1 {
			t.Fatal("closed too early")
		}
		c.send("more")
		s.settle()
		s.pass(1500 * time.Millisecond)
	}
	s.pass(shortly)
	if s.counts().Connections != 0 {
		t.Error("a client that goes on sending is waited for without end")
	}
}

func TestTimeout_machineSlept(t *testing.T) {
	s := start(t, packets, headTimeout, func(cfg *Config) { cfg.IdleTimeout = time.Minute })
	idle, head := s.dial(), s.dial()
	idle.send(getHello)
	idle.expect(hello)
	head.send("GET")
	s.settle()
	s.pass(1000 * time.Hour)
	idle.expectEnd()
	head.expectTimeout("the head did not come in time")
	c := s.dial()
	c.send(getHello)
	c.expect(hello)
}

func TestTimeout_ofManyAtOnceDoesNotKeepOthersWaiting(t *testing.T) {
	const many = 300
	s := start(t, packets, headTimeout)
	var slow []*client
	for range many {
		c := s.dial()
		c.send("GET")
		slow = append(slow, c)
	}
	other := s.dial()
	other.send(getHello)
	other.expect(hello)
	s.pass(10*time.Second + shortly)
	other.send(getHello)
	other.expect(hello)
	if done := s.counts().Responses[4]; done == 0 || done > many/2 {
		t.Errorf("%d of %d were timed out before another request was answered", done, many)
	}
	for _, c := range slow {
		c.expectTimeout("the head did not come in time")
	}
}
