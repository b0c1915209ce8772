package prefork

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What the log has held back is told of when it is time, whether there is another line or not.
func TestLog_isSettledWhenItIsTime(t *testing.T) {
	inBubble(t, 1, config(1), func(t *testing.T, s *fakeSpawner) {
		s.handOver()
		w := s.spawnReady(1)[0]
		due := s.now() + 5*time.Second
		s.heldUntil.Store(int64(due))
		w.exit(killStatus(unix.SIGKILL)) // the master looks after it has logged
		next := s.spawn()
		next.ready()
		time.Sleep(time.Minute)
		if settled := time.Duration(s.settled.Load()); settled != due {
			t.Errorf("after %v, want %v", settled, due)
		}
		s.stop(next)
	})
}
