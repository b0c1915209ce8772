package engine

import (
	"golang.org/x/sys/unix"

	"libforker/engine/http1"
	"libforker/engine/memory"
	"libforker/engine/poller"
	"libforker/slot"
)

// connState says what a connection waits for.
type connState uint8

const (
	// stateHead: for (more of) a head, or idle between requests. Next: stateBody, stateWrite, stateLinger, closed.
	stateHead connState = iota
	// stateBody: for the rest of a body. Next: stateHead, stateWrite, stateLinger, closed.
	stateBody
	// stateWrite: for the client to take output; nothing is read meanwhile. Next: stateHead, stateLinger, closed.
	stateWrite
	// stateLinger: for the client's end, after ours was sent; what comes is thrown away. Next: closed.
	stateLinger
)

// closing says what happens to the connection when the output is written.
type closing uint8

const (
	keepOpen    closing = iota
	closeNow            // The client said that it is done, or cannot be talked to any more.
	closeLinger         // The client may be sending: a close(2) now would reset the connection and could cost it our answer.
)

// conn is a connection. Owned by the loop.
type conn struct {
	fd       int
	tag      uint32 // Tells it from earlier connections of the same fd.
	interest uint32 // What the poller watches for; 0: not in the poller.
	state    connState
	closing  closing
	ex       *exchange // nil while nothing of a request has been received.
	peer     slot.Peer

	headTimed bool  // The time of the present head runs; of the first one it does from accept on.
	lingerEnd int64 // stateLinger: when it ends, whatever the client does.

	// Output that the client did not take yet: rest, then restBody.
	rest     []byte
	block    []byte    // Where rest lies; goes back to the loop's pool.
	restBody []byte    // The rest of the body in ex's answer.
	owing    bool      // ex's request ends when restBody is written.
	resume   connState // After stateWrite.

	// The wheel's.
	armed      bool
	deadline   int64
	slotTime   int64
	next, prev *conn
}

// exchange is what a connection needs while a request of it is being received, handled or answered.
type exchange struct {
	req    *Request
	in     []byte // Input. One byte more than is read into belongs to it.
	start  int    // Where the present request begins in in.
	end    int    // Where the input ends in in.
	parser http1.Parser
	head   int // Bytes of the head, once it is complete.
	body   body
	path   []byte // Where a path is decoded to, when it needs that.
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
	c.fd, c.tag = fd, l.lastTag
	for len(l.conns) <= fd {
		l.conns = append(l.conns, nil)
	}
	l.conns[fd] = c
	l.open++
	l.cfg.Slot.Connections = uint64(l.open)
	return c
}

func (l *Loop) closeConn(c *conn) {
	l.wheel.disarm(c)
	l.releaseOutput(c)
	l.releaseExchange(c)
	poller.Close(c.fd)
	l.outLen = 0
	l.conns[c.fd] = nil
	*c = conn{}
	l.idle = append(l.idle, c)
	l.open--
	l.cfg.Slot.Connections = uint64(l.open)
}

// newExchange gives c an exchange. false: out of memory; the connection is closed.
func (l *Loop) newExchange(c *conn) bool {
	if n := len(l.spare); n > 0 {
		c.ex = l.spare[n-1]
		l.spare = l.spare[:n-1]
		return true
	}
	ex, err := l.makeExchange()
	if err != nil {
		l.cfg.App.Log(LogError, "no memory for a request: "+err.Error())
		l.closeConn(c)
		return false
	}
	c.ex = ex
	return true
}

func (l *Loop) makeExchange() (*exchange, error) {
	in, err := l.blocks.Get(l.inSize + 1)
	if err != nil {
		return nil, err
	}
	req, err := memory.New[Request]()
	if err != nil {
		l.blocks.Put(in)
		return nil, err
	}
	return &exchange{req: req, in: in[:l.inSize+1]}, nil
}

// releaseExchange takes the exchange back: an idle connection holds no buffer.
func (l *Loop) releaseExchange(c *conn) {
	ex := c.ex
	if ex == nil {
		return
	}
	l.endRequest(ex)
	ex.start, ex.end = 0, 0
	c.ex = nil
	l.spare = append(l.spare, ex)
}

// endRequest makes the exchange ready for the next request behind this one.
func (l *Loop) endRequest(ex *exchange) {
	if ex.path != nil {
		l.blocks.Put(ex.path)
		ex.path = nil
	}
	l.releaseBody(&ex.body)
	ex.parser.Reset()
	ex.head = 0
	if ex.req.Answer.isLarge() {
		l.cfg.App.Trim(ex.req)
	}
	ex.req.Answer.reset()
}

func (l *Loop) handleConn(c *conn, events uint32) {
	switch {
	case c.state == stateWrite:
		l.resumeWrite(c)
	case c.state == stateLinger:
		l.discard(c)
	case events&(poller.In|unix.EPOLLHUP|unix.EPOLLERR|unix.EPOLLRDHUP) != 0:
		l.readConn(c)
	}
}

// readConn reads once and serves what has become complete.
func (l *Loop) readConn(c *conn) {
	if c.ex == nil && !l.newExchange(c) {
		return
	}
	ex := c.ex
	room := ex.in[ex.end:l.inSize]
	if c.state == stateBody && ex.body.wantsDirect() {
		room = ex.body.room()
	}
	n, errno := poller.Read(c.fd, room)
	switch {
	case errno == unix.EAGAIN:
		if ex.start == ex.end && c.state == stateHead {
			l.releaseExchange(c)
		}
		l.awaitInput(c)
	case errno != 0 || n == 0:
		// The client left. What it had sent of a request cannot be answered any more, or is not complete and never will be.
		l.closeConn(c)
	default:
		l.cfg.Slot.BytesIn += uint64(n)
		if c.state == stateBody && ex.body.wantsDirect() {
			ex.body.got += n
		} else {
			ex.end += n
		}
		l.serve(c)
	}
}

// serve answers each request that is complete in the input, and arranges for what comes next.
func (l *Loop) serve(c *conn) {
	ex := c.ex
	for c.closing == keepOpen && c.state != stateWrite && l.serveOne(c, ex) {
	}
	l.flush(c)
	if c.ex == nil || c.state == stateWrite {
		return // Closed, lingering, or waiting for the client: resumeWrite comes back here.
	}
	if ex.start == ex.end && c.state == stateHead {
		l.releaseExchange(c)
		l.wheel.arm(c, l.clock.now+int64(l.cfg.IdleTimeout))
	} else {
		l.makeRoom(ex)
	}
	l.awaitInput(c)
}

// serveOne takes one step with the present request. false: more input is needed, or the connection takes no more requests.
func (l *Loop) serveOne(c *conn, ex *exchange) bool {
	if c.state == stateHead && !l.receiveHead(c, ex) {
		return false
	}
	complete, refusal := l.receiveBody(c, ex)
	if refusal != nil {
		l.refuse(c, refusal.Status, refusal.Reason)
		return false
	}
	if !complete {
		return false
	}
	l.dispatch(c, ex)
	return c.ex != nil && ex.start < ex.end
}

// receiveHead parses the head. When it is complete, the connection goes on to the body.
func (l *Loop) receiveHead(c *conn, ex *exchange) bool {
	input := ex.in[ex.start:ex.end]
	n, err := ex.parser.Parse(input, &ex.req.Head, &l.cfg.Limits)
	if err != nil {
		l.refuse(c, err.Status, err.Reason)
		return false
	}
	if n == 0 {
		if ex.end > ex.start && !c.headTimed {
			l.awaitHead(c)
		}
		return false
	}
	ex.head, c.headTimed = n, false
	err = l.preparePath(ex)
	if err == nil {
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
	l.wheel.arm(c, l.clock.now+int64(l.cfg.ReadHeaderTimeout))
}

// makeRoom moves what is left of the input to the front, so that the rest of a request has the whole buffer.
func (l *Loop) makeRoom(ex *exchange) {
	if ex.start > 0 {
		copy(ex.in, ex.in[ex.start:ex.end])
		ex.end -= ex.start
		ex.start = 0
	}
}

// awaitInput has the poller tell of input.
func (l *Loop) awaitInput(c *conn) { l.setInterest(c, poller.In|unix.EPOLLRDHUP) }

func (l *Loop) setInterest(c *conn, interest uint32) {
	if c.interest == interest {
		return
	}
	var err error
	if c.interest == 0 {
		err = l.poll.Add(c.fd, interest, c.tag)
	} else {
		err = l.poll.Modify(c.fd, interest, c.tag)
	}
	if err != nil {
		// Out of kernel memory or over fs.epoll.max_user_watches.
		l.cfg.App.Log(LogError, "watch a connection: "+err.Error())
		l.closeConn(c)
		return
	}
	c.interest = interest
}

// expire is called when a connection's deadline has come.
func (l *Loop) expire(c *conn) {
	switch {
	case c.state == stateBody:
		l.refuse(c, 408, "the body did not come in time")
		l.flush(c)
	case c.state == stateHead && c.ex != nil:
		l.refuse(c, 408, "the head did not come in time")
		l.flush(c)
	default:
		l.closeConn(c)
	}
}

// discard reads and throws away what a lingering connection's client still sends.
func (l *Loop) discard(c *conn) {
	for range 4 { // Then the others: a client that sends faster than we read gets no more attention than they do.
		n, errno := poller.Read(c.fd, l.out[:outSize])
		if errno == unix.EAGAIN {
			return
		}
		if errno != 0 || n == 0 {
			l.closeConn(c)
			return
		}
		l.wheel.arm(c, min(l.clock.now+lingerNs, c.lingerEnd))
	}
}
