package gate

import (
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"

	"libforker/slot"
)

// Networks: who is trusted.

// Networks are addresses that have their leading bits in common, and perhaps the clients of unix sockets.
type Networks struct {
	prefixes []netip.Prefix // Of IPv4, and of IPv6 that is no IPv4.
	unix     bool
}

// mappedBits are those of an IPv4 address in IPv6 before it begins (RFC 4291 §2.5.5.2).
const mappedBits = 96

// ParseNetworks reads a list such as "10.0.0.0/8, 2001:db8::1, unix".
func ParseNetworks(text string) (n Networks, err error) {
	for item := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == ' ' }) {
		if item == "unix" {
			n.unix = true
			continue
		}
		prefix, err := parsePrefix(item)
		if err != nil {
			return n, fmt.Errorf("network %q: %w", item, err)
		}
		n.prefixes = append(n.prefixes, prefix)
	}
	return n, nil
}

func parsePrefix(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		address, err := netip.ParseAddr(text)
		address = address.Unmap()
		return netip.PrefixFrom(address, address.BitLen()), err
	}
	prefix, err := netip.ParsePrefix(text)
	if address := prefix.Addr(); address.Is4In6() && prefix.Bits() >= mappedBits {
		prefix = netip.PrefixFrom(address.Unmap(), prefix.Bits()-mappedBits)
	}
	return prefix, err
}

// IsEmpty reports whether there is nobody in them.
func (n *Networks) IsEmpty() bool { return len(n.prefixes) == 0 && !n.unix }

// Has reports whether p is of them.
func (n *Networks) Has(p slot.Peer) bool {
	if p.Family == unix.AF_UNIX {
		return n.unix
	}
	address := addressOf(p)
	for i := range n.prefixes {
		if n.prefixes[i].Contains(address) {
			return true
		}
	}
	return false
}

// addressOf gives the address of a peer; the zero one if it has none.
func addressOf(p slot.Peer) netip.Addr {
	switch p.Family {
	case unix.AF_INET:
		return netip.AddrFrom4([4]byte(p.Addr[:4]))
	case unix.AF_INET6:
		return netip.AddrFrom16(p.Addr).Unmap()
	}
	return netip.Addr{}
}

// PeerOf gives the peer with an address, which is valid.
func PeerOf(address netip.Addr, port uint16) (p slot.Peer) {
	p.Family, p.Port = unix.AF_INET6, port
	if address = address.Unmap(); address.Is4() {
		p.Family = unix.AF_INET
		four := address.As4()
		copy(p.Addr[:], four[:])
		return p
	}
	p.Addr = address.As16()
	return p
}
