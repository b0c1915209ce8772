package gate

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"libforker/engine/http1"
	"libforker/engine/message"
	"libforker/slot"
)

// parse makes a head of fields, which are separated by LF.
func parse(t *testing.T, fields string) (*message.Head, []byte) {
	t.Helper()
	text := "GET / HTTP/1.1\r\nHost: h\r\n"
	for line := range strings.Lines(fields) {
		text += strings.TrimSuffix(line, "\n") + "\r\n"
	}
	head, bytes := new(message.Head), []byte(text+"\r\n")
	var parser http1.Parser
	if n, err := parser.Parse(bytes, head, &message.Limits{Head: 1 << 20, Target: 100, Fields: 200}); err != nil || n == 0 {
		t.Fatalf("%q: %v", fields, err)
	}
	return head, bytes
}

func peerOf(text string) slot.Peer {
	if text == "unix" {
		return slot.Peer{Family: unix.AF_UNIX}
	}
	return PeerOf(netip.MustParseAddr(text), 0)
}

// show writes an origin as "192.0.2.1:0 https host".
func show(o Origin) string {
	scheme := "-"
	if o.Schemed {
		scheme = map[bool]string{true: "https", false: "http"}[o.Secure]
	}
	return fmt.Sprintf("%s %s %s", o.Client, scheme, o.Host)
}

func TestTrace(t *testing.T) {
	const most = "X-Forwarded-For: 1.1.1.1" // and 31 more
	for _, row := range []struct {
		form   Form
		from   string
		fields string
		want   string
	}{
		{FormX, "10.0.0.1", "X-Forwarded-For: 192.0.2.7", "192.0.2.7:0 - "},
		{FormX, "10.0.0.1", "x-FORWARDED-for:192.0.2.7:4711\nX-Forwarded-Proto: HTTPS\nX-Forwarded-Host: a.example:8443", "192.0.2.7:4711 https a.example:8443"},
		{FormX, "192.0.2.9", "X-Forwarded-For: 192.0.2.7\nX-Forwarded-Proto: https", "192.0.2.9:0 - "}, // Whoever sends it is not trusted.
		{FormOff, "10.0.0.1", "X-Forwarded-For: 192.0.2.7", "10.0.0.1:0 - "},
		{FormX, "unix", "X-Forwarded-For: 2001:db8::7", "[2001:db8::7]:0 - "},
		{FormX, "2001:db8:1::1", "X-Forwarded-For: [2001:db8::7]:80", "[2001:db8::7]:80 - "},
		{FormX, "::ffff:10.0.0.1", "X-Forwarded-For: ::ffff:192.0.2.7", "192.0.2.7:0 - "},
		// What the client has put in front counts for nothing.
		{FormX, "10.0.0.1", "X-Forwarded-For: 127.0.0.1, 192.0.2.7, 10.0.0.2", "192.0.2.7:0 - "},
		{FormX, "10.0.0.1", "X-Forwarded-For: 127.0.0.1\nX-Forwarded-For: 192.0.2.7\nX-Forwarded-For: 10.0.0.2", "192.0.2.7:0 - "},
		{FormX, "10.0.0.1", "X-Forwarded-For: 10.0.0.3, 10.0.0.2", "10.0.0.3:0 - "},
		{FormX, "10.0.0.1", "X-Forwarded-For: 192.0.2.7, unknown, 10.0.0.2", "10.0.0.2:0 - "},
		{FormX, "10.0.0.1", "X-Forwarded-For: 192.0.2.256", "10.0.0.1:0 - "},
		{FormX, "10.0.0.1", "X-Forwarded-For: 192.0.2.07", "10.0.0.1:0 - "},
		{FormX, "10.0.0.1", "X-Forwarded-For: fe80::1%eth0", "10.0.0.1:0 - "},
		{FormX, "10.0.0.1", "X-Forwarded-For: ,", "10.0.0.1:0 - "},
		{FormX, "10.0.0.1", most + strings.Repeat(", 10.0.0.2", 31), "1.1.1.1:0 - "},
		{FormX, "10.0.0.1", most + strings.Repeat(", 10.0.0.2", 32), "10.0.0.2:0 - "},
		{FormX, "10.0.0.1", most + strings.Repeat(", 1.1.1.1", 99) + ", 192.0.2.7", "192.0.2.7:0 - "}, // It cannot hide behind the proxy.
		// A scheme counts from the same place as the client.
		{FormX, "10.0.0.1", "X-Forwarded-For: 192.0.2.7\nX-Forwarded-Proto: https, http", "192.0.2.7:0 http "},
		{FormX, "10.0.0.1", "X-Forwarded-For: 192.0.2.7, 10.0.0.2\nX-Forwarded-Proto: https, http", "192.0.2.7:0 https "},
		{FormX, "10.0.0.1", "X-Forwarded-For: 192.0.2.7\nX-Forwarded-Proto: gopher\nX-Forwarded-Host: a b", "192.0.2.7:0 - "},
		{FormX, "10.0.0.1", "X-Forwarded-Proto: https", "10.0.0.1:0 https "},

		{FormStandard, "10.0.0.1", "Forwarded: for=192.0.2.7", "192.0.2.7:0 - "},
		{FormStandard, "10.0.0.1", `Forwarded: For="[2001:db8::7]:4711" ; Proto=https;host="a.example:80";by=_x`, "[2001:db8::7]:4711 https a.example:80"},
		{FormStandard, "10.0.0.1", "X-Forwarded-For: 192.0.2.7", "10.0.0.1:0 - "},
		{FormStandard, "10.0.0.1", "Forwarded: for=127.0.0.1;proto=https, for=192.0.2.7;proto=http,for=10.0.0.2", "192.0.2.7:0 http "},
		{FormStandard, "10.0.0.1", "Forwarded: for=127.0.0.1\nForwarded: for=192.0.2.7", "192.0.2.7:0 - "},
		{FormStandard, "10.0.0.1", "Forwarded: for=192.0.2.7, for=_hidden", "10.0.0.1:0 - "},
		{FormStandard, "10.0.0.1", `Forwarded: for="192.0.2.7`, "10.0.0.1:0 - "},
		{FormStandard, "10.0.0.1", `Forwarded: for="192.0.2\.7"`, "10.0.0.1:0 - "},
		{FormStandard, "10.0.0.1", "Forwarded: for=192.0.2.7 proto=https", "10.0.0.1:0 - "},
		{FormStandard, "10.0.0.1", "Forwarded: for", "10.0.0.1:0 - "},
		{FormStandard, "10.0.0.1", "Forwarded: for=1.1.1.1" + strings.Repeat(",for=10.0.0.2", 32), "10.0.0.2:0 - "},
		{FormStandard, "10.0.0.1", "Forwarded: for=1.1.1.1" + strings.Repeat(",for=1.1.1.1", 99) + ", for=192.0.2.7", "192.0.2.7:0 - "},
		{FormStandard, "10.0.0.1", `Forwarded: for=", for=192.0.2.7;host="a.example"`, "192.0.2.7:0 - a.example"},
		{FormStandard, "10.0.0.1", `Forwarded: for="192.0.2.1\", for=192.0.2.7`, "192.0.2.7:0 - "},
		{FormStandard, "10.0.0.1", "Forwarded: =,;\nForwarded: for=192.0.2.7", "192.0.2.7:0 - "},
		{FormStandard, "10.0.0.1", `Forwarded: for=127.0.0.1, for=192.0.2.7;x="a, for=10.0.0.2"`, "192.0.2.7:0 - "},
	} {
		proxies, err := ParseNetworks("10.0.0.0/8, 2001:db8:1::/48, unix")
		if err != nil {
			t.Fatal(err)
		}
		trust := Trust{proxies, row.form}
		head, text := parse(t, row.fields)
		if got := show(trust.Trace(peerOf(row.from), head, text)); got != row.want {
			t.Errorf("form %d, from %s, %.80q: %q, want %q", row.form, row.from, row.fields, got, row.want)
		}
	}
}

func TestTrace_doesNotAllocate(t *testing.T) {
	proxies, _ := ParseNetworks("10.0.0.0/8")
	for form, fields := range map[Form]string{
		FormX:        "X-Forwarded-For: 192.0.2.7, 10.1.2.3\nX-Forwarded-Proto: https\nX-Forwarded-Host: h",
		FormStandard: "Forwarded: for=192.0.2.7;proto=https;host=h",
	} {
		trust, from := Trust{proxies, form}, peerOf("10.0.0.1")
		head, text := parse(t, fields)
		if n := testing.AllocsPerRun(100, func() { trust.Trace(from, head, text) }); n != 0 {
			t.Errorf("form %d: %v allocations", form, n)
		}
	}
}

func FuzzTrace(f *testing.F) {
	f.Add("for=192.0.2.7;proto=https, for=\"[::1]:80\"")
	f.Add("1.2.3.4, [::1]:80,,")
	f.Fuzz(func(t *testing.T, value string) {
		proxies, _ := ParseNetworks("10.0.0.0/8")
		for _, name := range []string{"X-Forwarded-For", "Forwarded", "X-Forwarded-Host"} {
			text := []byte(name + ": " + value)
			head := &message.Head{FieldCount: 1}
			head.Fields[0] = message.Field{
				Name:  message.Span{Len: uint32(len(name))},
				Value: message.Span{Off: uint32(len(name) + 2), Len: uint32(len(value))},
			}
			for _, form := range []Form{FormX, FormStandard} {
				trust := Trust{proxies, form}
				trust.Trace(peerOf("10.0.0.1"), head, text)
			}
		}
	})
}

func TestNetworks(t *testing.T) {
	for _, row := range []struct {
		list, peer string
		want       bool
	}{
		{"", "10.0.0.1", false},
		{"10.0.0.0/8", "10.255.0.1", true},
		{"10.0.0.0/8", "11.0.0.1", false},
		{"10.0.0.1", "10.0.0.1", true},
		{"10.0.0.1", "::ffff:10.0.0.1", true},
		{"::ffff:10.0.0.0/104", "10.1.1.1", true},
		{"0.0.0.0/0", "2001:db8::1", false},
		{"::/0", "2001:db8::1", true},
		{"::1, 127.0.0.0/8", "127.0.0.1", true},
		{"0.0.0.0/0,::/0", "unix", false},
		{"unix", "unix", true},
		{"unix", "10.0.0.1", false},
	} {
		n, err := ParseNetworks(row.list)
		if got := n.Has(peerOf(row.peer)); err != nil || got != row.want {
			t.Errorf("%s has %s: %v %v", row.list, row.peer, got, err)
		}
	}
	for _, bad := range []string{"10", "10.0.0.0/33", "10.0.0.0/", "::1/129", "example.org", "10.0.0.0/08", "unix/8"} {
		if _, err := ParseNetworks(bad); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

func TestID(t *testing.T) {
	long := strings.Repeat("a", 64)
	for fields, want := range map[string]string{
		"X-Request-Id: abc-1.2_3:~+/=":     "abc-1.2_3:~+/=",
		"X-REQUEST-ID: " + long:            long,
		"X-Request-Id: " + long + "a":      "",
		"X-Request-Id:":                    "",
		"X-Request-Id: a b":                "",
		"X-Request-Id: a\"b":               "",
		"X-Request-Id: a\nX-Request-Id: b": "",
		"Other: a":                         "",
	} {
		head, text := parse(t, fields)
		if got := string(FindID(head, text)); got != want {
			t.Errorf("%q: %q", fields, got)
		}
	}
	ids := NewIDs()
	var a, b [IDMost]byte
	if n := ids.Make(&a); n != 32 || ids.Make(&b) != 32 || a == b {
		t.Errorf("%s %s", a[:n], b[:n])
	}
	if n := testing.AllocsPerRun(100, func() { ids.Make(&a) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
