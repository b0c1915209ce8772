package slot

import "sync/atomic"

// Figures of a worker, and their sums.

// Counters is a copy of what a slot counts. The first two are of now, the others over all generations.
type Counters struct {
	Connections  uint64
	InFlight     uint64
	Accepted     uint64
	Requests     uint64
	BytesIn      uint64
	BytesOut     uint64
	Responses    [StatusClasses]uint64
	Latency      [LatencyBuckets]uint64
	LatencySumNs uint64
	Handshakes   [Handshakes]uint64
}

// LoadCounters copies the counters. Each of them is whole; they are not of one moment.
func (s *Slot) LoadCounters() Counters {
	c := Counters{
		Connections:  atomic.LoadUint64(&s.Connections),
		InFlight:     atomic.LoadUint64(&s.InFlight),
		Accepted:     atomic.LoadUint64(&s.Accepted),
		Requests:     atomic.LoadUint64(&s.Requests),
		BytesIn:      atomic.LoadUint64(&s.BytesIn),
		BytesOut:     atomic.LoadUint64(&s.BytesOut),
		LatencySumNs: atomic.LoadUint64(&s.LatencySumNs),
	}
	for i := range c.Responses {
		c.Responses[i] = atomic.LoadUint64(&s.Responses[i])
	}
	for i := range c.Latency {
		c.Latency[i] = atomic.LoadUint64(&s.Latency[i])
	}
	for i := range c.Handshakes {
		c.Handshakes[i] = atomic.LoadUint64(&s.Handshakes[i])
	}
	return c
}

// Add adds the counters of another slot.
func (c *Counters) Add(o *Counters) {
	c.Connections += o.Connections
	c.InFlight += o.InFlight
	c.Accepted += o.Accepted
	c.Requests += o.Requests
	c.BytesIn += o.BytesIn
	c.BytesOut += o.BytesOut
	c.LatencySumNs += o.LatencySumNs
	for i, n := range o.Handshakes {
		c.Handshakes[i] += n
	}
	for i, n := range o.Responses {
		c.Responses[i] += n
	}
	for i, n := range o.Latency {
		c.Latency[i] += n
	}
}
