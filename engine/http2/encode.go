package http2

import (
	"bytes"
	"strconv"
)

// The encoder of HPACK (RFC 7541 §6). It uses no dynamic table, so that what it writes is right on every connection: fields that many
// responses have can be kept as they were written. Each connection says so once, by a table size of 0 (noTable).

const (
	literalPlain = 0x00 // A literal that is not indexed (RFC 7541 §6.2.2),
	literalNever = 0x10 // and one that nobody on the way may index (§6.2.3).
	huffmanFlag  = 0x80
	indexedFlag  = 0x80
	noTable      = 0x20 // A change of the table's size, to 0 (§6.3).
)

// AppendStatus appends the :status field, which is a section's first.
func AppendStatus(out []byte, status int) []byte {
	switch status {
	case 200:
		return append(out, indexedFlag|8)
	case 204:
		return append(out, indexedFlag|9)
	case 206:
		return append(out, indexedFlag|10)
	case 304:
		return append(out, indexedFlag|11)
	case 400:
		return append(out, indexedFlag|12)
	case 404:
		return append(out, indexedFlag|13)
	case 500:
		return append(out, indexedFlag|14)
	}
	return append(out, literalPlain|8, 3, '0'+byte(status/100), '0'+byte(status/10%10), '0'+byte(status%10))
}

// AppendLength appends a content-length field.
func AppendLength(out []byte, length int64) []byte {
	out = append(out, literalPlain|15, 28-15, 0)
	start := len(out)
	out = strconv.AppendInt(out, length, 10)
	out[start-1] = byte(len(out) - start)
	return out
}

// AppendFields appends the fields of "Name: value" lines, which are well-formed and end with CRLF each. Those about the connection are
// left out (RFC 9113 §8.2.2).
func (sh *Shared) AppendFields(out, lines []byte) []byte {
	for len(lines) > 0 {
		end := bytes.IndexByte(lines, '\n') + 1
		out = sh.appendLine(out, lines[:end])
		lines = lines[end:]
	}
	return out
}

func appendLine(out, line []byte) []byte {
	colon := bytes.IndexByte(line, ':')
	return AppendField(out, line[:colon], bytes.Trim(line[colon+1:], " \t\r\n"))
}

// AppendField appends one field, with its name in lower case.
func AppendField(out, name, value []byte) []byte {
	var room [64]byte
	lower := room[:0]
	for _, c := range name {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		lower = append(lower, c)
	}
	index := staticName(lower)
	switch {
	case index > 0 && staticTable[index].kind == kindConnection, index == 0 && kindOf(lower) == kindConnection:
		return out
	case index == 0:
		out = appendText(append(out, literalPlain), lower)
	case index == setCookie:
		out = appendInteger(out, literalNever, 4, uint32(index))
	default:
		out = appendInteger(out, literalPlain, 4, uint32(index))
	}
	return appendText(out, value)
}

// setCookie is the index of the field that nobody should compress together with what others can choose (RFC 7541 §7.1.3).
const setCookie = 55

// appendText appends a string, the shorter way (RFC 7541 §5.2).
func appendText(out, s []byte) []byte {
	if n := codedLen(s); n < len(s) {
		return appendCoded(appendInteger(out, huffmanFlag, 7, uint32(n)), s)
	}
	return append(appendInteger(out, 0, 7, uint32(len(s))), s...)
}

// appendInteger appends a number behind the flags that its first byte has (RFC 7541 §5.1).
func appendInteger(out []byte, flags byte, prefix uint, value uint32) []byte {
	mask := uint32(1)<<prefix - 1
	if value < mask {
		return append(out, flags|byte(value))
	}
	out = append(out, flags|byte(mask))
	for value -= mask; value >= 0x80; value >>= 7 {
		out = append(out, byte(value)|0x80)
	}
	return append(out, byte(value))
}
