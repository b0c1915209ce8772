package prefork

import (
	"fmt"
	"time"
)

// The policy: what the options say, and what none does.

// Config is the policy that the program's options set.
type Config struct {
	Workers       int           // how many slots to keep full; 0: AutoWorkers
	BootTimeout   time.Duration // from fork to READY; more is a failed boot
	DrainTimeout  time.Duration // for a stop that names no time; 0: at once
	Health        Health
	Restarts      int // so many within RestartWindow are borne, with the next one Run gives up; 0: any number
	RestartWindow time.Duration
}

// The policy that no option sets.
const (
	spawnTimeout    = 5 * time.Second // for the spawner to answer SPAWN or to hand over its workers
	killTimeout     = 5 * time.Second // for a killed worker's EXITED
	exitGrace       = time.Second     // for exit hooks, where requests get no time at all
	steadyAfter     = 10 * time.Second
	bootsToGiveUp   = 3
	abortTimeout    = 2 * time.Second // from SIGABRT to SIGKILL
	heartbeatMost   = time.Second     // how old the heartbeat of a loop that turns can be
	suspensionLeast = time.Second     // of the master's own absence, to be taken for one
	resyncDelay     = 100 * time.Millisecond
	backoffSpread   = 0.2
	maxMilliseconds = 1<<31 - 1
)

func (c *Config) check() error {
	switch {
	case c.Workers < 0:
		return fmt.Errorf("%d workers", c.Workers)
	case c.BootTimeout <= 0:
		return fmt.Errorf("a boot timeout of %v", c.BootTimeout)
	case c.DrainTimeout < 0:
		return fmt.Errorf("a drain timeout of %v", c.DrainTimeout)
	case c.Restarts > 0 && c.RestartWindow <= 0:
		return fmt.Errorf("%d restarts within %v", c.Restarts, c.RestartWindow)
	}
	return nil
}
