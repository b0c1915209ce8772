package http1

import (
	"bytes"
	"strings"
	"testing"

	"libforker/engine/message"
)

// decoded is all that a caller can learn from a Chunked.
type decoded struct {
	body     string
	used     int
	done     bool
	err      *message.Refusal
	trailers string
}

// decode gives a decoder in up to cut, then the rest, with room for size bytes a call.
func decode(in string, cut, size int) (d decoded) {
	var c Chunked
	room := make([]byte, size)
	for _, end := range []int{cut, len(in)} {
		for !d.done {
			nd, ns, done, err := c.Decode(room, exact(in[d.used:end]))
			d.body += string(room[:nd])
			d.used += ns
			if d.done, d.err = done, err; err != nil {
				return d
			}
			if nd+ns == 0 {
				break
			}
		}
	}
	if d.done {
		d.trailer(&c, in, cut, len(in))
	}
	return d
}

// decodeBytes gives a decoder one byte at a time, so that nothing is ever there but what it asks for.
func decodeBytes(in string) (d decoded) {
	var c Chunked
	var room [1]byte
	for !d.done {
		nd, ns, done, err := c.Decode(room[:], exact(in[d.used:min(d.used+1, len(in))]))
		d.body += string(room[:nd])
		d.used += ns
		if d.done, d.err = done, err; err != nil || d.used == len(in) && !done {
			return d
		}
	}
	d.trailer(&c, in, everyByte(in)...)
	return d
}

// trailer shows a decoder the trailer section, which begins behind the used bytes, up to each end.
func (d *decoded) trailer(c *Chunked, in string, ends ...int) {
	h := message.Head{}
	lim := &message.Limits{Fields: 100}
	for _, end := range ends {
		if end < d.used {
			continue
		}
		n, err := c.Trailer(exact(in[:end]), d.used, &h, lim)
		if d.done, d.err = n > 0, err; d.done || err != nil {
			d.used += n
			break
		}
	}
	for _, f := range h.Fields[:h.TrailerCount] {
		d.trailers += string(f.Name.In([]byte(in))) + "=" + string(f.Value.In([]byte(in))) + "\n"
	}
}

// unchunk decodes in whole, byte by byte, in every two parts and with little room, and demands one outcome.
func unchunk(t *testing.T, in string) decoded {
	t.Helper()
	whole := decode(in, 0, 1<<16)
	if got := decodeBytes(in); got != whole {
		t.Errorf("%.100q\nwhole %+v\nbytes %+v", in, whole, got)
	}
	if len(in) > 1<<12 {
		return whole // Quadratic.
	}
	for cut := range len(in) {
		for _, size := range []int{1, 3, 1 << 10} {
			if got := decode(in, cut, size); got != whole {
				t.Errorf("%.100q cut at %d, room for %d\nwhole %+v\nparts %+v", in, cut, size, whole, got)
			}
		}
	}
	return whole
}

func TestChunked_accepts(t *testing.T) {
	for _, row := range []struct{ in, want, trailers string }{
		{"0\r\n\r\n", "", ""},
		{"5\r\nhello\r\n0\r\n\r\n", "hello", ""},
		{"3\r\nhel\r\n2\r\nlo\r\n000\r\n\r\n", "hello", ""},
		{"a\r\n0123456789\r\n0\r\n\r\n", "0123456789", ""},
		{"B\r\n0\r\n\r\n\x00\n\xff\n\n\r\r\n0\r\n\r\n", "0\r\n\r\n\x00\n\xff\n\n\r", ""},
		{"000000000000000000000000000001\r\nx\r\n0\r\n\r\n", "x", ""},
		{"1;a\r\nx\r\n0;b=c;d=\"\"\r\n\r\n", "x", ""},
		{"1;a=b;c=\"\\\" ;\t\\\\\xff\";d\r\nx\r\n0\r\n\r\n", "x", ""},
		{"1 ;a\r\nx\r\n0\t ;\tb \t=\t c ;d= \"e\" ; f ;g\r\n\r\n", "x", ""},
		{"1; a\r\nx\r\n0\r\n\r\n", "x", ""},
		{"1;a ;b\r\nx\r\n0\r\n\r\n", "x", ""},
		{"1;a= b\r\nx\r\n0\r\n\r\n", "x", ""},
		{"1" + strings.Repeat(";a=b", 63) + "\r\nx\r\n0\r\n\r\n", "x", ""}, // 255 bytes
		{"0\r\nA: b\r\nC:\r\nD:\t d d\t\r\n\r\n", "", "A=b\nC=\nD=d d\n"},
		{"0\r\nA:\t\xff\r\n\r\n", "", "A=\xff\n"},
		{"1\r\nx\r\n0\r\nContent-Length: 7\r\nA: b\r\nhost: x\r\nTRANSFER-ENCODING: y\r\nB: c\r\nTe: z\r\n\r\n", "x", "A=b\nB=c\n"},
		{"0\r\nA: b\r\nA: c\r\n\r\n", "", "A=b\nA=c\n"},
		{"0\r\nA:" + strings.Repeat("a", MaxTrailer-6) + "\r\n\r\n", "", "A=" + strings.Repeat("a", MaxTrailer-6) + "\n"},
	} {
		for _, behind := range []string{"", "5\r\nhello\r\n", "\n"} {
			if got := unchunk(t, row.in+behind); got != (decoded{row.want, len(row.in), true, nil, row.trailers}) {
				t.Errorf("%.100q: %+v", row.in+behind, got)
			}
		}
	}
}

// badChunks is input that is refused, after a body.
type badChunks struct {
	in   string
	body string
	want *message.Refusal
}

func refusesChunks(t *testing.T, rows []badChunks) {
	t.Helper()
	for _, row := range rows {
		got := unchunk(t, row.in)
		if got.err != row.want || got.body != row.body || got.done {
			t.Errorf("%.100q: %+v %v", row.in, got, got.err)
		}
		// The verdict does not depend on what follows.
		if again := unchunk(t, row.in+"\r\n0\r\n\r\n"); again != got {
			t.Errorf("%.100q: %+v, and with more behind it %+v", row.in, got, again)
		}
	}
}

func TestChunked_refusesSizes(t *testing.T) {
	refusesChunks(t, []badChunks{
		{"\r\n", "", ErrChunkSize},
		{"\n", "", ErrChunkSize},
		{" 1\r\n", "", ErrChunkSize},
		{"-1\r\n", "", ErrChunkSize},
		{"+1\r\n", "", ErrChunkSize},
		{"0x1\r\n", "", ErrChunkSize},
		{"g\r\n", "", ErrChunkSize},
		{"1_0\r\n", "", ErrChunkSize},
		{";a\r\n", "", ErrChunkSize},
		{"1\n", "", ErrChunkSize},
		{"1\r\r\n", "", ErrChunkSize},
		{"1\rx", "", ErrChunkSize},
		{"1 \r\n", "", ErrChunkSize},
		{"1\t\r\n", "", ErrChunkSize},
		{"1 2\r\n", "", ErrChunkSize},
		{"1 \n", "", ErrChunkSize},
		{"1 =a\r\n", "", ErrChunkSize},
		{"1000000000000000\r\n", "", ErrChunkTooLarge},
		{"00001000000000000000\r\n", "", ErrChunkTooLarge},
		{"ffffffffffffffff\r\n", "", ErrChunkTooLarge},
		{"10000000000000001\r\n", "", ErrChunkTooLarge},
		{"1 \x0b;a\r\n", "", ErrChunkSize},
		{strings.Repeat("0", 257), "", ErrChunkLine},
	})
}

func TestChunked_refusesExtensions(t *testing.T) {
	refusesChunks(t, []badChunks{
		{"1;\r\n", "", ErrChunkExtension},
		{"1;;\r\n", "", ErrChunkExtension},
		{"1; \r\n", "", ErrChunkExtension},
		{"1; a \r\n", "", ErrChunkExtension},
		{"1;a b\r\n", "", ErrChunkExtension},
		{"1;a = \r\n", "", ErrChunkExtension},
		{"1;a=b \r\n", "", ErrChunkExtension},
		{"1;a=\"b\" \r\n", "", ErrChunkExtension},
		{"1;a=\"b\" c\r\n", "", ErrChunkExtension},
		{"1;a=b =c\r\n", "", ErrChunkExtension},
		{"1; \xa0a\r\n", "", ErrChunkExtension},
		{"1;a \r\n", "", ErrChunkExtension},
		{"1;a;\r\n", "", ErrChunkExtension},
		{"1;a\n", "", ErrChunkExtension},
		{"1;a=\r\n", "", ErrChunkExtension},
		{"1;a=b c\r\n", "", ErrChunkExtension},
		{"1;a=b\x00\r\n", "", ErrChunkExtension},
		{"1;a=b\"c\"\r\n", "", ErrChunkExtension},
		{"1;a=\"b\"c\r\n", "", ErrChunkExtension},
		{"1;a=\"b\n\"\r\n", "", ErrChunkExtension},
		{"1;a=\"b\r\n\"\r\n", "", ErrChunkExtension},
		{"1;a=\"\\\r\n\"\r\n", "", ErrChunkExtension},
		{"1;=b\r\n", "", ErrChunkExtension},
		{"1;a=b=c\r\n", "", ErrChunkExtension},
		{"1;\x80\r\n", "", ErrChunkExtension},
		{"1;" + strings.Repeat("a", 253) + "\r\n", "", ErrChunkLine},
		{"1;" + strings.Repeat("a", 300), "", ErrChunkLine},
	})
}

func TestChunked_refusesEndsOfChunks(t *testing.T) {
	const x = "1\r\nx\r\n"
	refusesChunks(t, []badChunks{
		{"1\r\nxy\r\n", "x", ErrChunkEnd},
		{"1\r\nx\n", "x", ErrChunkEnd},
		{"1\r\nx\r0", "x", ErrChunkEnd},
		{"1\r\nx0\r\n", "x", ErrChunkEnd},
		{x + "\r\n", "x", ErrChunkSize},
	})
}

func TestChunked_refusesTrailers(t *testing.T) {
	const x = "1\r\nx\r\n"
	refusesChunks(t, []badChunks{
		{x + "0\n", "x", ErrChunkSize},
		{x + "0\r\n\n", "x", ErrTrailer},
		{x + "0\r\n\r\r\n", "x", ErrTrailer},
		{x + "0\r\nA\r\n", "x", ErrTrailer},
		{x + "0\r\nA : b\r\n", "x", ErrTrailer},
		{x + "0\r\n: b\r\n", "x", ErrTrailer},
		{x + "0\r\n A: b\r\n", "x", ErrTrailer},
		{x + "0\r\nA: b\n", "x", ErrTrailer},
		{x + "0\r\nA: b\rc\n", "x", ErrTrailer},
		{x + "0\r\nA: b\x00\r\n", "x", ErrTrailer},
		{x + "0\r\nA: b\r\n c\r\n", "x", ErrTrailer},
		{x + "0\r\nHost: b\x00\r\n", "x", ErrTrailer},
		{x + "0\r\n" + strings.Repeat("a:\r\n", 101), "x", ErrTooManyTrailers},
		{x + "0\r\nA:" + strings.Repeat("a", MaxTrailer-5) + "\r\n\r\n", "x", ErrTrailerTooLarge},
		{x + "0\r\n" + strings.Repeat("te:\r\n", MaxTrailer/5+1) + "\r\n", "x", ErrTrailerTooLarge},
	})
}

func TestChunked_boundsWhatFramesTheData(t *testing.T) {
	line := func(extension int) string { return ";" + strings.Repeat("a", extension) + "\r\n" }
	for _, row := range []struct {
		name, chunk string
		count       int
		want        *message.Refusal
	}{
		{"a byte at a time", "1\r\nx\r\n", 100_000, nil},
		{"a byte at a time, with a short extension", "1" + line(12) + "x\r\n", 100_000, nil},
		{"a byte more is too much for many of them", "1" + line(13) + "x\r\n", 16<<10 + 1, ErrChunkExcess},
		{"and for fewer it is not", "1" + line(13) + "x\r\n", 16 << 10, nil},
		{"one after the other is signed", "400" + line(90) + strings.Repeat("x", 1024) + "\r\n", 1000, nil},
		{"long extensions", "1" + line(248) + "x\r\n", 20_000, ErrChunkExcess},
		{"long sizes", strings.Repeat("0", 200) + "1\r\nx\r\n", 20_000, ErrChunkExcess},
	} {
		var c Chunked
		in := []byte(strings.Repeat(row.chunk, row.count) + "0\r\n")
		_, _, done, err := c.Decode(make([]byte, len(in)), in)
		if err != row.want || done != (err == nil) {
			t.Errorf("%s: %v, done %v", row.name, err, done)
		}
	}
}

func TestChunked_Remaining_tellsSizeBeforeData(t *testing.T) {
	var c Chunked
	var room [4]byte
	for _, step := range []struct {
		in   string
		room int
		nd   int
		ns   int
		want uint64
	}{
		{"fffffff", 4, 0, 7, 0},
		{"ffffffff;a\r", 4, 0, 11, 0},
		{"\n", 4, 0, 1, 0xfffffffffffffff},
		{"abcdef", 4, 4, 4, 0xffffffffffffffb},
		{"ef", 0, 0, 0, 0xffffffffffffffb},
	} {
		nd, ns, done, err := c.Decode(room[:step.room], []byte(step.in))
		if nd != step.nd || ns != step.ns || done || err != nil || c.Remaining() != step.want {
			t.Errorf("%q: %d %d %v %v, %#x remain", step.in, nd, ns, done, err, c.Remaining())
		}
	}
	c.Reset()
	if nd, ns, done, err := c.Decode(room[:], []byte("4\r\nabcd\r\n0\r\n\r\n")); nd != 4 || ns != 12 || !done || err != nil || c.Remaining() != 0 {
		t.Error("after Reset:", nd, ns, done, err)
	}
	if nd, ns, done, err := c.Decode(nil, []byte("more")); nd != 0 || ns != 0 || !done || err != nil {
		t.Error("after the end:", nd, ns, done, err)
	}
}

func TestChunked_needsNoRoomBehindData(t *testing.T) {
	var c Chunked
	var room [2]byte
	if nd, ns, done, err := c.Decode(room[:], []byte("2\r\nab\r\n1;x\r\n")); nd != 2 || ns != 12 || done || err != nil || c.Remaining() != 1 {
		t.Fatal(nd, ns, done, err)
	}
	if nd, ns, done, err := c.Decode(room[:1], []byte("c\r\n0\r\nA: b\r\n\r\nGET")); nd != 1 || ns != 6 || !done || err != nil {
		t.Fatal(nd, ns, done, err)
	}
}

func TestChunked_allocatesNothing(t *testing.T) {
	src := []byte("5;a=\"b\"\r\nhello\r\n0\r\nA: b\r\n\r\n")
	dst := make([]byte, 16)
	var h message.Head
	if n := testing.AllocsPerRun(100, func() {
		var c Chunked
		_, at, _, _ := c.Decode(dst, src)
		if n, _ := c.Trailer(src, at, &h, &wide); n == 0 {
			t.Error("no trailer section")
		}
		h.TrailerCount = 0
		c.Reset()
		_, _, _, _ = c.Decode(dst, src[1:])
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkChunked(b *testing.B) {
	for _, bench := range []struct {
		name string
		size int
	}{{"16B", 16}, {"4KiB", 4096}} {
		b.Run(bench.name, func(b *testing.B) {
			var in bytes.Buffer
			for range 16 {
				in.WriteString(map[int]string{16: "10", 4096: "1000"}[bench.size] + "\r\n" + strings.Repeat("x", bench.size) + "\r\n")
			}
			in.WriteString("0\r\n\r\n")
			dst := make([]byte, in.Len())
			b.SetBytes(int64(in.Len()))
			for b.Loop() {
				var c Chunked
				if _, _, done, err := c.Decode(dst, in.Bytes()); !done {
					b.Fatal(err)
				}
			}
		})
	}
}
