package gate

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	mathrand "math/rand/v2"

	"libforker/engine/grammar"
	"libforker/engine/message"
)

// Ids of requests, by which they are found in the logs of several servers.

// IDMost is how long an id can be.
const IDMost = 64

// madeBytes is how many random bytes are in one that is made here.
const madeBytes = 16

// IDs makes ids. They are random, but no secrets.
type IDs struct {
	source *mathrand.ChaCha8
}

// NewIDs begins with a seed that no other process has.
func NewIDs() *IDs {
	var seed [32]byte
	_, _ = rand.Read(seed[:]) // It never fails.
	return &IDs{mathrand.NewChaCha8(seed)}
}

// Make writes an id, and returns its length.
func (g *IDs) Make(id *[IDMost]byte) int {
	var random [madeBytes]byte
	_, _ = g.source.Read(random[:]) // It never fails.
	return hex.Encode(id[:], random[:])
}

// FindID gives the id that a head brings; nil: none, or several, or one that is not safe to be put into a log line.
func FindID(head *message.Head, text []byte) (id []byte) {
	for i := range head.Fields[:head.FieldCount] {
		field := &head.Fields[i]
		if !grammar.EqualFold(field.Name.In(text), "x-request-id") {
			continue
		}
		if id != nil {
			return nil
		}
		id = field.Value.In(text)
	}
	if len(id) == 0 || len(id) > IDMost {
		return nil
	}
	for _, c := range id {
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || bytes.IndexByte([]byte("-._~:+/="), c) >= 0 {
			continue
		}
		return nil
	}
	return id
}
