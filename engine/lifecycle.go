package engine

// The life of a request: how far it has come, and who has it.

// state is where a request is in its life. It says who may touch the request, and what the loop waits for on its behalf.
// A request whose client has left (request.stream is nil) is pooled or held; it is done when the program has let it go.
type state uint8

const (
	// stateDone: nobody has it; it is on the free list. Next: receiving.
	stateDone state = iota
	// stateReceiving: the loop waits for its head, or for a body that is collected. Next: handling; responding, if it is
	// refused; done, if nothing of it or no more of it comes.
	stateReceiving
	// stateHandling: the loop's thread is in the program with it, or does what that has said. Next: receiving, if the next
	// handler wants the body whole; pooled; taking; paused; held; streaming, of a call whose response has begun; responding; done,
	// if the program takes the connection.
	stateHandling
	// statePooled: it waits for a thread of the pool, or one has it in a handler. Next: handling; without a client held, done.
	statePooled
	// stateTaking: the program takes the body piece by piece, with a handle to the request or without, and the loop waits
	// for the next piece; of a call the response may have begun. Next: handling; paused; held, if the client leaves; streaming; responding; done.
	stateTaking
	// statePaused: the program has a handle, and wants no piece now. Next: taking; held, if the client leaves; streaming;
	// responding.
	statePaused
	// stateHeld: the program has a handle, and owes the response; without a client, nothing but to let go. Next: streaming;
	// responding; handling, if the next handler is to be asked; done.
	stateHeld
	// stateStreaming: the program has a handle, and goes on with the response. Next: held, if the client leaves; responding.
	stateStreaming
	// stateResponding: the program has said all; the response goes out. Next: done.
	stateResponding
)

// become is the one place where a request's state changes.
func (r *request) become(next state) {
	checkState(r.state, next)
	r.state = next
}

// wantsInput reports whether the loop waits for the client to send more of the request.
func (r *request) wantsInput() bool { return r.state == stateReceiving || r.state == stateTaking }

// isHeld reports whether the program has a handle to the request, and may still do something with it.
func (r *request) isHeld() bool {
	return r.state >= stateTaking && r.state <= stateStreaming && r.shared.Deferred != 0
}
