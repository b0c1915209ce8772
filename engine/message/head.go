package message

// A head as spans of the text that it came as.

// Span is a piece of a head: an offset from its first byte, and a length. It is fk_span in capi/exchange/exchange.h.
type Span struct {
	Off uint32
	Len uint32
}

// In returns the bytes of the span, b being what the span counts from. Appending to the result never writes into b.
func (s Span) In(b []byte) []byte {
	end := s.Off + s.Len
	return b[s.Off:end:end]
}

// Field is a header field as it came, the value without surrounding white space; but the value of Host is the authority
// of the target where that has one, and lies in it.
type Field struct {
	Name  Span
	Value Span
}

// MaxFields is the room for fields in a Head, whatever Limits.Fields says.
const MaxFields = 256

// Forms of the request target (RFC 9112 §3.2). The authority-form belongs to CONNECT, which is answered 501.
const (
	FormOrigin   uint8 = iota // "/path?query"
	FormAbsolute              // "http://host/path?query"
	FormAsterisk              // "*", only with OPTIONS
)

// Versions of HTTP: ten times the major number, and the minor one. They are what forker_request_version() returns.
const (
	Version10 uint8 = 10
	Version11 uint8 = 11
	Version20 uint8 = 20
)

// Head is what a request's head says. Its layout is that of fk_head in capi/exchange/exchange.h.
//
// Behind every span stands a byte of the head which belongs to no token: a separator, white space or CR. A span that is
// absent or empty keeps that promise. Two spans can share bytes or meet at a separator: Path and Query lie in Target,
// and in absolute-form so does Host, with the first byte of Path behind it.
type Head struct {
	Method Span
	Target Span
	Path   Span // Raw. Empty only in absolute-form, where it means "/" (RFC 9110 §4.2.3); "*" in asterisk-form.
	Query  Span // Raw, without "?".
	Host   Span // Of an absolute-form target (RFC 9112 §3.2.2), else the Host field; empty: 1.0 without one.

	ContentLength int64 // -1: none given.

	Form           uint8
	Version        uint8 // One of the versions above; also that of minor versions above 1.1 (RFC 9110 §2.5).
	KeepAlive      uint8 // These are 0 or 1, like a C bool.
	Chunked        uint8
	ExpectContinue uint8
	HasQuery       uint8 // Tells "/a?" from "/a".
	PlainPath      uint8 // Path begins with "/" and has neither "%" nor ".": decoding would change nothing.

	FieldCount   uint16
	TrailerCount uint16
	Fields       [MaxFields]Field // FieldCount of the head, then TrailerCount of the trailer section; the others are not set.
}

// Reset clears what a request may leave unset. Fields is 4 KiB and is counted, so it stays.
func (h *Head) Reset() {
	h.Method, h.Target, h.Path, h.Query, h.Host = Span{}, Span{}, Span{}, Span{}, Span{}
	h.ContentLength = -1
	h.Form, h.Version, h.KeepAlive = 0, 0, 0
	h.Chunked, h.ExpectContinue, h.HasQuery, h.PlainPath = 0, 0, 0, 0
	h.FieldCount, h.TrailerCount = 0, 0
}

// CopyTo makes other the same head, but for what it has of a trailer section.
func (h *Head) CopyTo(other *Head) {
	other.Method, other.Target, other.Path, other.Query, other.Host = h.Method, h.Target, h.Path, h.Query, h.Host
	other.ContentLength = h.ContentLength
	other.Form, other.Version, other.KeepAlive, other.Chunked = h.Form, h.Version, h.KeepAlive, h.Chunked
	other.ExpectContinue, other.HasQuery, other.PlainPath = h.ExpectContinue, h.HasQuery, h.PlainPath
	other.FieldCount, other.TrailerCount = h.FieldCount, 0
	copy(other.Fields[:h.FieldCount], h.Fields[:])
}

// Limits bounds a head.
type Limits struct {
	Head   int // Bytes from the first one to the empty line's LF, both included. At least 64.
	Target int // Bytes of the request target.
	Fields int // Number of fields; more than MaxFields means MaxFields.
}
