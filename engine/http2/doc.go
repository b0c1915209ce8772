// Package http2 is the server's side of HTTP/2: frames, field sections, streams, windows and the bounds for abuse (RFC 9113, RFC 7541,
// RFC 9218).
//
// Bytes go in and come out as events (Conn.Next) and as the text of requests (Conn.ReadHead); what is to be sent is appended to a buffer
// of the caller's. The package does no I/O, reads no clock, takes no lock, writes no log, and allocates nothing for a request once it is
// warm.
//
// Invariant: what a connection is told depends on its bytes, the limits and the time of its resets alone, never on how the bytes were cut
// on their way. A Stream stays where it is until its owner gives it back by Conn.Release, whatever the client does meanwhile.
//
// A Shared, its Conns and their Streams belong to one thread.
package http2
