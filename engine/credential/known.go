package credential

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// Credentials that were right: a hash that takes long to compute is computed once, and not for each request.

// Digest stands for a name with a password, of one file.
type Digest [sha256.Size]byte

// knownMost is how many of them are remembered, at most twice as many.
const knownMost = 1024

// Known remembers those that were right of late. What was not asked for while as many others were is forgotten.
type Known struct {
	mac        hash.Hash // Under a key of this process, which is not written anywhere.
	now, since map[Digest]struct{}
}

// NewKnown begins with nothing.
func NewKnown() *Known {
	var key [sha256.Size]byte
	_, _ = rand.Read(key[:]) // It never fails.
	return &Known{mac: hmac.New(sha256.New, key[:]), now: map[Digest]struct{}{}}
}

// Digest returns what stands for a name and a password.
func (k *Known) Digest(u *Users, name, password []byte) (d Digest) {
	var head [8]byte
	binary.LittleEndian.PutUint32(head[:], u.number)
	binary.LittleEndian.PutUint32(head[4:], uint32(len(name)))
	k.mac.Reset()
	k.mac.Write(head[:])
	k.mac.Write(name)
	k.mac.Write(password)
	k.mac.Sum(d[:0])
	return d
}

// Has reports whether they were right.
func (k *Known) Has(d Digest) bool {
	if _, is := k.now[d]; is {
		return true
	}
	_, was := k.since[d]
	if was {
		k.Add(d)
	}
	return was
}

// Add takes in that they were right.
func (k *Known) Add(d Digest) {
	if len(k.now) >= knownMost {
		k.since, k.now = k.now, make(map[Digest]struct{}, knownMost)
	}
	k.now[d] = struct{}{}
}
