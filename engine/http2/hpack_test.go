package http2

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"
)

func TestStaticTable_isThatOfTheLibrary(t *testing.T) {
	for i := 1; i <= staticCount+1; i++ {
		fields, err := hpack.NewDecoder(4096, nil).DecodeFull([]byte{0x80 | byte(i)})
		if i > staticCount {
			if err == nil {
				t.Error("it has more entries")
			}
			break
		}
		if got := staticTable[i]; err != nil || string(got.name) != fields[0].Name || string(got.value) != fields[0].Value {
			t.Errorf("%d is %s: %s, want %v", i, got.name, got.value, fields)
		}
		first := staticName(staticTable[i].name)
		if string(staticTable[first].name) != fields[0].Name || first > uint8(i) {
			t.Errorf("the name of %d is found at %d", i, first)
		}
	}
	if staticName([]byte("x")) != 0 || staticName([]byte(strings.Repeat("x", 100))) != 0 {
		t.Error("a name is found that is not there")
	}
}

// late stands for a change of the table's size behind a field, or behind another change. The first is wrong and the second is not (RFC 7541
// §4.2); the library takes both as long as its table is empty, and then neither.
const late = "late"

// decoded is what a decoder makes of a section: its fields as text, or that it does not decode.
func decoded(d *decoder, section []byte) string {
	var s strings.Builder
	d.started = false
	for first := true; len(section) > 0; first = false {
		f, n := d.next(section)
		if !first && section[0]&0xe0 == 0x20 && (n == 0) == d.started {
			return late
		}
		if n == 0 {
			return "error"
		}
		if section = section[n:]; f.kind != kindNone {
			fmt.Fprintf(&s, "%q: %q\n", f.name, f.value)
		}
	}
	return s.String()
}

func decodedByLibrary(d *hpack.Decoder, section []byte) string {
	var s strings.Builder
	d.SetEmitFunc(func(f hpack.HeaderField) { fmt.Fprintf(&s, "%q: %q\n", f.Name, f.Value) })
	_, err := d.Write(section)
	if closeErr := d.Close(); err != nil || closeErr != nil {
		return "error"
	}
	return s.String()
}

func newDecoder() *decoder {
	return &decoder{shared: NewShared(wide, 1), limit: tableSize}
}

// Sections of a client that uses its table as much as it can, whose size changes now and then.
func TestDecoder_readsWhatTheLibraryWrites(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var block bytes.Buffer
	encoder, ours, theirs := hpack.NewEncoder(&block), newDecoder(), hpack.NewDecoder(4096, nil)
	for range 3000 {
		block.Reset()
		if random.IntN(20) == 0 {
			encoder.SetMaxDynamicTableSize(uint32(random.IntN(4097)))
		}
		for range random.IntN(20) {
			f := hpack.HeaderField{Name: fmt.Sprintf("name-%d", random.IntN(30)), Sensitive: random.IntN(10) == 0}
			if random.IntN(3) == 0 {
				f.Name = string(staticTable[1+random.IntN(staticCount)].name)
			}
			f.Value = strings.Repeat(string(rune('a'+random.IntN(26))), random.IntN(4)*random.IntN(300))
			if err := encoder.WriteField(f); err != nil {
				t.Fatal(err)
			}
		}
		want := decodedByLibrary(theirs, block.Bytes())
		if got := decoded(ours, block.Bytes()); got != want || got == "error" {
			t.Fatalf("%x\n%s, want\n%s", block.Bytes(), got, want)
		}
	}
}

func TestDecoder_refuses(t *testing.T) {
	for _, row := range []struct{ name, in string }{
		{"index 0", "\x80"},
		{"an index that nothing has", "\xbe"},
		{"an index that is cut short", "\xff"},
		{"an index without end", "\xff\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80"},
		{"an index that overflows", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"},
		{"a name without an end", "\x40\x05abc"},
		{"no name", "\x40"},
		{"no value", "\x40\x01a"},
		{"a value without an end", "\x40\x01a\x05abc"},
		{"a length without end", "\x40\x01a\x7f\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80"},
		{"a name of the table that is not there", "\x7f\x20\x01a"},
		{"a Huffman code that is none", "\x40\x81\xff\x01a"},
		{"a table beyond the setting", "\x3f\xe2\x1f"},
	} {
		if got := decoded(newDecoder(), []byte(row.in)); got != "error" {
			t.Errorf("%s: %s", row.name, got)
		}
		if got := decodedByLibrary(hpack.NewDecoder(4096, nil), []byte(row.in)); got != "error" {
			t.Errorf("%s: the library takes it: %s", row.name, got)
		}
	}
	if got := decoded(newDecoder(), []byte("\x82\x20")); got != late {
		t.Errorf("a table's size behind a field: %s", got)
	}
}

// An entry whose name is that of the entry which it drives out of the table.
func TestDecoder_nameOfAnEntryThatGoes(t *testing.T) {
	long := strings.Repeat("v", 2000)
	section := appendText([]byte{0x40}, []byte("name-of-its-own"))
	section = appendText(section, []byte(long))
	for range 5 {
		section = appendText(append(section, 0x40|62-1+1), []byte(long)) // The latest entry's name, indexed anew.
	}
	section = append(section, 0x80|62)
	got, want := decoded(newDecoder(), section), decodedByLibrary(hpack.NewDecoder(4096, nil), section)
	if got != want || strings.Count(got, "name-of-its-own") != 7 {
		t.Errorf("%.300s, want\n%.300s", got, want)
	}
}

// FuzzDecoder: the decoder and the library's agree on every section, and on the next ones.
func FuzzDecoder(f *testing.F) {
	f.Add([]byte("\x82\x86\x84\x41\x0fwww.example.com"), []byte("\x82\x86\x84\xbe\x58\x08no-cache"))
	f.Add([]byte("\x40\x0acustom-key\x0dcustom-header"), []byte("\xbe\x3f\xe1\x1f"))
	f.Add([]byte("\x20\x40\x01a\x01b"), []byte("\x3f\x21\x40\x01a\x01b\xbe"))
	f.Add([]byte("\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"), []byte("\xbe\x7e\x00\x10\x01a\x00"))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		ours, theirs := newDecoder(), hpack.NewDecoder(4096, nil)
		for _, section := range [][]byte{first, second, first, second} {
			got, want := decoded(ours, section), decodedByLibrary(theirs, section)
			if got == late {
				return
			}
			if got != want {
				t.Fatalf("%x: %s, want %s", section, got, want)
			}
			if got == "error" {
				return
			}
			if table := ours.table; table != nil && (table.size > table.most || table.count > maxEntries || table.end > tableSize) {
				t.Fatalf("a table of %d bytes and %d entries, of at most %d, text to %d", table.size, table.count, table.most, table.end)
			}
		}
	})
}

func TestEncoder_isReadByTheLibrary(t *testing.T) {
	long := strings.Repeat("x", 300)
	var out []byte
	out = AppendStatus(out, 200)
	out = AppendStatus(out, 418)
	out = AppendLength(out, 0)
	out = AppendLength(out, 1<<63-1)
	out = NewShared(wide, 1).AppendFields(out, []byte("Content-Type: text/plain\r\nX-Empty:\r\nx-y:  z \t\r\nSet-Cookie: a=b\r\nConnection: close\r\nTRANSFER-ENCODING: chunked\r\n"+
		"Keep-Alive: 5\r\nProxy-Connection: x\r\nUpgrade: y\r\nX-Long-"+long+": "+long+"\r\nX-Bytes: \x80\xff\"\r\n"))
	fields, err := hpack.NewDecoder(4096, nil).DecodeFull(out)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, f := range fields {
		fmt.Fprintf(&got, "%s: %s %v\n", f.Name, f.Value, f.Sensitive)
	}
	want := ":status: 200 false\n:status: 418 false\ncontent-length: 0 false\ncontent-length: 9223372036854775807 false\n" +
		"content-type: text/plain false\nx-empty:  false\nx-y: z false\nset-cookie: a=b true\nx-long-" + long + ": " + long + " false\nx-bytes: \x80\xff\" false\n"
	if got.String() != want {
		t.Errorf("%s, want\n%s", got.String(), want)
	}
	for status := 100; status < 600; status++ {
		fields, err := hpack.NewDecoder(4096, nil).DecodeFull(AppendStatus(nil, status))
		if err != nil || len(fields) != 1 || fields[0].Value != fmt.Sprint(status) {
			t.Errorf("%d is %v, %v", status, fields, err)
		}
	}
}
