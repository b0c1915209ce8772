package engine

import (
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"libforker/engine/access"
)

// journal is an access log that can be read.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) write(lines []byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.text.Write(lines)
}

var variable = regexp.MustCompile(`^127\.0\.0\.1 - - \[[^]]+\] `)

// lines gives what stands behind the time.
func (j *journal) lines() (lines []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for line := range strings.Lines(j.text.String()) {
		lines = append(lines, variable.ReplaceAllString(strings.TrimSuffix(line, "\n"), ""))
	}
	return lines
}

func startLogged(t *testing.T) (*server, *journal) {
	j := &journal{}
	return start(t, tcp, func(cfg *Config) {
		cfg.Access = access.New(access.Config{Format: access.Combined, Background: true}, access.Sink{Write: j.write})
	}), j
}

func TestAccess_hasALineForEachResponse(t *testing.T) {
	s, j := startLogged(t)
	c := s.dial()
	c.send(get("/hello") + "HEAD /hello HTTP/1.1\r\nHost: x\r\nREFERER: http://r/\r\nUser-Agent: a\"b\r\n\r\n" + post("/echo", "12345") + get("/a/../%68ello?q") + get("/missing"))
	for _, method := range []string{"GET", "HEAD", "POST", "GET", "GET"} {
		c.response(method)
	}
	c.send("GET /\x01 HTTP/1.1\r\n\r\n")
	c.all()
	s.stopped()
	want := []string{
		`"GET /hello HTTP/1.1" 200 5 "-" "-"`,
		`"HEAD /hello HTTP/1.1" 200 - "http://r/" "a\x22b"`,
		`"POST /echo HTTP/1.1" 200 5 "-" "-"`,
		`"GET /a/../%68ello?q HTTP/1.1" 200 5 "-" "-"`,
		`"GET /missing HTTP/1.1" 404 14 "-" "-"`,
	}
	got := j.lines()
	if len(got) != 6 || !strings.HasPrefix(got[5], `"-" 400 `) {
		t.Fatalf("%q", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%q, want %q", got[i], want[i])
		}
	}
}

func TestAccess_hasTheRequestOfARefusal(t *testing.T) {
	s, j := startLogged(t)
	c := s.dial()
	c.send("POST /big HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n")
	c.all()
	s.stopped()
	if got := j.lines(); len(got) != 1 || !strings.HasPrefix(got[0], `"POST /big HTTP/1.1" 413 `) {
		t.Errorf("%q", got)
	}
}

func TestAccess_isWrittenWhenTheLoopHasNothingElseToDo(t *testing.T) {
	s, j := startLogged(t)
	c := s.dial()
	c.send(getHello)
	c.response("GET")
	for until := time.Now().Add(patience); len(j.lines()) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("no line came")
		}
	}
}

// stopped ends the loop, and with it the log.
func (s *server) stopped() {
	s.t.Helper()
	s.drain(0)
	s.wait()
}
