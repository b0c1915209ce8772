package blackbox

import (
	"bufio"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// line is one line of a program's output.
type line struct {
	text string
	at   time.Time // when it was read
}

// lines collects what the processes of a program write to one of its streams.
type lines struct {
	name   string
	stream *os.File

	// Guarded by mu.
	mu    sync.Mutex
	seen  []line
	more  chan struct{} // closed when there is another line
	ended bool          // nobody holds the stream any more
}

func collect(name string, stream *os.File) *lines {
	l := &lines{name: name, stream: stream, more: make(chan struct{})}
	go func() {
		defer stream.Close()
		input := bufio.NewReader(stream)
		for {
			text, err := input.ReadString('\n')
			if text != "" {
				l.add(line{strings.TrimSuffix(text, "\n"), time.Now()}, false)
			}
			if err != nil {
				l.add(line{}, true)
				// What is left when the pipe breaks is nothing.
				_, _ = io.Copy(io.Discard, stream)
				return
			}
		}
	}()
	return l
}

func (l *lines) add(next line, end bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if end {
		l.ended = true
	} else {
		l.seen = append(l.seen, next)
	}
	close(l.more)
	l.more = make(chan struct{})
}

// breakOff closes the reader's end, as head(1) does: from now on the program writes into a broken pipe.
func (l *lines) breakOff(t *testing.T) {
	t.Helper()
	if err := l.stream.Close(); err != nil {
		t.Fatal(err)
	}
	if !l.waitEnd(patience) {
		t.Fatal("the stream does not end")
	}
}

// mark is the place behind the lines that have come so far.
func (l *lines) mark() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.seen)
}

// all gives the lines that have come so far.
func (l *lines) all() []line {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen[:len(l.seen):len(l.seen)]
}

func (l *lines) String() string {
	var text strings.Builder
	for _, line := range l.all() {
		text.WriteString("  " + line.text + "\n")
	}
	return text.String()
}

// count tells how many lines contain a text.
func (l *lines) count(text string) int {
	n := 0
	for _, line := range l.all() {
		if strings.Contains(line.text, text) {
			n++
		}
	}
	return n
}

// wait gives the first line behind a mark that contains the text.
func (l *lines) wait(t *testing.T, mark int, text string) line {
	t.Helper()
	return l.waitFor(t, mark, text, func(line string) bool { return strings.Contains(line, text) })
}

// waitFor gives the first line behind a mark that is what the description says.
func (l *lines) waitFor(t *testing.T, mark int, what string, matches func(line string) bool) line {
	t.Helper()
	late := time.After(patience)
	for {
		l.mu.Lock()
		seen, more, ended := l.seen, l.more, l.ended
		l.mu.Unlock()
		for ; mark < len(seen); mark++ {
			if matches(seen[mark].text) {
				return seen[mark]
			}
		}
		if ended {
			t.Fatalf("%s ended without %q:\n%s", l.name, what, l)
		}
		select {
		case <-more:
		case <-late:
			t.Fatalf("%s has no line with %q:\n%s", l.name, what, l)
		}
	}
}

// quiet lets a time pass, in which no line is to come.
func (l *lines) quiet(t *testing.T, d time.Duration) {
	t.Helper()
	mark := l.mark()
	time.Sleep(d)
	if l.mark() != mark {
		t.Errorf("%s is not quiet: %v", l.name, l.all()[mark:])
	}
}

// waitEnd returns when nobody holds the stream any more; false: somebody still does.
func (l *lines) waitEnd(limit time.Duration) bool {
	late := time.After(limit)
	for {
		l.mu.Lock()
		more, ended := l.more, l.ended
		l.mu.Unlock()
		if ended {
			return true
		}
		select {
		case <-more:
		case <-late:
			return false
		}
	}
}
