package blackbox

import (
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// line is one line of a program's output.
type line struct {
	text string
	at   time.Time // when it was read
}

// lines collects what the processes of a program write to one of its streams. Who looks at what has come so far sees
// all that was written before: whatever tells of it on another stream, its line is there.
type lines struct {
	name   string
	stream *os.File
	raw    syscall.RawConn // of stream, which never blocks

	// Guarded by mu.
	mu    sync.Mutex
	seen  []line
	rest  string        // of a line that has not ended
	more  chan struct{} // closed when there is another line
	ended bool          // nobody holds the stream any more
}

func collect(name string, stream *os.File) *lines {
	l := &lines{name: name, stream: stream, more: make(chan struct{})}
	var err error
	if l.raw, err = stream.SyscallConn(); err != nil {
		panic(err) // It is a pipe, and open.
	}
	go func() {
		defer stream.Close()
		for err := error(nil); err == nil && !l.isEnded(); {
			err = l.raw.Read(l.take)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.end()
	}()
	return l
}

// take reads what waits in the stream. false: there is nothing, and will be more.
func (l *lines) take(fd uintptr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for taken := l.ended; ; taken = true {
		var b [16 << 10]byte
		n, err := syscall.Read(int(fd), b[:])
		switch {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return taken
		case err != nil || n == 0:
			l.end()
			return true
		default:
			l.enter(string(b[:n]))
		}
	}
}

// enter takes bytes in. With mu.
func (l *lines) enter(text string) {
	whole := strings.Split(l.rest+text, "\n")
	last := len(whole) - 1
	l.rest = whole[last]
	for _, text := range whole[:last] {
		l.seen = append(l.seen, line{text, time.Now()})
	}
	l.tell()
}

// end notes that nothing more comes. With mu.
func (l *lines) end() {
	if l.ended {
		return
	}
	l.ended = true
	if l.rest != "" {
		l.seen = append(l.seen, line{l.rest, time.Now()})
	}
	l.tell()
}

func (l *lines) tell() {
	close(l.more)
	l.more = make(chan struct{})
}

func (l *lines) isEnded() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended
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
func (l *lines) mark() int { return len(l.all()) }

// all gives the lines that have come so far.
func (l *lines) all() []line {
	_ = l.raw.Control(func(fd uintptr) { l.take(fd) }) // An error says that it is closed: then all has been read.
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
