package http1

import (
	"reflect"
	"testing"

	"libforker/engine/message"
)

// TestHead_layout pins what fk_head in capi/exchange/exchange.h has; the C compiler checks the other side.
func TestHead_layout(t *testing.T) {
	want := []struct {
		name         string
		offset, size uintptr
	}{
		{"Method", 0, 8},
		{"Target", 8, 8},
		{"Path", 16, 8},
		{"Query", 24, 8},
		{"Host", 32, 8},
		{"ContentLength", 40, 8},
		{"Form", 48, 1},
		{"Version", 49, 1},
		{"KeepAlive", 50, 1},
		{"Chunked", 51, 1},
		{"ExpectContinue", 52, 1},
		{"HasQuery", 53, 1},
		{"PlainPath", 54, 1},
		{"FieldCount", 56, 2},
		{"TrailerCount", 58, 2},
		{"Fields", 60, 4096},
	}
	head := reflect.TypeFor[message.Head]()
	if head.NumField() != len(want) || head.Size() != 4160 {
		t.Fatalf("Head has %d fields and %d bytes", head.NumField(), head.Size())
	}
	for i, w := range want {
		f := head.Field(i)
		if f.Name != w.name || f.Offset != w.offset || f.Type.Size() != w.size {
			t.Errorf("field %d is %s at %d with %d bytes, want %+v", i, f.Name, f.Offset, f.Type.Size(), w)
		}
	}
}

func TestSpan_In_capsTheSlice(t *testing.T) {
	got := message.Span{Off: 1, Len: 2}.In([]byte("abcd"))
	if string(got) != "bc" || cap(got) != 2 {
		t.Fatalf("got %q with capacity %d", got, cap(got))
	}
}

func TestMethod_isKnownOfARequestThatIsRefused(t *testing.T) {
	for _, row := range []struct{ in, want string }{
		{"HEAD / HTTP/2.5\r\n", "HEAD"},
		{"\r\nHEAD /aaa", "HEAD"},
		{"HEAD ", "HEAD"},
		{"HEAD", ""},
		{"", ""},
		{"\r\n", ""},
		{"HEAD\t/", ""},
		{" HEAD /", ""},
	} {
		if got := string(Method([]byte(row.in))); got != row.want {
			t.Errorf("%q: %q, want %q", row.in, got, row.want)
		}
	}
}
