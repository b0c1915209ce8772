// Package credential is who may come in: files of users with the hashes of their passwords, and whether what a client
// shows is in one of them.
//
// Invariant: nothing that it says, nor how long it takes to say so, tells a client which of name and password was wrong. What
// it keeps is digests under a key of this process; a password is nowhere but in the request that brings it.
//
// Users can be used by any goroutine, everything else by one at a time.
package credential
