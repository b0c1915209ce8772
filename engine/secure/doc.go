// Package secure is TLS for connections that an event loop owns: crypto/tls over a transport in memory.
//
// crypto/tls is written for a goroutine that waits. Of its calls Read can be repeated after an error that is temporary;
// Write cannot, so the transport takes everything that is written, into the session's outbox; and Handshake cannot, so it
// runs on a goroutine, and the transport waits there for what the loop receives. So an open session costs no goroutine. A
// handshake that computes little runs on a coroutine instead, on the loop's thread.
//
// Invariant: crypto/tls gets whole records only, one at a time. What of the client's is not a whole record yet lies in
// the session, and nothing of the program's data in a buffer that nobody knows of.
//
// Session belongs to the loop once its handshake is over; what both sides use during the handshake is guarded by
// Session.mu. Handshakes belongs to the loop; what its goroutines use of it is guarded by Handshakes.mu. Nothing here
// reads or writes a socket.
package secure
