package prefork

import "errors"

// Why a master fails.

var (
	// ErrSpawnerGone is what Run gives when the spawner's end of the channel is closed: there is nobody left to serve.
	ErrSpawnerGone = errors.New("the spawner is gone")

	// ErrProtocol is wrapped when the spawner says what it must not. A new master gets the state handed over afresh.
	ErrProtocol = errors.New("the spawner broke the control protocol")

	// ErrNotReady is wrapped, with the reason, when Run gave up because no worker ever became ready.
	ErrNotReady = errors.New("no worker became ready")

	// ErrRestarts is wrapped, with the reason, when Run gave up because workers died too often.
	ErrRestarts = errors.New("workers die too often")

	// errUnexpected is wrapped when a worker sends what is not its to say.
	errUnexpected = errors.New("unexpected control message")
)
