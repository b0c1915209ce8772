package prefork

import (
	"math"
	"time"
)

// backoff gives how long a slot stays vacant after its n-th failed boot in a row. random is at least 0 and less than 1.
func backoff(n int, random float64) time.Duration {
	d := min(float64(backoffMax), float64(backoffFirst)*math.Pow(backoffFactor, float64(n-1)))
	return time.Duration(d * (1 - backoffSpread + 2*backoffSpread*random))
}
