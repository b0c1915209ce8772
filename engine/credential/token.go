package credential

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
)

// Tokens by which pages of this server are told from those of others. A browser has a secret in a signed cookie, which no other
// site can read; what it sends must have a token that shows the same secret. In a token that is masked by as many random bytes, anew
// each time, so that compression cannot tell what stays the same (BREACH).

const secretSize = 32

// How many characters there are of each, by base64 without padding: 4 for 3 bytes.
const (
	SignatureSize   = (sha256.Size*4 + 2) / 3
	TokenSize       = (2*secretSize*4 + 2) / 3
	shownSize       = (secretSize*4 + 2) / 3 // Of a secret in its cookie.
	TokenCookieSize = shownSize + 1 + SignatureSize
)

var encoding = base64.RawURLEncoding.Strict()

// Sign appends the signature of a text: characters that may stand in a cookie.
func Sign(b []byte, key string, text []byte) []byte {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(text)
	return encoding.AppendEncode(b, mac.Sum(nil))
}

// IsSigned reports whether this is the signature of a text by one of the keys. Each is compared in the same time, wherever it
// differs.
func IsSigned(keys []string, text, signature []byte) bool {
	good := false
	for _, key := range keys {
		if hmac.Equal(Sign(nil, key, text), signature) {
			good = true
		}
	}
	return good
}

// Secret is what a browser has in its cookie.
type Secret [secretSize]byte

// NewSecret makes one.
func NewSecret() Secret {
	var s Secret
	_, _ = rand.Read(s[:]) // It never fails.
	return s
}

// Cookie is the value of the cookie with that name: it is signed for no other one.
func (s *Secret) Cookie(name, key string) []byte {
	value := encoding.AppendEncode(nil, s[:])
	signature := Sign(nil, key, append([]byte(name+"="), value...))
	return append(append(value, '.'), signature...)
}

// OfCookie gives the secret that the cookie with that name has. false: it is not signed by one of the keys.
func OfCookie(keys []string, name string, value []byte) (s Secret, ok bool) {
	if len(value) != TokenCookieSize || value[shownSize] != '.' {
		return s, false
	}
	shown, signature := value[:shownSize], value[shownSize+1:]
	if !IsSigned(keys, append([]byte(name+"="), shown...), signature) {
		return s, false
	}
	_, err := encoding.Decode(s[:], shown)
	return s, err == nil
}

// Token shows the secret, masked.
func (s *Secret) Token() []byte {
	var both [2 * secretSize]byte
	_, _ = rand.Read(both[:secretSize])
	subtle.XORBytes(both[secretSize:], both[:secretSize], s[:])
	return encoding.AppendEncode(nil, both[:])
}

// Fits reports whether a token shows the secret, in a time that does not tell how much of it does.
func (s *Secret) Fits(token []byte) bool {
	var both [2 * secretSize]byte
	if len(token) != TokenSize {
		return false
	}
	if _, err := encoding.Decode(both[:], token); err != nil {
		return false
	}
	subtle.XORBytes(both[secretSize:], both[:secretSize], both[secretSize:])
	return subtle.ConstantTimeCompare(both[secretSize:], s[:]) == 1
}
