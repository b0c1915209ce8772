package engine

import (
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"libforker/slot"
)

func TestReadBuffer_isWhatOneReadTakes(t *testing.T) {
	const size = 20000
	s := start(t, packets, func(cfg *Config) { cfg.ReadBuffer, cfg.Limits.Head = size, 1000 })
	head := "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: "
	for _, more := range []int{-1, 0} {
		body := text(size + more - len(head) - len("20000\r\n\r\n"))
		request := post("/echo", body)
		if len(request) != size+more {
			t.Fatalf("a request of %d bytes", len(request))
		}
		c := s.dial()
		c.send(request) // One packet, of which a read that is too small gets only a part.
		if more == 0 {
			s.settle()
			c.send(body[len(body)-1:])
		}
		c.expect(ok(body))
	}
}

// While one client has more requests than its turn, another one is served after that turn.
func TestMaxPipelined_isOneTurn(t *testing.T) {
	for most, want := range map[int]string{1: "abaaaaaa", 3: "aaabaaaa", 6: "aaaaaaba", 7: "aaaaaaab", 0: "aaaaaaab"} {
		s := start(t, packets, func(cfg *Config) { cfg.MaxPipelined = most })
		var order strings.Builder
		s.handle("/a", func(c *call) { order.WriteString("a"); c.respond(200, "") })
		s.handle("/b", func(c *call) { order.WriteString("b"); c.respond(200, "") })
		a, b := s.dial(), s.dial()
		s.settle()
		s.do(func() { // Both are there when the loop looks.
			a.send(strings.Repeat(get("/a"), 7))
			b.send(get("/b"))
		})
		s.eventually("all to be served", func() bool { return order.Len() == 8 })
		if got := order.String(); got != want {
			t.Errorf("with %d in a turn: %s, want %s", most, got, want)
		}
	}
}

func TestPeers_areToldApartByAddress(t *testing.T) {
	key := func(address string) (peerKey, bool) {
		c := &conn{}
		if a := netip.MustParseAddr(address); a.Is4() {
			c.peer = slot.Peer{Family: unix.AF_INET}
			copy(c.peer.Addr[:], a.AsSlice())
		} else {
			c.peer = slot.Peer{Family: unix.AF_INET6}
			copy(c.peer.Addr[:], a.AsSlice())
		}
		return keyOf(&c.accepted)
	}
	for _, row := range []struct {
		one, other string
		same       bool
	}{
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
		{"2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true},
		{"2001:db8:0:1::1", "2001:db8:0:2::1", false},
		{"::1", "2001:db8::1", false},
	} {
		one, _ := key(row.one)
		other, _ := key(row.other)
		if (one == other) != row.same {
			t.Errorf("%s and %s are the same: %v", row.one, row.other, one == other)
		}
	}
	if _, ok := keyOf(&accepted{}); ok {
		t.Error("clients of a unix socket are counted as one")
	}
}
