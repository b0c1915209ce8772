package slot

import (
	"math"
	"sync/atomic"
)

// The header page.

// LoadPhase gives what the server is doing.
func (s *Shared) LoadPhase() Phase { return Phase(atomic.LoadUint32(&s.Phase)) }

// LoadWanted gives how many workers the master keeps alive; 0: as the options say.
func (s *Shared) LoadWanted() uint32 { return atomic.LoadUint32(&s.Wanted) }

// Publish is the master's: it says what the server is doing.
func (s *Shared) Publish(phase Phase) { atomic.StoreUint32(&s.Phase, uint32(phase)) }

// StoreWanted says how many workers the master keeps alive.
func (s *Shared) StoreWanted(n int) { atomic.StoreUint32(&s.Wanted, uint32(n)) }

// TakeScale gives what is to be added to the wanted workers, once.
func (s *Shared) TakeScale() int { return int(atomic.SwapInt32(&s.Scale, 0)) }

// LoadHeld tells if all workers are to be drained and none started.
func (s *Shared) LoadHeld() bool { return atomic.LoadUint32(&s.Held) != 0 }

// LoadStopAsked tells if the server is to stop.
func (s *Shared) LoadStopAsked() bool { return atomic.LoadInt32(&s.StopTimeoutMs) != math.MaxInt32 }

// LoadEpoch counts reloads.
func (s *Shared) LoadEpoch() uint32 { return atomic.LoadUint32(&s.Epoch) }

// LoadSettled gives the latest epoch whose reload is over.
func (s *Shared) LoadSettled() uint32 { return atomic.LoadUint32(&s.Settled) }

// StoreSettled says that the reload of that epoch is over.
func (s *Shared) StoreSettled(epoch uint32) { atomic.StoreUint32(&s.Settled, epoch) }

// LoadReopens counts how often the log files were to be opened anew.
func (s *Shared) LoadReopens() uint32 { return atomic.LoadUint32(&s.Reopens) }

// LoadMasterPid gives the present master's process id, 0 if there is none.
func (s *Shared) LoadMasterPid() int32 { return atomic.LoadInt32(&s.MasterPid) }

// LoadExits gives how many workers are gone for a reason.
func (s *Shared) LoadExits(c ExitReason) uint64 { return atomic.LoadUint64(&s.Exits[c]) }

// LoadStarts gives how many masters and workers were forked.
func (s *Shared) LoadStarts() (masters, workers uint64) {
	return atomic.LoadUint64(&s.MasterStarts), atomic.LoadUint64(&s.WorkerStarts)
}

// LoadValidity returns the time in which a certificate is valid. Both are zero if it is not known.
func (s *Shared) LoadValidity(certificate int) Validity {
	v := &s.Validities[certificate]
	return Validity{atomic.LoadInt64(&v.NotBefore), atomic.LoadInt64(&v.NotAfter)}
}

// copyTries is how often a copy of the crash page that was written to meanwhile is thrown away. The spawner writes it
// in a fraction of a microsecond, at most as often as it may fork.
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
