// Package message is what a request is made of, whichever version of HTTP it came by: pieces of text, fields, a head, and the refusal of
// one that cannot be served (RFC 9110).
//
// Invariant: it says what was read and not how: nothing here parses, writes or allocates. It imports nothing of the engine; the protocols,
// the router and the engine import it.
package message
