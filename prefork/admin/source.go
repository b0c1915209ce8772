package admin

import (
	"time"

	"libforker/slot"
)

// Where the figures come from.

// Source is what is shown.
type Source struct {
	Version   string
	Program   string                   // its name
	Addresses []string                 // where it listens
	Options   func() map[string]string // that are not as by default
	Slots     *slot.Table

	Certificates []string             // the names of the server's, in their order
	Now          func() time.Duration // CLOCK_MONOTONIC, as in the slots
	Wall         func() time.Time
	Resident     func(pid int32) uint64 // bytes; 0 if it is not known
	Queries      bool                   // of targets are shown
}

// worker is a slot at one moment.
type worker struct {
	index      int
	state      slot.State
	pid        int32
	generation uint32
	born       time.Duration // ago
	heartbeat  time.Duration // ago; negative: it has none
	counters   slot.Counters
	page       *slot.Slot
}

// certificate is one of the server's.
type certificate struct {
	name                string
	notBefore, notAfter time.Time
}

// certificates returns those of which is known when they expire.
func (s *Source) certificates() []certificate {
	var all []certificate
	for i, name := range s.Certificates {
		if v := s.Slots.Shared().LoadValidity(i); v.NotAfter != 0 {
			all = append(all, certificate{name, time.Unix(v.NotBefore, 0).UTC(), time.Unix(v.NotAfter, 0).UTC()})
		}
	}
	return all
}

// look copies the slots that have been in use, and adds up what they count. Slots are taken from 0 upwards.
func (s *Source) look() (workers []worker, total slot.Counters) {
	now := s.Now()
	for i := range s.Slots.Len() {
		page := s.Slots.Slot(i)
		generation := page.LoadGeneration()
		if generation == 0 {
			break
		}
		w := worker{index: i, state: page.LoadState(), generation: generation, counters: page.LoadCounters(), heartbeat: -1, page: page}
		if w.state != slot.Empty {
			w.pid = page.LoadPid()
			w.born = ago(now, page.LoadBornNs())
			if beat := page.LoadHeartbeatNs(); beat != 0 {
				w.heartbeat = ago(now, beat)
			}
		}
		total.Add(&w.counters)
		workers = append(workers, w)
	}
	return workers, total
}

// ago is the time since a time of the slots, which another core may have written after now was read.
func ago(now time.Duration, ns uint64) time.Duration {
	if ns == 0 || ns > uint64(now) {
		return 0
	}
	return now - time.Duration(ns)
}

func countReady(workers []worker) int {
	ready := 0
	for _, w := range workers {
		if w.state == slot.Ready {
			ready++
		}
	}
	return ready
}

// isReady tells if new requests find a worker, and will for some time to come.
func (s *Source) isReady(workers []worker) bool {
	phase := s.Slots.Shared().LoadPhase()
	return (phase == slot.Serving || phase == slot.Reloading) && countReady(workers) > 0
}
