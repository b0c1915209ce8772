package access

import (
	"bytes"
	"strconv"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"libforker/slot"
)

// The forms of a line: common, combined and JSON.

// Format says what a line looks like. The numbers are those of option access_log.
type Format int

// The formats.
const (
	Off Format = iota
	Common
	Combined // Common, and the fields Referer and User-Agent.
	JSON
)

// Entry is one request and what became of it.
type Entry struct {
	Peer    slot.Peer // Of the connection.
	Client  slot.Peer // Where the request is from; the same if there is no proxy that is trusted.
	Method  []byte    // nil: what came was no request.
	Target  []byte
	Version uint8 // Ten times the major number of HTTP, and the minor one.
	Status  int
	Bytes   int64 // Of the body.
	Took    time.Duration
	Host    []byte
	Referer []byte
	Agent   []byte
	ID      []byte   // nil: requests have none.
	Route   int32    // Its number in Config.Routes, and 1; 0: none was asked.
	Headers [][]byte // Of Log.Headers, in that order; nil: it has no such field.
	User    []byte   // nil: nobody has shown who they are.
	Traced  bool     // Client and Secure may be what a proxy says.
	Secure  bool     // The client speaks TLS, to this server or to a proxy.
}

const (
	commonTime = "[02/Jan/2006:15:04:05 -0700]"
	jsonTime   = "2006-01-02T15:04:05.000Z07:00"
)

// appendVersion appends a version of HTTP as "1.1".
func appendVersion(b []byte, version uint8) []byte {
	return append(b, '0'+version/10, '.', '0'+version%10)
}

// appendCommon appends a line of the Common or Combined Log Format. What is not printable ASCII, quotes and backslashes
// stand as \xHH.
func (l *Log) appendCommon(b []byte, e *Entry) []byte {
	b = appendHost(b, e.Client)
	b = appendUser(append(b, " - "...), e.User)
	b = append(append(b, ' '), l.stamp...)
	b = append(b, ` "`...)
	if e.Method == nil {
		b = append(b, '-')
	} else {
		b = appendEscaped(b, e.Method)
		b = appendEscaped(append(b, ' '), e.Target)
		b = appendVersion(append(b, " HTTP/"...), e.Version)
	}
	b = append(b, `" `...)
	b = strconv.AppendInt(b, int64(e.Status), 10)
	b = append(b, ' ')
	if e.Bytes > 0 {
		b = strconv.AppendInt(b, e.Bytes, 10)
	} else {
		b = append(b, '-')
	}
	if l.config.Format == Combined {
		b = appendQuoted(append(b, ' '), e.Referer)
		b = appendQuoted(append(b, ' '), e.Agent)
	}
	if len(e.ID) > 0 && !l.hasID {
		b = appendQuoted(append(b, ' '), e.ID)
	}
	return append(l.appendQuotedFields(b, e), '\n')
}

// appendHost appends the client's address without its port.
func appendHost(b []byte, p slot.Peer) []byte {
	switch p.Family {
	case unix.AF_INET, unix.AF_INET6:
		p.Port = 0
		b = p.AppendTo(b)
		b = b[:len(b)-len(":0")]
		if n := len(b); p.Family == unix.AF_INET6 && b[n-1] == ']' { // "[2001:db8::1]"
			start := n - 1
			for b[start] != '[' {
				start--
			}
			b = append(b[:start], b[start+1:n-1]...)
		}
		return b
	case unix.AF_UNIX:
		return append(b, "unix:"...)
	}
	return append(b, '-')
}

// appendUser appends the name of a user as one word.
func appendUser(b, name []byte) []byte {
	if len(name) == 0 {
		return append(b, '-')
	}
	for len(name) > 0 {
		word, rest, blank := bytes.Cut(name, []byte{' '})
		b = appendEscaped(b, word)
		if blank {
			b = append(b, `\x20`...)
		}
		name = rest
	}
	return b
}

func appendQuoted(b, text []byte) []byte {
	if len(text) == 0 {
		return append(b, `"-"`...)
	}
	return append(appendEscaped(append(b, '"'), text), '"')
}

const hexDigits = "0123456789ABCDEF"

func appendEscaped(b, text []byte) []byte {
	for _, c := range text {
		if c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			b = append(b, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
		} else {
			b = append(b, c)
		}
	}
	return b
}

// appendJSON appends a line of JSON.
func (l *Log) appendJSON(b []byte, e *Entry, now time.Time) []byte {
	b = append(b, `{"time":"`...)
	b = now.AppendFormat(b, jsonTime)
	b = append(b, `","worker":`...)
	b = strconv.AppendInt(b, int64(l.config.Worker), 10)
	b = append(b, `,"peer":"`...)
	b = e.Peer.AppendTo(b)
	b = append(b, `","method":`...)
	b = appendString(b, e.Method)
	b = append(b, `,"target":`...)
	b = appendString(b, e.Target)
	b = append(appendVersion(append(b, `,"version":"`...), e.Version), `","status":`...)
	b = strconv.AppendInt(b, int64(e.Status), 10)
	b = append(b, `,"bytes":`...)
	b = strconv.AppendInt(b, e.Bytes, 10)
	b = append(b, `,"seconds":`...)
	b = strconv.AppendFloat(b, e.Took.Seconds(), 'f', 6, 64)
	b = append(b, `,"host":`...)
	b = appendString(b, e.Host)
	b = append(b, `,"referer":`...)
	b = appendString(b, e.Referer)
	b = append(b, `,"user_agent":`...)
	b = appendString(b, e.Agent)
	if len(e.User) > 0 {
		b = appendString(append(b, `,"user":`...), e.User)
	}
	if e.Traced {
		if !l.hasClient {
			b = append(appendHost(append(b, `,"client":"`...), e.Client), '"')
		}
		b = append(appendScheme(append(b, `,"scheme":"`...), e.Secure), '"')
	}
	if len(e.ID) > 0 && !l.hasID {
		b = appendString(append(b, `,"request_id":`...), e.ID)
	}
	return append(l.appendJSONFields(b, e), "}\n"...)
}

func appendScheme(b []byte, secure bool) []byte {
	if secure {
		return append(b, "https"...)
	}
	return append(b, "http"...)
}

// appendString appends a JSON string (RFC 8259 §7). Bytes that are not UTF-8 become U+FFFD, as the standard library
// does it.
func appendString(b, text []byte) []byte {
	b = append(b, '"')
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c == 0x7f:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		case c < utf8.RuneSelf:
			b = append(b, c)
		default:
			r, size := utf8.DecodeRune(text[i:])
			if steers(r) {
				b = append(b, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
			} else {
				b = utf8.AppendRune(b, r)
			}
			i += size
			continue
		}
		i++
	}
	return append(b, '"')
}

// steers tells if a character beyond ASCII does something to a terminal or to the text around it: C1 controls, ends of
// lines, marks and overrides of the direction of writing. capi/log/printable.c has the same for the error log.
func steers(r rune) bool {
	return r >= 0x80 && r < 0xa0 || r == '\u061c' || r == '\u200e' || r == '\u200f' || r >= '\u2028' && r <= '\u202e' ||
		r >= '\u2066' && r <= '\u2069'
}
