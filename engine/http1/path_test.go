package http1

import (
	"testing"

	"libforker/engine/message"
)

func TestDecodePath(t *testing.T) {
	for _, row := range []struct {
		in, want string
		plain    bool
	}{
		{"", "/", false},
		{"/", "/", true},
		{"/a", "/a", true},
		{"/a/b/", "/a/b/", true},
		{"//", "//", true},
		{"//a//b//", "//a//b//", true},
		{"/.a/b./..c/d../.../a.b", "/.a/b./..c/d../.../a.b", true},
		{"/+&=~;*:@", "/+&=~;*:@", true},
		{"/%41%7a%2B", "/Az+", false},
		{"/%25%34%31", "/%41", false}, // Decoded once.
		{"/%c3%A4%ff%01%0a", "/\xc3\xa4\xff\x01\n", false},
		{"/.", "/", false},
		{"/./", "/", false},
		{"/..", "/", false},
		{"/../", "/", false},
		{"/../../a", "/a", false},
		{"/a/.", "/a/", false},
		{"/a/./b", "/a/b", false},
		{"/a/..", "/", false},
		{"/a/../", "/", false},
		{"/a/b/..", "/a/", false},
		{"/a/b/../c", "/a/c", false},
		{"/a/b/../../../c", "/c", false},
		{"/a//../b", "/a/b", false},
		{"//..", "/", false},
		{"//../..//", "//", false},
		{"/a/b/c/./../../g", "/a/g", false}, // RFC 3986 §5.2.4
		{"/a/%2e", "/a/", false},
		{"/a/%2e%2E/b", "/b", false},
		{"/a/.%2e/b", "/b", false},
		{"/a%2f..%2fb", "/b", false},
		{"/a%2Fb", "/a/b", false},
		{"%2f..", "/", false},
		{"/%252e%252e/", "/%2e%2e/", false},
		{"a", "/a", false},
		{"..", "/", false},
		{"*", "/*", false},
	} {
		got, err := DecodePath(make([]byte, 0, len(row.in)+1), exact(row.in))
		if err != nil || string(got) != row.want {
			t.Errorf("%q: %q %v, want %q", row.in, got, err, row.want)
		}
		if PathIsPlain(exact(row.in)) != row.plain {
			t.Errorf("%q: plain is %v", row.in, !row.plain)
		}
	}
}

func TestDecodePath_refuses(t *testing.T) {
	for _, row := range []struct {
		in   string
		want *message.Refusal
	}{
		{"/%", ErrEscape},
		{"/%4", ErrEscape},
		{"/%4g", ErrEscape},
		{"/%g4", ErrEscape},
		{"/%%41", ErrEscape},
		{"/%4%31", ErrEscape},
		{"/% 1", ErrEscape},
		{"/%+1", ErrEscape},
		{"/%u0041", ErrEscape},
		{"/%00", ErrPathNUL},
		{"/a/%00/..", ErrPathNUL},
	} {
		if got, err := DecodePath(nil, exact(row.in)); err != row.want || got != nil {
			t.Errorf("%q: %q %v", row.in, got, err)
		}
	}
}

func TestDecodePath_allocatesNothing(t *testing.T) {
	raw := []byte("/a/%62/../c/")
	dst := make([]byte, 0, len(raw))
	if n := testing.AllocsPerRun(100, func() {
		_ = PathIsPlain(raw)
		_, _ = DecodePath(dst, raw)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkPathIsPlain(b *testing.B) {
	raw := []byte("/static/img/logo-2x.min.png")
	for b.Loop() {
		if !PathIsPlain(raw) {
			b.Fatal()
		}
	}
}

func BenchmarkDecodePath(b *testing.B) {
	raw := []byte("/static/img%20s/../logo-2x.min.png")
	dst := make([]byte, 0, len(raw))
	for b.Loop() {
		_, _ = DecodePath(dst, raw)
	}
}
