package prefork

import (
	"math"
	"time"
)

// The growing delay after failed boots.

// How long a slot stays vacant after a failed boot: the first time, each time so much longer, at most. While there is no
// master the spawner does the same (capi/supervisor/child.h, compared in capi/agreement.go).
const (
	BackoffFirst  = 100 * time.Millisecond
	BackoffFactor = 1.6
	BackoffMost   = 30 * time.Second
)

// backoff gives how long a slot stays vacant after its n-th failed boot in a row. random is at least 0 and less than 1.
func backoff(n int, random float64) time.Duration {
	d := min(float64(BackoffMost), float64(BackoffFirst)*math.Pow(BackoffFactor, float64(n-1)))
	return time.Duration(d * (1 - backoffSpread + 2*backoffSpread*random))
}
