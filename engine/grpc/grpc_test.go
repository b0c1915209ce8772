package grpc

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math"
	"net/url"
	"testing"
)

func TestSingle(t *testing.T) {
	for _, test := range []struct {
		body  string
		want  string
		fault *Fault
	}{
		{"\x00\x00\x00\x00\x00", "", nil},
		{"\x00\x00\x00\x00\x03abc", "abc", nil},
		{"\x01\x00\x00\x00\x03abc", "abc", nil},
		{"", "", ErrNoMessage},
		{"\x00\x00\x00\x00", "", ErrCutShort},
		{"\x00\x00\x00\x00\x03ab", "", ErrCutShort},
		{"\x00\x00\x00\x00\x03abcd", "", ErrSecond},
		{"\x02\x00\x00\x00\x03abc", "", ErrPrefix},
		{"\x00\x00\x00\x00\x09abc", "", ErrTooLarge},
		{"\x00\xff\xff\xff\xffabc", "", ErrTooLarge},
	} {
		message, compressed, fault := Single([]byte(test.body), 8)
		if string(message) != test.want || fault != test.fault || fault == nil && compressed != (test.body[0] == 1) {
			t.Errorf("%q: %q, %v, %v; want %q, %v", test.body, message, compressed, fault, test.want, test.fault)
		}
	}
}

func TestFormOf(t *testing.T) {
	for value, want := range map[string]Form{
		"application/grpc":                Plain,
		"application/grpc+proto":          Plain,
		"Application/gRPC+json":           Plain,
		"application/grpc; x=y":           Plain,
		"application/grpc-web":            Web,
		"application/grpc-web+proto":      Web,
		"application/grpc-Web-Text":       WebText,
		"application/grpc-web-text+proto": WebText,
		"application/grpc-webx":           NoCall,
		"application/grpc-web-":           NoCall,
		"application/grpc-web-textx":      NoCall,
		"application/grpcx":               NoCall,
		"application/grp":                 NoCall,
		"application/json":                NoCall,
		"":                                NoCall,
	} {
		if got := FormOf([]byte(value)); got != want {
			t.Errorf("%q: %v", value, got)
		}
	}
}

func TestParseTimeout(t *testing.T) {
	for value, want := range map[string]int64{
		"1n": 1, "20u": 20e3, "300m": 300e6, "5S": 5e9, "2M": 120e9, "1H": 3600e9, "00000001S": 1e9, "0m": 0,
		"99999999H": math.MaxInt64, "99999999M": 5999999940e9,
	} {
		if got, ok := ParseTimeout([]byte(value)); got != want || !ok {
			t.Errorf("%s: %d, %v; want %d", value, got, ok, want)
		}
	}
	for _, value := range []string{"", "S", "1", "1s", "1h", "100000000S", "-1S", "+1S", "1.5S", " 1S", "1S ", "1\x00"} {
		if got, ok := ParseTimeout([]byte(value)); ok {
			t.Errorf("%q is taken for %d", value, got)
		}
	}
}

func TestAppendCode(t *testing.T) {
	for code := OK; code <= MaxCode; code++ {
		if got := string(AppendCode(nil, code)); got != fmt.Sprint(uint8(code)) {
			t.Errorf("%d: %q", code, got)
		}
	}
}

func TestOfHTTP_noErrorIsOK(t *testing.T) {
	for status := 400; status < 600; status++ {
		if code := OfHTTP(status); code == OK || code > MaxCode {
			t.Errorf("%d: %d", status, code)
		}
	}
}

func FuzzParseTimeout(f *testing.F) {
	f.Add([]byte("99999999H"))
	f.Add([]byte("1n"))
	f.Fuzz(func(t *testing.T, value []byte) {
		if ns, ok := ParseTimeout(value); ok && ns < 0 {
			t.Errorf("%q: %d", value, ns)
		}
	})
}

// A client that decodes what is sent has the text, and nothing in it can end a field.
func FuzzAppendText(f *testing.F) {
	f.Add([]byte("100% of \r\n\x00 \u00e9"))
	f.Add([]byte(" blanks at the ends "))
	f.Add([]byte(" "))
	f.Fuzz(func(t *testing.T, text []byte) {
		coded := AppendText(nil, text)
		if i := bytes.IndexFunc(coded, func(r rune) bool { return r < ' ' || r > '~' }); i >= 0 {
			t.Errorf("%q has %q", coded, coded[i])
		}
		if len(bytes.Trim(coded, " ")) != len(coded) {
			t.Errorf("%q has a blank at an end", coded)
		}
		if got, err := url.PathUnescape(string(coded)); err != nil || got != string(text) {
			t.Errorf("%q comes back as %q, %v", text, got, err)
		}
	})
}

// zip returns text compressed.
func zip(text []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(text)
	w.Close()
	return b.Bytes()
}

func inflate(i *Inflater, message []byte, most int64) (text []byte, fault *Fault) {
	for fault = i.Begin(message, most); fault == nil; {
		var piece []byte
		if piece, fault = i.Next(); len(piece) == 0 {
			break
		}
		text = append(text, piece...)
	}
	return text, fault
}

// Nothing gives more than the bound, and what was compressed comes back, also when the message before was broken.
func FuzzInflater(f *testing.F) {
	f.Add([]byte("text"), int64(4))
	f.Add(zip(bytes.Repeat([]byte("x"), 100_000)), int64(1000))
	f.Add(append(zip([]byte("one")), zip([]byte("two"))...), int64(6))
	var i Inflater
	f.Fuzz(func(t *testing.T, data []byte, most int64) {
		most &= 1<<20 - 1
		text, fault := inflate(&i, data, most)
		switch {
		case int64(len(text)) > most:
			t.Errorf("%d bytes, where %d are the most", len(text), most)
		case fault != nil && fault != ErrBroken && fault != ErrTooLarge:
			t.Error(fault)
		}
		want := (*Fault)(nil)
		if int64(len(data)) > most {
			want = ErrTooLarge
		}
		if text, fault = inflate(&i, zip(data), most); fault != want || fault == nil && !bytes.Equal(text, data) {
			t.Errorf("%q comes back as %q, %v", data, text, fault)
		}
	})
}

func FuzzSingle(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x00\x03abc"))
	f.Add([]byte("\x01\xff\x00\x00\x03abc"))
	f.Fuzz(func(t *testing.T, body []byte) {
		message, compressed, fault := Single(body, 1<<10)
		switch {
		case fault != nil && (message != nil || fault.Code == OK):
			t.Errorf("%q: %q, %v", body, message, fault)
		case fault == nil:
			again := append(AppendPrefix(nil, Prefix{compressed, len(message)}), message...)
			if !bytes.Equal(again, body) {
				t.Errorf("%q comes back as %q", body, again)
			}
		}
	})
}
