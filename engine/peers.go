package engine

import (
	"golang.org/x/sys/unix"
)

// How many connections each client has.

// peerKey is a client's address, whatever its port. IPv6 clients count by their /64, which is what one customer gets
// (RFC 6177).
type peerKey [8]byte

// keyOf returns the key of a connection. false: the client has no address that would tell it from others.
func keyOf(a *accepted) (key peerKey, ok bool) {
	switch a.peer.Family {
	case unix.AF_INET:
		copy(key[:], a.peer.Addr[:4])
	case unix.AF_INET6:
		copy(key[:], a.peer.Addr[:8])
		if key == (peerKey{}) { // ::1, or an IPv4 client of a socket for both (RFC 4291 §2.5.5.2).
			copy(key[:], a.peer.Addr[12:16])
		}
	default:
		return key, false
	}
	return key, true
}

// countPeer counts a new connection. false: its client has enough of them.
func (l *Loop) countPeer(a *accepted) bool {
	key, ok := keyOf(a)
	if !ok {
		return true
	}
	if l.peers[key] >= l.cfg.MaxConnectionsPerPeer {
		return false
	}
	l.peers[key]++
	a.counted = true
	return true
}

func (l *Loop) uncountPeer(a *accepted) {
	key, _ := keyOf(a)
	if l.peers[key]--; l.peers[key] == 0 {
		delete(l.peers, key)
	}
}

const tooManyConnections = "HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"

// refusePeer sends a client away that has too many connections. With TLS it is not worth a handshake.
func (l *Loop) refusePeer(c *conn, ln *listener) {
	if ln.tls != nil {
		l.closeConn(c, CloseError)
		return
	}
	l.cfg.Slot.Responses[4]++
	l.text = append(l.text[:0], tooManyConnections...)
	// The buffer of a new connection has room for it, and what the client does not take is its loss.
	_ = c.pushSome(l.text)
	l.linger(c)
}
