package credential

import (
	"bytes"
	"encoding/base64"

	"libforker/engine/grammar"
)

// Name and password as clients send them (RFC 7617).

// basicMost is how long they can be together, with the colon between.
const basicMost = NameMost + 1 + passwordMost

// ReadBasic reads the value of an Authorization field, and returns name and password in the room. false: it has none that
// could be a user's.
func ReadBasic(value []byte, room *[basicMost + 2]byte) (name, password []byte, ok bool) {
	scheme, coded, _ := bytes.Cut(value, []byte{' '})
	coded = bytes.TrimLeft(coded, " ")
	if !grammar.EqualFold(scheme, "basic") || base64.StdEncoding.DecodedLen(len(coded)) > len(room) {
		return nil, nil, false
	}
	n, err := base64.StdEncoding.Strict().Decode(room[:], coded)
	if err != nil {
		return nil, nil, false
	}
	name, password, found := bytes.Cut(room[:n], []byte{':'})
	if !found || len(name) == 0 || len(name) > NameMost || len(password) > passwordMost {
		return nil, nil, false
	}
	for _, c := range room[:n] {
		if c < ' ' || c == 0x7f {
			return nil, nil, false
		}
	}
	return name, password, true
}

// BasicRoom is room for ReadBasic.
type BasicRoom = [basicMost + 2]byte
