// Package admin shows a process tree to people and to monitoring: health, readiness, status as JSON, metrics as
// Prometheus text, and a page that draws the last minutes. It only looks: nothing can be changed through it.
//
// Invariant: everything comes from the shared slots and from /proc, so that no request waits for the master's loop, nor
// the loop for a request. Connections, their times and the size of what they send are bounded.
//
// Start begins goroutines of its own, which Close ends. The listening socket belongs to the spawner: while a master is
// replaced, connections wait in its queue.
package admin
