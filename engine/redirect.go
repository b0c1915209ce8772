package engine

import (
	"bytes"
	"strconv"

	"libforker/engine/message"
)

// Redirects to HTTPS, of addresses that have no other use.

// challenges is where certificate authorities look for the proof that a name is the server's, in clear text and before
// there is a certificate (RFC 8555 §8.3): the program serves that at any address.
const challenges = "/.well-known/acme-challenge/"

// httpsPort is the port that an https URL need not name.
const httpsPort = 443

// locationMost is the length of the longest URL that the output buffer has room for, with the rest of a response.
const locationMost = 64 << 10

// isRedirected reports whether r, whose head is complete, is not for the program: its address only leads to HTTPS, by which
// it has not come to a trusted proxy either.
func (l *Loop) isRedirected(r *request) bool {
	return r.stream.conn().redirect != 0 && r.shared.Scheme != SchemeHTTPS && r.shared.Head.Form != message.FormAsterisk && !bytes.HasPrefix(l.locatePath(r), []byte(challenges))
}

// redirect sends the client to the same target by HTTPS.
func (l *Loop) redirect(r *request, outcome *Outcome) {
	host := withoutPort(r.host())
	if len(host) == 0 { // HTTP/1.0; else the parser has refused it.
		outcome.Status, outcome.Detail = 400, "send a Host field: this address redirects to HTTPS"
		return
	}
	at := append(append(l.location[:0], "https://"...), host...)
	if port := r.stream.conn().redirect; port != httpsPort {
		at = strconv.AppendUint(append(at, ':'), uint64(port), 10)
	}
	l.finishRedirect(r, outcome, l.appendTarget(at, r))
}

// withoutPort returns the host of a valid host[:port].
func withoutPort(authority []byte) []byte {
	if colon := bytes.LastIndexByte(authority, ':'); colon > bytes.LastIndexByte(authority, ']') {
		return authority[:colon]
	}
	return authority
}
