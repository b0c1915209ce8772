package grammar

import "bytes"

// Hosts and ports, in the Host field and in targets.

// ValidHost judges uri-host[:port] (RFC 9110 §7.2, RFC 3986 §3.2.2): a registered name or IPv4 address, or an IP
// literal in brackets of which the characters are checked but not the meaning. A host that is empty is refused, as is a
// comma: it is legal in a name, and also how a proxy would join two Host fields. A port may be empty.
func ValidHost(s []byte) bool {
	if len(s) == 0 {
		return false
	}
	if s[0] == '[' {
		end := bytes.IndexByte(s, ']')
		return end > 0 && validLiteral(s[1:end]) && validPort(s[end+1:])
	}
	i := 0
	for ; ; i += 3 {
		i += Prefix(s[i:], RegName)
		if len(s)-i < 3 || s[i] != '%' || !AllInClass(s[i+1:i+3], Hex) {
			return i > 0 && validPort(s[i:])
		}
	}
}

// validLiteral judges what stands between the brackets: IPv6address or IPvFuture.
func validLiteral(s []byte) bool {
	if len(s) > 0 && s[0]|0x20 == 'v' {
		dot := bytes.IndexByte(s, '.')
		if dot < 2 || dot == len(s)-1 || !AllInClass(s[1:dot], Hex) {
			return false
		}
		for _, c := range s[dot+1:] {
			if c != ':' && Class[c]&RegName == 0 {
				return false
			}
		}
		return true
	}
	colons := 0
	for _, c := range s {
		if c == ':' {
			colons++
		} else if c != '.' && Class[c]&Hex == 0 {
			return false
		}
	}
	return colons >= 2
}

// validPort judges what follows the host: nothing, or a colon and a number that fits 16 bits.
func validPort(s []byte) bool {
	if len(s) == 0 {
		return true
	}
	if s[0] != ':' {
		return false
	}
	port := 0
	for _, c := range s[1:] {
		if !IsDigit(c) {
			return false
		}
		if port = port*10 + int(c-'0'); port > 65535 {
			return false
		}
	}
	return true
}
