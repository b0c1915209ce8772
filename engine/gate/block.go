package gate

import (
	"bytes"
	"strings"

	"libforker/engine/grammar"
)

// Fields that every response of a route has, unless the program sets them itself.

// Block is lines of fields, ready to be sent.
type Block struct {
	clear, secure string // By clear text, and by TLS.
	names         []string
	lens          uint64 // Bits of the lengths of the names.
}

// newBlock makes the block of the options about security; nil: there is none.
func newBlock(t Texts) *Block {
	b := &Block{}
	if t.Security {
		b.add("X-Content-Type-Options", "nosniff")
		b.add("X-Frame-Options", "SAMEORIGIN")
		b.add("Referrer-Policy", "strict-origin-when-cross-origin")
		b.add("Cross-Origin-Opener-Policy", "same-origin")
	}
	if t.CSP != "" {
		b.add("Content-Security-Policy", t.CSP)
	}
	b.secure = b.clear
	if t.HSTS != "" { // By clear text it would mean nothing (RFC 6797 §7.2).
		b.note("Strict-Transport-Security")
		b.secure += "Strict-Transport-Security: " + t.HSTS + "\r\n"
	}
	if len(b.names) == 0 {
		return nil
	}
	return b
}

func (b *Block) add(name, value string) {
	b.note(name)
	b.clear += name + ": " + value + "\r\n"
}

func (b *Block) note(name string) {
	b.names = append(b.names, name)
	b.lens |= 1 << len(name)
}

// Append appends the lines but for those whose names are among `fields`, which are lines too.
func (b *Block) Append(to, fields []byte, secure bool) []byte {
	lines := b.clear
	if secure {
		lines = b.secure
	}
	if !b.meets(fields) {
		return append(to, lines...)
	}
	for line := range strings.Lines(lines) {
		name, _, _ := strings.Cut(line, ":")
		if !HasField(fields, name) {
			to = append(to, line...)
		}
	}
	return to
}

// meets reports whether some name of the block may be among the lines.
func (b *Block) meets(fields []byte) bool {
	for len(fields) > 0 {
		colon := bytes.IndexByte(fields, ':')
		if colon < 64 && b.lens&(1<<colon) != 0 {
			return true
		}
		fields = fields[bytes.IndexByte(fields, '\n')+1:]
	}
	return false
}

// HasField reports whether there is a line with that name.
func HasField(fields []byte, name string) bool { return grammar.Line(fields, name) != nil }
