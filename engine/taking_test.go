package engine

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"libforker/engine/access"
	"libforker/engine/memory"
)

// upload is what a program has got of the latest body that it takes piece by piece. Owned by the loop.
type upload struct {
	req    *Request
	calls  int // Of the handler.
	pieces []string
	lasts  []int  // What was said with each.
	path   string // As it was with the last one.
	over   bool   // The request was cancelled then.

	pauseAt int  // The handler pauses with that piece, counted from 1; 0: before the first, if pauses.
	pauses  bool // It does.
	quitAt  int  // It answers with that piece; 0: when all is there.
}

func admits(cfg *Config) { cfg.Admits = true }

// takes makes a route that takes bodies of at most so many bytes piece by piece, and answers what they were. enter is
// called when its handler begins.
func (s *server) takes(path string, most int64, enter func(c *call)) *upload {
	s.t.Helper()
	u := &upload{}
	s.do(func() {
		s.admissions[path] = &Admission{Most: most, Stream: true}
		s.handlers[path] = func(c *call) { u.begin(c, enter) }
		s.onBody[path] = u.take
	})
	return u
}

func (u *upload) begin(c *call, enter func(c *call)) {
	u.req = c.req
	u.calls++
	u.pieces, u.lasts = nil, nil
	c.req.OnBody = 1
	atomic.StoreUint32(&c.req.Paused, 0)
	enter(c)
	c.outcome.Next = AsksBody
	u.pause(c, 0)
}

func (u *upload) take(c *call, piece []byte, last int) {
	u.lasts = append(u.lasts, last)
	u.path = string(memory.View(c.req.Path, uint64(c.req.PathLen)))
	u.over = atomic.LoadUint32(&c.req.Cancelled) == 1
	if last == BodyAborted {
		return
	}
	u.pieces = append(u.pieces, string(piece))
	u.pause(c, len(u.pieces))
	switch {
	case last == BodyEnds && c.req.Deferred != 0:
		c.outcome.Next = Deferred
	case last == BodyEnds:
		c.respond(200, strings.Join(u.pieces, "|"))
	case len(u.pieces) == u.quitAt:
		c.respond(422, "enough")
	default:
		c.outcome.Next = AsksBody
	}
}

func (u *upload) pause(c *call, at int) {
	if u.pauses && u.pauseAt == at {
		atomic.StoreUint32(&c.req.Paused, 1)
	}
}

func asks(*call) {}

// expectPieces demands that this has come of the body so far.
func (s *server) expectPieces(u *upload, want ...string) {
	s.t.Helper()
	s.settle()
	s.do(func() {
		if !slices.Equal(u.pieces, want) {
			s.t.Errorf("the program has %.200q, want %.200q", u.pieces, want)
		}
	})
}

// expectLast demands that the program was told once how the body ended, and that this was the last call.
func (s *server) expectLast(u *upload, want int) {
	s.t.Helper()
	s.settle()
	s.do(func() {
		n := len(u.lasts)
		if n == 0 || u.lasts[n-1] != want || slices.IndexFunc(u.lasts, func(last int) bool { return last != BodyGoesOn }) != n-1 {
			s.t.Errorf("the program was told %v, want %d as the last one", u.lasts, want)
		}
	})
}

const (
	fiveBytes  = "POST /take HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n"
	someChunks = "POST /take HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
)

func TestTaking_givesEachPieceWhenItComes(t *testing.T) {
	s := start(t, packets, admits)
	u := s.takes("/take", 100, asks)
	for _, row := range []struct {
		name   string
		sent   []string
		pieces []string
	}{
		{"with the head", []string{fiveBytes + "hello"}, []string{"hello"}},
		{"behind the head", []string{fiveBytes, "he", "llo"}, []string{"he", "llo"}},
		{"none", []string{"POST /take HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"}, []string{""}},
		{"chunks", []string{someChunks + "2\r\nhe\r\n", "3\r\nllo\r\n", "0\r\n\r\n"}, []string{"he", "llo", ""}},
		{"parts of chunks", []string{someChunks + "5\r", "\nh", "e", "llo", "\r\n0\r\n", "\r\n"}, []string{"h", "e", "llo", ""}},
		{"chunks in one packet", []string{someChunks + "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"}, []string{"he", "llo", ""}},
		{"no chunk", []string{someChunks + "0\r\n\r\n"}, []string{""}},
	} {
		c := s.dial()
		for i, packet := range row.sent {
			if i == len(row.sent)-1 {
				packet += getHello
			}
			c.send(packet)
			s.settle()
		}
		c.expect(ok(strings.Join(row.pieces, "|")) + hello)
		s.expectPieces(u, row.pieces...)
		s.expectLast(u, BodyEnds)
		if t.Failed() {
			t.Fatal(row.name)
		}
	}
}

// bodiesToCut are requests to /take, for which 20 bytes are the most, and what is to be answered.
var bodiesToCut = []struct{ request, status, body string }{
	{post("/take", text(20)), "200", text(20)},
	{chunked("/take", text(20), 7), "200", text(20)},
	{strings.TrimSuffix(chunked("/take", text(20), 20), "\r\n") + "X-Sum: 1\r\n\r\n", "200", text(20)},
	{chunked("/take", text(21), 7), "413", ""},
	{someChunks + "5;x=y\r\nhello\r\n0\r\nno colon\r\n\r\n", "400", ""},
	{someChunks + "g\r\n", "400", ""},
}

// cutAnywhere demands that the response to each of them does not depend on how it comes.
func (s *server) cutAnywhere() {
	s.t.Helper()
	for _, row := range bodiesToCut {
		for cut := 1; cut <= len(row.request); cut++ {
			c := s.dial()
			c.send(row.request[:cut])
			s.settle()
			if cut < len(row.request) {
				_, _ = c.Write([]byte(row.request[cut:])) // It may have been refused already.
			}
			head, body, _ := strings.Cut(c.receive(), "\r\n\r\n")
			if !strings.HasPrefix(head, "HTTP/1.1 "+row.status) || row.body != "" && strings.ReplaceAll(body, "|", "") != row.body {
				s.t.Errorf("cut at %d of %q: %q, %q", cut, row.request, head, body)
			}
			_ = c.Close()
		}
	}
}

func TestTaking_cutAnywhere(t *testing.T) {
	s := start(t, packets, admits)
	s.takes("/take", 20, asks)
	s.cutAnywhere()
}

func TestTaking_takesNoMoreMemoryThanTheInputBuffer(t *testing.T) {
	s := start(t, tcp, admits)
	u := s.takes("/take", 64<<20, asks)
	body := text(5 << 20)
	for _, request := range []string{post("/take", body), chunked("/take", body, 1<<20)} {
		c := s.dial()
		var before int64
		s.do(func() { before = s.loop.blocks.Used() })
		c.send(request[:3<<20])
		s.settle()
		s.do(func() {
			if used := s.loop.blocks.Used() - before; used > int64(s.loop.inSize)+4096 {
				t.Errorf("a body takes %d bytes", used)
			}
		})
		c.send(request[3<<20:])
		if _, got := c.response("POST"); strings.ReplaceAll(got, "|", "") != body {
			t.Errorf("%d bytes came of %d", len(got), len(body))
		}
		s.do(func() {
			for _, piece := range u.pieces {
				if len(piece) > s.loop.inSize {
					t.Errorf("a piece of %d bytes", len(piece))
				}
			}
		})
	}
}

func TestTaking_tellsTheClientToContinueWhenTheBodyIsWanted(t *testing.T) {
	s := start(t, packets, admits)
	const goOn = "HTTP/1.1 100 Continue\r\n\r\n"
	head := strings.Replace(fiveBytes, "\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n", 1)
	s.takes("/take", 5, asks)
	c := s.dial()
	c.send(head)
	c.expect(goOn)
	c.send("hello")
	c.expect(hello)

	s.do(func() { s.handlers["/take"] = func(c *call) { c.respond(403, "no") } })
	c = s.dial()
	c.send(head)
	c.expect("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
	c.expectEnd()

	s.takes("/take", 4, asks)
	c = s.dial()
	c.send(head)
	if got := c.receive(); !strings.HasPrefix(got, "HTTP/1.1 413 ") {
		t.Errorf("%q", got)
	}
	c.expectEnd()
}

func TestTaking_doesNotCallAHandlerForABodyThatIsTooLong(t *testing.T) {
	s, h := startHolder(t, packets, admits)
	u := s.takes("/take", 4, func(c *call) { h.hold(c) })
	c := s.dial()
	c.send(fiveBytes)
	if got := c.receive(); !strings.HasPrefix(got, "HTTP/1.1 413 ") {
		t.Errorf("%q", got)
	}
	c.expectEnd()
	s.do(func() {
		if u.calls != 0 {
			t.Error("the handler was called")
		}
	})

	c = s.dial()
	c.send(someChunks + "2\r\nhe\r\n3\r\n") // Only now that is known.
	if got := c.receive(); !strings.HasPrefix(got, "HTTP/1.1 413 ") || !strings.Contains(got, "Connection: close") {
		t.Errorf("%q", got)
	}
	c.expectEnd()
	s.expectPieces(u, "he")
	s.expectLast(u, BodyAborted)
	if got := h.reasons(t, 1); got[0] != CloseError {
		t.Errorf("reason %d", got[0])
	}
	h.tell(u.req, EventDrop, true, "")
	s.eventually("the request to be taken back", func() bool { return len(s.loop.freeRequests) == len(s.loop.byIndex) })
}

func TestTaking_answerBeforeTheEndOfTheBody(t *testing.T) {
	s := start(t, packets, admits)
	u := s.takes("/take", 1<<20, asks)
	s.set(u, func(u *upload) { u.quitAt = 1 })
	const enough = "HTTP/1.1 422 Unprocessable Content\r\nContent-Length: 6\r\n"
	c := s.dial()
	c.send(fiveBytes + "hel")
	c.expect(enough + "Connection: close\r\n\r\nenough")
	c.send("lo" + getHello) // It is thrown away.
	c.expectEnd()
	s.expectLast(u, BodyAborted)

	s.do(func() { s.handlers["/take"] = func(c *call) { c.respond(422, "enough") } })
	c = s.dial()
	c.send(fiveBytes + "1 2 3" + getHello) // What has come is skipped.
	c.expect(enough + "\r\nenough" + hello)
	for _, whole := range []string{"0\r\n\r\n", "5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nA: b\r\nC: d\r\n\r\n"} {
		c.send(someChunks + whole + getHello)
		c.expect(enough + "\r\nenough" + hello)
	}
	for _, part := range []string{"", "5", "5\r\nhel", "5\r\nhello\r\n0\r\n", "0\r\nA: b\r\n", "5\r\nhello0", "0\r\nA : b\r\n\r\n"} {
		c = s.dial()
		c.send(someChunks + part)
		c.expect(enough + "Connection: close\r\n\r\nenough")
		c.expectEnd()
	}
}

func TestTaking_answerInTheMiddleOfChunksThatHaveCome(t *testing.T) {
	s := start(t, packets, admits)
	u := s.takes("/take", 1<<20, asks)
	s.set(u, func(u *upload) { u.quitAt = 2 })
	const enough = "HTTP/1.1 422 Unprocessable Content\r\nContent-Length: 6\r\n\r\nenough"
	c := s.dial()
	c.send(someChunks + "2\r\nhe\r\n") // Some of it has come before.
	s.expectPieces(u, "he")
	c.send("1\r\nl\r\n2\r\nlo\r\n0\r\nA: b\r\n\r\n" + getHello)
	c.expect(enough + hello)
	s.expectPieces(u, "he", "l")
	s.expectLast(u, BodyAborted)
}

func TestTaking_timeOfTheBody(t *testing.T) {
	s := start(t, packets, admits, func(cfg *Config) { cfg.ReadBodyTimeout, cfg.BodyMinRate = 30*time.Second, 100 })
	u := s.takes("/take", 1<<20, asks)
	request := post("/take", text(100000))
	c := s.dial()
	c.send(request[:1000])
	s.settle()
	for at := 1000; at < 9000; at += 2000 { // 100 bytes a second.
		s.pass(20 * time.Second)
		c.send(request[at : at+2000])
		s.settle()
	}
	s.pass(30*time.Second + shortly)
	c.expectTimeout("the body did not come in time")
	s.expectLast(u, BodyAborted)
}

// TestTaking_requestCanBeReadUntilTheLastCall: its head stays where it was, and is not given back before.
func TestTaking_requestCanBeReadUntilTheLastCall(t *testing.T) {
	s, h := startHolder(t, tcp, admits)
	for _, row := range []struct {
		target string
		holds  bool
	}{{"/a/path", false}, {"/a/path", true}, {"/b/../a/pat%68", false}, {"/b/../a/pat%68", true}} {
		u := s.takes("/a/path", 5, func(c *call) {
			if row.holds {
				h.hold(c)
			}
		})
		c := s.dial()
		c.send(getHello + strings.Replace(fiveBytes, "/take", row.target, 1))
		s.eventually("the request", func() bool { return u.calls == 1 })
		c.send("he")
		s.eventually("the first piece", func() bool { return len(u.pieces) == 1 })
		c.reset()
		s.eventually("the end of the body", func() bool { return len(u.lasts) == 2 })
		s.expectLast(u, BodyAborted)
		s.do(func() {
			if u.path != "/a/path" {
				t.Errorf("%s: the path is %q", row.target, u.path)
			}
		})
		if row.holds {
			h.tell(u.req, EventDrop, true, "")
		}
	}
}

// TestTaking_isMeasuredFromItsHead: the pieces do not begin the request anew.
func TestTaking_isMeasuredFromItsHead(t *testing.T) {
	j := &journal{}
	s := start(t, tcp, admits, func(cfg *Config) {
		cfg.Access = access.New(access.Config{Format: access.JSON, Background: true}, access.Sink{Write: j.write})
	})
	s.takes("/take", 5, asks)
	c := s.dial()
	c.send(fiveBytes)
	s.eventually("the request", func() bool { return s.slot.InFlight == 1 })
	s.pass(3 * time.Second)
	c.send("hello")
	c.response("POST")
	if counts := s.counts(); responsesIn(counts.Latency[:]) != 1 || counts.LatencySumNs < uint64(3*time.Second) {
		t.Errorf("together they took %d ns", counts.LatencySumNs)
	}
	_ = c.Close()
	s.stopped()
	if got := strings.Join(j.lines(), ""); !strings.Contains(got, `"seconds":3.`) {
		t.Errorf("%s", got)
	}
}

func TestTaking_isCollectedForARouteThatDoesNotStream(t *testing.T) {
	s := start(t, packets, admits)
	s.do(func() {
		s.admissions["/pass"] = &Admission{Most: 100, Stream: true}
		s.handlers["/pass"] = func(c *call) {
			if c.early {
				c.outcome = Outcome{Next: WantsBody, Skip: 1}
				return
			}
			c.respond(200, string(c.body()))
		}
	})
	for _, request := range []string{post("/pass", "hello"), chunked("/pass", "hello", 2)} {
		for cut := 1; cut <= len(request); cut++ {
			c := s.dial()
			c.send(request[:cut])
			s.settle()
			if cut < len(request) {
				c.send(request[cut:])
			}
			c.expect(hello)
		}
	}
}

// A response that has been begun is taken back when the body turns out to be malformed, and what was lent for it with it.
func TestTaking_whatWasLentComesBackWithARefusal(t *testing.T) {
	s := start(t, tcp, admits)
	s.takes("/up", 1<<20, func(c *call) { c.lent("lent") })
	c := s.dial()
	c.send("POST /up HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\nx")
	if res, body := c.response("POST"); res.StatusCode != 400 || strings.Contains(body, "lent") {
		t.Errorf("%d %q", res.StatusCode, body)
	}
	s.eventually("what was lent to come back", func() bool { return len(s.lent) == 0 })
}

// TestAdmit_isForgottenWithItsRequest: what was found for a request that was refused is not taken for that of the next one. The test's
// program panics where it is.
func TestAdmit_isForgottenWithItsRequest(t *testing.T) {
	s := start(t, tcp, admits)
	s.do(func() { s.admissions["/echo"] = &Admission{Most: 1} })
	refused := s.dial()
	refused.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n")
	if a, _ := refused.response("POST"); a.StatusCode != 413 {
		t.Errorf("status %d", a.StatusCode)
	}
	_ = refused.Close()
	s.eventually("the request to be taken back", func() bool { return len(s.loop.freeRequests) == len(s.loop.byIndex) })
	next := s.dial()
	next.send(getHello)
	if a, _ := next.response("GET"); a.StatusCode != 200 {
		t.Errorf("status %d", a.StatusCode)
	}
}
