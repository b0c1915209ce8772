// Package engine is the HTTP server of a worker: one epoll loop that owns its connections and calls the program for
// each request.
//
// Invariant: everything belongs to the goroutine that calls Loop.Run, which stays on its thread, the main thread of the
// worker; nothing is locked. What C may see (input, parsed head, response) lies off the Go heap and does not move while a
// handler runs. A request costs no allocation.
//
// The way of a request: accept.go, conn.go (read), http1 (parse), body.go, dispatch.go (the program), respond.go,
// write.go.
package engine
