package engine

import (
	"golang.org/x/sys/unix"

	"libforker/engine/http1"
	"libforker/engine/inventory"
	"libforker/engine/memory"
	"libforker/engine/poller"
	"libforker/slot"
)

// Connections, their states, and how they go from one request to the next.

// connState says what a connection waits for, once its output is written.
type connState uint8

const (
	// stateHead: for (more of) a head, or idle between requests. Next: stateBody, stateLinger, closed.
	stateHead connState = iota
	// stateBody: for the rest of a body. Next: stateHead, stateProgram, statePaused, stateLinger, closed.
	stateBody
	// stateProgram: for the program, which answers later or goes on with a stream, or for the end of a response that did
	// not go out at once; nothing is read. Next: stateHead, stateBody, statePaused, closed.
	stateProgram
	// statePaused: for the program, which wants no more of a body now; nothing is read. Next: stateHead, stateBody,
	// stateProgram, closed.
	statePaused
	// stateLinger: for the client's end, after ours was sent; what comes is thrown away. Next: closed.
	stateLinger
	// stateHandshake: for the end of the TLS handshake. The first state of a TLS connection. Next: stateHead, stateLinger,
	// closed.
	stateHandshake
)

// closing says what happens to the connection when the output is written.
type closing uint8

// headRead is how much is read at once of the next head of a client that uploads: what is read of a large body along
// with it has to be copied to where that belongs, and the rest is read right there.
const headRead = 4 << 10

const (
	keepOpen    closing = iota
	closeNow            // The client said that it is done, or cannot be talked to any more.
	closeLinger         // The client may be sending: close(2) would reset the connection and could cost it our response.
)

// conn is a connection. Owned by the loop.
type conn struct {
	transport
	tag      uint32 // Tells it from earlier connections of the same fd; 0: closed.
	interest uint32 // What the poller watches for.
	state    connState
	closing  closing
	watched  bool      // It is in the poller.
	counted  bool      // In Loop.peers.
	probed   bool      // The kernel asks now and then whether the client is still there.
	queued   bool      // In Loop.turns.
	redirect uint16    // The port of HTTPS that requests are sent to; 0: they are served.
	blank    uint8     // Bytes of an empty line that have come before the next request, while there is no exchange.
	uploads  bool      // The latest request had a body that did not fit behind its head.
	behind   uint8     // Responses in a drain that were not the last, because there was more to response.
	forks    uint32    // Of the process, when it was accepted.
	served   int       // Requests so far.
	born     int64     // When it was accepted, on the loop's clock.
	taken    bool      // The program has a duplicate, and goes on with it.
	cut      bool      // It ends with a reset.
	dead     bool      // It is closed, and freed when this step of the loop is over (bury).
	reason   uint8     // Why.
	finSeen  bool      // The client has sent its end, while the program had the request.
	info     *tlsInfo  // nil: no TLS.
	ex       *exchange // nil while nothing of a request has been received.
	peer     slot.Peer
	output

	timer     timer // For a head, for the next request, for output that the client has to take, or for its end.
	headTimed bool  // The time of the present head runs; of the first one it does from accept on.
	idleNs    int64 // Since when it has been idle.
	lingerEnd int64 // stateLinger: when it ends, whatever the client does.
}

// takesRequests tells if the next request can be looked at.
func (c *conn) takesRequests() bool {
	return !c.dead && c.closing == keepOpen && c.state <= stateBody && !c.blocked
}

// exchange is what a connection needs while a request of it is being received, handled or answered.
type exchange struct {
	req    *Request
	conn   *conn  // nil: the client has left, and the program still has the request.
	in     []byte // Input. One byte more than is read into belongs to it.
	start  int    // Where the present request begins in in.
	end    int    // Where the input ends in in.
	parser http1.Parser
	head   int // Bytes of the head, once it is complete.
	body   body
	path   []byte   // Where a path is decoded to, when it needs that.
	info   *tlsInfo // Of the connection, which may be gone; nil: none.
	timer  timer    // Runs while the program has the request.
	handling
	sending sending
}

func (l *Loop) newConn(fd int) *conn {
	var c *conn
	if n := len(l.idle); n > 0 {
		c = l.idle[n-1]
		l.idle = l.idle[:n-1]
	} else {
		c = new(conn)
	}
	l.lastTag++
	if l.lastTag == 0 {
		l.lastTag = 1 // 0 is for watched descriptors.
	}
	c.fd, c.tag, c.born, c.forks = fd, l.lastTag, l.clock.now, inventory.Forks()
	c.timer.owner = c
	for len(l.conns) <= fd {
		l.conns = append(l.conns, nil)
	}
	l.conns[fd] = c
	l.open++
	l.cfg.Slot.Connections = uint64(l.open)
	return c
}

// closeConn has c closed when this step of the loop is over; reason is for the program, if it has a request of c. Until
// then everything can be done with c as before, and has no effect on its client.
func (l *Loop) closeConn(c *conn, reason int) {
	if c.dead {
		return
	}
	if c.owing && c.ex.endsWithConnection() {
		c.cut = true
		poller.ResetOnClose(c.fd) // Else what there is of the response would look whole.
	}
	if c.tls != nil {
		l.endSession(c)
	}
	c.dead, c.reason = true, uint8(reason)
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
	if c.ex != nil {
		l.leaveExchange(c, int(c.reason))
	}
	if c.tls != nil {
		c.tls.Close()
	}
	if c.info != nil {
		l.leaveTLS(c.info)
	}
	if c.state == stateHandshake {
		l.shaking--
	}
	if c.forks != inventory.Forks() && !c.taken {
		l.endForChildren(c)
	}
	c.close()
	l.wheel.disarm(&c.timer)
	if c.counted {
		l.uncountPeer(c)
	}
	l.acceptAgain()
	if c.state == stateLinger {
		l.lingering--
	}
	l.conns[c.fd] = nil
	*c = conn{}
	l.idle = append(l.idle, c)
	l.open--
	l.cfg.Slot.Connections = uint64(l.open)
}

// newExchange gives c an exchange. false: out of memory; the connection is closed.
func (l *Loop) newExchange(c *conn) bool {
	var ex *exchange
	if n := len(l.spare); n > 0 {
		ex = l.spare[n-1]
		l.spare = l.spare[:n-1]
	} else {
		var err error
		if ex, err = l.makeExchange(); err != nil {
			l.cfg.Log(LogError, "no memory for a request: "+err.Error())
			l.closeConn(c, CloseError)
			return false
		}
	}
	ex.end = copy(ex.in, http1.CRLF[:c.blank])
	c.ex, ex.conn, c.blank = ex, c, 0
	return true
}

func (l *Loop) makeExchange() (*exchange, error) {
	in, err := l.blocks.Get(l.inSize + 1)
	if err != nil {
		return nil, err
	}
	req, err := l.requestSlab.New()
	if err != nil {
		l.blocks.Put(in)
		return nil, err
	}
	req.Server, req.Index = l.cfg.Server, uint32(len(l.exchanges))
	ex := &exchange{req: req, in: in[:l.inSize+1]}
	ex.call.Req = req
	ex.timer.owner, ex.body.timer.owner = ex, (*bodyWait)(ex)
	l.exchanges = append(l.exchanges, ex)
	return ex, nil
}

// releaseExchange takes c's exchange back, whose request has ended and which has no more input: an idle connection
// holds no buffer.
func (l *Loop) releaseExchange(c *conn) {
	ex := c.ex
	c.ex, c.blank = nil, uint8(ex.end-ex.start)
	l.spareExchange(ex)
}

// recycle ends ex's request and takes ex back.
func (l *Loop) recycle(ex *exchange, reason int) {
	l.endRequest(ex, reason)
	l.spareExchange(ex)
}

func (l *Loop) spareExchange(ex *exchange) {
	ex.start, ex.end = 0, 0
	ex.conn = nil
	memory.Mangle(ex.in)
	l.spare = append(l.spare, ex)
}

// endRequest makes the exchange ready for the next request behind this one. The program has done with it.
func (l *Loop) endRequest(ex *exchange, reason int) {
	l.stopTimers(ex)
	l.abortBody(ex)
	l.logAccess(ex)
	l.leaveFlight(ex)
	if ex.req.needsRelease() {
		if ex.req.Deferred != 0 {
			l.cfg.Holders.Closed(ex.req, reason)
		}
		l.cfg.Memory.Release(ex.req)
	}
	if ex.path != nil {
		l.blocks.Put(ex.path)
		ex.path = nil
	}
	if ex.body.kind != bodyNone {
		l.releaseBody(&ex.body)
	}
	if ex.info != nil {
		l.leaveTLS(ex.info)
		ex.info, ex.req.TLS = nil, 0
	}
	ex.parser.Reset()
	ex.head = 0
	ex.req.Serial++
	ex.req.Response.reset()
	memory.Mangle(ex.in[:ex.start])
}

func (l *Loop) stopTimers(ex *exchange) {
	l.wheel.disarm(&ex.timer)
	l.wheel.disarm(&ex.body.timer)
}

// readConn reads once and serves what has become complete.
func (l *Loop) readConn(c *conn) {
	if c.ex == nil && !l.newExchange(c) {
		return
	}
	ex := c.ex
	room := ex.in[ex.end:l.inSize]
	direct := false
	switch {
	case c.state == stateHead && c.uploads:
		room = room[:min(len(room), headRead)]
	case c.state == stateBody:
		if own := ex.directRoom(); len(own) > 0 {
			room, direct = own, true
		}
	}
	var got uintptr
	var errno unix.Errno
	if c.tls == nil {
		got, errno = poller.Read(c.fd, room)
	} else {
		got, errno = l.pullSealed(c, room)
	}
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
		if c.state == stateHead && ex.isBlank() {
			l.releaseExchange(c)
		}
		l.await(c)
	case errno != 0 || got == 0:
		// The client left. What it had sent of a request cannot be answered any more, or is not complete and never will be.
		l.closeConn(c, CloseClient)
	default:
		n := int(got)
		l.cfg.Slot.BytesIn += uint64(n)
		if direct {
			ex.body.tookDirect(n)
		} else {
			ex.end += n
		}
		if c.state == stateBody && ex.body.awaited {
			l.creditBody(&ex.body, n)
		}
		l.serve(c)
	}
}

// serve answers each request that is complete in the input, and arranges for what comes next. After a number of them
// the others have their turn first.
func (l *Loop) serve(c *conn) {
	ex := c.ex
	more := true
	for n := 0; more && c.takesRequests() && n < l.cfg.MaxPipelined; n++ {
		more = l.serveOne(c, ex)
	}
	l.flush(c)
	if c.dead || c.ex == nil {
		return // Closed, or lingering.
	}
	if c.takesRequests() {
		switch {
		case more:
			c.queued = true
			l.turns = append(l.turns, nextTurn{c, c.tag, false})
			return
		case c.state == stateHead && ex.isBlank():
			l.releaseExchange(c)
			l.awaitRequest(c)
		default:
			l.makeRoom(ex)
		}
	}
	l.await(c)
}

// isBlank tells if nothing of the next request has come. An empty line that may precede it (RFC 9112 §2.2) is none of it:
// some clients send one behind a body.
func (ex *exchange) isBlank() bool {
	return ex.start == ex.end || string(ex.in[ex.start:ex.end]) == http1.CRLF || string(ex.in[ex.start:ex.end]) == "\r"
}

// awaitRequest leaves c waiting for its next request. The time for the first one runs from accept on.
func (l *Loop) awaitRequest(c *conn) {
	l.probe(c)
	if !c.headTimed {
		c.idleNs = l.clock.now
		l.wheel.arm(&c.timer, l.clock.now+int64(l.cfg.IdleTimeout))
	}
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
	reads bool // There is input that the poller cannot tell of.
}

// takeTurns goes on with the connections that let others go first. Those that have still more to serve have their next
// turn in the next iteration.
func (l *Loop) takeTurns() {
	turns := l.turns
	l.turns = l.spareTurns[:0]
	for _, t := range turns {
		if t.conn.tag == t.tag {
			t.conn.queued = false
			switch {
			case !t.reads:
				l.serve(t.conn)
			case t.conn.takesRequests():
				l.readConn(t.conn)
			}
			l.bury()
		}
	}
	l.spareTurns = turns
}

// serveOne takes one step with the present request. false: more input is needed, or the connection takes no more
// requests.
func (l *Loop) serveOne(c *conn, ex *exchange) bool {
	if c.state == stateHead && !l.receiveHead(c, ex) {
		return false
	}
	if ex.req.OnBody != 0 {
		return l.passBody(c, ex)
	}
	if ex.body.kind != bodyNone && !l.receiveBody(c, ex) {
		return false
	}
	l.dispatch(c, ex)
	if c.state == stateBody { // The program wants it piece by piece, or all of it after all.
		return ex.req.OnBody == 0 || l.passBody(c, ex)
	}
	return c.ex != nil && ex.start < ex.end
}

// receiveHead parses the head. When it is complete, the connection goes on to the body.
func (l *Loop) receiveHead(c *conn, ex *exchange) bool {
	input := ex.in[ex.start:ex.end]
	n, err := ex.parser.Parse(input, &ex.req.Head, &l.cfg.Limits)
	if err != nil {
		if c.served == 0 && isHello(input) {
			l.refuseHello(c)
		} else {
			l.refuse(c, err.Status, err.Reason)
		}
		return false
	}
	if n == 0 {
		if !c.headTimed && !ex.isBlank() {
			l.awaitHead(c)
		}
		return false
	}
	ex.head, c.headTimed = n, false
	err = l.preparePath(ex)
	if err == nil {
		ex.redirected = l.isRedirected(c, ex)
		err = l.beginBody(ex)
	}
	if err != nil {
		l.refuse(c, err.Status, err.Reason)
		return false
	}
	c.state = stateBody
	return true
}

// awaitHead starts the time of a head.
func (l *Loop) awaitHead(c *conn) {
	c.headTimed = true
	l.wheel.arm(&c.timer, l.clock.now+int64(l.cfg.ReadHeaderTimeout))
}

// makeRoom moves what is left of the input to the front, so that the rest of a request has the whole buffer.
func (l *Loop) makeRoom(ex *exchange) {
	if ex.start > 0 {
		copy(ex.in, ex.in[ex.start:ex.end])
		ex.end -= ex.start
		ex.start = 0
	}
}

// await has the poller tell of what c waits for. While the program has the request, the interest in input stays as it
// is until there is some: most often the next thing to do is to read again.
func (l *Loop) await(c *conn) {
	switch {
	case c.blocked && c.isEndless():
		l.setInterest(c, poller.Out|poller.PeerEnd)
	case c.blocked:
		l.setInterest(c, poller.Out)
	case c.finSeen:
		l.setInterest(c, 0)
	default:
		l.setInterest(c, poller.In|poller.PeerEnd)
		if c.tls != nil {
			l.mindSession(c)
		}
	}
}

func (l *Loop) setInterest(c *conn, interest uint32) {
	if c.interest != interest || !c.watched {
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

// expire is told when c's own deadline has come. One of a wait that is over counts no more: it is not taken out of the
// wheel, because that would be done for each request.
func (c *conn) expire(l *Loop) {
	switch {
	case c.state == stateHandshake:
		l.countHandshake(slot.HandshakeLate)
		l.closeConn(c, CloseTimeout)
	case c.blocked || c.state == stateLinger || c.ex == nil:
		l.closeConn(c, CloseTimeout)
	case c.headTimed:
		l.refuse(c, 408, "the head did not come in time")
		l.flush(c)
	}
}

// discard reads and throws away what a lingering connection's client still sends.
func (l *Loop) discard(c *conn) {
	for range 4 { // Then the others: a client that sends faster than we read gets no more attention than they do.
		n, errno := c.discard(l.out[:outSize])
		if errno == unix.EAGAIN || errno == unix.EINTR {
			return
		}
		if errno != 0 || n == 0 {
			l.closeConn(c, CloseClient)
			return
		}
		l.wheel.arm(&c.timer, min(l.clock.now+lingerNs, c.lingerEnd))
	}
}
