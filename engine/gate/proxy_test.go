package gate

import (
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"
)

// header2 makes a header of version 2.
func header2(command, family byte, rest string) string {
	size := binary.BigEndian.AppendUint16(nil, uint16(len(rest)))
	return signature2 + string([]byte{command, family}) + string(size) + rest
}

const (
	pair4 = "\xc0\x00\x02\x07\x0a\x00\x00\x01\x12\x67\x01\xbb"
	pair6 = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07" + "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" + "\x12\x67\x01\xbb"
)

// withSum appends the checksum of a header that will have it.
func withSum(rest string) string {
	all := []byte(header2(0x21, 0x11, rest+"\x03\x00\x04\x00\x00\x00\x00"))
	sum := crc32.Checksum(all, crc32.MakeTable(crc32.Castagnoli))
	return string(binary.BigEndian.AppendUint32(all[:len(all)-4], sum))
}

func TestProxy(t *testing.T) {
	for _, row := range []struct{ header, want string }{
		{"PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n", "192.0.2.7:4711"},
		{"PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n", "[2001:db8::7]:4711"},
		{"PROXY UNKNOWN\r\n", ""},
		{"PROXY UNKNOWN ffff::1 x\r\n", ""},
		{"PROXY TCP4 192.0.2.7 10.0.0.1 4711\r\n", "malformed"},
		{"PROXY TCP4 192.0.2.7 10.0.0.1 4711 443 1\r\n", "malformed"},
		{"PROXY TCP4 192.0.2.7  10.0.0.1 4711 443\r\n", "malformed"},
		{"PROXY TCP4 2001:db8::7 2001:db8::1 4711 443\r\n", "malformed"},
		{"PROXY TCP6 192.0.2.7 10.0.0.1 4711 443\r\n", "malformed"},
		{"PROXY TCP4 192.0.2.7 10.0.0.1 65536 443\r\n", "malformed"},
		{"PROXY \r\n", "malformed"},
		{"PROXY" + strings.Repeat(" x", 60) + "\r\n", "malformed"},
		{"GET / HTTP/1.1\r\n\r\n", "no PROXY"},
		{"\x16\x03\x01", "no PROXY"},
		{header2(0x21, 0x11, pair4), "192.0.2.7:4711"},
		{header2(0x21, 0x21, pair6), "[2001:db8::7]:4711"},
		{header2(0x21, 0x31, strings.Repeat("x", 216)), ""},
		{header2(0x20, 0x11, pair4), ""},
		{header2(0x20, 0x00, ""), ""},
		{header2(0x21, 0x00, ""), ""},
		{header2(0x21, 0x11, pair4[1:]), "malformed"},
		{header2(0x21, 0x21, pair4), "malformed"},
		{header2(0x11, 0x11, pair4), "malformed"},
		{header2(0x22, 0x11, pair4), "malformed"},
		{header2(0x21, 0x11, pair4+"\x20\x00\x05\x01\x00\x00\x00\x00"), "192.0.2.7:4711 tls"},
		{header2(0x21, 0x11, pair4+"\x20\x00\x05\x06\x00\x00\x00\x00"), "192.0.2.7:4711"},
		{header2(0x21, 0x11, pair4+"\x04\x00\x01x"), "192.0.2.7:4711"},
		{header2(0x21, 0x11, pair4+"\x04\x00\x02x"), "malformed"},
		{header2(0x21, 0x11, pair4+"\x04"), "malformed"},
		{withSum(pair4), "192.0.2.7:4711"},
		{strings.Replace(withSum(pair4), "\x07", "\x08", 1), "malformed"},
		{header2(0x21, 0x11, pair4+strings.Repeat("x", 4096)), "4 KiB"},
	} {
		got := readProxy(row.header + "behind")
		if got != row.want && (row.want == "" || !strings.Contains(got, row.want)) || strings.HasSuffix(got, "tls") != strings.HasSuffix(row.want, "tls") {
			t.Errorf("%q: %q, want %q", row.header, got, row.want)
		}
	}
}

// readProxy reads a header as it comes, whole and byte by byte, and checks that both are alike.
func readProxy(all string) (whole string) {
	for _, step := range []int{len(all), 1} {
		got := readPieces(all, step)
		if step == len(all) {
			whole = got
		} else if got != whole {
			return "byte by byte " + got + ", whole " + whole
		}
	}
	return whole
}

func readPieces(all string, step int) string {
	for have := step; ; have += step {
		size, done, err := MeasureProxy([]byte(all[:min(have, len(all))]))
		switch {
		case err != nil:
			return err.Error()
		case done:
			via, err := ParseProxy([]byte(all[:size]))
			if err != nil {
				return err.Error()
			}
			if all[size:] != "behind" {
				return "it has taken what is behind"
			}
			return via.Client.String() + map[bool]string{true: " tls"}[via.Secure]
		case size != min(have, len(all)):
			return "it leaves some of the header"
		case have >= len(all):
			return "never whole"
		}
	}
}

func FuzzProxy(f *testing.F) {
	f.Add([]byte("PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n"))
	f.Add([]byte(header2(0x21, 0x11, pair4+"\x20\x00\x05\x01\x00\x00\x00\x00")))
	f.Fuzz(func(t *testing.T, come []byte) {
		size, whole, err := MeasureProxy(come)
		if size > len(come) || err == nil && !whole && size != len(come) {
			t.Fatalf("%d of %d", size, len(come))
		}
		if whole {
			_, _ = ParseProxy(come[:size])
		}
	})
}
