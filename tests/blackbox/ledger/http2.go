package ledger

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// The same over HTTP/2 (RFC 9113): a connection has several requests at a time. A request that the server says it has not
// begun, by GOAWAY or REFUSED_STREAM, is not lost: it is sent again, and entered when it has its response.

// Streams are the requests that a connection of HTTP/2 has at a time.
const Streams = 4

// streamer is one connection after another with HTTP/2.
type streamer struct {
	ledger *Ledger
	number int
	most   int // Requests at a time,
	anew   bool
	count  int
	again  []string // are to be sent again.

	// Of the present connection.
	conn    net.Conn
	framer  *http2.Framer
	head    bytes.Buffer
	fields  *hpack.Encoder
	since   time.Time
	pid     int
	before  time.Time
	next    uint32
	open    map[uint32]*stream
	leaving bool // No more are begun.
}

// stream is a request in flight.
type stream struct {
	id            string
	sent, written time.Time
	status        string
	body          []byte

	// Of a call.
	talks bool
	said  int    // Messages that were sent, and the end.
	code  string // grpc-status
}

func (c *streamer) run() {
	for !c.ledger.stopped() {
		conn, since, ok := c.ledger.dial()
		if !ok {
			continue
		}
		c.conn, c.since, c.pid, c.before, c.next, c.leaving = conn, since, 0, time.Time{}, 1, false
		c.open, c.fields = map[uint32]*stream{}, hpack.NewEncoder(&c.head)
		c.lose(c.converse())
		_ = conn.Close() // What is closed here is of no more use.
	}
}

// lose enters that the requests in flight have no response, because of err.
func (c *streamer) lose(err error) {
	now := time.Now()
	for _, id := range slices.Sorted(maps.Keys(c.open)) {
		s := c.open[id]
		c.ledger.enter(func(r *Report) {
			r.Sent++
			r.Losses = append(r.Losses, Loss{
				Fate: fateOf(err), Pid: c.pid, Connected: c.since, Before: c.before, Sent: s.sent, Written: s.written,
				Failed: now, Err: err,
			})
		})
	}
}

// converse sends requests until the connection has had all that it is for, or ends.
func (c *streamer) converse() error {
	if err := c.begin(); err != nil {
		c.open[0] = &stream{sent: c.since} // The first request: it could not be sent.
		return err
	}
	for {
		for len(c.open) < c.most && !c.leaving && !c.ledger.stopped() {
			// A server that ends the connection does not take the request any more; what it has sent can still be read.
			c.leaving = c.send() != nil || c.anew
		}
		if len(c.open) == 0 {
			return nil
		}
		if err := c.conn.SetDeadline(time.Now().Add(c.ledger.cfg.Timeout)); err != nil {
			return err
		}
		frame, err := c.framer.ReadFrame()
		if err == nil {
			err = c.take(frame)
		}
		if err != nil {
			return err
		}
	}
}

func (c *streamer) begin() error {
	if err := c.conn.SetDeadline(time.Now().Add(c.ledger.cfg.Timeout)); err != nil {
		return err
	}
	if secured, ok := c.conn.(*tls.Conn); ok {
		if err := secured.Handshake(); err != nil {
			return err
		}
		if protocol := secured.ConnectionState().NegotiatedProtocol; protocol != http2.NextProtoTLS {
			return fmt.Errorf("%w: ALPN gave %q", errWrong, protocol)
		}
	}
	if _, err := c.conn.Write([]byte(http2.ClientPreface)); err != nil {
		return err
	}
	c.framer = http2.NewFramer(c.conn, c.conn)
	c.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	return c.framer.WriteSettings()
}

func (c *streamer) send() error {
	s := &stream{sent: time.Now()}
	if len(c.again) > 0 {
		s.id, c.again = c.again[0], c.again[1:]
	} else {
		s.id = fmt.Sprintf("%d-%d", c.number, c.count)
		c.count++
	}
	c.open[c.next] = s
	var err error
	if c.ledger.cfg.Calls != "" {
		err = c.call(s)
	} else {
		err = c.writeHead(true, [][2]string{
			{":method", "GET"}, {":scheme", "http"}, {":authority", "ledger"}, {":path", c.ledger.cfg.Target + "?" + s.id},
		})
	}
	s.written = time.Now()
	c.next += 2
	return err
}

var errReset = errors.New("the stream was reset")

// take takes in what the server says.
func (c *streamer) take(frame http2.Frame) error {
	switch f := frame.(type) {
	case *http2.SettingsFrame:
		if !f.IsAck() {
			_ = c.framer.WriteSettingsAck() // Likewise.
		}
	case *http2.PingFrame:
		if !f.IsAck() {
			return c.framer.WritePing(true, f.Data)
		}
	case *http2.MetaHeadersFrame:
		if s := c.open[f.StreamID]; s != nil {
			if s.status == "" {
				s.status = f.PseudoValue("status")
			}
			for _, field := range f.RegularFields() {
				if field.Name == "grpc-status" {
					s.code = field.Value
				}
			}
			return c.end(f.StreamID, s, f.StreamEnded())
		}
	case *http2.DataFrame:
		if s := c.open[f.StreamID]; s != nil {
			s.body = append(s.body, f.Data()...)
			err := c.end(f.StreamID, s, f.StreamEnded())
			if err == nil && s.talks {
				err = c.talkOn(f.StreamID, s)
			}
			if err != nil {
				return err
			}
		}
		if len(f.Data()) > 0 {
			// A server that ends the connection does not take it any more; what it has sent can still be read.
			_ = c.framer.WriteWindowUpdate(0, uint32(len(f.Data())))
		}
	case *http2.RSTStreamFrame:
		if f.ErrCode != http2.ErrCodeRefusedStream {
			return fmt.Errorf("%w: %w: %v", errWrong, errReset, f.ErrCode)
		}
		c.sendAgain(f.StreamID)
	case *http2.GoAwayFrame:
		c.leave(f)
	}
	return nil
}

// leave begins no more requests on a connection that the server is about to end.
func (c *streamer) leave(f *http2.GoAwayFrame) {
	if !c.leaving {
		c.ledger.enter(func(r *Report) { r.Closed++ })
	}
	c.leaving = true
	for _, id := range slices.Sorted(maps.Keys(c.open)) {
		if id > f.LastStreamID {
			c.sendAgain(id)
		}
	}
}

func (c *streamer) sendAgain(id uint32) {
	if s := c.open[id]; s != nil {
		delete(c.open, id)
		c.again = append(c.again, s.id)
		c.ledger.enter(func(r *Report) { r.Again++ })
	}
}

func (c *streamer) answeredBy(s *stream) (handled, error) {
	if c.ledger.cfg.Calls != "" {
		return calledBy(s)
	}
	return handledBy(s.id, s.status, s.body, s.sent)
}

// end enters a response that is whole.
func (c *streamer) end(id uint32, s *stream, whole bool) error {
	if !whole {
		return nil
	}
	by, err := c.answeredBy(s)
	if err != nil {
		return err
	}
	delete(c.open, id)
	c.pid, c.before = by.pid, by.at
	took := time.Since(s.sent)
	c.ledger.enter(func(r *Report) {
		r.Sent++
		r.Answered++
		r.Slowest = max(r.Slowest, took)
	})
	return nil
}
