package access

import (
	"bytes"
	"sync"
	"time"
)

// Lines that are collected by the loop, and written by a thread of their own.

const (
	flushSize  = 32 << 10
	bufferSize = flushSize + 32<<10 // Room for a usual line behind the last byte; a longer one makes its buffer grow.
	buffers    = 4                  // One is filled, one written, two wait.
	flushAge   = time.Second
	// Idle is for how long no event must come until the lines are written before their time.
	Idle = 100 * time.Millisecond
)

// Sink takes whole lines.
type Sink struct {
	Write func(lines []byte)
	Miss  func(lines int) // So many came too fast to be written.
}

// Log collects lines.
type Log struct {
	// Immutable.
	format Format
	worker int
	sink   Sink
	full   chan []byte // to the writer; nil: Flush itself writes
	free   chan []byte

	// Owned by the loop.
	lines  []byte
	oldest time.Duration // when the first of lines was added, on the loop's clock
	second int64         // since the epoch, of which
	stamp  []byte        // is the time in Common

	writing sync.WaitGroup
}

// New makes a log. In the background a goroutine writes, else Flush.
func New(format Format, worker int, background bool, sink Sink) *Log {
	l := &Log{format: format, worker: worker, sink: sink, lines: make([]byte, 0, bufferSize)}
	if background {
		l.full, l.free = make(chan []byte, buffers), make(chan []byte, buffers)
		for range buffers - 1 {
			l.free <- make([]byte, 0, bufferSize)
		}
		l.writing.Go(l.write)
	}
	return l
}

// Timed tells if an Entry needs Took.
func (l *Log) Timed() bool { return l.format == JSON }

// Add puts a request into a line. now is the loop's clock.
func (l *Log) Add(e *Entry, now time.Duration, wall time.Time) {
	if len(l.lines) == 0 {
		l.oldest = now
	}
	switch l.format {
	case JSON:
		l.lines = appendJSON(l.lines, e, wall, l.worker)
	default:
		if second := wall.Unix(); second != l.second {
			l.second, l.stamp = second, wall.AppendFormat(l.stamp[:0], commonTime)
		}
		l.lines = appendCommon(l.lines, e, l.stamp, l.format == Combined)
	}
	if len(l.lines) >= flushSize {
		l.Flush()
	}
}

// Pending tells if there are lines that are not written.
func (l *Log) Pending() bool { return len(l.lines) > 0 }

// Due tells if they should be written now: they are old enough, or the loop has nothing else to do.
func (l *Log) Due(now time.Duration, idle bool) bool {
	return l.Pending() && (idle || now-l.oldest >= flushAge)
}

// Flush has the lines written. If the writer is too far behind they are lost.
func (l *Log) Flush() {
	switch {
	case !l.Pending():
		return
	case l.full == nil:
		l.sink.Write(l.lines)
	default:
		select {
		case next := <-l.free:
			l.full <- l.lines // Has room for all buffers there are.
			l.lines = next
		default:
			l.sink.Miss(bytes.Count(l.lines, []byte{'\n'}))
		}
	}
	l.lines = l.lines[:0]
}

// Close writes what is left, and waits for that. What is added later is written by Flush itself.
func (l *Log) Close() {
	l.Flush()
	if l.full != nil {
		close(l.full)
		l.writing.Wait()
		l.full = nil
	}
}

func (l *Log) write() {
	for lines := range l.full {
		l.sink.Write(lines)
		l.free <- lines[:0]
	}
}
