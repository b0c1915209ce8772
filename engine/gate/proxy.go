package gate

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net/netip"
	"strconv"

	"libforker/slot"
)

// The header that proxies of connections put in front of what the client sends: the PROXY protocol, versions 1 and 2
// (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt).

// Via is what such a header says of the client.
type Via struct {
	Client slot.Peer // Family 0: nothing.
	Secure bool      // The client speaks TLS to the proxy.
	Local  bool      // There is none: the proxy speaks for itself, as in a health check.
}

// ProxyMost is the length of the longest header that is read. Version 2 allows 64 KiB, of which proxies use some hundred.
const ProxyMost = 4 << 10

const (
	signature2  = "\r\n\r\n\x00\r\nQUIT\n"
	signature1  = "PROXY "
	fixed2      = 16  // Bytes of version 2 before the addresses.
	longest1    = 107 // With CR LF.
	typeCRC     = 0x03
	typeSSL     = 0x20
	sslByClient = 1 // Of the first byte of typeSSL's value.
)

var (
	errNoHeader  = errors.New("no PROXY header")
	errMalformed = errors.New("a malformed PROXY header")
	errTooLong   = errors.New("a PROXY header of more than 4 KiB")
)

// MeasureProxy tells how many of the bytes that have come belong to the header, and whether they are all of it.
func MeasureProxy(come []byte) (size int, whole bool, err error) {
	switch {
	case begins(come, signature1):
		line := come[:min(len(come), longest1)]
		if end := bytes.Index(line, []byte("\r\n")); end >= 0 {
			return end + 2, true, nil
		}
		if len(line) == longest1 {
			return 0, false, errMalformed
		}
		return len(line), false, nil
	case !begins(come, signature2):
		return 0, false, errNoHeader
	case len(come) < fixed2:
		return len(come), false, nil
	}
	size = fixed2 + int(binary.BigEndian.Uint16(come[14:]))
	if size > ProxyMost {
		return 0, false, errTooLong
	}
	return min(size, len(come)), len(come) >= size, nil
}

// begins reports whether what has come begins with a signature, as far as it goes.
func begins(come []byte, signature string) bool {
	n := min(len(come), len(signature))
	return string(come[:n]) == signature[:n]
}

// ParseProxy reads a whole header.
func ParseProxy(header []byte) (Via, error) {
	if begins(header, signature1) {
		return parseProxy1(string(header[:len(header)-2]))
	}
	return parseProxy2(header)
}

// parseProxy1 reads "PROXY TCP4 192.0.2.7 192.0.2.1 50000 443", or "PROXY UNKNOWN" with whatever behind it.
func parseProxy1(line string) (via Via, err error) {
	words := bytes.Split([]byte(line), []byte(" "))
	if string(words[1]) == "UNKNOWN" {
		return via, nil
	}
	if len(words) != 6 {
		return via, errMalformed
	}
	client, port, ok := parsePair(words[2], words[4])
	server, _, fine := parsePair(words[3], words[5])
	family := string(words[1])
	if !ok || !fine || client.Is4() != server.Is4() || !(family == "TCP4" && client.Is4() || family == "TCP6" && client.Is6()) {
		return via, errMalformed
	}
	via.Client = PeerOf(client, port)
	return via, nil
}

func parsePair(host, number []byte) (address netip.Addr, port uint16, ok bool) {
	address, err := netip.ParseAddr(string(host))
	n, wrong := strconv.ParseUint(string(number), 10, 16)
	return address, uint16(n), err == nil && address.Zone() == "" && wrong == nil
}

func parseProxy2(header []byte) (via Via, err error) {
	const versionLocal, versionProxy = 0x20, 0x21
	command, family, rest := header[12], header[13], header[fixed2:]
	switch {
	case command == versionLocal:
		return Via{Local: true}, nil
	case command != versionProxy:
		return via, errMalformed
	}
	size := 0
	switch family >> 4 {
	case 1: // AF_INET
		size = 12
	case 2: // AF_INET6
		size = 36
	case 3: // AF_UNIX
		size = 216
	}
	if len(rest) < size {
		return via, errMalformed
	}
	switch size {
	case 12:
		via.Client = PeerOf(netip.AddrFrom4([4]byte(rest)), binary.BigEndian.Uint16(rest[8:]))
	case 36:
		via.Client = PeerOf(netip.AddrFrom16([16]byte(rest)), binary.BigEndian.Uint16(rest[32:]))
	}
	return via, via.extend(header, rest[size:])
}

// extend reads what stands behind the addresses: type, length and value of each.
func (v *Via) extend(header, rest []byte) error {
	for len(rest) > 0 {
		if len(rest) < 3 || len(rest)-3 < int(binary.BigEndian.Uint16(rest[1:])) {
			return errMalformed
		}
		value := rest[3:][:binary.BigEndian.Uint16(rest[1:])]
		switch kind := rest[0]; {
		case kind == typeCRC && (len(value) != 4 || !hasSum(header, value)):
			return errMalformed
		case kind == typeSSL && len(value) > 0:
			v.Secure = value[0]&sslByClient != 0
		}
		rest = rest[3+len(value):]
	}
	return nil
}

// hasSum compares a header with its checksum, which lies in it and counts as zero there.
func hasSum(header, sum []byte) bool {
	want := binary.BigEndian.Uint32(sum)
	clear(sum)
	return crc32.Checksum(header, crc32.MakeTable(crc32.Castagnoli)) == want
}
