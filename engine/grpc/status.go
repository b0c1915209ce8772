package grpc

// The status that a call ends with: codes, their translation from those of HTTP, and how they are written.

// Code is the status that a call ends with.
type Code uint8

// The codes of gRPC.
const (
	OK Code = iota
	Cancelled
	Unknown
	InvalidArgument
	DeadlineExceeded
	NotFound
	AlreadyExists
	PermissionDenied
	ResourceExhausted
	FailedPrecondition
	Aborted
	OutOfRange
	Unimplemented
	Internal
	Unavailable
	DataLoss
	Unauthenticated
)

// MaxCode is the largest code.
const MaxCode = Unauthenticated

// Fault is what is wrong with a call, as its client is told.
type Fault struct {
	Code Code
	Text string
}

func (f *Fault) Error() string { return f.Text }

// The faults of messages.
var (
	ErrNoMessage = &Fault{Unimplemented, "the call has no message, where the method takes one"}
	ErrSecond    = &Fault{Unimplemented, "the call has more than one message, where the method takes one"}
	ErrCutShort  = &Fault{Internal, "the call ends in the middle of a message"}
	ErrPrefix    = &Fault{Internal, "the prefix of a message is malformed"}
	ErrTooLarge  = &Fault{ResourceExhausted, "a message is larger than option grpc_max_message"}
	ErrBroken    = &Fault{Internal, "a compressed message is malformed"}
	ErrText      = &Fault{Internal, "the body is not base64"}
	ErrFlag      = &Fault{Internal, "a message is said to be compressed, but there is no grpc-encoding"}
)

// OfHTTP returns the code of what HTTP calls by a status of 400 or more.
func OfHTTP(status int) Code {
	switch status {
	case 400, 500:
		return Internal
	case 401:
		return Unauthenticated
	case 403:
		return PermissionDenied
	case 404, 405, 501, 505:
		return Unimplemented
	case 408, 504:
		return DeadlineExceeded
	case 413, 431, 507:
		return ResourceExhausted
	case 429, 502, 503:
		return Unavailable
	}
	return Unknown
}

// AppendCode appends a code as the field grpc-status has it.
func AppendCode(out []byte, code Code) []byte {
	if code >= 10 {
		out = append(out, '0'+byte(code)/10)
	}
	return append(out, '0'+byte(code)%10)
}

// AppendText appends a text as the field grpc-message has it: percent-encoded, but for visible ASCII characters and space. One at
// an end is encoded too, where a field may have none (RFC 9113 §8.2.1).
func AppendText(out []byte, text []byte) []byte {
	const digits = "0123456789ABCDEF"
	for i, c := range text {
		atEnd := i == 0 || i == len(text)-1
		if c >= ' ' && c <= '~' && c != '%' && (c != ' ' || !atEnd) {
			out = append(out, c)
		} else {
			out = append(out, '%', digits[c>>4], digits[c&15])
		}
	}
	return out
}
