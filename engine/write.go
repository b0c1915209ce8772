package engine

import (
	"golang.org/x/sys/unix"

	"libforker/engine/poller"
)

// reserve makes room for size bytes of output.
func (l *Loop) reserve(c *conn, size int) {
	if l.outLen+size > outSize {
		l.send(c, nil)
	}
}

// send writes the collected output, and body behind it. What the client does not take is kept: the output is copied, body must
// stay where it is until c.restBody is empty. c is closed if the client is gone.
func (l *Loop) send(c *conn, body []byte) {
	out := l.out[:l.outLen]
	l.outLen = 0
	if c.state == stateWrite {
		l.keepMore(c, out, body)
		return
	}
	n, ok := l.write(c, out, body)
	if !ok || n == len(out)+len(body) {
		return
	}
	if n < len(out) {
		out, n = out[n:], 0
	} else {
		out, n = nil, n-len(out)
	}
	c.restBody = body[n:]
	if !l.keep(c, out) {
		return
	}
	c.resume, c.state = c.state, stateWrite
	l.wheel.arm(c, l.clock.now+int64(l.cfg.WriteTimeout))
	l.setInterest(c, poller.Out)
}

// write returns how much was written; not ok: the client is gone and c closed.
func (l *Loop) write(c *conn, a, b []byte) (n int, ok bool) {
	var errno unix.Errno
	switch {
	case len(b) == 0:
		n, errno = poller.Write(c.fd, a)
	case len(a) == 0:
		n, errno = poller.Write(c.fd, b)
	default:
		n, errno = poller.Write2(c.fd, a, b)
	}
	if errno == unix.EAGAIN {
		return 0, true
	}
	if errno != 0 {
		l.closeConn(c)
		return 0, false
	}
	l.cfg.Slot.BytesOut += uint64(n)
	return n, true
}

// keep copies output that the client did not take. false: no memory, c is closed.
func (l *Loop) keep(c *conn, out []byte) bool {
	if len(out) == 0 {
		return true
	}
	block, err := l.blocks.Get(len(c.rest) + len(out))
	if err != nil {
		l.cfg.App.Log(LogError, "no memory for an answer: "+err.Error())
		l.closeConn(c)
		return false
	}
	n := copy(block, c.rest)
	n += copy(block[n:], out)
	if c.block != nil {
		l.blocks.Put(c.block)
	}
	c.block, c.rest = block, block[:n]
	return true
}

// keepMore puts output behind what waits for the client already.
func (l *Loop) keepMore(c *conn, out, body []byte) {
	if l.keep(c, out) && len(body) > 0 {
		l.keep(c, body)
	}
}

// flush sends what is collected, and closes the connection if that was its last answer.
func (l *Loop) flush(c *conn) {
	if c.ex == nil {
		return // It was closed on the way.
	}
	if l.outLen > 0 {
		l.send(c, nil)
	}
	if c.ex != nil && c.state != stateWrite && c.closing != keepOpen {
		l.finish(c)
	}
}

// resumeWrite goes on where the client did not take more.
func (l *Loop) resumeWrite(c *conn) {
	n, ok := l.write(c, c.rest, c.restBody)
	if !ok {
		return
	}
	taken := min(n, len(c.rest))
	c.rest = c.rest[taken:]
	c.restBody = c.restBody[n-taken:]
	if len(c.rest)+len(c.restBody) > 0 {
		return
	}
	l.releaseOutput(c)
	if c.owing {
		c.owing = false
		l.endRequest(c.ex)
	}
	c.state = c.resume
	l.serve(c)
}

func (l *Loop) releaseOutput(c *conn) {
	if c.block != nil {
		l.blocks.Put(c.block)
	}
	c.block, c.rest, c.restBody = nil, nil, nil
}

// finish ends a connection whose last answer is written.
func (l *Loop) finish(c *conn) {
	if c.closing == closeNow {
		l.closeConn(c)
		return
	}
	// RFC 9112 §9.6: close our half, and read on until the client has seen that and closed its own.
	l.releaseExchange(c)
	c.state = stateLinger
	poller.Shutdown(c.fd)
	c.lingerEnd = l.clock.now + lingerMost
	l.wheel.arm(c, l.clock.now+lingerNs)
	l.awaitInput(c)
}
