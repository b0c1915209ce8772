package grammar

import "math"

// Lengths: of methods, and those that Content-Length gives.

// MaxMethod is longer than any registered method (the longest is UPDATEREDIRECTREF, RFC 4437).
const MaxMethod = 24

// Length reads the value of a Content-Length field: decimal digits, of a number below 2^63. Leading zeros are digits like any other.
func Length(value []byte) (n int64, ok bool) {
	for _, c := range value {
		d := int64(c) - '0'
		if d < 0 || d > 9 || n > (math.MaxInt64-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, len(value) > 0
}
