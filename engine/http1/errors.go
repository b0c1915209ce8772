package http1

// Error is a refusal: the status to answer with, and a sentence that tells the client what to do instead. The
// connection must be closed after the answer, because what follows cannot be told apart from the refused message.
type Error struct {
	Status int
	Reason string
}

func (e *Error) Error() string { return e.Reason }

// Refusals of a request line.
var (
	ErrEmptyLine     = &Error{400, "send the request line first: at most one empty line may precede it"}
	ErrLineEnd       = &Error{400, "end every line with CR LF: neither may stand alone"}
	ErrRequestLine   = &Error{400, "send method, target and version, separated by single spaces"}
	ErrMethodTooLong = &Error{501, "use a method of at most 24 characters"}
	ErrConnect       = &Error{501, "do not use CONNECT: this server is not a proxy"}
	ErrTarget        = &Error{400, "percent-encode space, control, non-ASCII and \"#\" characters in the target"}
	ErrTargetForm    = &Error{400, "start the target with \"/\", or with http:// or https:// and a host"}
	ErrAsterisk      = &Error{400, "use the target \"*\" with OPTIONS only"}
	ErrAuthority     = &Error{400, "name a valid host[:port] without user information in the target"}
	ErrTargetTooLong = &Error{414, "send a shorter target"}
	ErrVersion       = &Error{400, "end the request line with HTTP/1.1 or HTTP/1.0"}
	ErrVersionMajor  = &Error{505, "use HTTP/1.1"}
)

// Refusals of fields.
var (
	ErrHeadTooLarge   = &Error{431, "send a shorter head"}
	ErrTooManyFields  = &Error{431, "send fewer header fields"}
	ErrFieldName      = &Error{400, "begin every field line with a token and a colon, without white space between them"}
	ErrFieldFold      = &Error{400, "write every field on one line: do not begin a line with white space"}
	ErrFieldValue     = &Error{400, "leave control characters out of field values"}
	ErrHostMissing    = &Error{400, "send a Host field"}
	ErrHostTwice      = &Error{400, "send one Host field only"}
	ErrHost           = &Error{400, "send a valid host[:port] in the Host field"}
	ErrLength         = &Error{400, "send one decimal number below 2^63 in Content-Length"}
	ErrLengthTwice    = &Error{400, "send one Content-Length field only"}
	ErrLengthAndCoded = &Error{400, "send either Content-Length or Transfer-Encoding, not both"}
	ErrCoding         = &Error{400, "send one Transfer-Encoding field with the value \"chunked\""}
	ErrCodingVersion  = &Error{400, "use HTTP/1.1 to send Transfer-Encoding"}
	ErrExpectation    = &Error{417, "expect nothing but 100-continue"}
)

// Refusals of chunked bodies.
var (
	ErrChunkSize       = &Error{400, "begin every chunk with its size in hexadecimal digits and CR LF"}
	ErrChunkTooLarge   = &Error{400, "send chunk sizes of at most 15 hexadecimal digits"}
	ErrChunkExtension  = &Error{400, "write chunk extensions as ;name, ;name=token or ;name=\"text\", without a space at the end"}
	ErrChunkLine       = &Error{400, "send chunk size lines of at most 256 bytes"}
	ErrChunkExcess     = &Error{400, "send more data in each chunk, or shorter chunk extensions"}
	ErrChunkEnd        = &Error{400, "send exactly as many bytes as the chunk size says, then CR LF"}
	ErrTrailer         = &Error{400, "write trailer fields like header fields, and an empty line behind them"}
	ErrTrailerTooLarge = &Error{431, "send a shorter trailer section"}
	ErrTooManyTrailers = &Error{431, "send fewer trailer fields"}
)

// Refusals of a path.
var (
	ErrEscape  = &Error{400, "follow every \"%\" in the path with two hexadecimal digits"}
	ErrPathNUL = &Error{400, "leave %00 out of the path"}
)
