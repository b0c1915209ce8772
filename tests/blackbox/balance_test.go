package blackbox

import (
	"fmt"
	"sync"
	"testing"
)

// TestBalance opens 2,000 connections, each with a request, and asks which worker has which. Where the machine does other things too,
// a worker may not get to run at all for a while; one of three attempts has to show the balance.
func TestBalance(t *testing.T) {
	for range 3 {
		counts := connectionsByWorker(t, serve(t, "workers=4"))
		least, most := counts[0], counts[0]
		for _, count := range counts {
			least, most = min(least, count), max(most, count)
		}
		t.Logf("connections by worker: %v", counts)
		if float64(most) <= 1.3*float64(least) {
			return
		}
	}
	t.Errorf("there are more than 1.3 times as many connections at one worker as at another")
}

func connectionsByWorker(t *testing.T, p *program) (counts [4]int) {
	t.Helper()
	const connections, dialers = 2000, 50
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
