package grammar

// Which fields are none of a trailer section.

// forbiddenInTrailer are the fields of RFC 9110 §6.5.1: those for framing and routing, connection, request modifiers,
// authentication, and what says how to read the content.
var forbiddenInTrailer = [...]string{
	"content-length", "transfer-encoding", "trailer", "host",
	"connection", "keep-alive", "proxy-connection", "te", "upgrade",
	"cache-control", "expect", "max-forwards", "pragma", "range",
	"if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range",
	"authorization", "proxy-authorization", "cookie",
	"content-encoding", "content-type", "content-range",
}

// IsForbiddenInTrailer reports whether a field has no place in a trailer section (RFC 9110 §6.5.1). name is a token.
func IsForbiddenInTrailer(name []byte) bool {
	for _, forbidden := range &forbiddenInTrailer {
		if EqualFold(name, forbidden) {
			return true
		}
	}
	return false
}
