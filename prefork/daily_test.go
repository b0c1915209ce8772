package prefork

import (
	"testing"
	"time"
)

func TestDaily_isCalledOnceADay(t *testing.T) {
	inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		w := s.spawnReady(1)
		for day := range int64(3) {
			if n := s.days.Load(); n != day {
				t.Errorf("called %d times in %d days", n, day)
			}
			s.expectNothing(24*time.Hour + time.Minute)
		}
		s.stop(w...)
	})
}
