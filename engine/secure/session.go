package secure

import (
	"crypto/tls"
	"errors"
	"io"
	"sync"

	"github.com/valyala/bytebufferpool"
)

// A session: the TLS of one connection.

// buffers are for what has no fixed size: outboxes, input that is no whole record, handshakes.
var buffers bytebufferpool.Pool

// SealMost is how much of the program's data is sealed at a time.
const SealMost = 64 << 10

// outboxMost is how much a client may have us send without taking it, by what it sends itself (KeyUpdate).
const outboxMost = 64 << 10

// ErrFlood is of a client that has us send and does not read.
var ErrFlood = errors.New("the client does not take what it asks for")

// Session is the TLS of one connection, on the server's side.
type Session struct {
	// Immutable.
	Owner uint64 // Tells the loop whose it is.
	tls   *tls.Conn
	brief bool        // Its handshake computes little.
	pass  *Handshakes // Which runs its handshake.

	mu      sync.Mutex // Guards what follows, during the handshake.
	wake    sync.Cond  // The handshake may go on.
	shaking bool       // A handshake runs. Written by the loop before and after.
	closed  bool       // The loop has no connection for it any more.
	waiting bool       // The handshake waits for more input.
	full    bool       // The loop receives no more until the handshake wants it.
	told    bool       // It is in Handshakes.told.
	over    bool       // The handshake has ended,
	err     error      // so.

	// Owned by the loop.
	running bool     // A goroutine makes its handshake.
	routine *routine // This makes it; nil: nobody yet, or a goroutine does, or it is over.

	// Owned by the loop once the handshake is over.
	in    []byte                     // What has come and crypto/tls has not taken,
	left  int                        // of which so much belongs to the record that it reads.
	kept  *bytebufferpool.ByteBuffer // Where in lies, if it is to stay.
	out   *bytebufferpool.ByteBuffer // The outbox; nil: empty,
	sent  int                        // and so much of it is sent.
	taken int                        // How much was sent since Taken.
	ended bool                       // The client has sent its end.
	more  bool                       // Read has something, or may have it, that needs no input.
	fault error                      // What Read says next, for good.
}

// NewSession makes a session, whose handshake is for Handshakes.
func NewSession(config *Config, owner uint64) *Session {
	s := &Session{Owner: owner, brief: config.brief}
	s.wake.L = &s.mu
	s.tls = tls.Server((*wire)(s), config.tls)
	return s
}

// State tells what was agreed on, once the handshake is over.
func (s *Session) State() tls.ConnectionState { return s.tls.ConnectionState() }

// IsShaking tells if the handshake has begun, and the loop does not know yet that it is over.
func (s *Session) IsShaking() bool { return s.shaking }

// HasMore tells if Read is to be called again though nothing has come.
func (s *Session) HasMore() bool { return s.more }

// Pending returns what has come and is no whole record yet; behind it belongs what is received next.
func (s *Session) Pending() []byte { return s.in }

// Receive gives the session what has come from the client, behind what Pending had, and tells if the client has sent its
// end. It is used until Keep.
func (s *Session) Receive(in []byte, ended bool) { s.in, s.ended = in, ended }

// Keep has what is left of the input stay in memory of the session's own.
func (s *Session) Keep() {
	if len(s.in) == 0 {
		s.in = nil
		release(&s.kept)
		return
	}
	if s.kept == nil {
		s.kept = buffers.Get()
	}
	s.kept.B = append(s.kept.B[:0], s.in...)
	s.in = s.kept.B
}

// Read fills b with what the client has said. 0: there is nothing now. io.EOF is its end; what else is wrong ends the
// session, and the outbox may have an alert about it.
func (s *Session) Read(b []byte) (int, error) {
	n := 0
	var err error
	for n < len(b) && err == nil && s.fault == nil {
		var got int
		got, err = s.tls.Read(b[n:])
		n += got
	}
	if err != nil && !errors.Is(err, errAgain) {
		s.fault = err
	}
	if len(s.Outbox()) > outboxMost && s.fault == nil {
		s.fault = ErrFlood
	}
	s.more = n > 0 && (err == nil || s.fault != nil)
	if n == 0 {
		return 0, s.fault
	}
	return n, nil
}

// Write seals b into the outbox.
func (s *Session) Write(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	_, err := s.tls.Write(b)
	return err
}

// CloseWrite puts what tells the client that nothing follows into the outbox. Without it an end is a truncation; behind
// the alert of an error there is none (RFC 8446 §6.2).
func (s *Session) CloseWrite() {
	if s.fault == nil || errors.Is(s.fault, io.EOF) {
		_ = s.tls.CloseWrite() // Into memory.
	}
}

// Outbox is what the client is to get; nil: nothing.
func (s *Session) Outbox() []byte {
	if s.out == nil {
		return nil
	}
	return s.out.B[s.sent:]
}

// Taken tells how many bytes of the outbox were sent since the last call.
func (s *Session) Taken() int {
	n := s.taken
	s.taken = 0
	return n
}

// Sent takes n bytes out of the outbox.
func (s *Session) Sent(n int) {
	s.taken += n
	if s.sent += n; s.out != nil && s.sent == len(s.out.B) {
		s.sent = 0
		release(&s.out)
	}
}

// Close gives back what the session has. A handshake that runs ends.
func (s *Session) Close() {
	if s.routine != nil {
		s.closed = true
		s.pass.left = append(s.pass.left, s)
		return
	}
	if s.running {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.closed = true
		s.wake.Signal()
		if !s.over {
			return // The goroutine gives it back.
		}
	}
	s.release()
}

func (s *Session) release() {
	s.in, s.sent = nil, 0
	release(&s.kept)
	release(&s.out)
}

func release(b **bytebufferpool.ByteBuffer) {
	if *b != nil {
		buffers.Put(*b)
		*b = nil
	}
}
