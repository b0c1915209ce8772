package credential

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"

	"github.com/go-crypt/x/crypt"
	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// Hashes of passwords, as htpasswd(1), mkpasswd(1) and argon2(1) write them.

// hashed is the hash of a password.
type hashed interface {
	// matches reports whether a password has this hash. It takes as long for one that does not.
	matches(password []byte) bool
}

// What a hash may cost at most: more holds up all others that log in.
const (
	bcryptMost = 16      // 2^16 rounds are some seconds.
	memoryMost = 1 << 20 // KiB.
	timeMost   = 64
	lanesMost  = 16
	roundsMost = 10_000_000
)

// passwordMost is how long a password can be. One that is longer is no user's: the time of SHA-crypt grows with the
// square of the length.
const passwordMost = 256

var (
	errUnsafeHash = errors.New("the hash is one that is too quick to compute (MD5, SHA-1, DES, or none): make it by bcrypt, as htpasswd -B does")
	errHash       = errors.New("the hash is malformed")
)

// parseHash reads a hash.
func parseHash(text string) (hashed, error) {
	kind, rest, found := strings.Cut(strings.TrimPrefix(text, "$"), "$")
	if !strings.HasPrefix(text, "$") || !found {
		return nil, errUnsafeHash
	}
	switch kind {
	case "2a", "2b", "2y":
		return parseBcrypt(text)
	case "argon2i", "argon2id":
		return parseArgon2(kind, rest)
	case "5":
		return parseSHACrypt(rest, sha256.New, 43)
	case "6":
		return parseSHACrypt(rest, sha512.New, 86)
	case "apr1", "1":
		return nil, errUnsafeHash
	}
	return nil, fmt.Errorf("the hash is of the kind $%s$, which is not known: bcrypt, argon2id, argon2i, SHA-256-crypt and SHA-512-crypt are", printable(kind))
}

// printable is the beginning of a text, as it can stand in a sentence.
func printable(text string) string {
	quoted := strconv.QuoteToASCII(text[:min(len(text), 16)])
	return quoted[1 : len(quoted)-1]
}

// bcryptHash is such as $2y$10$....
type bcryptHash string

const bcryptLen = 60

func parseBcrypt(text string) (hashed, error) {
	cost, err := bcrypt.Cost([]byte(text))
	if err != nil || len(text) != bcryptLen || !isOf(text[7:], cryptAlphabet) {
		return nil, errHash
	}
	if cost > bcryptMost {
		return nil, fmt.Errorf("the hash costs 2^%d rounds, and %d is the most", cost, bcryptMost)
	}
	return bcryptHash(text), nil
}

func (h bcryptHash) matches(password []byte) bool {
	return bcrypt.CompareHashAndPassword([]byte(h), password) == nil
}

// cryptAlphabet is that of crypt(3), in the order of no certain one of its codings.
const cryptAlphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

func isOf(text, alphabet string) bool {
	return strings.Trim(text, alphabet) == ""
}

// argon2Hash is such as $argon2id$v=19$m=65536,t=3,p=1$salt$key (the PHC string format).
type argon2Hash struct {
	derive       func(password, salt []byte, time, memory uint32, lanes uint8, size uint32) []byte
	salt, key    []byte
	time, memory uint32
	lanes        uint8
}

// parseArgon2 reads what stands behind the kind.
func parseArgon2(kind, rest string) (hashed, error) {
	parts := strings.Split(rest, "$")
	if len(parts) != 4 || parts[0] != "v=19" {
		return nil, errHash
	}
	h := &argon2Hash{derive: argon2.IDKey}
	if kind == "argon2i" {
		h.derive = argon2.Key
	}
	memory, times, found := strings.Cut(parts[1], ",")
	times, lanes, separated := strings.Cut(times, ",")
	m, hasM := number(memory, "m=", 8, memoryMost)
	t, hasT := number(times, "t=", 1, timeMost)
	p, hasP := number(lanes, "p=", 1, lanesMost)
	if !found || !separated || !hasM || !hasT || !hasP || m < 8*p {
		return nil, fmt.Errorf("%w, or costs more than m=%d,t=%d,p=%d", errHash, memoryMost, timeMost, lanesMost)
	}
	h.memory, h.time, h.lanes = uint32(m), uint32(t), uint8(p)
	var err, second error
	h.salt, err = base64.RawStdEncoding.Strict().DecodeString(parts[2])
	h.key, second = base64.RawStdEncoding.Strict().DecodeString(parts[3])
	if err != nil || second != nil || len(h.salt) < 8 || len(h.salt) > 64 || len(h.key) < 16 || len(h.key) > 64 {
		return nil, errHash
	}
	return h, nil
}

// number reads such as "m=65536".
func number(text, name string, least, most int) (n int, ok bool) {
	digits, found := strings.CutPrefix(text, name)
	n, err := strconv.Atoi(digits)
	return n, found && err == nil && n >= least && n <= most && strconv.Itoa(n) == digits
}

func (h *argon2Hash) matches(password []byte) bool {
	key := h.derive(password, h.salt, h.time, h.memory, h.lanes, uint32(len(h.key)))
	return subtle.ConstantTimeCompare(key, h.key) == 1
}

// shaHash is such as $6$rounds=10000$salt$key (https://www.akkadia.org/drepper/SHA-crypt.txt).
type shaHash struct {
	hash   func() hash.Hash
	rounds int
	salt   []byte
	key    []byte // As it is written.
}

const (
	roundsUsual = 5000
	roundsLeast = 1000
	saltMost    = 16
)

// parseSHACrypt reads what stands behind the kind.
func parseSHACrypt(rest string, hash func() hash.Hash, size int) (hashed, error) {
	h := &shaHash{hash: hash, rounds: roundsUsual}
	if strings.HasPrefix(rest, "rounds=") {
		rounds, behind, _ := strings.Cut(rest, "$")
		n, ok := number(rounds, "rounds=", roundsLeast, roundsMost)
		if !ok {
			return nil, fmt.Errorf("%w, or has other than %d to %d rounds", errHash, roundsLeast, roundsMost)
		}
		h.rounds, rest = n, behind
	}
	salt, key, found := strings.Cut(rest, "$")
	if !found || len(salt) > saltMost || len(key) != size || !isOf(key, cryptAlphabet) {
		return nil, errHash
	}
	h.salt, h.key = []byte(salt), []byte(key)
	return h, nil
}

func (h *shaHash) matches(password []byte) bool {
	return subtle.ConstantTimeCompare(crypt.KeySHACrypt(h.hash, password, h.salt, h.rounds), h.key) == 1
}
