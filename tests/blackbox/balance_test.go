package blackbox

import (
	"fmt"
	"slices"
	"sync"
	"testing"
)

const connections = 2000

// TestBalance opens connections one after the other, each with a request, and asks which worker has which.
func TestBalance(t *testing.T) { demandBalance(t, 1) }

// TestBalance_inABurst opens them from 50 sides at once.
func TestBalance_inABurst(t *testing.T) { demandBalance(t, 50) }

// demandBalance has one of three servers show the balance. A worker that does not get to run has its share taken by the
// others, as it should be: on two processors that do much else besides, 2 of 32 bursts had a worker with more than 1.3
// times as many connections as another. Without the care of engine/accept.go all have.
func demandBalance(t *testing.T, dialers int) {
	t.Helper()
	for range 3 {
		counts := connectionsByWorker(t, serve(t, "workers=4"), dialers)
		t.Logf("connections by worker: %v", counts)
		if imbalance(counts) <= 1.3 {
			return
		}
	}
	t.Error("three times one worker had more than 1.3 times as many connections as another")
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
