package grammar

import "encoding/binary"

// Which bytes may stand where.

// Classes of bytes, bits of a byte of Class.
const (
	Token   uint8 = 1 << iota // tchar, RFC 9110 §5.6.2
	Target                    // allowed in a request target
	Path                      // the same without "?"
	Value                     // HTAB, SP, VCHAR and obs-text, RFC 9110 §5.5
	RegName                   // reg-name without pct-encoded and ",", RFC 3986 §3.2.2
	Hex                       // HEXDIG in either case
	Special                   // what decoding a path looks for: "%" and "."
)

// Class holds the classes of every byte. It is only read.
//
// A target is refused for controls, space, DEL, "#" and everything beyond ASCII. RFC 3986 would have more characters
// escaped (`"`, `<`, `>`, `\`, `^`, a backquote, `{`, `|`, `}`, `[` and `]`), but browsers and curl send several of
// those as they are, and none of them ends a target or can be taken for a separator of the request line. "#" begins a
// fragment, which is never sent (RFC 9110 §4.2.5): some readers would cut the target there.
var Class = makeClasses()

func makeClasses() (t [256]uint8) {
	for c := range 256 {
		if c == '\t' || c >= ' ' && c != 0x7f {
			t[c] |= Value
		}
		if c > ' ' && c < 0x7f && c != '#' {
			t[c] |= Target
			if c != '?' {
				t[c] |= Path
			}
		}
		alnum := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if alnum {
			t[c] |= Token | RegName
		}
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' {
			t[c] |= Hex
		}
	}
	for _, c := range []byte("!#$%&'*+-.^_`|~") {
		t[c] |= Token
	}
	for _, c := range []byte("-._~!$&'()*+;=") {
		t[c] |= RegName
	}
	t['%'] |= Special
	t['.'] |= Special
	return t
}

// ValidValue reports whether v may stand in a field value. Values are the bulk of a head, so eight bytes are judged at
// a time. If there is a control, the table decides, so that HTAB passes.
func ValidValue(v []byte) bool {
	for ; len(v) >= 8; v = v[8:] {
		if Controls(binary.LittleEndian.Uint64(v)) != 0 && !AllInClass(v[:8], Value) {
			return false
		}
	}
	return AllInClass(v, Value)
}

// Controls has a high bit for each byte of w that is below 0x20 or equal to 0x7f, and perhaps for a byte above such a
// one.
func Controls(w uint64) uint64 {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	del := w ^ ones*0x7f
	return ((w-ones*0x20)&^w | (del-ones)&^del) & highs
}

// Prefix returns how many bytes at the beginning of b are of a class.
func Prefix(b []byte, bit uint8) int {
	for i, c := range b {
		if Class[c]&bit == 0 {
			return i
		}
	}
	return len(b)
}

// AllInClass reports whether all bytes of b are of a class.
func AllInClass(b []byte, bit uint8) bool { return Prefix(b, bit) == len(b) }

// EqualFold compares b with a text in lower case that contains letters, digits, "-", ":" and "/" only. b must not
// contain controls: setting bit 5 maps some of those to the characters which it leaves alone.
func EqualFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if c|0x20 != lower[i] {
			return false
		}
	}
	return true
}

// IsToken reports whether b is a token (RFC 9110 §5.6.2).
func IsToken(b string) bool {
	for i := range len(b) {
		if Class[b[i]]&Token == 0 {
			return false
		}
	}
	return b != ""
}

// IsBlank reports whether c is white space within a line (OWS, RFC 9110 §5.6.3).
func IsBlank(c byte) bool { return c == ' ' || c == '\t' }

// Unhex returns the value of a hexadecimal digit, 0xff for any other byte.
func Unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 0xff
}

// IsDigit reports whether c is a decimal digit.
func IsDigit(c byte) bool { return c >= '0' && c <= '9' }
