package engine

import (
	"errors"
	"sync/atomic"

	"libforker/engine/memory"
)

// Interim responses (RFC 9110 §15.2) of one field. Those of a handler on the loop's thread are sent while it runs; those
// of other threads come through Holders.Interim, and are sent when the loop comes round.

// Why something of a handler cannot be sent.
var (
	ErrClientGone = errors.New("the client has left")
	ErrNoRoom     = errors.New("the client does not take what was sent before")
	ErrSealed     = errors.New("the connection speaks TLS")
	ErrShared     = errors.New("the connection speaks HTTP/2")
)

// interimMost is how much may wait for a client that does not read, when another interim response is left out: what they
// tell is of use early or not at all.
const interimMost = 64 << 10

// hasInterims reports whether Holders.Interim has, or had, something of the request.
func (r *Request) hasInterims() bool { return atomic.LoadUint32(&r.Interims) != 0 }

// Interim sends an interim response of a request whose handler is running on the loop's thread, behind the responses to
// earlier requests. It does not wait for the client.
func (l *Loop) Interim(req *Request, status int, field []byte) error {
	return l.byIndex[req.Index].stream.interim(l, status, field)
}

// sendInterims sends what the program has handed over on other threads.
func (l *Loop) sendInterims() {
	for {
		interim, ok := l.cfg.Holders.Interim()
		if !ok {
			return
		}
		req := memory.At[Request](interim.Request)
		if s := l.byIndex[req.Index].stream; s != nil && req.Serial == interim.Serial {
			// Neither a client that has left nor one that does not read is of interest to the program, which has gone on.
			_ = s.interim(l, interim.Status, interim.Field)
		}
	}
}
