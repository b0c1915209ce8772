package engine

import "libforker/engine/message"

// What stands between a connection and its requests: the protocol that the client speaks, and the place that a request
// has in it.

// protocol is what a connection speaks, from its first byte (with TLS, of clear text) to its end. It reads and writes by
// way of the connection's input, the loop's buffer and the connection's output, and brings requests before the program
// (Loop.dispatch). Called on the loop's thread, while the connection is open.
type protocol interface {
	// hear is told that the poller has seen events on the socket, or that there is input which it cannot see.
	hear(l *Loop, events uint32)
	// takesInput reports whether the protocol would read now.
	takesInput() bool
	// proceed goes on with what is there already, flushes what is collected, and arranges for what comes next. It follows
	// whatever happens to a request or to the output outside of hear.
	proceed(l *Loop)
	// fill puts what goes out next into the connection's output, which is empty. It returns false if that is nothing now.
	fill(l *Loop) bool
	// owes returns what of a response would be missing if the connection ended now.
	owes() owed
	// expire is told that the connection's timer has run out, while its output is not blocked.
	expire(l *Loop)
	// warn is told that the loop begins to drain: then the client is to begin nothing more.
	warn(l *Loop)
	// drain ends the connection, if the loop drains and that costs the client nothing.
	drain(l *Loop)
	// closed gives everything back, because the connection has ended; reason is one of the Close constants.
	closed(l *Loop, reason int)
}

// owed is what of a response a connection leaves out that ends now.
type owed uint8

const (
	owesNothing owed = iota
	owesRest         // The client knows by the response's framing that some of it is missing.
	owesEnd          // The end of the response is that of the connection, so what there is of it would look whole.
)

// stream is the place of a request on its connection: the whole of it for HTTP/1. Called on the loop's thread.
type stream interface {
	// conn returns the connection.
	conn() *conn
	// interim sends an interim response. It does not wait for the client.
	interim(l *Loop, status int, field []byte) error
	// respond sends the response that r.response describes, whose body comes from r.source if that is said there, or begins
	// to.
	respond(l *Loop, r *request)
	// refuse responds to a request whose body, or what there is of it, is not taken.
	refuse(l *Loop, r *request, fault *message.Refusal)
	// resume is told that r.source has more.
	resume(l *Loop, r *request)
	// readBody is told that r takes more of its body, after a pause.
	readBody(l *Loop, r *request)
	// replace puts another request in the place of the present one, which stays with the program: for a response of the
	// engine's own, which is the last thing that is sent here. What the present request's text lies in goes with that.
	replace(l *Loop, with *request)
	// reset ends r's place without the rest of its response. What is collected of it goes out as far as the client takes it.
	reset(l *Loop, r *request, reason int)
	// cutWith ends r's place in the middle of a stream of unknown length, with bytes that end its body where all that was fetched of it has
	// gone out, so that the connection can go on; else without.
	cutWith(l *Loop, r *request, end []byte, reason int)
}
