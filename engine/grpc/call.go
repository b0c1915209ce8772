package grpc

// What the head of a request says of a call.

const contentType = "application/grpc"

// isType reports whether a Content-Type is typ, or that with something behind it. What others have in front of the same name is not.
func isType(value []byte, typ string) bool {
	if len(value) < len(typ) {
		return false
	}
	for i := range typ {
		c := value[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != typ[i] {
			return false
		}
	}
	rest := value[len(typ):]
	return len(rest) == 0 || rest[0] == '+' || rest[0] == ';' || rest[0] == ' ' || rest[0] == '\t'
}

// maxTimeoutDigits is how many digits a timeout can have.
const maxTimeoutDigits = 8

// ParseTimeout reads the value of a grpc-timeout field, in nanoseconds. One beyond what an int64 holds is as good as none, and gives the
// largest. false: it is malformed.
func ParseTimeout(value []byte) (ns int64, ok bool) {
	digits := len(value) - 1
	if digits < 1 || digits > maxTimeoutDigits {
		return 0, false
	}
	for _, c := range value[:digits] {
		if c < '0' || c > '9' {
			return 0, false
		}
		ns = ns*10 + int64(c-'0')
	}
	unit := unitNs(value[digits])
	const most = 1<<63 - 1
	switch {
	case unit == 0:
		return 0, false
	case ns > most/unit:
		return most, true
	}
	return ns * unit, true
}

func unitNs(unit byte) int64 {
	switch unit {
	case 'n':
		return 1
	case 'u':
		return 1e3
	case 'm':
		return 1e6
	case 'S':
		return 1e9
	case 'M':
		return 60e9
	case 'H':
		return 3600e9
	}
	return 0
}
