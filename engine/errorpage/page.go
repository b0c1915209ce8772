package errorpage

import (
	"strconv"
	"unicode/utf8"
)

// The forms, and what an error looks like in each.

// Form is what the body of an error response is. The numbers are those of option errors.
type Form uint8

// The forms.
const (
	Text Form = iota
	HTML
	Problem
	ByAccept // The one of these that the client likes best.
)

// Most is how long a body gets at most; what of a detail does not fit is left out.
const Most = 12 << 10

// around is more than what stands around a detail.
const around = 512

// MediaType returns the value of Content-Type for a form.
func (f Form) MediaType() string {
	switch f {
	case HTML:
		return "text/html; charset=utf-8"
	case Problem:
		return "application/problem+json"
	default:
		return "text/plain; charset=utf-8"
	}
}

// Append appends the body of a response with this status, which reason puts into words: both are shown, and the detail
// if there is one.
func Append(b []byte, form Form, status int, reason, detail string) []byte {
	switch form {
	case HTML:
		return appendHTML(b, status, reason, detail)
	case Problem:
		return appendProblem(b, status, reason, detail)
	default:
		b = appendTitle(b, status, reason)
		b = append(b, '\n')
		if detail != "" {
			b = append(append(b, detail[:min(len(detail), Most-around)]...), '\n')
		}
		return b
	}
}

// appendTitle appends "404 Not Found".
func appendTitle(b []byte, status int, reason string) []byte {
	return append(append(strconv.AppendInt(b, int64(status), 10), ' '), reason...)
}

func appendHTML(b []byte, status int, reason, detail string) []byte {
	b = append(b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>"...)
	b = append(appendTitle(b, status, reason), "</title></head>\n<body>\n<h1>"...)
	b = append(appendTitle(b, status, reason), "</h1>\n"...)
	if detail != "" {
		b = append(appendEscaped(append(b, "<p>"...), detail, appendHTMLRune), "</p>\n"...)
	}
	return append(b, "</body>\n</html>\n"...)
}

// appendProblem appends the members that RFC 9457 §3.1 has. Without a type of its own, the title is that of the status
// (§4.2.1).
func appendProblem(b []byte, status int, reason, detail string) []byte {
	b = append(b, `{"type":"about:blank",`...)
	if reason != "" {
		b = append(append(append(b, `"title":"`...), reason...), `",`...)
	}
	b = strconv.AppendInt(append(b, `"status":`...), int64(status), 10)
	if detail != "" {
		b = append(appendEscaped(append(b, `,"detail":"`...), detail, appendJSONRune), '"')
	}
	return append(b, "}\n"...)
}

// appendEscaped appends a detail, of which every character is escaped by one. What is not UTF-8 becomes U+FFFD.
func appendEscaped(b []byte, detail string, one func(b []byte, c rune) []byte) []byte {
	const longest = 6 // Bytes of a character, as in "\u0001".
	for _, c := range detail {
		if len(b) > Most-around-longest {
			break
		}
		b = one(b, c)
	}
	return b
}

func appendHTMLRune(b []byte, c rune) []byte {
	switch {
	case c == '&':
		return append(b, "&amp;"...)
	case c == '<':
		return append(b, "&lt;"...)
	case c == '>':
		return append(b, "&gt;"...)
	case c == '"':
		return append(b, "&#34;"...)
	case c == '\'':
		return append(b, "&#39;"...)
	case c < ' ' && c != '\n' && c != '\t' || c == 0x7f:
		c = utf8.RuneError
	}
	return utf8.AppendRune(b, c)
}

// appendJSONRune also escapes what would end a script, if somebody put the text into a page.
func appendJSONRune(b []byte, c rune) []byte {
	const digits = "0123456789abcdef"
	switch {
	case c == '"' || c == '\\':
		return append(b, '\\', byte(c))
	case c < ' ' || c == 0x7f || c == '<' || c == '>' || c == '&':
		return append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
	}
	return utf8.AppendRune(b, c)
}
