package admin

import (
	"net"
	"slices"
	"sync"
	"time"
)

// Who is connected to the admin listener, and who has to go when others come.

// visitors are the connections that are open, so many at most. When they are too many, the one that has been idle for
// the longest time has to leave for the next: however many connect and ask for nothing, who asks is answered.
//
// A visitor is idle until its request has come, and again when the response has gone out and it is waited for to close.
// It has a time of grace before it has to leave: between connect and request a client needs some, too.
type visitors struct {
	// Immutable.
	most  int
	grace time.Duration
	left  chan struct{} // of one place: somebody has left, or is not busy any more

	mu   sync.Mutex
	open []*visitor // Guarded by mu: who is there, in the order of arrival.
}

type visitor struct {
	net.Conn
	arrived time.Time
	busy    bool // Guarded by visitors.mu.
}

func newVisitors(most int, grace time.Duration) *visitors {
	return &visitors{most: most, grace: grace, left: make(chan struct{}, 1)}
}

// enter takes a connection in, as soon as there is room. nil: the door is closed.
func (v *visitors) enter(conn net.Conn, stop <-chan struct{}) *visitor {
	c := &visitor{Conn: conn, arrived: time.Now()}
	for {
		entered, wait := v.tryEnter(c)
		if entered {
			return c
		}
		select {
		case <-v.left:
		case <-time.After(wait):
		case <-stop:
			_ = conn.Close()
			return nil
		}
	}
}

// tryEnter tells how long to wait if there is no room now.
func (v *visitors) tryEnter(c *visitor) (entered bool, wait time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.open) >= v.most {
		if wait = v.dismiss(); wait > 0 {
			return false, wait
		}
	}
	v.open = append(v.open, c)
	return true, 0
}

// dismiss closes the connection that has been idle for the longest time, or if all are busy the oldest. It tells how
// long to wait if even that has not been there for long. With mu.
func (v *visitors) dismiss() (wait time.Duration) {
	i := max(slices.IndexFunc(v.open, func(c *visitor) bool { return !c.busy }), 0)
	if wait = v.grace - time.Since(v.open[i].arrived); wait > 0 {
		return wait
	}
	_ = v.open[i].Close()
	v.open = slices.Delete(v.open, i, i+1)
	return 0
}

// makeRoom has a connection leave, where there is one, for the descriptor that it has.
func (v *visitors) makeRoom() (made bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.open) > 0 && v.dismiss() <= 0
}

// attend says whether a visitor is busy from now on.
func (v *visitors) attend(c *visitor, busy bool) {
	v.mu.Lock()
	c.busy = busy
	v.mu.Unlock()
	if !busy {
		v.tell()
	}
}

// leave closes a connection.
func (v *visitors) leave(c *visitor) {
	_ = c.Close()
	v.mu.Lock()
	v.open = slices.DeleteFunc(v.open, func(other *visitor) bool { return other == c })
	v.mu.Unlock()
	v.tell()
}

func (v *visitors) tell() {
	select {
	case v.left <- struct{}{}:
	default: // That is still to be heard of.
	}
}

// cutOff closes all connections.
func (v *visitors) cutOff() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, c := range v.open {
		_ = c.Close()
	}
}
