// Package gate is what the gates of the engine decide by: who a request is from, and whether it may pass. It is asked
// with heads and addresses, and answers; what is done then is the engine's.
//
// Invariant: what a client says of itself counts for nothing until somebody who is trusted has said it too; what
// cannot be read counts as not said.
package gate
