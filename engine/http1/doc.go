// Package http1 reads HTTP/1.x requests: heads, chunked bodies and target paths, and writes the syntax of responses
// (RFC 9110, RFC 9112).
//
// Bytes go in, spans and verdicts come out. The package does no I/O, reads no clock, takes no lock, writes no log and
// allocates nothing; it knows no limits but those given to it.
//
// Invariant: the verdict on a message depends on its bytes and the limits alone, never on how the bytes were cut on
// their way. Whatever two readers could read in two ways is refused.
//
// A Parser, Head or Chunked belongs to one connection and is used by the thread that runs it; there is no shared state
// but read-only tables.
package http1
