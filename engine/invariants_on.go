//go:build invariants

package engine

import "fmt"

// Checks of the loop under -tags invariants.

// successors are the legal next states of each state, as lifecycle.go has them.
var successors = [...][]state{
	stateDone:       {stateReceiving},
	stateReceiving:  {stateHandling, stateResponding, stateDone},
	stateHandling:   {stateReceiving, statePooled, stateTaking, statePaused, stateHeld, stateStreaming, stateResponding, stateDone},
	statePooled:     {stateHandling, stateHeld, stateDone},
	stateTaking:     {stateHandling, statePaused, stateHeld, stateStreaming, stateResponding, stateDone},
	statePaused:     {stateTaking, stateHeld, stateStreaming, stateResponding},
	stateHeld:       {stateHandling, stateStreaming, stateResponding, stateDone},
	stateStreaming:  {stateHeld, stateResponding},
	stateResponding: {stateDone},
}

func checkState(from, to state) {
	for _, legal := range successors[from] {
		if legal == to {
			return
		}
	}
	panic(fmt.Sprintf("engine: a request in state %d becomes %d", from, to))
}
