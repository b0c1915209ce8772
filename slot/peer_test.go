package slot

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

func TestPeer_isPrintedAsAddressAndPort(t *testing.T) {
	for _, c := range []struct {
		peer Peer
		want string
	}{
		{Peer{}, ""},
		{Peer{Family: 77, Port: 1}, ""},
		{Peer{Family: unix.AF_UNIX}, "unix:"},
		{Peer{Family: unix.AF_INET, Port: 50000, Addr: [16]byte{192, 0, 2, 1}}, "192.0.2.1:50000"},
		{Peer{Family: unix.AF_INET, Addr: [16]byte{255, 255, 255, 255}}, "255.255.255.255:0"},
		{Peer{Family: unix.AF_INET6, Port: 65535, Addr: netip.MustParseAddr("2001:db8::1").As16()}, "[2001:db8::1]:65535"},
		{Peer{Family: unix.AF_INET6, Port: 80}, "[::]:80"},
		{Peer{Family: unix.AF_INET6, Port: 80, Addr: netip.MustParseAddr("::ffff:192.0.2.1").As16()}, "[::ffff:192.0.2.1]:80"},
	} {
		if got := c.peer.String(); got != c.want {
			t.Errorf("%+v: %q, want %q", c.peer, got, c.want)
		}
	}
}

func TestPeer_appendsWithoutAllocating(t *testing.T) {
	p := Peer{Family: unix.AF_INET6, Port: 50000, Addr: netip.MustParseAddr("2001:db8::1").As16()}
	buf := make([]byte, 0, 64)
	if n := testing.AllocsPerRun(100, func() { buf = p.AppendTo(buf[:0]) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
