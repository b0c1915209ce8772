// Package base64 compares base64.c, by which gRPC's metadata is read and written, with encoding/base64. It is compiled into a program of
// its own, with AddressSanitizer.
package base64

import (
	"encoding/base64"
	"encoding/binary"
	"io"
	"strings"
	"testing"

	"libforker/tests/piped"
)

// coder is testdata/base64.c, which runs.
type coder struct{ *piped.Program }

func start(t testing.TB) *coder {
	t.Helper()
	return &coder{piped.Start(t, piped.Build(t, "base64.c", []string{"base64.c"}, piped.Sanitized))}
}

// read returns a text of the program's. false: there is none.
func (c *coder) read(t testing.TB) (string, bool) {
	t.Helper()
	var size int32
	if err := binary.Read(c.Stdout, binary.NativeEndian, &size); err != nil {
		t.Fatal(err)
	}
	if size < 0 {
		return "", false
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(c.Stdout, text); err != nil {
		t.Fatal(err)
	}
	return string(text), true
}

// oracle decodes a text. Padding may be there, in part too, or not, as servers of gRPC have to take it.
func oracle(text string) (string, bool) {
	digits := strings.TrimRight(text, "=")
	if padding := len(text) - len(digits); padding > (4-len(digits)%4)%4 || strings.ContainsAny(text, "\r\n") {
		return "", false
	}
	bytes, err := base64.RawStdEncoding.DecodeString(digits)
	if err != nil {
		return "", false
	}
	return string(bytes), true
}

func (c *coder) compare(t testing.TB, text string) {
	t.Helper()
	if _, err := c.Stdin.Write(append(binary.NativeEndian.AppendUint32(nil, uint32(len(text))), text...)); err != nil {
		t.Fatal(err)
	}
	got, ok := c.read(t)
	if want, wanted := oracle(text); got != want || ok != wanted {
		t.Errorf("%q is decoded as %q, %v; want %q, %v", text, got, ok, want, wanted)
	}
	if got, _ := c.read(t); got != base64.RawStdEncoding.EncodeToString([]byte(text)) {
		t.Errorf("%q is encoded as %q", text, got)
	}
}

func TestBase64_asOthers(t *testing.T) {
	c := start(t)
	for _, text := range []string{
		"", "=", "==", "Q", "Q=", "Q===", "QQ", "QQ=", "QQ==", "QQ===", "QUI", "QUI=", "QUI==", "QUJD", "QUJD=", "QUJD====", "QR", "QUJ", "Q=Q=",
		"+/+/", "-_-_", "QU JD", "QUJD\n", "\x00\xff", "QUJDRA==QUJD",
	} {
		c.compare(t, text)
	}
	for size := range 70 {
		text := make([]byte, size)
		for i := range text {
			text[i] = byte(255 - i*7)
		}
		c.compare(t, string(text))
		c.compare(t, base64.StdEncoding.EncodeToString(text))
	}
}

// FuzzBase64: the same bytes as encoding/base64, or both refuse, and nothing is written beyond what there is room for.
func FuzzBase64(f *testing.F) {
	c := start(f)
	f.Add("QUJDRA==")
	f.Add("+/+/Q")
	f.Add("\x00\xff\x80==")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) <= 4000 {
			c.compare(t, text)
		}
	})
}
