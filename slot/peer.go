package slot

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// Addresses of clients, in a form of one size.

// String gives "192.0.2.1:50000", "[2001:db8::1]:50000", "unix:", or "" if the address is not known.
func (p Peer) String() string { return string(p.AppendTo(nil)) }

// AppendTo appends what String gives.
func (p Peer) AppendTo(b []byte) []byte {
	switch p.Family {
	case unix.AF_INET:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(p.Addr[:4])), p.Port).AppendTo(b)
	case unix.AF_INET6:
		return netip.AddrPortFrom(netip.AddrFrom16(p.Addr), p.Port).AppendTo(b)
	case unix.AF_UNIX:
		return append(b, "unix:"...)
	}
	return b
}
