// Package prefork is the master: all policy about worker processes. It decides when one is started, drained or killed;
// the spawner, at the other end of a control channel, forks, signals and reaps as it is told.
//
// Invariant: a slot never holds two workers, and every state of a slot but vacant and ready has a deadline, so that
// whatever a worker or a message does not do, the slot is vacant again in bounded time and a stop ends.
//
// Run is one loop which owns all state. It runs on the goroutine that calls it, and so do System.Log and every
// decision. Other goroutines only wait for messages, one for each channel, and hand them to the loop; none is left when
// Run returns. The master can die at any moment: what the next one must know is in the shared slots and with the
// spawner.
package prefork
