package http2

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"

	"libforker/engine/message"
)

// reader is a client of a connection of a Shared.
type reader struct {
	conn    *Conn
	encoder *hpack.Encoder
	section bytes.Buffer
	fields  []hpack.HeaderField
	id      uint32
}

func newReader(sh *Shared) *reader {
	r := &reader{conn: sh.Open(0), id: 1}
	r.encoder = hpack.NewEncoder(&r.section)
	in := appendFrameHead([]byte(Preface), 0, frameSettings, 0, 0)
	for len(in) > 0 {
		n, _ := r.conn.Next(in, 0)
		in = in[n:]
	}
	return r
}

// choose chooses the fields of the next requests, out of few.
func (r *reader) choose(random *rand.Rand) {
	field := func(name, value string) {
		r.fields = append(r.fields, hpack.HeaderField{Name: name, Value: value, Sensitive: random.IntN(30) == 0})
	}
	r.fields = r.fields[:0]
	field(":method", "GET")
	field(":scheme", "http")
	field(":authority", "h")
	field(":path", fmt.Sprint("/", random.IntN(2)))
	for i := range random.IntN(3) {
		field(fmt.Sprint("name-", i), strings.Repeat("v", random.IntN(2)*random.IntN(300)))
	}
	if random.IntN(5) == 0 {
		field("priority", fmt.Sprintf("u=%d", random.IntN(8)))
	}
	if random.IntN(5) == 0 {
		field("content-length", "5")
	}
}

// write makes the section of a request.
func (r *reader) write(random *rand.Rand) []byte {
	r.section.Reset()
	if random.IntN(20) == 0 {
		r.encoder.SetMaxDynamicTableSize(uint32(random.IntN(600)))
	}
	if len(r.fields) == 0 || random.IntN(6) == 0 {
		r.choose(random)
	}
	for _, f := range r.fields {
		_ = r.encoder.WriteField(f) // Into memory.
	}
	return bytes.Clone(r.section.Bytes())
}

// read gives a connection a request with that section, and returns all that it says of it.
func (r *reader) read(section []byte, ends bool) string {
	flags := uint8(flagEndHeaders)
	if ends {
		flags |= flagEndStream
	}
	in := append(appendFrameHead(nil, len(section), frameHeaders, flags, r.id), section...)
	r.id += 2
	_, ev := r.conn.Next(in, 0)
	if ev.Stream == nil {
		return fmt.Sprint(r.conn.Fault())
	}
	var h message.Head
	h.TrailerCount = 7
	block := make([]byte, wide.Head)
	n, refusal := r.conn.ReadHead(ev.Stream, block, &h)
	text := fmt.Sprintf("%q %v %d %d", block[:n], refusal, ev.Stream.left, ev.Stream.urgency)
	r.conn.AppendData(nil, ev.Stream, 0, true)
	r.conn.Release(ev.Stream)
	r.conn.AppendControl(nil)
	return text + fmt.Sprintln(h.Method, h.Target, h.Path, h.Query, h.Host, h.ContentLength, h.Form, h.Version, h.KeepAlive, h.Chunked,
		h.ExpectContinue, h.HasQuery, h.PlainPath, h.TrailerCount, h.Fields[:h.FieldCount])
}

// What is kept of heads changes nothing but how long it takes to read them, whatever connections a loop has, and however their tables
// change between.
func TestReadHead_ofWhatIsKept(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	keeps, forgets := NewShared(wide, 100), NewShared(wide, 100)
	var conns [3][2]*reader
	recalled := 0
	for i := range 8000 {
		pair := &conns[random.IntN(len(conns))]
		if pair[0] == nil || random.IntN(300) == 0 {
			if pair[0] != nil {
				keeps.Close(pair[0].conn)
				forgets.Close(pair[1].conn)
			}
			pair[0], pair[1] = newReader(keeps), newReader(forgets)
		}
		section, ends := pair[0].write(random), random.IntN(3) > 0
		version := pair[0].conn.decoder.version
		if m := keeps.headOf(section, version); m != nil && m.known && m.is(section, version, ends) {
			recalled++
		}
		forgets.heads, forgets.inserts = [memos]headMemo{}, [keptInserts]insertMemo{}
		got, want := pair[0].read(section, ends), pair[1].read(section, ends)
		if got != want {
			t.Fatalf("request %d: %s, want %s", i, got, want)
		}
	}
	if recalled < 500 {
		t.Errorf("only %d heads were kept", recalled)
	}
}

// What one client has taught is known of another that sends the same, although each has a table of its own.
func TestReadHead_ofClientsThatAreAlike(t *testing.T) {
	sh := NewShared(wide, 100)
	for i := range 4 {
		r := newReader(sh)
		for j := range 3 {
			r.section.Reset()
			for _, f := range []hpack.HeaderField{
				{Name: ":method", Value: "GET"},
				{Name: ":scheme", Value: "http"},
				{Name: ":authority", Value: "h"},
				{Name: ":path", Value: "/"},
				{Name: "user-agent", Value: "alike"},
				{Name: "x-client", Value: fmt.Sprint(i / 2)},
			} {
				_ = r.encoder.WriteField(f) // Into memory.
			}
			version := r.conn.decoder.version
			m := sh.headOf(r.section.Bytes(), version)
			// Of two of them the first has its fields inserted, and then is new and kept; the second begins where that has ended.
			if known := m.known && m.is(r.section.Bytes(), version, true); known != (i%2 == 1 && j > 0) {
				t.Errorf("client %d, request %d: known is %v", i, j, known)
			}
			r.read(bytes.Clone(r.section.Bytes()), true)
		}
	}
}

// Tables of clients which are alike but for one field are not taken for each other, or its place: as long, and with the same end.
func TestReadHead_ofClientsThatAreNearlyAlike(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	keeps := NewShared(wide, 100)
	for i := range 2000 {
		r, alone := newReader(keeps), newReader(NewShared(wide, 100))
		r.fields = r.fields[:0]
		names := []string{":method", ":scheme", ":authority", ":path", "x-first", "x-other", "x-third"}
		random.Shuffle(3, func(i, j int) { names[4+i], names[4+j] = names[4+j], names[4+i] })
		for _, name := range names {
			value := map[string]string{":method": "GET", ":scheme": "http", ":authority": "h", ":path": "/"}[name]
			if value == "" {
				value = fmt.Sprintf("%c-same", 'a'+rune(random.IntN(3)))
			}
			r.fields = append(r.fields, hpack.HeaderField{Name: name, Value: value})
		}
		for range 3 {
			r.section.Reset()
			for _, f := range r.fields {
				_ = r.encoder.WriteField(f) // Into memory.
			}
			section := bytes.Clone(r.section.Bytes())
			if got, want := r.read(section, true), alone.read(section, true); got != want {
				t.Fatalf("client %d: %s, want %s", i, got, want)
			}
		}
		keeps.Close(r.conn)
	}
}

// Lines are written as if nothing was kept of them.
func TestAppendFields_ofWhatIsKept(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	sh := NewShared(wide, 1)
	for range 8000 {
		line := fmt.Sprintf("%s: %s\r\n", []string{"ETag", "x-a", "x-b", "Content-Type", "Connection", "Set-Cookie"}[random.IntN(6)],
			strings.Repeat("~", random.IntN(2)*random.IntN(70))+fmt.Sprint(random.IntN(3)))
		if got, want := sh.AppendFields([]byte("x"), []byte(line)), appendLine([]byte("x"), []byte(line)); !bytes.Equal(got, want) {
			t.Fatalf("%q is %x, want %x", line, got, want)
		}
	}
}
