// Package grammar is what both versions of HTTP are written with: which bytes may stand in a token, a field value, a target and a host
// (RFC 9110, RFC 3986).
//
// Invariant: it judges bytes and nothing else: no state but read-only tables, no allocation. It imports nothing of the engine; the
// protocols and the router import it.
package grammar
