package coding

import (
	"bytes"
	"strings"

	"libforker/engine/grammar"
)

// Which responses are compressed.

// Policy is which responses are compressed, and by what.
type Policy struct {
	Codings []Coding // Those that there are; of what a client likes the same, the first.
	Least   int64    // Bytes that a body has at least, as far as that is known.

	types []string // Media types in small letters, "text/*" for all of text.
}

// NewPolicy makes a policy of the options' texts; nil: nothing is compressed.
func NewPolicy(compress, types string, least int64) *Policy {
	p := &Policy{Least: least}
	switch compress {
	case "on":
		p.Codings = []Coding{Zstd, Gzip}
	case "zstd":
		p.Codings = []Coding{Zstd}
	case "gzip":
		p.Codings = []Coding{Gzip}
	default:
		return nil
	}
	for t := range strings.SplitSeq(types, ",") {
		if t = strings.ToLower(strings.Trim(t, " \t")); t != "" {
			p.types = append(p.types, t)
		}
	}
	return p
}

// Takes reports whether responses with that Content-Type are compressed.
func (p *Policy) Takes(contentType []byte) bool {
	mediaType, _, _ := bytes.Cut(contentType, []byte{';'})
	mediaType = bytes.Trim(mediaType, " \t")
	for _, t := range p.types {
		if group, all := strings.CutSuffix(t, "*"); all {
			if len(mediaType) > len(group) && grammar.EqualFold(mediaType[:len(group)], group) && !grammar.EqualFold(mediaType, eventStream) {
				return true
			}
		} else if grammar.EqualFold(mediaType, t) {
			return true
		}
	}
	return false
}

// eventStream is compressed only where its name says so: proxies and clients may wait for more of what is compressed, and
// an event is to be seen at once.
const eventStream = "text/event-stream"

// Fields is what the fields of a response say about its compression.
type Fields struct {
	Type    []byte // The value of Content-Type, if there is one.
	Tag     int    // Where the value of a strong ETag begins; 0: there is none.
	Varies  bool   // Vary names Accept-Encoding already, or all.
	Forbids bool   // It is coded already, a part, or is not to be transformed (RFC 9111 §5.2.2.6).
}

// Read reads fields, which are lines "Name: value\r\n".
func Read(lines []byte) (f Fields) {
	for at := 0; at < len(lines); {
		line := lines[at:]
		line = line[:bytes.IndexByte(line, '\n')+1]
		f.take(line, at)
		at += len(line)
	}
	return f
}

func (f *Fields) take(line []byte, at int) {
	colon := bytes.IndexByte(line, ':')
	name, value := line[:colon], bytes.Trim(line[colon+1:], " \t\r\n")
	switch {
	case grammar.EqualFold(name, "content-type"):
		f.Type = value
	case grammar.EqualFold(name, "content-encoding"), grammar.EqualFold(name, "content-range"):
		f.Forbids = true
	case grammar.EqualFold(name, "cache-control"):
		f.Forbids = f.Forbids || lists(value, "no-transform")
	case grammar.EqualFold(name, "vary"):
		f.Varies = f.Varies || lists(value, "*") || lists(value, "accept-encoding")
	case grammar.EqualFold(name, "etag"):
		if len(value) > 0 && value[0] == '"' {
			f.Tag = at + bytes.IndexByte(line, '"')
		}
	}
}

// lists reports whether a word is among those of a list.
func lists(list []byte, word string) bool {
	for item := range bytes.SplitSeq(list, []byte{','}) {
		if grammar.EqualFold(bytes.Trim(item, " \t"), word) {
			return true
		}
	}
	return false
}
