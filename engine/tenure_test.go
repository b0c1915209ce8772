package engine

import (
	"testing"
	"time"
)

func TestTenure_endsWhereHandlersTakeLong(t *testing.T) {
	ms := int64(time.Millisecond)
	for _, row := range []struct {
		name        string
		requests    int
		took, idle  int64 // Each request, and between two of them.
		least, most int
	}{
		{"in one iteration", 100, ms, 0, 16, 20},
		{"in many iterations", 100, ms, 1, 16, 20},
		{"half of the time", 100, ms, ms, 28, 40},
		{"seldom", 100, ms / 100, 50 * ms, 0, 1},
		{"quick ones", 1000, ms / 1000, 0, 0, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			yields := 0
			l := &Loop{tenure: tenure{yield: func() { yields++ }}}
			for range row.requests {
				l.measured.last += row.took
				l.yieldIfDue()
				if row.idle > 0 {
					l.clock.now += l.measured.last + row.idle
					l.tenure.goOn(&l.measured)
				}
			}
			if yields < row.least || yields > row.most {
				t.Errorf("%d times, expected %d to %d", yields, row.least, row.most)
			}
		})
	}
}
