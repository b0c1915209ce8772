package gate

import (
	"bytes"

	"libforker/engine/coding"
	"libforker/engine/grammar"
	"libforker/engine/message"
)

// How the bodies of requests are coded.

// AcceptedCodings is the value of Accept-Encoding for a client whose coding is none of those that are decoded (RFC 9110 §12.5.3).
const AcceptedCodings = "gzip, zstd"

// FindCoding returns the coding that a head says its body has. false: one that is not decoded, or several.
func FindCoding(head *message.Head, text []byte) (c coding.Coding, known bool) {
	c = coding.Identity
	for i := range head.Fields[:head.FieldCount] {
		field := &head.Fields[i]
		if !grammar.EqualFold(field.Name.In(text), "content-encoding") {
			continue
		}
		for name := range bytes.SplitSeq(field.Value.In(text), []byte{','}) {
			name = bytes.Trim(name, " \t")
			if len(name) == 0 || grammar.EqualFold(name, "identity") {
				continue
			}
			found := codingOf(name)
			if found == coding.Identity || c != coding.Identity {
				return coding.Identity, false
			}
			c = found
		}
	}
	return c, true
}

// codingOf returns the coding of a name; Identity: it is none that is decoded.
func codingOf(name []byte) coding.Coding {
	switch {
	case grammar.EqualFold(name, "gzip"), grammar.EqualFold(name, "x-gzip"): // RFC 9110 §8.4.1.3
		return coding.Gzip
	case grammar.EqualFold(name, "zstd"):
		return coding.Zstd
	}
	return coding.Identity
}

// HideCoding takes the fields out of a head that are about the body as it came.
func HideCoding(head *message.Head, text []byte) {
	kept := head.Fields[:0]
	for _, field := range head.Fields[:head.FieldCount] {
		name := field.Name.In(text)
		if !grammar.EqualFold(name, "content-encoding") && !grammar.EqualFold(name, "content-length") {
			kept = append(kept, field)
		}
	}
	head.FieldCount = uint16(len(kept))
}
