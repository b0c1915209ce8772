package engine

import (
	"bytes"

	"libforker/engine/gate"
	"libforker/engine/http1"
	"libforker/engine/memory"
	"libforker/engine/message"
	"libforker/slot"
)

// The gates: what is decided about a request at its head, before the program sees it, and added to its response. They
// stand in one order, whatever is on:
//
//  1. where the request is from: client, scheme and host, as trusted proxies say
//  2. its id
//  3. the redirect to HTTPS

// passFront does what is done with every request.
func (l *Loop) passFront(r *request) {
	front, req := l.cfg.Front, r.shared
	peer, via := r.stream.conn().peer, r.stream.conn().via
	if via != nil && via.Client.Family != 0 {
		peer = via.Client
	}
	origin := front.Trust.Trace(peer, &req.Head, r.text)
	if via != nil && via.Secure && !origin.Schemed {
		origin.Secure, origin.Schemed = true, true
	}
	r.trace(origin)
	if front.IDs != nil {
		l.identify(r, front.Trust.Proxies.Has(peer))
	}
}

// trace takes in where a request is from.
func (r *request) trace(o gate.Origin) {
	req := r.shared
	req.Traced, req.Scheme, req.Host = 1, SchemeOfConn, message.Span{}
	req.Client = o.Client
	switch {
	case o.Schemed && o.Secure:
		req.Scheme = SchemeHTTPS
	case o.Schemed:
		req.Scheme = SchemeHTTP
	}
	if len(o.Host) > 0 {
		req.Host = message.Span{Off: uint32(memory.Address(o.Host) - memory.Address(r.text)), Len: uint32(len(o.Host))}
	}
}

// identify gives a request an id: that which a trusted proxy has given it, or a new one.
func (l *Loop) identify(r *request, trusted bool) {
	req := r.shared
	var found []byte
	if trusted {
		found = gate.FindID(&req.Head, r.text)
	}
	n := copy(req.ID[:], found)
	if n == 0 {
		n = l.cfg.Front.IDs.Make((*[gate.IDMost]byte)(req.ID[:]))
	}
	req.ID[n], req.IDLen = 0, uint8(n)
}

// forgetOrigin ends what is known of where a request was from.
func (r *request) forgetOrigin() {
	r.shared.Traced, r.shared.Scheme, r.shared.IDLen, r.shared.Host = 0, SchemeOfConn, 0, message.Span{}
}

// client is where a request is from.
func (r *request) client() slot.Peer {
	if r.shared.Traced != 0 {
		return r.shared.Client
	}
	return r.shared.Peer
}

// host is the host that the client has asked for.
func (r *request) host() []byte {
	if r.shared.Host.Len > 0 {
		return r.shared.Host.In(r.text)
	}
	return r.shared.Head.Host.In(r.text)
}

// isSecure reports whether the client speaks TLS, to this server or to a trusted proxy.
func (r *request) isSecure() bool {
	return r.shared.Scheme == SchemeHTTPS || r.shared.Scheme == SchemeOfConn && r.hasTLS()
}

// hasTLS reports whether the connection speaks TLS.
func (r *request) hasTLS() bool {
	return r.info != nil || r.stream != nil && r.stream.conn().tls != nil
}

// addFields adds to a response what the program has not said itself.
func (l *Loop) addFields(r *request) {
	head := &r.response
	added := l.added[:0]
	if n := r.shared.IDLen; n > 0 && !hasField(head.fields, "X-Request-Id") {
		added = append(append(append(added, "X-Request-Id: "...), r.shared.ID[:n]...), http1.CRLF...)
	}
	l.added, head.added = added, added
}

// hasField reports whether there is a line with that name among the fields of a response.
func hasField(fields []byte, name string) bool {
	for len(fields) > 0 {
		if len(fields) > len(name) && fields[len(name)] == ':' && bytes.EqualFold(fields[:len(name)], []byte(name)) {
			return true
		}
		fields = fields[bytes.IndexByte(fields, '\n')+1:]
	}
	return false
}
