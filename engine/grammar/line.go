package grammar

import "bytes"

// Lines of fields that are to be sent: "Name: value", each with CRLF behind it.

// Line returns the first one that has a name, with its end; nil: there is none.
func Line(lines []byte, name string) []byte {
	for len(lines) > 0 {
		end := bytes.IndexByte(lines, '\n') + 1
		if IsNamed(lines, name) {
			return lines[:end]
		}
		lines = lines[end:]
	}
	return nil
}

// IsNamed reports whether the first line has that name.
func IsNamed(lines []byte, name string) bool {
	return len(lines) > len(name) && lines[len(name)] == ':' && bytes.EqualFold(lines[:len(name)], []byte(name))
}

// LineValue returns the value of a line.
func LineValue(line []byte) []byte {
	return bytes.Trim(line[bytes.IndexByte(line, ':')+1:], " \t\r\n")
}
