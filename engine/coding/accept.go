package coding

import "libforker/engine/grammar"

// What clients take.

// Coding is a content coding.
type Coding int

// The codings, those that make it smaller before the others.
const (
	Brotli Coding = iota
	Zstd
	Gzip
	Identity // As it is.
)

// Count is how many codings there are that compress.
const Count = int(Identity)

var names = [Count]string{"br", "zstd", "gzip"}

// String returns a coding's name in Content-Encoding.
func (c Coding) String() string {
	if c == Identity {
		return "identity"
	}
	return names[c]
}

// unsaid is the quality of a coding that no field names.
const unsaid = -1

// Accept is how much a client likes each coding, in thousandths, as its Accept-Encoding fields say (RFC 9110 §12.5.3).
type Accept struct {
	quality [Count + 1]int
	rest    int // Of those that are not named.
}

// NewAccept is that of a client that says nothing.
func NewAccept() (a Accept) {
	for c := range a.quality {
		a.quality[c] = unsaid
	}
	a.rest = unsaid
	return a
}

// Add reads a field. What is malformed in it is passed over.
func (a *Accept) Add(value []byte) {
	for len(value) > 0 {
		var name []byte
		var quality int
		name, quality, value = grammar.Weighted(value)
		if quality < 0 {
			continue
		}
		switch {
		case string(name) == "*":
			a.rest = quality
		case grammar.EqualFold(name, "identity"):
			a.quality[Identity] = quality
		case grammar.EqualFold(name, "x-gzip"): // RFC 9110 §8.4.1.3
			a.quality[Gzip] = quality
		default:
			for c := range names {
				if grammar.EqualFold(name, names[c]) {
					a.quality[c] = quality
				}
			}
		}
	}
}

// Quality returns how much the client likes a coding; 0: it does not take it, or has not said that it does.
func (a *Accept) Quality(c Coding) int {
	if q := a.quality[c]; q != unsaid {
		return q
	}
	return max(a.rest, 0)
}

// Best returns which of some codings the client likes best, the first of several that it likes the same, or Identity if it
// likes none, or that better.
func (a *Accept) Best(codings []Coding) Coding {
	best, most := Identity, 0
	for _, c := range codings {
		if q := a.Quality(c); q > most {
			best, most = c, q
		}
	}
	if a.Quality(Identity) > most {
		return Identity
	}
	return best
}
