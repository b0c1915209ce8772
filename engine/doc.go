// Package engine is the HTTP server of a worker: one epoll loop that owns its connections and calls the program for
// each request.
//
// Invariant: everything belongs to the goroutine that calls Loop.Run, which stays on its thread, the main thread of the
// worker; nothing is locked. What C may see (input, parsed head, response) lies off the Go heap and does not move while a
// handler runs. A request costs no allocation.
//
// The way of a request: accept.go, conn.go (connection), protocol.go (the seam), h1.go and h1body.go (what HTTP/1 reads; h2.go and h2stream.go: HTTP/2),
// request.go and lifecycle.go (the request), dispatch.go (the program), response.go and source.go (what is responded),
// h1send.go and h2send.go (how it is written), output.go.
package engine
