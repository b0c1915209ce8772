package message

// Why a request cannot be served, and what its client is told.

// Refusal is why a request is not served: the status to respond with, and a sentence that tells the client what to do instead.
type Refusal struct {
	Status int
	Reason string
}

func (r *Refusal) Error() string { return r.Reason }
