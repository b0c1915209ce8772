package http1

import "libforker/engine/message"

// Every refusal of the parser: its status, and what the client should do instead.

// refuse makes one of those below. After it the connection must be closed, because what follows cannot be told apart from the refused message.
func refuse(status int, reason string) *message.Refusal {
	return &message.Refusal{Status: status, Reason: reason}
}

// Refusals of a request line.
var (
	ErrEmptyLine     = refuse(400, "send the request line first: at most one empty line may precede it")
	ErrLineEnd       = refuse(400, "end every line with CR LF: neither may stand alone")
	ErrRequestLine   = refuse(400, "send method, target and version, separated by single spaces")
	ErrMethodTooLong = refuse(501, "use a method of at most 24 characters")
	ErrConnect       = refuse(501, "do not use CONNECT: this server is not a proxy")
	ErrTarget        = refuse(400, "percent-encode space, control, non-ASCII and \"#\" characters in the target")
	ErrTargetForm    = refuse(400, "start the target with \"/\", or with http:// or https:// and a host")
	ErrAsterisk      = refuse(400, "use the target \"*\" with OPTIONS only")
	ErrAuthority     = refuse(400, "name a valid host[:port] without user information in the target")
	ErrTargetTooLong = refuse(414, "send a shorter target")
	ErrVersion       = refuse(400, "end the request line with HTTP/1.1 or HTTP/1.0")
	ErrVersionMajor  = refuse(505, "use HTTP/1.1")
)

// Refusals of fields.
var (
	ErrHeadTooLarge   = refuse(431, "send a shorter head")
	ErrTooManyFields  = refuse(431, "send fewer header fields")
	ErrFieldName      = refuse(400, "begin every field line with a token and a colon, without white space between them")
	ErrFieldFold      = refuse(400, "write every field on one line: do not begin a line with white space")
	ErrFieldValue     = refuse(400, "leave control characters out of field values")
	ErrHostMissing    = refuse(400, "send a Host field")
	ErrHostTwice      = refuse(400, "send one Host field only")
	ErrHost           = refuse(400, "send a valid host[:port] in the Host field")
	ErrLength         = refuse(400, "send one decimal number below 2^63 in Content-Length")
	ErrLengthTwice    = refuse(400, "send one Content-Length field only")
	ErrLengthAndCoded = refuse(400, "send either Content-Length or Transfer-Encoding, not both")
	ErrCoding         = refuse(400, "send one Transfer-Encoding field with the value \"chunked\"")
	ErrCodingVersion  = refuse(400, "use HTTP/1.1 to send Transfer-Encoding")
	ErrExpectation    = refuse(417, "expect nothing but 100-continue")
)

// Refusals of chunked bodies.
var (
	ErrChunkSize       = refuse(400, "begin every chunk with its size in hexadecimal digits and CR LF")
	ErrChunkTooLarge   = refuse(400, "send chunk sizes of at most 15 hexadecimal digits")
	ErrChunkExtension  = refuse(400, "write chunk extensions as ;name, ;name=token or ;name=\"text\", without a space at the end")
	ErrChunkLine       = refuse(400, "send chunk size lines of at most 256 bytes")
	ErrChunkExcess     = refuse(400, "send more data in each chunk, or shorter chunk extensions")
	ErrChunkEnd        = refuse(400, "send exactly as many bytes as the chunk size says, then CR LF")
	ErrTrailer         = refuse(400, "write trailer fields like header fields, and an empty line behind them")
	ErrTrailerTooLarge = refuse(431, "send a shorter trailer section")
	ErrTooManyTrailers = refuse(431, "send fewer trailer fields")
)

// Refusals of a path.
var (
	ErrEscape  = refuse(400, "follow every \"%\" in the path with two hexadecimal digits")
	ErrPathNUL = refuse(400, "leave %00 out of the path")
)
