package blackbox

import (
	"fmt"
	"slices"
	"sync"
	"testing"
)

const connections = 2000

// TestBalance opens connections one after the other, each with a request, and asks which worker has which. What this
// shows does not depend on how the machine shares its processors: a connection wakes one worker, and the next one comes
// when that has answered.
func TestBalance(t *testing.T) {
	counts := connectionsByWorker(t, serve(t, "workers=4"), 1)
	t.Logf("connections by worker: %v", counts)
	if imbalance(counts) > 1.3 {
		t.Errorf("one worker has more than 1.3 times as many connections as another: %v", counts)
	}
}

// TestBalance_inABurst opens them from 50 sides at once. A worker that does not get to run has its share taken by the
// others then, as it should be: on two processors that do much else besides, 2 of 32 bursts had a worker with more than
// 1.3 times as many as another. One of three has to show the balance; without the care of engine/accept.go none does.
func TestBalance_inABurst(t *testing.T) {
	for range 3 {
		counts := connectionsByWorker(t, serve(t, "workers=4"), 50)
		t.Logf("connections by worker: %v", counts)
		if imbalance(counts) <= 1.3 {
			return
		}
	}
	t.Errorf("in each of three bursts one worker has more than 1.3 times as many connections as another")
}

// imbalance is how many times as many connections the first worker has as the last.
func imbalance(counts [4]int) float64 {
	return float64(slices.Max(counts[:])) / float64(slices.Min(counts[:]))
}

func connectionsByWorker(t *testing.T, p *program, dialers int) (counts [4]int) {
	t.Helper()
	address := p.address(0)
	var mu sync.Mutex
	var group sync.WaitGroup
	for range dialers {
		group.Go(func() {
			for range connections / dialers {
				var worker, pid int
				a, err := ask(t, address, "/who")
				if err == nil {
					_, err = fmt.Sscanf(a.body, "%d %d", &worker, &pid)
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				counts[worker]++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return counts
}
