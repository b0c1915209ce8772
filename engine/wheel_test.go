package engine

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// turn is the time that the wheel takes to come round.
const turn = wheelTick * wheelSlots

// clockwork is a wheel with its timers, by number.
type clockwork struct {
	wheel
	t       *testing.T
	now     int64
	timers  []*timer
	expired []int // Numbers of the timers that expired, in order.
}

func newClockwork(t *testing.T, now int64, timers int) *clockwork {
	w := &clockwork{t: t, now: now}
	w.start(now)
	for range timers {
		w.timers = append(w.timers, &timer{})
	}
	return w
}

func (w *clockwork) arm(i int, in time.Duration) { w.wheel.arm(w.timers[i], w.now+int64(in)) }

// pass lets time pass and returns who expired.
func (w *clockwork) pass(d time.Duration) []int {
	w.expired = nil
	w.now += int64(d)
	w.advance(w.now, math.MaxInt, func(t *timer) { w.expired = append(w.expired, slices.Index(w.timers, t)) })
	return w.expired
}

func (w *clockwork) expect(d time.Duration, want ...int) {
	w.t.Helper()
	got := w.pass(d)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		w.t.Errorf("after %v more %v expired, want %v", d, got, want)
	}
}

// starts are times at which a machine may have been up: at once, anywhere in a tick, shortly before the slots come
// round.
var starts = []int64{0, 1, wheelTick - 1, wheelTick, 12345678901234, 64*turn - 1, 64 * turn, 64*turn + 1}

func TestWheel_expiresNeverEarlyAndAtMostATickLate(t *testing.T) {
	for _, start := range starts {
		for _, in := range []time.Duration{0, 1, wheelTick - 1, wheelTick, wheelTick + 1, time.Second, turn - 1, turn, turn + 1, time.Hour} {
			w := newClockwork(t, start, 1)
			w.arm(0, in)
			if in > 0 {
				w.expect(in - 1)
			}
			w.expect(wheelTick+1, 0)
			w.expect(2 * turn)
		}
	}
}

func TestWheel_nextIsWhenItMustBeLookedAt(t *testing.T) {
	for _, start := range starts {
		w := newClockwork(t, start, 3)
		if next := w.next(); next != -1 {
			t.Errorf("an empty wheel is due at %d", next)
		}
		w.arm(0, time.Hour)
		w.arm(1, 30*time.Second)
		w.arm(2, time.Second)
		for _, want := range []int{2, 1, 0} {
			for looks := 0; ; looks++ {
				next := w.next()
				if next < w.now || looks > 100 {
					t.Fatalf("from %d: after %d looks the next is at %d, it is %d", start, looks, next, w.now)
				}
				if w.pass(time.Duration(next - w.now)); len(w.expired) > 0 {
					break
				}
			}
			if late := w.now - w.timers[want].deadline; len(w.expired) != 1 || w.expired[0] != want || late < 0 || late > wheelTick {
				t.Errorf("from %d: %v expired, want %d; %d ns late", start, w.expired, want, late)
			}
		}
		if next := w.next(); next != -1 {
			t.Errorf("a wheel that is empty again is due at %d", next)
		}
	}
}

func TestWheel_putOff(t *testing.T) {
	w := newClockwork(t, 5, 1)
	w.arm(0, time.Second)
	for range 300 {
		w.expect(900 * time.Millisecond)
		w.arm(0, time.Second)
	}
	w.expect(time.Second - 1)
	w.expect(wheelTick+1, 0)
}

func TestWheel_broughtForward(t *testing.T) {
	w := newClockwork(t, 5, 1)
	w.arm(0, time.Hour)
	w.arm(0, time.Second)
	w.expect(time.Second - 1)
	w.expect(wheelTick+1, 0)
	w.expect(2 * time.Hour)
}

func TestWheel_disarm(t *testing.T) {
	w := newClockwork(t, 5, 5)
	for i := range w.timers {
		w.arm(i, time.Second) // All in one slot.
	}
	for _, i := range []int{2, 0, 4, 4} { // In the middle, at the end, at the front, twice.
		w.disarm(w.timers[i])
	}
	w.expect(2*time.Second, 1, 3)
	w.arm(1, time.Second)
	w.disarm(w.timers[1])
	if next := w.next(); next != -1 {
		t.Errorf("an empty wheel is due at %d", next)
	}
	w.expect(turn)
}

func TestWheel_machineSlept(t *testing.T) {
	for _, asleep := range []time.Duration{turn - wheelTick, turn, turn + wheelTick, 3*turn + 7, 1000 * time.Hour} {
		w := newClockwork(t, 77*turn+5, 4)
		w.arm(0, time.Second)
		w.arm(1, asleep-time.Millisecond)
		w.arm(2, asleep+time.Second)
		w.arm(3, asleep+time.Hour)
		w.expect(asleep+wheelTick, 0, 1)
		w.expect(time.Second, 2)
		w.expect(time.Hour - 2*time.Second)
		w.expect(2*time.Second, 3)
	}
}

func TestWheel_expireMayArmAndDisarm(t *testing.T) {
	w := newClockwork(t, 5, 3)
	for i := range w.timers {
		w.arm(i, time.Second)
	}
	w.now += int64(2 * time.Second)
	var calls []string
	w.advance(w.now, math.MaxInt, func(t *timer) {
		i := slices.Index(w.timers, t)
		calls = append(calls, fmt.Sprint(i))
		w.disarm(t)
		w.arm(i, 0) // Due again, but not within this call.
	})
	if len(calls) != 3 {
		t.Errorf("%v expired", calls)
	}
	w.expect(wheelTick, 0, 1, 2)
}

func TestWheel_expiresTheEarliestTicksFirstAndNoMoreThanAsked(t *testing.T) {
	w := newClockwork(t, 5, 9)
	for i := range w.timers {
		w.arm(i, time.Duration(i/3+1)*time.Second) // Three in a slot.
	}
	w.now += int64(time.Minute)
	var got []int
	expire := func(t *timer) { got = append(got, slices.Index(w.timers, t)) }
	for _, step := range []struct {
		most int
		more bool
		want []int // The slots of those that expire, from 0 on.
	}{
		{2, true, []int{0, 0}}, {2, true, []int{0, 1}}, {0, true, nil}, {1, true, []int{1}},
	} {
		got = nil
		more := w.advance(w.now, step.most, expire)
		for i := range got {
			got[i] /= 3
		}
		if more != step.more || !slices.Equal(got, step.want) {
			t.Errorf("%d at most: %v, more %v; want %v, %v", step.most, got, more, step.want, step.more)
		}
		if next := w.next(); next < 0 || next > w.now {
			t.Errorf("the next is due at %d, it is %d", next, w.now)
		}
	}
	if late := w.late(w.now); late < int64(57*time.Second)/wheelTick {
		t.Errorf("%d ticks late", late)
	}
	// One of those that wait has its deadline put off, one is taken out.
	w.arm(3, time.Hour)
	w.arm(4, time.Hour)
	w.arm(5, time.Hour)
	w.disarm(w.timers[7])
	got = nil
	if more := w.advance(w.now, 3, expire); more || len(got) != 2 || slices.Contains(got, 7) {
		t.Errorf("%v, more %v", got, more)
	}
	if late := w.late(w.now); late != 0 {
		t.Errorf("%d ticks late", late)
	}
}

// TestWheel_likeAList compares with a plain list of deadlines, over random arms, disarms and leaps of time.
func TestWheel_likeAList(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	w := newClockwork(t, 1<<40, 50)
	deadlines := map[int]int64{}
	for range 20000 {
		i := random.IntN(len(w.timers))
		switch random.IntN(4) {
		case 0:
			w.disarm(w.timers[i])
			delete(deadlines, i)
		case 1, 2:
			in := time.Duration(random.Int64N(1 << (10 + random.IntN(28))))
			w.arm(i, in)
			deadlines[i] = w.now + int64(in)
		default:
			for _, i := range w.pass(time.Duration(random.Int64N(1 << (10 + random.IntN(26))))) {
				if deadline, ok := deadlines[i]; !ok || deadline > w.now {
					t.Fatalf("timer %d expired at %d, its deadline is %d (%v)", i, w.now, deadline, ok)
				}
				delete(deadlines, i)
			}
			for i, deadline := range deadlines {
				if w.now-deadline > wheelTick {
					t.Fatalf("timer %d did not expire at %d, its deadline is %d", i, w.now, deadline)
				}
			}
		}
	}
}

func TestWheel_allocatesNothing(t *testing.T) {
	w := newClockwork(t, 5, 2)
	expire := func(*timer) {}
	if n := testing.AllocsPerRun(25, func() {
		w.arm(0, time.Second)
		w.arm(1, time.Minute)
		w.next()
		w.now += int64(2 * time.Second)
		w.advance(w.now, 1, expire)
		w.disarm(w.timers[1])
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
