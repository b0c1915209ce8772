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

// Config is what a log is to be.
type Config struct {
	Format Format
	Worker int
	Fields string   // Option access_log_fields.
	Routes [][]byte // Their patterns. Only needed if Fields has route.
	// A goroutine writes, else Flush.
	Background bool
}

// Log collects lines.
type Log struct {
	// Immutable.
	config    Config
	fields    []field
	headers   [][]byte
	hasID     bool // among fields
	hasClient bool
	sink      Sink
	full      chan []byte // to the writer; nil: Flush itself writes
	free      chan []byte

	// Owned by the loop.
	lines  []byte
	oldest time.Duration // when the first of lines was added, on the loop's clock
	second int64         // since the epoch, of which
	stamp  []byte        // is the time in Common

	writing sync.WaitGroup
}

// New makes a log.
func New(config Config, sink Sink) *Log {
	l := &Log{config: config, sink: sink, lines: make([]byte, 0, bufferSize)}
	l.fields, l.headers = parseFields(config.Fields)
	l.hasID, l.hasClient = has(l.fields, fieldID), has(l.fields, fieldClient)
	if config.Background {
		l.full, l.free = make(chan []byte, buffers), make(chan []byte, buffers)
		for range buffers - 1 {
			l.free <- make([]byte, 0, bufferSize)
		}
		l.writing.Go(l.write)
	}
	return l
}

// Timed tells if an Entry needs Took.
func (l *Log) Timed() bool { return l.config.Format == JSON }

// Headers are the names of fields that an Entry needs of the head of its request.
func (l *Log) Headers() [][]byte { return l.headers }

// Add puts a request into a line. now is the loop's clock.
func (l *Log) Add(e *Entry, now time.Duration, wall time.Time) {
	if len(l.lines) == 0 {
		l.oldest = now
	}
	switch l.config.Format {
	case JSON:
		l.lines = l.appendJSON(l.lines, e, wall)
	default:
		if second := wall.Unix(); second != l.second {
			l.second, l.stamp = second, wall.AppendFormat(l.stamp[:0], commonTime)
		}
		l.lines = l.appendCommon(l.lines, e)
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
