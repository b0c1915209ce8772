package engine

import "testing"

func TestPolled_timerRingsForUnusedMemory(t *testing.T) {
	s := start(t, tcp, func(cfg *Config) { cfg.Polled = true })
	s.do(func() {}) // From the second iteration on the loop knows when it looks next.
	s.do(func() {
		l := s.loop
		for _, size := range []int{1 << 10, 2 << 20} {
			block, err := l.blocks.Get(size)
			s.must(err)
			l.blocks.Put(block)
			s.must(l.setTimer())
			if kept := size > 1<<20; (l.timerNs != 0) != kept || kept && l.timerNs != l.lookNs {
				t.Errorf("after a block of %d bytes the timer is set to %d, and unused memory looked for at %d", size, l.timerNs, l.lookNs)
			}
		}
	})
}
