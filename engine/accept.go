package engine

import (
	"fmt"
	"math"
	"time"

	"golang.org/x/sys/unix"

	"libforker/engine/inventory"
	"libforker/engine/poller"
	"libforker/engine/secure"
)

// Listeners, and the connections that they give.

// listener is a listening socket that is shared with the other workers.
type listener struct {
	fd       int
	place    Place
	tls      *secure.Config // nil: clear text.
	redirect uint16         // As in Listener,
	proxied  bool           // likewise.
	accepted int            // Since it was put at the end of the kernel's list of waiters.
}

// rejoinAfter is how many connections a worker accepts before it lets the others go first. With EPOLLEXCLUSIVE the
// kernel wakes the first waiter in its list that can take the connection, which would be the same worker again and
// again; removing and adding the socket puts this worker last. Measure with tests/blackbox TestBalance.
const rejoinAfter = 16

// batch returns how many connections are accepted before others are looked at.
func (ln *listener) batch() int {
	if ln.place == PlaceHelper {
		return 1
	}
	return rejoinAfter
}

// yieldNs is how long a crowded worker leaves new connections to the others. Should they be busy, it takes another
// rejoinAfter then, so that nobody waits for long.
const yieldNs = 2 * int64(time.Millisecond)

// acceptFrom returns what is to be done when the listener can be read.
func (l *Loop) acceptFrom(index int) func() {
	return func() {
		ln := &l.listeners[index]
		limit := ln.batch() - ln.accepted
		for range limit {
			if !l.acceptOne(ln) {
				return
			}
			ln.accepted++
		}
		ln.accepted = 0
		// Going last is not enough where connections come faster than they are accepted: then the listener is ready at once
		// again for the worker that runs, while the others still wake up.
		if l.cfg.Crowded != nil && l.cfg.Crowded() {
			l.pauseListeners(yieldNs)
			return
		}
		if ln.place != PlaceOwner {
			l.rejoin(ln)
		}
	}
}

// acceptOverlooked takes what waits on the listeners although nobody was woken for it: with EPOLLEXCLUSIVE the kernel
// wakes one worker, and that one may have been killed or stopped before it came to accept.
func (l *Loop) acceptOverlooked() {
	for i := range l.listeners {
		if l.pausedUntil == 0 {
			l.special[l.listeners[i].fd]()
		}
	}
}

func (l *Loop) rejoin(ln *listener) {
	if l.pausedUntil > 0 || l.draining {
		return
	}
	if err := l.poll.Remove(ln.fd); err != nil {
		l.cfg.Log(LogError, fmt.Sprintf("stop watching listener %d: %v", ln.fd, err))
		return
	}
	l.watchListener(ln)
}

func (l *Loop) watchListener(ln *listener) {
	if err := l.poll.Add(ln.fd, poller.In|poller.Exclusive, 0); err != nil {
		l.cfg.Log(LogError, fmt.Sprintf("watch listener %d: %v", ln.fd, err))
	}
}

// isFull reports whether there are as many connections, or handshakes, as there may be.
func (l *Loop) isFull(ln *listener) bool {
	return l.cfg.MaxConnections > 0 && l.open >= l.cfg.MaxConnections || ln.tls != nil && l.shaking >= l.cfg.TLS.Handshakes
}

// acceptAgain ends the pause of a loop that was full.
func (l *Loop) acceptAgain() {
	if l.full {
		l.full, l.pausedUntil = false, l.clock.now
	}
}

// acceptOne takes one connection and serves what it has sent already. false: there is none, or none can be taken now.
func (l *Loop) acceptOne(ln *listener) bool {
	if l.isFull(ln) {
		l.full = true // acceptAgain ends the pause.
		l.pauseListeners(math.MaxInt64 - l.clock.now)
		return false
	}
	var name unix.RawSockaddrAny
	fd, errno := poller.Accept(ln.fd, &name)
	switch errno {
	case 0:
	case unix.EAGAIN:
		return false
	case unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM:
		l.runOut(errno)
		return false
	default:
		// accept(2): errors of the new connection itself, such as ECONNABORTED, are passed on; the next one may be fine.
		return true
	}
	c := l.newConn(fd)
	c.peer.Family, c.peer.Port = poller.InetName(&name, &c.peer.Addr)
	c.redirect = ln.redirect
	l.cfg.Slot.Accepted++
	switch {
	case l.peers != nil && !l.countPeer(&c.accepted):
		l.refusePeer(c, ln)
	case ln.proxied:
		l.openAnnounced(c, ln.tls)
	default:
		l.openConn(c, ln.tls)
	}
	l.bury()
	return true
}

// Adopt takes in a connection, in clear text, that no listener has given and whose peer has sent something: the next iteration
// finds it, and fd is the loop's from now on. Not from within an iteration.
func (l *Loop) Adopt(fd int) error {
	err := l.Watch(inventory.Add(fd), func() {
		l.special[fd] = nil
		_ = l.poll.Remove(fd) // It is watched, so that cannot fail.
		if l.draining {
			poller.Close(fd)
			return
		}
		l.cfg.Slot.Accepted++
		l.openConn(l.newConn(fd), nil)
	})
	if err != nil {
		l.special[fd] = nil
		poller.Close(fd)
	}
	return err
}

// runOut lets the listeners be when there are no descriptors or no memory left: a level-triggered listener would
// otherwise keep the loop busy with connections that it cannot take.
func (l *Loop) runOut(errno unix.Errno) {
	if l.pausedUntil > 0 {
		return
	}
	l.cfg.Log(LogWarn, fmt.Sprintf("cannot accept: %v; trying again every 100 ms, %d connections are open", errno, l.open))
	l.pauseListeners(pauseNs)
}

func (l *Loop) pauseListeners(ns int64) {
	if l.pausedUntil > 0 || l.draining {
		return
	}
	l.pausedUntil = l.clock.now + ns
	for i := range l.listeners {
		// It is watched, so removing it cannot fail.
		_ = l.poll.Remove(l.listeners[i].fd)
	}
}

func (l *Loop) checkPause() {
	if l.pausedUntil == 0 || l.clock.now < l.pausedUntil {
		return
	}
	l.pausedUntil = 0
	if err := l.resumeListeners(); err != nil {
		l.cfg.Log(LogError, err.Error())
	}
}

func (l *Loop) resumeListeners() error {
	for i := range l.listeners {
		if err := l.poll.Add(l.listeners[i].fd, poller.In|poller.Exclusive, 0); err != nil {
			return fmt.Errorf("watch listener %d: %w", l.listeners[i].fd, err)
		}
	}
	return nil
}

func (l *Loop) closeListeners() {
	for _, ln := range l.listeners {
		l.special[ln.fd] = nil
		poller.Close(ln.fd)
	}
	l.listeners = nil
}
