package blackbox

import (
	"errors"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

var updateGolden = flag.Bool("update", false, "rewrite testdata/golden with what is sent now")

// TestGolden_bytes pins every byte of HTTP/1 that a client gets, and what becomes of its connection. What makes them may
// change, they only on purpose: `go test ./tests/blackbox -run TestGolden -update`, and a look at the difference.
func TestGolden_bytes(t *testing.T) {
	names, err := filepath.Glob("testdata/golden/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatal("there are no golden files: ", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			f := readGolden(t, name)
			for _, section := range f.sections {
				t.Run(strings.Join(section.options, ","), section.play)
			}
			if *updateGolden {
				if err := os.WriteFile(name, []byte(f.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// play plays the cases to a server of their own.
func (s *goldenSection) play(t *testing.T) {
	file := filepath.Join(t.TempDir(), "letters")
	if err := os.WriteFile(file, []byte("abcdefghijklmnopqrstuvwxyz"), 0o644); err != nil {
		t.Fatal(err)
	}
	long := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC) // What is said of its time stays the same.
	if err := os.Chtimes(file, long, long); err != nil {
		t.Fatal(err)
	}
	p := start(t, setup{
		source: "golden.c", args: []string{"127.0.0.1:0", file},
		env: environment(append([]string{"workers=1"}, s.options...)),
	}).waitReady()
	for i, c := range s.cases {
		t.Run(c.name, func(t *testing.T) {
			played := playGolden(t, p, c)
			switch {
			case *updateGolden:
				s.cases[i] = played
			case played.String() != c.String():
				t.Errorf("== %s\n%s\nwas expected, this came:\n\n%s", c.name, c, played)
			}
		})
	}
}

// conversation is a case that is being played.
type conversation struct {
	t    *testing.T
	p    *program
	main *conn // of the case; nil: not open yet
	side *conn // for what happens meanwhile, see perform
}

// playGolden plays a case, and returns it with what came in the places of what was expected.
func playGolden(t *testing.T, p *program, c *goldenCase) *goldenCase {
	t.Helper()
	fate := "open"
	for _, step := range c.steps {
		if step.kind == goldenFate {
			fate = step.text
		}
	}
	played, saw := playTo(t, p, c, fate)
	if *updateGolden && saw != fate && !played.stops() {
		// To ask for the end may have changed it, or only that would have told that the connection is open.
		if fate == "open" {
			played, saw = playTo(t, p, c, "closed")
		} else if again, how := playTo(t, p, c, "open"); how == "open" {
			played, saw = again, how
		}
	}
	return played.withFate(saw)
}

// playTo plays a case that is to end in a way, and returns how it did.
func playTo(t *testing.T, p *program, c *goldenCase, fate string) (played *goldenCase, saw string) {
	t.Helper()
	talk := &conversation{t: t, p: p}
	played = &goldenCase{name: c.name}
	last := c.last()
	for i, step := range c.steps {
		switch {
		case step.kind == goldenFate || step.kind == goldenExpect && i > last:
			continue
		case step.kind == goldenSend:
			talk.connection().send(step.text)
		case step.kind == goldenEvent:
			talk.perform(step.text)
		case step.kind == goldenExpect:
			step = expectation(maskDates(talk.receive(len(unmaskDates(step.text)))))
		}
		played.steps = append(played.steps, step)
		if i == last {
			received, how := talk.finish(fate)
			saw = how
			if received != "" {
				played.steps = append(played.steps, expectation(maskDates(received)))
			}
		}
	}
	talk.close()
	return played, saw
}

// stops tells if the server ends with the case.
func (c *goldenCase) stops() bool {
	return slices.ContainsFunc(c.steps, func(step goldenStep) bool { return step.kind == goldenEvent && step.text == "stop" })
}

// withFate puts how the case ended in front of the notes at its end.
func (c *goldenCase) withFate(fate string) *goldenCase {
	at := len(c.steps)
	for at > 0 && c.steps[at-1].kind == goldenNote {
		at--
	}
	step := goldenStep{goldenFate, []string{"= " + fate}, fate}
	c.steps = append(c.steps[:at:at], append([]goldenStep{step}, c.steps[at:]...)...)
	return c
}

func (c *conversation) connection() *conn {
	if c.main == nil {
		c.main = dial(c.t, c.p.address(0))
	}
	return c.main
}

func (c *conversation) close() {
	for _, conn := range []*conn{c.main, c.side} {
		if conn != nil {
			_ = conn.Close()
		}
	}
}

// perform does what is not said on the connection of the case.
func (c *conversation) perform(event string) {
	c.t.Helper()
	verb, object, _ := strings.Cut(event, " ")
	switch verb {
	case "connect":
		c.connection()
	case "read":
		c.connection().waitRead()
	case "end":
		if err := c.connection().tcp().CloseWrite(); err != nil {
			c.t.Fatal(err)
		}
	case "open":
		c.side = dial(c.t, c.p.address(0))
	case "ask":
		c.side.send("GET " + object + " HTTP/1.1\r\nHost: side\r\n\r\n").waitRead()
	case "get":
		if a := c.side.get(object); a.StatusCode != http.StatusOK {
			c.t.Fatalf("GET %s: %s", object, a.Status)
		}
	case "stop":
		c.p.signal(syscall.SIGTERM)
		c.p.out.wait(c.t, 0, "draining")
	default:
		c.t.Fatalf("no such event: %q", event)
	}
}

// goldenQuiet is how long a server says nothing when all has come that is to be written down. Only then time counts:
// what is written down is read by its length.
const goldenQuiet = 500 * time.Millisecond

// receive reads what comes before the end, so many bytes.
func (c *conversation) receive(want int) string {
	c.t.Helper()
	if !*updateGolden {
		b := make([]byte, want)
		n, _ := io.ReadFull(c.connection().input, b)
		return string(b[:n])
	}
	var all []byte
	for b := make([]byte, 4096); ; {
		_ = c.main.SetReadDeadline(time.Now().Add(goldenQuiet))
		n, err := c.main.input.Read(b)
		all = append(all, b[:n]...)
		if err != nil {
			_ = c.main.SetReadDeadline(time.Now().Add(patience))
			return string(all)
		}
	}
}

// theEnd is asked for, and answered, at the end of a case whose connection stays open: what came before is all.
const (
	theEnd         = "GET /the-end HTTP/1.1\r\nHost: test\r\n\r\n"
	theEndResponse = "the end of a case\n"
)

// finish reads all that comes, and tells how the connection ends.
func (c *conversation) finish(fate string) (received, saw string) {
	c.t.Helper()
	conn := c.connection()
	if fate == "open" {
		_, _ = io.WriteString(conn, theEnd) // An error is seen when it is read.
	}
	if *updateGolden {
		_ = conn.SetReadDeadline(time.Now().Add(goldenPatience))
	}
	var all strings.Builder
	for b := make([]byte, 4096); ; {
		n, err := conn.input.Read(b)
		all.Write(b[:n])
		if before, is := strings.CutSuffix(all.String(), theEndResponse); is {
			return before[:max(0, strings.LastIndex(before, "HTTP/1.1 200 OK\r\n"))], "open"
		}
		switch {
		case errors.Is(err, io.EOF):
			return all.String(), "closed"
		case errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE):
			return all.String(), "reset"
		case err != nil:
			return all.String(), "silent"
		}
	}
}

// goldenPatience is how long a case may take when it is written down.
const goldenPatience = 8 * time.Second

// dateField is how a Date field is written; mask stands for one of the present time.
var dateField = regexp.MustCompile(`\r\nDate: [^\r]*\r\n`)

const (
	mask      = "\r\nDate: *\r\n"
	dateOfNow = "Sun, 06 Nov 1994 08:49:37 GMT"
)

func maskDates(text string) string {
	return dateField.ReplaceAllStringFunc(text, func(field string) string {
		value := strings.TrimSuffix(strings.TrimPrefix(field, "\r\nDate: "), "\r\n")
		if at, err := time.Parse(http.TimeFormat, value); err != nil || time.Since(at).Abs() > 2*patience {
			return field
		}
		return mask
	})
}

// unmaskDates gives a text the length that it has on the wire.
func unmaskDates(text string) string {
	return strings.ReplaceAll(text, mask, "\r\nDate: "+dateOfNow+"\r\n")
}
