// Package grpc is what gRPC adds to HTTP/2: the prefix of a message, the time that a call has, the status that it ends with.
//
// Invariant: it judges and writes bytes and nothing else: no state but that of an Inflater, no I/O, no clock; what comes is not changed. Written after gRPC's
// PROTOCOL-HTTP2.md and statuscodes.md.
package grpc
