package control

import "errors"

// What can be wrong with a channel and its messages.

// ErrMalformed is wrapped by the errors for packets that are not messages of this version.
var ErrMalformed = errors.New("malformed control message")

// ErrFull is what TrySend gives when the other side does not read and the socket buffer is full.
var ErrFull = errors.New("control channel is full")
