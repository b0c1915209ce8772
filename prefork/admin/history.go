package admin

import (
	"sync"
	"time"

	"libforker/slot"
)

// The last minutes, second by second.

const (
	sampleEvery = time.Second
	samplesKept = 300
)

// sample is what one interval was like. It is what /history gives to the page; no promise is made about its fields.
type sample struct {
	Time        int64    `json:"time"` // ms since the epoch
	Requests    float64  `json:"rps"`
	Errors      float64  `json:"errors"` // responses of class 5xx, per second
	P50         float64  `json:"p50"`    // seconds
	P99         float64  `json:"p99"`
	Connections uint64   `json:"connections"`
	States      string   `json:"states"` // one letter for each slot, see stateLetters
	Generations []uint32 `json:"generations"`
}

const stateLetters = "-fbrd" // in the order of slot.State

// history remembers the last minutes.
type history struct {
	// Owned by the goroutine that samples.
	source *Source
	last   slot.Counters
	at     time.Duration

	// Guarded by mu.
	mu      sync.Mutex
	samples []sample // oldest first
}

func newHistory(source *Source) *history {
	h := &history{source: source, at: source.Now()}
	_, h.last = source.look()
	return h
}

// take adds a sample of the time since the one before.
func (h *history) take() {
	workers, total := h.source.look()
	now := h.source.Now()
	seconds := max((now - h.at).Seconds(), 1e-3)
	before := histogram(h.last.Latency)
	latency := histogram(total.Latency)
	latency = latency.since(&before)
	next := sample{
		Time:        h.source.Wall().UnixMilli(),
		Requests:    number(total.Requests-h.last.Requests) / seconds,
		Errors:      number(total.Responses[5]-h.last.Responses[5]) / seconds,
		P50:         latency.quantile(0.5),
		P99:         latency.quantile(0.99),
		Connections: total.Connections,
		Generations: []uint32{},
	}
	for _, w := range workers {
		next.States += string(stateLetters[min(int(w.state), len(stateLetters)-1)])
		next.Generations = append(next.Generations, w.generation)
	}
	h.last, h.at = total, now
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.samples) == samplesKept {
		h.samples = h.samples[1:]
	}
	h.samples = append(h.samples, next)
}

// since gives the samples after a time.
func (h *history) since(ms int64) []sample {
	h.mu.Lock()
	defer h.mu.Unlock()
	first := len(h.samples)
	for first > 0 && h.samples[first-1].Time > ms {
		first--
	}
	return append([]sample{}, h.samples[first:]...)
}

// run takes samples until stop is closed.
func (h *history) run(stop <-chan struct{}) {
	ticker := time.NewTicker(sampleEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			h.take()
		case <-stop:
			return
		}
	}
}
