package engine

import (
	"golang.org/x/sys/unix"

	"libforker/engine/poller"
)

// Output of connections, and what happens when a client does not take it.

// output is what the client has not taken yet, in this order. Owned by the loop.
type output struct {
	rest []byte // Collected output: in block, or in the loop's buffer (loose), which has to be left when the client takes no more.
	body []byte // Bytes of a response, where they lie.
	tail string // Behind them.
	file fileRange

	block   []byte // From the loop's pool.
	loose   bool
	blocked bool // The client takes no more of it now.
}

// fileRange is a part of a file that is to be sent.
type fileRange struct {
	fd   int
	off  int64
	left int64
}

// sendfileMost is how much of a file goes out by sendfile(2) before others have their turn.
const sendfileMost = 1 << 20

// reserve makes room for size bytes in the loop's buffer, as far as it has that.
func (l *Loop) reserve(c *conn, size int) {
	if l.outLen+size > len(l.out) {
		l.send(c)
	}
}

// commit takes in what was appended to what is collected. If there was no room for all of it, append has moved that to
// larger memory, which is the loop's buffer from then on.
func (l *Loop) commit(out []byte) {
	if cap(out) > cap(l.out) {
		l.out = out[:cap(out)]
	}
	l.outLen = len(out)
}

// send writes what is collected for c, and then what c.body, c.tail and c.file say. What the client does not take is
// kept: the collected bytes are copied, the others must stay where they are until they are written. c is closed if the
// client is gone.
func (l *Loop) send(c *conn) { l.sendRest(c, 0) }

// sendRest is send where the first bytes have been written.
func (l *Loop) sendRest(c *conn, written int) {
	out := l.out[written:l.outLen]
	l.cfg.Slot.BytesOut += uint64(written)
	l.outLen = 0
	if c.state == connDead {
		l.dropOutput(c)
		return
	}
	if c.blocked {
		l.keep(c, out)
		return
	}
	c.rest, c.loose = out, true
	l.pump(c)
}

// pump writes until the client takes no more or nothing is left.
func (l *Loop) pump(c *conn) {
	l.spent = 0
	for {
		if (len(c.rest)+len(c.body)+len(c.tail) > 0 || c.isSealing()) && !l.writeBytes(c) {
			return
		}
		if c.file.left > 0 && !l.writeFile(c) {
			return
		}
		if l.isSpent() {
			l.block(c, l.spent) // The client has taken all of it.
			return
		}
		if !c.protocol.fill(l) {
			break
		}
	}
	if c.blocked {
		c.blocked = false
		l.releaseOutput(c)
	}
}

// writeBytes writes rest, body and tail. false: not all of it, or c is closed.
func (l *Loop) writeBytes(c *conn) bool {
	n, errno := l.push(c)
	if errno != 0 && errno != unix.EAGAIN {
		l.closeConn(c, CloseClient)
		return false
	}
	l.cfg.Slot.BytesOut += uint64(n)
	taken := c.takenOf(n)
	c.rest, n = cut(c.rest, n)
	c.body, n = cut(c.body, n)
	c.tail = c.tail[n:]
	if len(c.rest)+len(c.body)+len(c.tail) > 0 || c.isSealing() {
		l.block(c, taken)
		return false
	}
	return true
}

func cut(b []byte, n int) (rest []byte, left int) {
	if n < len(b) {
		return b[n:], 0
	}
	return nil, n - len(b)
}

// writeFile sends c.file. false: not all of it, or c is closed.
func (l *Loop) writeFile(c *conn) bool {
	f := &c.file
	most := c.mostPerTurn()
	for sent := 0; f.left > 0; {
		n, errno := l.pushFile(c, int(min(f.left, int64(most))))
		f.left -= int64(n)
		sent += n
		l.cfg.Slot.BytesOut += uint64(n)
		switch {
		case errno == unix.EAGAIN || errno == 0 && n > 0 && f.left > 0 && sent >= most:
			l.block(c, sent)
			return false
		case errno != 0:
			l.closeConn(c, CloseClient)
			return false
		case n == 0:
			l.cfg.Log(LogError, "a file became shorter while it was sent; the connection is closed")
			l.closeConn(c, CloseError)
			return false
		}
	}
	return true
}

// block has c wait for the client, who has just taken some bytes. The first time it starts the clock; every
// write_min_rate bytes that the client takes give it another second.
func (l *Loop) block(c *conn, taken int) {
	if c.loose && len(c.rest) > 0 {
		out := c.rest
		c.rest = nil
		if !l.keep(c, out) {
			return
		}
	}
	if c.blocked {
		if rate := l.cfg.WriteMinRate; rate > 0 {
			l.wheel.arm(&c.timer, c.timer.deadline+int64(taken)*int64(1e9)/rate)
		}
		return
	}
	c.blocked = true
	l.wheel.arm(&c.timer, l.clock.now+int64(l.cfg.WriteTimeout))
}

// keep copies collected output that the client did not take. false: no memory, c is closed.
func (l *Loop) keep(c *conn, out []byte) bool {
	if len(out) == 0 {
		return true
	}
	block, err := l.blocks.Get(len(c.rest) + len(out))
	if err != nil {
		l.cfg.Log(LogError, "no memory for a response: "+err.Error())
		l.closeConn(c, CloseError)
		return false
	}
	n := copy(block, c.rest)
	n += copy(block[n:], out)
	if c.block != nil {
		l.blocks.Put(c.block)
	}
	c.block, c.rest, c.loose = block, block[:n], false
	return true
}

// flush sends what is collected.
func (l *Loop) flush(c *conn) {
	if l.outLen > 0 {
		// Most responses leave here, and not in the depth of send: after a system call the processor foresees no return
		// any more.
		n := 0
		if c.tls == nil && c.state != connDead && !c.blocked && len(c.body) == 0 {
			n = max(poller.WriteSome(c.fd, l.out[:l.outLen]), 0)
		}
		if n == l.outLen {
			l.cfg.Slot.BytesOut += uint64(n)
			l.outLen = 0
		} else {
			l.sendRest(c, n)
		}
	}
	l.responsesSent()
}

// resumeWrite goes on where the client did not take more.
func (l *Loop) resumeWrite(c *conn) {
	l.pump(c)
	if !c.blocked {
		c.protocol.proceed(l)
	}
}

// dropOutput throws away what is collected for c and what its client has not taken.
func (l *Loop) dropOutput(c *conn) {
	l.outLen = 0
	l.releaseOutput(c)
	c.output = output{}
}

func (l *Loop) releaseOutput(c *conn) {
	if c.block != nil {
		l.blocks.Put(c.block)
	}
	c.block = nil
}
