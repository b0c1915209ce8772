// Package control is the control protocol between spawner, master and workers: messages over SOCK_SEQPACKET socket
// pairs, which carry descriptors too. It is the Go twin of capi/supervisor/control.h.
//
// Invariant: a message is one packet, whole and well-formed, or it is refused; a descriptor that arrives is either
// handed over in Message.Files or closed.
//
// A Socket is for a loop with a poller of its own (the worker); a Channel lets a goroutine wait without holding a
// thread (the master).
package control
