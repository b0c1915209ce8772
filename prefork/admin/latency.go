package admin

import (
	"math"

	"libforker/slot"
)

// Percentiles of latency, from its histogram.

// histogram is slot.Counters.Latency, or the difference of two.
type histogram [slot.LatencyBuckets]uint64

func (h *histogram) count() uint64 {
	n := uint64(0)
	for _, c := range h {
		n += c
	}
	return n
}

// since gives what h counts more than an earlier one.
func (h *histogram) since(before *histogram) (d histogram) {
	for i := range h {
		if h[i] > before[i] {
			d[i] = h[i] - before[i]
		}
	}
	return d
}

// quantile estimates, in seconds, what the given part of the responses took at most: buckets are powers of two, inside of
// one the responses are taken to be spread evenly.
func (h *histogram) quantile(part float64) float64 {
	rank := part * float64(h.count())
	below := 0.0
	for i, c := range h {
		if c == 0 || below+float64(c) < rank {
			below += float64(c)
			continue
		}
		low, high := bounds(i)
		return (low + (high-low)*(rank-below)/float64(c)) / 1e9
	}
	return 0
}

// bounds gives the limits of bucket i, in ns.
func bounds(i int) (low, high float64) {
	if i == 0 {
		return 0, 1
	}
	return math.Ldexp(1, i-1), math.Ldexp(1, i)
}
