package http2

import "libforker/engine/message"

// What is wrong with a client's frames, and with its requests.

// Code says why a stream or a connection ends (RFC 9113 §7).
type Code uint32

// The codes.
const (
	NoError            Code = 0x0
	ProtocolError      Code = 0x1
	InternalError      Code = 0x2
	FlowControlError   Code = 0x3
	SettingsTimeout    Code = 0x4
	StreamClosed       Code = 0x5
	FrameSizeError     Code = 0x6
	RefusedStream      Code = 0x7
	Cancel             Code = 0x8
	CompressionError   Code = 0x9
	ConnectError       Code = 0xa
	EnhanceYourCalm    Code = 0xb
	InadequateSecurity Code = 0xc
	HTTP11Required     Code = 0xd
)

// Fault is why a connection ends: the code of its GOAWAY frame, and a sentence that goes out as the debug data of that.
type Fault struct {
	Code   Code
	Reason string
}

func (f *Fault) Error() string { return f.Reason }

func fault(code Code, reason string) *Fault { return &Fault{code, reason} }

// Faults of frames.
var (
	ErrPreface       = fault(ProtocolError, "begin with the connection preface and a SETTINGS frame")
	ErrFrameTooLarge = fault(FrameSizeError, "send frames of at most 16384 bytes")
	ErrFrameSize     = fault(FrameSizeError, "a frame has not the size of its type")
	ErrPadding       = fault(ProtocolError, "pad frames with less than their payload")
	ErrOnStream      = fault(ProtocolError, "send frames about the connection on stream 0")
	ErrOnConnection  = fault(ProtocolError, "do not send frames about a stream on stream 0")
	ErrPush          = fault(ProtocolError, "a client does not push")
	ErrIdle          = fault(ProtocolError, "open a stream by HEADERS first")
	ErrStreamID      = fault(ProtocolError, "open streams with odd numbers, each greater than the last")
	ErrClosed        = fault(StreamClosed, "do not send HEADERS on a stream that has ended")
	ErrContinuation  = fault(ProtocolError, "send nothing between HEADERS and its CONTINUATION frames, and those nowhere else")
	ErrSetting       = fault(ProtocolError, "a setting has a value that it cannot have")
	ErrSettingWindow = fault(FlowControlError, "an initial window has at most 2147483647 bytes")
	ErrWindow        = fault(FlowControlError, "a window has at most 2147483647 bytes")
	ErrIncrement     = fault(ProtocolError, "increase windows by more than 0")
	ErrOverrun       = fault(FlowControlError, "send no more than the connection's window")
	ErrDependency    = fault(ProtocolError, "a stream cannot depend on itself")
	ErrPriority      = fault(ProtocolError, "send PRIORITY_UPDATE about a stream that a client can open")
	ErrCompression   = fault(CompressionError, "a field section does not decode")
)

// Faults of clients that cost more than they are worth.
var (
	ErrResets        = fault(EnhanceYourCalm, "too many streams were reset")
	ErrUseless       = fault(EnhanceYourCalm, "too many frames without a request or a body")
	ErrUnread        = fault(EnhanceYourCalm, "read what is sent before asking for more")
	ErrContinuations = fault(EnhanceYourCalm, "send shorter field sections")
)

// refuse makes one of those below. Without a status there is no response: the stream is reset with ProtocolError, because the request
// is malformed (RFC 9113 §8.1.1).
func refuse(status int, reason string) *message.Refusal {
	return &message.Refusal{Status: status, Reason: reason}
}

// Refusals of requests.
var (
	ErrPseudo        = refuse(0, "send :method, :scheme, :path and :authority before other fields, each once and no others")
	ErrPseudoMissing = refuse(0, "send :method, :scheme and :path")
	ErrFieldName     = refuse(0, "send field names that are tokens in lower case")
	ErrFieldValue    = refuse(0, "leave control characters out of field values, and white space out of their ends")
	ErrConnection    = refuse(0, "do not send fields about the connection, nor TE other than trailers")
	ErrPath          = refuse(0, "start :path with \"/\", or send \"*\" with OPTIONS")
	ErrTarget        = refuse(0, "percent-encode space, control, non-ASCII and \"#\" characters in :path")
	ErrMethod        = refuse(0, "send a token as :method")
	ErrLength        = refuse(0, "send one content-length at most: a decimal number below 2^63")
	ErrLengthDiffers = refuse(0, "send as many bytes of content as content-length says")
	ErrHostTwice     = refuse(0, "send one host only, and the same as :authority")
	ErrUndecoded     = refuse(0, "send field sections that decode")
	ErrTrailer       = refuse(0, "end the stream with the trailer section, which has no pseudo-fields")

	ErrScheme        = refuse(400, "send http or https as :scheme")
	ErrHost          = refuse(400, "send a valid host[:port] without user information in :authority or host")
	ErrHostMissing   = refuse(400, "send :authority or a host field")
	ErrTargetTooLong = refuse(414, "send a shorter target")
	ErrExpectation   = refuse(417, "expect nothing but 100-continue")
	ErrHeadTooLarge  = refuse(431, "send a shorter head")
	ErrTooManyFields = refuse(431, "send fewer header fields")
	ErrMethodTooLong = refuse(501, "use a method of at most 24 characters")
	ErrConnect       = refuse(501, "do not use CONNECT: this server is not a proxy")
)
