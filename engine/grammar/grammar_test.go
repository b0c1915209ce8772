package grammar

import "testing"

func TestValidHost(t *testing.T) {
	for _, s := range []string{
		"a", "A.b-c_d~", "1.2.3.4", "a.", "xn--a", "a:80", "a:", "a:0", "a:65535", "a:000080", "!$&'()*+;=", "%41", "a%fFb:1",
		"[::]", "[::1]:80", "[2001:db8::1.2.3.4]:", "[v1.a:b]", "[vF.~]:1",
	} {
		if !ValidHost([]byte(s)) {
			t.Errorf("%q is refused", s)
		}
	}
	for _, s := range []string{
		"", ":", ":80", "a:b", "a:-1", "a:65536", "a:99999999999999999999", "a:80:80", "a b", "a,b", "a/b", "a?b", "a#b", "u@a", "a\\b",
		"\"a\"", "<a>", "\xe4", "\t", "%", "%4", "%4g", "%g4", "a%", "[", "[]", "[:]", "[::", "::1", "[::1]a", "[::1]]", "[[::1]]", "[g::]",
		"[1.2.3.4]", "[fe80::1%25eth0]", "[v]", "[v.a]", "[v1.]", "[vg.a]", "[v1.a/b]", "[v1]", "a[::1]",
	} {
		if ValidHost([]byte(s)) {
			t.Errorf("%q is accepted", s)
		}
	}
}

func TestLength(t *testing.T) {
	for _, row := range []struct {
		in   string
		want int64
		ok   bool
	}{
		{"0", 0, true},
		{"0012", 12, true},
		{"9223372036854775807", 1<<63 - 1, true},
		{"9223372036854775808", 0, false},
		{"", 0, false},
		{"+1", 0, false},
		{"1 ", 0, false},
		{"1,1", 0, false},
	} {
		if n, ok := Length([]byte(row.in)); n != row.want || ok != row.ok {
			t.Errorf("%q: %d, %v", row.in, n, ok)
		}
	}
}

func TestLine(t *testing.T) {
	const lines = "Content-Type: text/x\r\nx:  1 \r\nX-Long: 2\r\nX: 3\r\n"
	for name, want := range map[string]string{"content-type": "text/x", "X": "1", "X-Long": "2", "X-": "none", "Content": "none", "": "none", "Y": "none"} {
		got := "none"
		if line := Line([]byte(lines), name); line != nil {
			got = string(LineValue(line))
		}
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if Line(nil, "X") != nil {
		t.Error("nothing has a line")
	}
}
