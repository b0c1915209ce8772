package engine

import (
	"time"

	"golang.org/x/sys/unix"
)

// The time of an iteration, the date that responses tell, and the levels of the log.

// Levels of log lines, as in forker.h.
const (
	LogError = iota
	LogWarn
	LogInfo
	LogDebug
)

const httpDate = "Mon, 02 Jan 2006 15:04:05 GMT" // RFC 9110 §5.6.7

// clock is the loop's time: CLOCK_MONOTONIC, read once in an iteration, and the Date of responses, formatted once a
// second.
type clock struct {
	now      int64 // ns
	base     time.Time
	baseNs   int64
	nextDate int64
	wallNs   int64 // The time of the day less now, of when Date was renewed.
	date     [len(httpDate)]byte
}

func (k *clock) start() error {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return err
	}
	k.base, k.baseNs = time.Now(), ts.Nano()
	k.read()
	return nil
}

// read takes the time; true means that Date has changed.
func (k *clock) read() bool {
	// time.Since compares monotonic readings, which Go takes from the vDSO; a ClockGettime of our own would be a system
	// call.
	k.now = k.baseNs + int64(time.Since(k.base))
	if k.now < k.nextDate {
		return false
	}
	wall := time.Now().UTC()
	wall.AppendFormat(k.date[:0], httpDate)
	k.wallNs = wall.UnixNano() - k.now
	k.nextDate = k.now + int64(time.Second) - int64(wall.Nanosecond())
	return true
}
