package engine

import (
	"bytes"
	"time"

	"libforker/engine/access"
)

// What is kept of a request for the access log.

// statusClientLeft stands in the access log for a request whose client left before there was a response, as in nginx's.
const statusClientLeft = 499

// logged is what a request keeps for the access log.
type logged struct {
	status int   // 0: there is no response.
	bytes  int64 // Of the body.
	route  int32 // As Outcome.Route says.
	alias  bool  // The response is to another request, which is logged with it.
}

// noteResponse keeps what the access log, and functions around handlers, are told of a response.
func (l *Loop) noteResponse(r *request, status int, length int64) {
	if l.cfg.Access != nil || r.shared.Owed != 0 {
		r.logged.status, r.logged.bytes = status, max(length, 0)
	}
}

// noteEnding keeps for the program how a request has ended.
func (l *Loop) noteEnding(r *request, reason int) {
	if reason == CloseDone {
		reason = int(r.reason)
	}
	r.shared.Ending = Ending{
		Size:     EndingSize,
		Status:   int32(r.logged.status),
		Reason:   int32(reason),
		BytesIn:  uint64(r.body.got),
		BytesOut: uint64(r.logged.bytes),
		Ns:       uint64(max(0, l.clock.now+l.clock.sinceRead()-r.begun)),
	}
}

// logAccess is called when a request ends, answered or not.
func (l *Loop) logAccess(r *request) {
	if l.cfg.Access != nil {
		l.addAccess(r)
	}
}

func (l *Loop) addAccess(r *request) {
	note := r.logged
	r.logged = logged{}
	if note.alias || note.status == 0 && !r.inFlight {
		return
	}
	e := access.Entry{Peer: r.shared.Peer, Client: r.client(), Status: note.status, Bytes: note.bytes}
	if e.Status == 0 {
		e.Status = statusClientLeft
	}
	if r.head > 0 {
		describeRequest(&e, r)
		e.Route, e.Headers = max(note.route, 0), l.logHeaders(r)
	}
	if r.inFlight && l.cfg.Access.Timed() {
		e.Took = time.Duration(l.clock.now + l.clock.sinceRead() - r.begun)
	}
	l.cfg.Access.Add(&e, time.Duration(l.clock.now), l.clock.wall())
}

func describeRequest(e *access.Entry, r *request) {
	head, text := &r.shared.Head, r.text[:r.head]
	e.Method, e.Target, e.Host, e.Version = head.Method.In(text), head.Target.In(text), r.host(), head.Version
	e.Traced, e.Secure, e.ID = r.shared.Traced != 0, r.isSecure(), r.shared.ID[:r.shared.IDLen]
	e.User = r.shared.User[:r.shared.UserLen]
	for i := range head.Fields[:head.FieldCount] {
		field := &head.Fields[i]
		switch name := field.Name.In(text); {
		case len(name) == len("referer") && bytes.EqualFold(name, []byte("referer")):
			e.Referer = field.Value.In(text)
		case len(name) == len("user-agent") && bytes.EqualFold(name, []byte("user-agent")):
			e.Agent = field.Value.In(text)
		}
	}
}

// logHeaders gives the fields of a head that lines have besides, of several the first; valid until the next call.
func (l *Loop) logHeaders(r *request) [][]byte {
	names := l.cfg.Access.Headers()
	l.headers = l.headers[:0]
	for _, name := range names {
		l.headers = append(l.headers, headerOf(r, name))
	}
	return l.headers
}

// headerOf returns the value of a field, which can be empty; nil: there is none. Its name is any token, for which grammar.EqualFold is
// not made.
func headerOf(r *request, name []byte) []byte {
	head, text := &r.shared.Head, r.text[:r.head]
	for i := range head.Fields[:head.FieldCount] {
		if field := &head.Fields[i]; bytes.EqualFold(field.Name.In(text), name) {
			return field.Value.In(text)
		}
	}
	return nil
}

// flushAccess has lines written that are due.
func (l *Loop) flushAccess(idle bool) {
	log := l.cfg.Access
	if log == nil || !log.Due(time.Duration(l.clock.now), idle) {
		return
	}
	log.Flush()
}

// closeAccess has everything written.
func (l *Loop) closeAccess() {
	if l.cfg.Access != nil {
		l.cfg.Access.Close()
	}
}

// wall is the time of the day of the iteration, in UTC.
func (k *clock) wall() time.Time { return time.Unix(0, k.now+k.wallNs).UTC() }
