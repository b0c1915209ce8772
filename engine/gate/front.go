package gate

// What is the same for all requests.

// Front is what is done with every request, before it is known which route it is for.
type Front struct {
	Trust Trust
	IDs   *IDs // nil: requests have none.
}
