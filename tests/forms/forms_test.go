// Package forms compares the parser of forms, which is C, with mime/multipart: the same parts come out, or both refuse. The
// parser is compiled into a program of its own, with AddressSanitizer.
package forms

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"strings"
	"testing"
	"unicode"

	"libforker/tests/piped"
)

// underTest are the files of capi that are compiled into the program.
var underTest = []string{"multipart.c", "partheader.c", "parameter.c", "query.c", "block.c", "failure.c"}

// parts is testdata/parts.c, which runs.
type parts struct{ *piped.Program }

func startParts(t testing.TB) *parts {
	t.Helper()
	return &parts{piped.Start(t, piped.Build(t, "parts.c", underTest, piped.Sanitized))}
}

// take returns what the parser makes of a form, as the program writes it.
func (p *parts) take(boundary, body string) (string, error) {
	form := append([]byte{byte(len(boundary))}, boundary...)
	form = binary.NativeEndian.AppendUint32(form, uint32(len(body)))
	if _, err := p.Stdin.Write(append(form, body...)); err != nil {
		return "", err
	}
	var size [4]byte
	if _, err := io.ReadFull(p.Stdout, size[:]); err != nil {
		return "", err
	}
	result := make([]byte, binary.NativeEndian.Uint32(size[:]))
	_, err := io.ReadFull(p.Stdout, result)
	return string(result), err
}

var (
	errRefused = errors.New("refused")
	errNoneOf  = errors.New("nothing to compare")
)

// oracle says what mime/multipart makes of a form, in the same form. errNoneOf: the two differ on purpose.
func oracle(boundary, body string) (string, error) {
	var result []byte
	reader := multipart.NewReader(strings.NewReader(body), boundary)
	for {
		part, err := reader.NextRawPart()
		if err == io.EOF && (ends(boundary, body+"\r\n\r\n") || ends(boundary, body+"\n\n")) {
			return string(append(result, '.')), nil
		}
		if err != nil {
			return refused(err)
		}
		name, filename, err := disposition(part)
		if err != nil {
			return refused(err)
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return refused(err)
		}
		result = append(result, 'P')
		result = appendText(result, name)
		result = appendText(result, filename)
		result = appendText(result, firstOf(part.Header["Content-Type"]))
		result = binary.NativeEndian.AppendUint32(result, uint32(len(content)))
		result = append(result, content...)
	}
}

// ends reports whether mime/multipart finds the end of a form. It takes one that ends within the header of a part for one that has
// ended before that, as long as nothing follows.
func ends(boundary, body string) bool {
	reader := multipart.NewReader(strings.NewReader(body), boundary)
	for {
		if _, err := reader.NextRawPart(); err != nil {
			return err == io.EOF
		}
	}
}

// refused gives what a fault of the form is. A line that fills a buffer is one for mime/multipart only.
func refused(err error) (string, error) {
	if errors.Is(err, errNoneOf) || errors.Is(err, bufio.ErrBufferFull) {
		return "", errNoneOf
	}
	return "!", nil
}

func firstOf(values []string) *string {
	if len(values) == 0 {
		return nil
	}
	return &values[0]
}

func appendText(result []byte, text *string) []byte {
	if text == nil {
		return binary.NativeEndian.AppendUint32(result, 1<<32-1)
	}
	return append(binary.NativeEndian.AppendUint32(result, uint32(len(*text))), *text...)
}

// disposition gives name and name of the file of a part. One of form-data that is malformed refuses the form, where
// mime/multipart takes it for a part without a name. RFC 7578 §4.2 wants no parameters of RFC 2231.
func disposition(part *multipart.Part) (name, filename *string, err error) {
	text := firstOf(part.Header["Content-Disposition"])
	if text == nil {
		return nil, nil, nil
	}
	if strings.Contains(*text, "*") || strings.ContainsFunc(*text, func(r rune) bool { return r > 0x7f && unicode.IsSpace(r) }) {
		return nil, nil, errNoneOf
	}
	word, _, _ := strings.Cut(*text, ";")
	if !strings.EqualFold(strings.Trim(word, " \t"), "form-data") {
		return nil, nil, nil
	}
	_, parameters, err := mime.ParseMediaType(*text)
	lower := strings.ToLower(*text)
	files := strings.Count(lower, "filename")
	if err != nil && strings.Contains(err.Error(), "duplicate") && files < 2 && strings.Count(lower, "name")-files < 2 {
		return nil, nil, errNoneOf // Of others than name and filename nothing is heeded (RFC 2183 §2.8), however many there are.
	}
	if err != nil {
		return nil, nil, errRefused
	}
	if value, ok := parameters["name"]; ok {
		name = &value
	}
	if value, ok := parameters["filename"]; ok {
		filename = &value
	}
	return name, filename, nil
}

func (p *parts) compare(t *testing.T, boundary, body string) {
	t.Helper()
	want, err := oracle(boundary, body)
	if errors.Is(err, errNoneOf) {
		return
	}
	got, err := p.take(boundary, body)
	if err != nil || got != want {
		t.Fatalf("boundary %q, body %q:\n%q, %v, want\n%q", boundary, body, got, err, want)
	}
}

const valid = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b\r\nContent-Disposition: form-data; name=f; filename=\"x.txt\"\r\n" +
	"Content-Type: text/plain\r\n\r\n\r\n--bb\r\n-\r\n--\r\n--b--\r\nepilogue"

// TestParts_areThoseOfMimeMultipart tries forms that are made of what matters in them.
func TestParts_areThoseOfMimeMultipart(t *testing.T) {
	p := startParts(t)
	for at := range valid { // Everything that is one byte away from a form.
		for _, piece := range []string{"", "\r", "\n", "-", "b", " ", "\t", ":", ";", "\"", "\\", "=", "\x00", "\x7f", "\xc3"} {
			p.compare(t, "b", valid[:at]+piece+valid[at:])
			p.compare(t, "b", valid[:at]+piece+valid[at+1:])
		}
		p.compare(t, "b", valid[:at])
		p.compare(t, "b", strings.ReplaceAll(valid, "\r\n", "\n")[:min(at, strings.Count(valid, "\n"))])
	}
	random := rand.New(rand.NewPCG(1, 2))
	pieces := []string{
		"--b", "--b\r\n", "\r\n--b\r\n", "\r\n--b--", "\r\n--b--\r\n", "--b--", "--b\n", "\n--b\n", "\n--b--\n", "--b \t\r\n", "\r\n--b \r\n", "\r\n--bx", "\r\n--b-x",
		"\r", "\n", "\r\n", "-", "--", "b", " ", "x", "\r\n\r\n", "\n\n", "A: 1\r\n", "Content-Disposition: form-data", "; name=a", "; name=\"a b\"", "; filename=\"C:\\d\\f\"",
		"; filename=\"a\\\"b\"", "; name=\"\"", ";", " ;", "=", "\"", ": ", "Content-Type: text/html\r\n", "\t folded\r\n", "content-disposition :form-data; name=c\r\n",
		"--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n",
	}
	for range 6000 {
		var body strings.Builder
		if random.IntN(2) > 0 {
			body.WriteString("--b\r\n")
		}
		for range random.IntN(9) {
			body.WriteString(pieces[random.IntN(len(pieces))])
		}
		p.compare(t, "b", body.String())
		p.compare(t, "b", body.String()+"\r\n--b--\r\n")
	}
}

// TestParts_haveBoundariesOfAllLengths puts what looks like a boundary where pieces are cut.
func TestParts_haveBoundariesOfAllLengths(t *testing.T) {
	p := startParts(t)
	for length := 1; length <= 70; length++ {
		for _, boundary := range []string{strings.Repeat("-", length), strings.Repeat("a", length), strings.Repeat("'=", 35)[:length]} {
			header := "--" + boundary + "\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n"
			content := "\r\n--" + boundary[:length-1] + "\r\r\n\r\n-\r\n--" + boundary + "x" + "\r\n--" + boundary + "-"
			body := header + content + "\r\n" + header + "\r\n--" + boundary + "--"
			if want, _ := oracle(boundary, body); length > 1 && want == "!" && boundary[0] == 'a' {
				t.Errorf("boundary of %d: %q is refused", length, body)
			}
			p.compare(t, boundary, body)
		}
	}
}

// TestParts_haveHeadersOfSomeLength: 8 KiB with the empty line.
func TestParts_haveHeadersOfSomeLength(t *testing.T) {
	p := startParts(t)
	for _, more := range []int{0, 1} {
		header := "Content-Disposition: form-data; name=\"a\"\r\nX: " + strings.Repeat("x", 8192-45-4+more) + "\r\n\r\n"
		got, err := p.take("b", "--b\r\n"+header+"\r\n--b--\r\n")
		if err != nil || len(header) != 8192+more || (got == "!") != (more > 0) {
			t.Errorf("a header of %d bytes: %q, %v", len(header), got, err)
		}
	}
}

// TestParts_takeExtendedNamesOfFiles (RFC 8187), which some clients send though RFC 7578 §4.2 says not to.
func TestParts_takeExtendedNamesOfFiles(t *testing.T) {
	p := startParts(t)
	for parameters, want := range map[string]string{
		"filename*=UTF-8''na%C3%AFve.txt":            "naïve.txt",
		"filename*=utf-8'en'a%20b":                   "a b",
		"filename=plain; filename*=UTF-8''other":     "plain",
		"filename*=UTF-8''other; filename=\"plain\"": "plain",
		"filename*=utf-8''":                          "",
		"filename*=iso-8859-1''a":                    "!",
		"filename*=utf-8'a":                          "!",
		"filename*=utf-8''a%00":                      "!",
		"filename*=utf-8''a%0a":                      "!",
		"filename*=utf-8''a; filename*=utf-8''b":     "!",
		"filename=a; filename=b":                     "!",
		"filename=a; FileName=\"a\"":                 "a",
		"filename=a; x=1; x=2":                       "a",
		"filename=\"..\\..\\etc/passwd\"":            "..\\..\\etc/passwd",
		"filename=\"\\\\host\\dir\\a\\\"b\\\\\"":     "\\host\\dir\\a\"b\\",
		"filename=\"a%22b\"":                         "a%22b",
	} {
		got, err := p.take("b", "--b\r\nContent-Disposition: form-data; name=a; "+parameters+"\r\n\r\n\r\n--b--")
		expected := []byte("!")
		if want != "!" {
			name := "a"
			expected = append(appendText(appendText(appendText([]byte("P"), &name), &want), nil), 0, 0, 0, 0, '.')
		}
		if err != nil || !bytes.Equal([]byte(got), expected) {
			t.Errorf("%s: %q, %v, want %q", parameters, got, err, want)
		}
	}
}

// FuzzParts: the same parts as mime/multipart, or both refuse.
func FuzzParts(f *testing.F) {
	p := startParts(f)
	f.Add("b", valid)
	f.Add("b", strings.ReplaceAll(valid, "\r\n", "\n"))
	f.Add("--", "preamble\r\n----\r\n\r\n\r\n------\r\n")
	f.Add("b", "--b\r\nContent-Disposition: form-data;\r\n name=\"a\"; filename=\"C:\\x\\y\"\r\n\r\n\r\r\n--b-\r\n--b--")
	f.Add("b", "--b\nContent-Disposition:form-dAtA;e=0;e=\"\"\n\n--b--")
	f.Fuzz(func(t *testing.T, boundary, body string) {
		if len(boundary) == 0 || len(boundary) > 70 || len(body) > 4000 || strings.ContainsAny(boundary, "\r\n") {
			return
		}
		p.compare(t, boundary, body)
	})
}
