package engine

import (
	"libforker/engine/http1"
	"libforker/engine/memory"
	"libforker/engine/message"
)

// Bodies of responses that go out piece by piece: parts, files, streams.

// sending is how far the body of a response has gone out that is not sent whole with its head: one with parts, a large
// one, a stream.
type sending struct {
	part     int   // The next of the response's parts.
	last     bool  // The bytes behind the parts, or the end of a stream, are in the output.
	silent   bool  // The client gets no body (HEAD): it is thrown away.
	promised int64 // Of a stream with a length: what is still to come.
	size     [24]byte
}

// startBody sends the head that is collected, and the body after it.
func (l *Loop) startBody(c *conn, ex *exchange, withBody bool) {
	ex.sending = sending{silent: !withBody, promised: ex.req.Response.Length}
	c.state, c.owing = stateProgram, true
	if c.blocked {
		l.send(c)
		return
	}
	if ex.req.Response.Flags&ResponseStream == 0 {
		l.nextPiece(c) // So that it leaves together with the head.
	}
	l.send(c)
}

// nextPiece puts the next piece of the present response's body into the output. false: there is none now; if that was
// all, the response has ended.
func (l *Loop) nextPiece(c *conn) bool {
	ex := c.ex
	if ex.req.Response.Flags&ResponseStream != 0 {
		return l.nextOfStream(c, ex)
	}
	if !ex.sending.last && l.nextPart(c, ex) {
		return true
	}
	l.endResponse(c, ex)
	return false
}

func (l *Loop) nextPart(c *conn, ex *exchange) bool {
	response, at := &ex.req.Response, &ex.sending
	body := memory.View(response.Body.Data, response.Body.Len)
	parts := memory.Array[Part](response.Parts.Data, response.Parts.Len)
	for at.part < len(parts) {
		p := &parts[at.part]
		at.part++
		switch {
		case p.Len == 0:
		case p.Kind == PartBody:
			c.body = body[p.Off : p.Off+p.Len]
			return true
		case p.Kind == PartLent:
			c.body = memory.View(p.Data, p.Len)
			return true
		case p.Kind == PartFile:
			c.file = fileRange{int(p.Fd), int64(p.Off), int64(p.Len)}
			return true
		}
	}
	at.last = true
	c.body = body[response.Parted:]
	return len(c.body) > 0
}

// isEndless tells if the present response is a stream of unknown length whose end the program has not said yet. Such a
// one, of events perhaps, is of no use to a client that has sent its end: it has left, or would wait for as long as that
// takes. A client that only half-closes can wait for any other response, which has an end by itself.
func (c *conn) isEndless() bool {
	return c.owing && c.ex.held && c.ex.req.Response.Flags&ResponseStream != 0 && c.ex.req.Response.Length < 0
}

// nextOfStream takes what the program has written meanwhile.
func (l *Loop) nextOfStream(c *conn, ex *exchange) bool {
	if ex.sending.last {
		l.endResponse(c, ex)
		return false
	}
	piece := l.cfg.Holders.Stream(ex.req)
	if ex.req.Response.Length < 0 && !ex.sending.silent {
		ex.logged.bytes += int64(len(piece.Data))
	}
	if piece.Ended {
		ex.sending.last = true
		ex.held = false
	} else if c.finSeen && c.isEndless() {
		l.closeConn(c, CloseClient)
		return false
	}
	if ex.sending.silent {
		piece.Data = nil
	}
	switch {
	case ex.req.Response.Length >= 0 || ex.req.Head.Version == message.Version10 || ex.sending.silent:
		c.body = piece.Data
		ex.sending.promised -= int64(len(piece.Data))
		if piece.Ended && ex.req.Response.Length >= 0 && ex.sending.promised > 0 && !ex.sending.silent {
			c.closing = closeNow // Shorter than promised: the client learns by the missing end.
		}
	default:
		l.chunk(c, ex, &piece)
	}
	if len(c.rest)+len(c.body)+len(c.tail) > 0 || piece.Ended {
		return true
	}
	return false
}

// chunk frames a piece (RFC 9112 §7.1), and what ends the body.
func (l *Loop) chunk(c *conn, ex *exchange, piece *Piece) {
	trailers := memory.View(ex.req.Response.Trailers.Data, ex.req.Response.Trailers.Len)
	size := ex.sending.size[:0]
	if len(piece.Data) > 0 {
		c.rest = http1.AppendChunkSize(size, len(piece.Data))
		c.body, c.tail = piece.Data, http1.ChunkEnd
		switch {
		case piece.Ended && len(trailers) == 0:
			c.tail = http1.ChunkEndLast
		case piece.Ended:
			// The trailers go out as a piece of their own, once the data is written.
			ex.sending.last, piece.Ended = false, false
		}
		return
	}
	if piece.Ended {
		c.rest, c.body, c.tail = http1.AppendLastChunk(size), trailers, http1.ChunkEnd
	}
}

// endsWithConnection tells if the present response is one of unknown length to a client of HTTP/1.0, whose end only that of
// the connection can tell (RFC 9112 §6.3).
func (ex *exchange) endsWithConnection() bool {
	response := &ex.req.Response
	return ex.req.Head.Version == message.Version10 && response.Flags&ResponseStream != 0 && response.Length < 0 && !ex.sending.silent
}

// dropStream ends a stream that the program will not end. It can have begun since the loop has last heard of it.
func (l *Loop) dropStream(c *conn, ex *exchange) {
	if !c.owing {
		l.answer(c, ex, &Outcome{})
	}
	if ex.sending.silent { // HEAD: the client has all that it gets.
		l.endResponse(c, ex)
		l.serve(c)
		return
	}
	l.cutStream(c)
}

// cutStream ends a stream that was dropped in its middle. What was written before goes out, as far as the client takes
// it at once.
func (l *Loop) cutStream(c *conn) {
	if !c.blocked {
		l.pump(c)
	}
	l.closeConn(c, CloseError)
}

// resumeStream is called when the program has written to a stream.
func (l *Loop) resumeStream(c *conn) {
	if c.blocked {
		return // It is taken when the client has taken the rest.
	}
	l.pump(c)
	l.serve(c)
}
