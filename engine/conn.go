package engine

import (
	"math/bits"

	"libforker/engine/gate"
	"libforker/engine/inventory"
	"libforker/engine/poller"
	"libforker/slot"
)

// Connections: from accept to the end, whatever is spoken on them.

// connState is how far a connection has come.
type connState uint8

const (
	// connOpen: its protocol has it. Next: connLingering, connDead.
	connOpen connState = iota
	// connHandshake: the handshake of TLS is under way. Next: connOpen, connLingering, connDead.
	connHandshake
	// connLingering: ours is sent and ended; what still comes is thrown away, until the client ends it too. Next: connDead.
	connLingering
	// connDead: it has ended, and is freed when this step of the loop is over (bury).
	connDead
)

// conn is a connection. Owned by the loop.
type conn struct {
	transport
	input
	output
	protocol protocol // nil in a handshake.

	info *tlsInfo // nil: no TLS.
	accepted
	watch
	progress
	timer timer // For what the protocol waits for, for output that the client has to take, or for its end.
}

// accepted is where a connection is from, and whose it is: it is known when it was accepted, at the latest when a proxy has said so in front of
// all, and stays.
type accepted struct {
	via      *gate.Via // What a proxy has said; nil: nothing.
	born     int64     // When it was accepted, on the loop's clock.
	peer     slot.Peer
	tag      uint32 // Tells it from earlier connections of the same fd; 0: freed.
	forks    uint32 // Of the process, when it was accepted.
	redirect uint16 // The port of HTTPS that requests are sent to; 0: they are served.
	counted  bool   // In Loop.peers.
}

// watch is who looks after a connection while it is open: the poller, the loop's next iteration, the kernel.
type watch struct {
	interest uint32 // What the poller watches for.
	watched  bool   // The poller knows the connection.
	queued   bool   // In Loop.turns.
	probed   bool   // The kernel asks now and then whether the client is still there.
}

// progress is how far a connection has come, and how it ends.
type progress struct {
	lingerEnd int64  // connLingering: when it ends, whatever the client does.
	served    uint32 // Requests so far.
	state     connState
	taken     bool  // The program has a duplicate, and goes on with it.
	cut       bool  // It ends with a reset.
	reason    uint8 // Why it ended.
}

// input is what a connection has received and its protocol has not done with. It has a block only while there is
// something: an idle connection holds none. Owned by the loop.
type input struct {
	bytes []byte // The block, of which one byte more than is read into is the protocol's; nil: none.
	start int    // Where what is of interest begins in it,
	end   int    // and where it ends.
}

// room returns where the next bytes are to be received.
func (in *input) room() []byte { return in.bytes[in.end : len(in.bytes)-1] }

// closeUp takes what stands from one offset to another out of the input, so that what follows moves up.
func (in *input) closeUp(from, to int) {
	if from < to {
		in.end = from + copy(in.bytes[from:], in.bytes[to:in.end])
	}
}

func (l *Loop) newConn(fd int) *conn {
	var c *conn
	if n := len(l.freeConns); n > 0 {
		c = l.freeConns[n-1]
		l.freeConns = l.freeConns[:n-1]
	} else {
		c = new(conn)
	}
	l.lastTag++
	if l.lastTag == 0 {
		l.lastTag = 1 // 0 is for watched descriptors.
	}
	c.fd, c.tag, c.born, c.forks = fd, l.lastTag, l.clock.now, inventory.Forks()
	c.timer.owner = c
	if fd >= len(l.conns) {
		// Twice as many: append grows large slices by a quarter, and leaves more memory than they have to the collector.
		l.conns = append(make([]*conn, 0, 2*(fd+1)), l.conns...)
		l.conns = l.conns[:cap(l.conns)]
	}
	l.conns[fd] = c
	l.open++
	l.cfg.Slot.Connections = uint64(l.open)
	return c
}

// owes returns what of a response would be missing if c ended now.
func (c *conn) owes() owed {
	if c.protocol == nil {
		return owesNothing
	}
	return c.protocol.owes()
}

// oldAt returns when c is to end by its age, which there is an option of: up to a tenth later than that says, so that connections which began
// together do not all come anew together.
func (a *accepted) oldAt(l *Loop) int64 {
	const golden = 0x9e3779b97f4a7c15 // 2^64 by the golden ratio, which spreads numbers that follow each other.
	more, _ := bits.Mul64((uint64(a.born)+uint64(a.tag))*golden, uint64(l.cfg.MaxAge/10))
	return a.born + int64(l.cfg.MaxAge) + int64(more)
}

// closeConn has c closed when this step of the loop is over; reason is for the program, if it has a request of c. Until
// then everything can be done with c as before, and has no effect on its client.
func (l *Loop) closeConn(c *conn, reason int) {
	if c.state == connDead {
		return
	}
	if c.owes() == owesEnd {
		c.cut = true
		poller.ResetOnClose(c.fd)
	}
	switch {
	case c.state == connHandshake:
		l.shaking--
	case c.state == connLingering:
		l.lingering--
	case c.tls != nil:
		l.endSession(c)
	}
	c.state, c.reason = connDead, uint8(reason)
	l.dead = append(l.dead, c)
	l.dropOutput(c)
}

// bury frees the connections that were closed. At the end of each step, where nobody knows them any more.
func (l *Loop) bury() {
	for i := 0; i < len(l.dead); i++ {
		l.freeConn(l.dead[i])
	}
	l.dead = l.dead[:0]
}

// endForChildren ends a connection of which a forked child may have a duplicate. With that alone it would stay open
// for the client, and in the poller, which would report it for ever.
func (l *Loop) endForChildren(c *conn) {
	if c.watched {
		// It is there, so removing it cannot fail.
		_ = l.poll.Remove(c.fd)
	}
	c.endForAll(c.cut)
}

// freeConn is the one place where connections end.
func (l *Loop) freeConn(c *conn) {
	if c.protocol != nil {
		c.protocol.closed(l, int(c.reason))
	}
	if c.tls != nil {
		c.tls.Close()
	}
	if c.info != nil {
		l.leaveTLS(c.info)
	}
	if c.forks != inventory.Forks() && !c.taken {
		l.endForChildren(c)
	}
	c.close()
	l.wheel.disarm(&c.timer)
	if c.counted {
		l.uncountPeer(&c.accepted)
	}
	l.acceptAgain()
	l.conns[c.fd] = nil
	*c = conn{}
	l.freeConns = append(l.freeConns, c)
	l.open--
	l.cfg.Slot.Connections = uint64(l.open)
}

// probe has the kernel look after a connection that stays. One that ends with its first response is spared the timer.
func (l *Loop) probe(c *conn) {
	if l.cfg.Probe && !c.probed {
		l.startProbe(c)
	}
}

func (l *Loop) startProbe(c *conn) {
	c.probed = true
	c.keepAlive()
}

// nextTurn is a connection that goes on with what is in its input.
type nextTurn struct {
	conn  *conn
	tag   uint32
	reads bool // There is input that the poller cannot tell of, or that waits.
}

// queueTurn has c go on when everybody has had a turn, but not twice in an iteration.
func (l *Loop) queueTurn(c *conn, reads bool) {
	c.queued = true
	l.turns = append(l.turns, nextTurn{c, c.tag, reads})
}

// letOthersGo has c go on in the next iteration, if it is not to anyway.
func (l *Loop) letOthersGo(c *conn) {
	if !c.queued {
		l.queueTurn(c, false)
	}
}

// takeTurns goes on with the connections that let others go first. Those that have still more to do have their next turn
// in the next iteration.
func (l *Loop) takeTurns() {
	turns := l.turns
	l.turns = l.freeTurns[:0]
	for _, t := range turns {
		if t.conn.tag == t.tag {
			t.conn.queued = false
			switch {
			case t.conn.state == connHandshake:
				l.takeHandshake(t.conn)
			case !t.reads:
				t.conn.protocol.proceed(l)
			case t.conn.protocol.takesInput():
				t.conn.protocol.hear(l, poller.In)
			}
			l.bury()
		}
	}
	l.freeTurns = turns
}

// isFor reports whether the poller watches for that already.
func (w *watch) isFor(interest uint32) bool { return w.interest == interest && w.watched }

func (l *Loop) setInterest(c *conn, interest uint32) {
	if !c.isFor(interest) {
		l.changeInterest(c, interest)
	}
}

func (l *Loop) changeInterest(c *conn, interest uint32) {
	var err error
	if c.watched {
		err = l.poll.Modify(c.fd, interest, c.tag)
	} else {
		err = l.poll.Add(c.fd, interest, c.tag)
	}
	if err != nil {
		// Out of kernel memory or over fs.epoll.max_user_watches.
		l.cfg.Log(LogError, "watch a connection: "+err.Error())
		l.closeConn(c, CloseError)
		return
	}
	c.interest, c.watched = interest, true
}

// expire is told when c's own deadline has come.
func (c *conn) expire(l *Loop) {
	switch {
	case c.state == connHandshake:
		l.countHandshake(slot.HandshakeLate)
		l.closeConn(c, CloseTimeout)
	case c.blocked || c.state == connLingering:
		l.closeConn(c, CloseTimeout)
	default:
		c.protocol.expire(l)
	}
}
