package slot

import "sync/atomic"

// The request that is inside a handler now.

// Busy tells if a handler is running.
func (b *BlackBox) Busy() bool { return atomic.LoadUint32(&b.BusyFlag) != 0 }

// LoadSinceNs gives CLOCK_MONOTONIC when the request was dispatched, in nanoseconds; in the pool, when its handler was
// called.
func (b *BlackBox) LoadSinceNs() uint64 { return atomic.LoadUint64(&b.SinceNs) }

// LoadThread gives the thread id of the pool's thread that uses this box, 0 for other boxes.
func (b *BlackBox) LoadThread() int32 { return atomic.LoadInt32(&b.Thread) }

// Method gives the request's method, with everything that is not printable ASCII replaced by "?".
func (b *BlackBox) Method() string { return printable(b.MethodText[:], int(b.MethodLen)) }

// Target gives the request's target likewise. "..." stands for what was cut off.
func (b *BlackBox) Target() string { return printable(b.TargetText[:], int(b.TargetLen)) }

// printable copies a text of n bytes of which kept holds the beginning.
func printable(kept []byte, n int) string {
	text := append([]byte(nil), kept[:min(n, len(kept))]...)
	for i, c := range text {
		if c <= ' ' || c >= 0x7f {
			text[i] = '?'
		}
	}
	if n > len(kept) {
		text = append(text, "..."...)
	}
	return string(text)
}
