package coding

import (
	"errors"
	"io"
)

// Bodies that are decoded as they come. The decoders want to be given a reader, which waits for more: so they are on a goroutine,
// which works only while the caller waits for it in Next, as a coroutine does.

// Inflow is a body that comes in pieces.
type Inflow struct {
	decoder *Decoder
	turn    chan struct{} // It may go on; closed: it is to end.
	rest    chan struct{} // It rests; closed: it has ended.

	// Owned by who has the turn.
	fed   []byte // What in is a part of.
	in    []byte
	last  bool // Nothing comes behind in.
	out   []byte
	state State
}

// State is what becomes of an Inflow.
type State int

// The states.
const (
	Hungry State = iota // It wants more to be fed.
	Full                // It has given something, and there may be more.
	Ended               // All is decoded.
	Failed              // What has come is not what it should be, or ends too soon.
)

// inflowPiece is how much is given at a time.
const inflowPiece = 64 << 10

var errClosed = errors.New("closed")

// NewInflow begins with a body. The decoder is its own until Close.
func NewInflow(d *Decoder) *Inflow {
	f := &Inflow{decoder: d, turn: make(chan struct{}), rest: make(chan struct{})}
	go f.run()
	return f
}

// Feed gives it what has come. Only while it is hungry, which it is at first. last: nothing follows.
func (f *Inflow) Feed(piece []byte, last bool) {
	f.fed = append(f.fed[:0], piece...)
	f.in, f.last = f.fed, last
}

// Next decodes more, and returns it. It is valid until the next call.
func (f *Inflow) Next() ([]byte, State) {
	f.out = nil
	f.turn <- struct{}{}
	<-f.rest
	return f.out, f.state
}

// Close ends it, and gives the decoder back.
func (f *Inflow) Close() *Decoder {
	close(f.turn)
	<-f.rest
	return f.decoder
}

func (f *Inflow) run() {
	defer close(f.rest)
	if !f.await() {
		return
	}
	switch err := f.decode(); {
	case errors.Is(err, errClosed):
		return
	case err != nil:
		f.state = Failed
	default:
		f.state = Ended
	}
	for f.pause() { // It is asked again.
	}
}

// pause has the caller go on, and waits for the next turn. false: there is none.
func (f *Inflow) pause() bool {
	f.rest <- struct{}{}
	return f.await()
}

func (f *Inflow) await() bool {
	_, ok := <-f.turn
	return ok
}

// decode decodes the body. That an empty one is none is an error.
func (f *Inflow) decode() error {
	if err := f.decoder.Begin(f); err != nil {
		return err
	}
	room := make([]byte, inflowPiece)
	for {
		n, err := f.decoder.Read(room)
		if n > 0 {
			f.out, f.state = room[:n], Full
			if !f.pause() {
				return errClosed
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Read is how the decoder asks for what has come.
func (f *Inflow) Read(p []byte) (int, error) {
	for len(f.in) == 0 {
		if f.last {
			return 0, io.EOF
		}
		f.state = Hungry
		if !f.pause() {
			return 0, errClosed
		}
	}
	n := copy(p, f.in)
	f.in = f.in[n:]
	return n, nil
}
