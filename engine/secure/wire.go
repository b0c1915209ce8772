package secure

import (
	"encoding/binary"
	"io"
	"net"
	"time"
)

// The transport of a session in memory, which crypto/tls takes for its connection.

// recordHead is what stands before each record (RFC 8446 §5.1): its type, version and length.
const recordHead = 5

// RecordMost is the length of the longest record there is, with its head (RFC 5246 §6.2.3). Of one that says it is longer crypto/tls is
// to see the head.
const RecordMost = recordHead + (16 << 10) + 2048

// errAgain tells crypto/tls that there is nothing to read now, and that this does not end the connection.
var errAgain net.Error = again{}

type again struct{}

func (again) Error() string   { return "nothing to read now" }
func (again) Timeout() bool   { return true }
func (again) Temporary() bool { return true }

// wire is a session as crypto/tls sees it: what it reads from and writes to.
type wire Session

// Read gives what there is of the present record, if all of it is there.
func (w *wire) Read(b []byte) (int, error) {
	s := (*Session)(w)
	switch {
	case s.routine != nil:
		return s.readHere(b)
	case s.shaking:
		return s.readWaiting(b)
	}
	return s.readRecord(b)
}

// Write takes everything.
func (w *wire) Write(b []byte) (int, error) {
	s := (*Session)(w)
	if s.shaking {
		s.mu.Lock()
		defer s.mu.Unlock()
	}
	if s.out == nil {
		s.out = buffers.Get()
	}
	s.out.B = append(s.out.B, b...)
	return len(b), nil
}

// Close, the addresses and the deadlines mean nothing here: the socket is the loop's.
func (w *wire) Close() error                     { return nil }
func (w *wire) LocalAddr() net.Addr              { return nowhere{} }
func (w *wire) RemoteAddr() net.Addr             { return nowhere{} }
func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

type nowhere struct{}

func (nowhere) Network() string { return "memory" }
func (nowhere) String() string  { return "memory" }

// readRecord gives the next bytes of the present record.
func (s *Session) readRecord(b []byte) (int, error) {
	if s.left == 0 && !s.beginRecord() {
		if s.ended {
			return 0, io.EOF
		}
		return 0, errAgain
	}
	n := copy(b, s.in[:min(s.left, len(s.in))])
	s.in = s.in[n:]
	s.left -= n
	return n, nil
}

// beginRecord goes on to the next record. false: it is not there, or not whole.
func (s *Session) beginRecord() bool {
	if !isWhole(s.in) {
		return false
	}
	s.left = min(recordSize(s.in), len(s.in))
	return true
}

// isWhole tells if in begins with a whole record, or with one that is longer than any.
func isWhole(in []byte) bool {
	if len(in) < recordHead {
		return false
	}
	size := recordSize(in)
	return size <= len(in) || size > RecordMost
}

// recordSize is the length of a record with its head.
func recordSize(in []byte) int { return recordHead + int(binary.BigEndian.Uint16(in[3:])) }
