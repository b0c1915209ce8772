package slot

import "sync/atomic"

// LoadPhase gives what the server is doing.
func (s *Shared) LoadPhase() Phase { return Phase(atomic.LoadUint32(&s.Phase)) }

// LoadWanted gives how many workers the master keeps alive.
func (s *Shared) LoadWanted() uint32 { return atomic.LoadUint32(&s.Wanted) }

// Publish is the master's: it says what the server is doing, and with how many workers.
func (s *Shared) Publish(phase Phase, wanted int) {
	atomic.StoreUint32(&s.Wanted, uint32(wanted))
	atomic.StoreUint32(&s.Phase, uint32(phase))
}

// LoadMasterPid gives the present master's process id, 0 if there is none.
func (s *Shared) LoadMasterPid() int32 { return atomic.LoadInt32(&s.MasterPid) }

// LoadExits gives how many workers are gone for a cause.
func (s *Shared) LoadExits(c Cause) uint64 { return atomic.LoadUint64(&s.Exits[c]) }

// LoadStarts gives how many masters and workers were forked.
func (s *Shared) LoadStarts() (masters, workers uint64) {
	return atomic.LoadUint64(&s.MasterStarts), atomic.LoadUint64(&s.WorkerStarts)
}

// copyTries is how often a copy of the crash page that was written to meanwhile is thrown away. The spawner writes it in a
// fraction of a microsecond, at most as often as it may fork.
const copyTries = 100

// LoadCrash copies what is known of the latest worker that was lost; false if none was.
func (s *Shared) LoadCrash() (CrashPage, bool) {
	for range copyTries {
		before := atomic.LoadUint32(&s.Crash.Version)
		if before == 0 {
			return CrashPage{}, false
		}
		page := s.Crash
		if before%2 == 0 && atomic.LoadUint32(&s.Crash.Version) == before {
			return page, true
		}
	}
	return CrashPage{}, false
}

// LastWords gives the latest error line of the worker, as Slot.LastWords does.
func (c *CrashPage) LastWords() string { return words(&c.LastWordsText) }
