package engine

import (
	"sync/atomic"

	"libforker/engine/errorpage"
)

// Requests as the loop has them, from the first byte of a head to the end of the response.

// request is one request and the response to it. When that is over, the same object serves another one. Owned by the
// loop; call and what it leads to also by the thread of the pool that has the request in a handler.
type request struct {
	shared *Request // What C sees of it, off the Go heap. Immutable.

	state   state     // Written by become only.
	stream  stream    // Its place on a connection; nil: the client has left.
	counted *h2stream // The place that it had, and counts for; nil: none.

	received
	rpc rpc
	handled
	gated gated
	outgoing
	observed
}

// received is what has come of a request: the loop's from its first byte on, until the request ends. The program reads it meanwhile.
type received struct {
	text   []byte   // From the head's first byte on: what the spans of the head count from.
	head   int      // Bytes of the head; 0: it is not complete.
	block  []byte   // What text lies in, if that is no connection's input any more.
	path   []byte   // Where the path is decoded to, if it needs that.
	info   *tlsInfo // The connection's, which may be gone; nil: none.
	body   inbound
	decode *decode // Its body is compressed; nil: nothing of it is being decoded.
}

// handled is what the program does with a request, from when its head is complete until the program has let it go.
type handled struct {
	call   Call
	file   *fileAnswer // What its route serves, or the program has responded with; nil: that is no file.
	timer  timer       // Runs while the program has it.
	early  uint32      // What was done by its handle before the pool's handler returned; 0: nothing.
	isHead bool        // Its method is HEAD.
	midway bool        // It was deferred before its handler was called: EventNext may follow.
	reason uint8       // For which it has parted from its connection; CloseDone: it has not.
}

// outgoing is the response, which is the loop's from when the program, or the loop for it, has said what it is until it is written.
type outgoing struct {
	response  responseHead
	source    source
	errorForm errorpage.Form // Of the one whose place it has taken: see detach.
}

// observed is what is counted and logged of a request, while it is before the program and once more when it ends.
type observed struct {
	inFlight bool  // It is counted in the slot,
	begun    int64 // since then, on the loop's clock.
	logged   logged
}

// newRequest returns a request that s is about to receive. nil: there is no memory for it, which is logged.
func (l *Loop) newRequest(s stream) *request {
	var r *request
	if n := len(l.freeRequests); n > 0 {
		r = l.freeRequests[n-1]
		l.freeRequests = l.freeRequests[:n-1]
	} else {
		req, err := l.requestSlab.New()
		if err != nil {
			l.cfg.Log(LogError, "no memory for a request: "+err.Error())
			return nil
		}
		r = l.makeRequest(req)
	}
	r.stream = s
	r.shared.Peer = s.conn().peer
	r.become(stateReceiving)
	return r
}

func (l *Loop) makeRequest(req *Request) *request {
	req.Server, req.Index = l.cfg.Server, uint32(len(l.byIndex))
	r := &request{shared: req}
	r.call.Req = req
	r.timer.owner, r.body.timer.owner, r.rpc.timer.owner = r, (*bodyWait)(r), (*rpcDeadline)(r)
	l.byIndex = append(l.byIndex, r)
	return r
}

// recycle ends a request, and puts it on the free list.
func (l *Loop) recycle(r *request, reason int) {
	l.endRequest(r, reason)
	l.freeRequest(r)
}

// freeRequest puts a request that is done on the free list.
func (l *Loop) freeRequest(r *request) {
	r.stream = nil
	if st := r.counted; st != nil {
		r.counted = nil
		st.release(l)
	}
	l.freeRequests = append(l.freeRequests, r)
}

// endRequest gives back everything that a request has taken but itself. The program has let it go.
func (l *Loop) endRequest(r *request, reason int) {
	l.stopTimers(r)
	if r.isCall() {
		l.endCall(r)
	}
	l.abortBody(r)
	if r.shared.Owed != 0 {
		l.noteEnding(r, reason)
	}
	l.logAccess(r)
	l.leaveFlight(&r.observed)
	if r.shared.needsRelease() {
		l.releaseShared(r, reason)
	}
	if r.info != nil {
		r.shared.TLS = 0
	}
	l.release(&r.received)
	if r.file != nil {
		l.dropAnswer(r)
	}
	r.shared.UserLen, r.shared.Step, r.shared.Passed.Len = 0, 0, 0 // C may have said who the user is, and have come to some step.
	if l.cfg.Front != nil {
		r.forgetGates()
	}
	r.midway, r.reason, r.errorForm = false, CloseDone, errorpage.Text
	r.source.open = false
	l.leaveEncoder(&r.source)
	r.shared.Serial++
	r.shared.Response.reset()
	r.become(stateDone)
}

// release gives back what there is of what has come.
func (l *Loop) release(in *received) {
	if in.path != nil {
		l.blocks.Put(in.path)
		in.path = nil
	}
	if in.decode != nil {
		l.endDecode(in)
	}
	if in.body.kind != bodyNone {
		l.releaseBody(&in.body)
	}
	if in.info != nil {
		l.leaveTLS(in.info)
		in.info = nil
	}
	if in.block != nil {
		l.blocks.Put(in.block)
		in.block = nil
	}
	in.text, in.head = nil, 0
}

// releaseShared has C and the program let go of what they have of a request.
func (l *Loop) releaseShared(r *request, reason int) {
	if r.shared.Deferred != 0 {
		l.cfg.Holders.Closed(r.shared, reason)
	}
	if r.shared.Owed != 0 {
		l.cfg.Handlers.Done(r.shared)
		r.logged = logged{}
	}
	l.cfg.Memory.Release(r.shared)
}

func (l *Loop) stopTimers(r *request) {
	l.wheel.disarm(&r.timer)
	l.wheel.disarm(&r.body.timer)
}

// leave parts a request from its connection, which has ended or goes on without it: it is over, unless the program has
// it.
func (l *Loop) leave(r *request, reason int) {
	r.stream, r.reason = nil, uint8(reason)
	l.leaveEncoder(&r.source)
	l.stopTimers(r)
	l.wheel.disarm(&r.rpc.timer)
	if r.state == statePooled {
		r.cancel()
		return
	}
	if r.shared.OnBody != 0 {
		r.cancel()
		l.passAbort(r)
	}
	if r.decode != nil {
		l.endDecode(&r.received)
	}
	if !r.isHeld() {
		l.recycle(r, reason)
		return
	}
	if r.state != stateHeld {
		r.become(stateHeld)
	}
	l.endHandle(r, reason)
}

// endHandle tells the program that a held request has no client any more, and takes it back if the program has done with
// it.
func (l *Loop) endHandle(r *request, reason int) {
	if r.shared.Owed != 0 {
		l.noteEnding(r, reason) // The loop may end before the program has done with it.
	}
	if l.cfg.Holders.Closed(r.shared, reason) {
		l.recycle(r, CloseDone)
	}
}

// detach leaves a request that is pending to the program, and puts another one in its place, for a response of the
// engine's own with this status. It returns that one; nil: there is no memory, and the place is given up.
func (l *Loop) detach(r *request, status, reason int) *request {
	s := r.stream
	own := l.newRequest(s)
	if own == nil {
		s.reset(l, r, CloseError)
		return nil
	}
	own.isHead, own.rpc.form, own.rpc.method = r.isHead, r.rpc.form, r.rpc.method
	own.errorForm = l.errorForm(r)
	if l.cfg.Front != nil {
		l.inherit(own, r)
	}
	s.replace(l, own)
	if r.isCall() {
		status = 200 // Of a call the failure is in its own status.
	}
	l.noteResponse(r, status, 0)
	own.logged.alias = true
	l.leave(r, reason)
	return own
}

// cancel tells a handler that asks that its client has left.
func (r *request) cancel() { atomic.StoreUint32(&r.shared.Cancelled, 1) }

// Look finds out for a handler that is running on the loop's thread whether its client has left, of which the loop
// cannot hear meanwhile.
func (l *Loop) Look(req *Request) {
	if r := l.byIndex[req.Index]; r.stream != nil && r.stream.conn().hasEnded() {
		r.cancel()
	}
}
