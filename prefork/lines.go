package prefork

import (
	"fmt"
	"time"
)

// Log lines about what can happen over and over.

// lines is the log for what can happen over and over: of each level at most linesPerWindow lines in a window, then one
// that says how many there would have been.
type lines struct {
	log    func(level int, text string)
	levels [LogDebug + 1]lineWindowState
}

type lineWindowState struct {
	open    bool
	ends    time.Duration
	written int
	dropped int
}

func (l *lines) printf(now time.Duration, level int, format string, args ...any) {
	l.flush(now)
	w := &l.levels[level]
	if !w.open {
		*w = lineWindowState{open: true, ends: now + lineWindow}
	}
	if w.written == linesPerWindow {
		w.dropped++
		return
	}
	w.written++
	l.log(level, fmt.Sprintf(format, args...))
}

// flush closes the windows that have ended.
func (l *lines) flush(now time.Duration) {
	for level := range l.levels {
		if w := &l.levels[level]; w.open && now >= w.ends {
			l.close(level)
		}
	}
}

// closeAll closes all windows.
func (l *lines) closeAll() {
	for level := range l.levels {
		l.close(level)
	}
}

func (l *lines) close(level int) {
	w := &l.levels[level]
	if w.dropped > 0 {
		l.log(level, fmt.Sprintf("... and %d more", w.dropped))
	}
	*w = lineWindowState{}
}

// next tells when flush has something to say.
func (l *lines) next() (at time.Duration, ok bool) {
	for _, w := range l.levels {
		if w.dropped > 0 && (!ok || w.ends < at) {
			at, ok = w.ends, true
		}
	}
	return at, ok
}
