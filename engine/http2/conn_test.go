package http2

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http2"
)

func TestConn_beginsWithPrefaceAndSettings(t *testing.T) {
	settings := "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	for _, row := range []struct{ in, want string }{
		{Preface + settings, ""},
		{Preface[:10], ""},
		{"GET / HTTP/1.1\r\n", "failed PROTOCOL_ERROR"},
		{"PRI * HTTP/2.0\r\n\r\nXX", "failed PROTOCOL_ERROR"},
		{Preface + "\x00\x00\x08\x06\x00\x00\x00\x00\x00pingpong", "failed PROTOCOL_ERROR"},
		{Preface + "\x00\x00\x00\x04\x01\x00\x00\x00\x00", "failed PROTOCOL_ERROR"}, // An ack.
	} {
		c := newClient(t, wide, 100)
		c.in.WriteString(row.in)
		if got := c.step(); got != row.want {
			t.Errorf("%q: %s, want %s", row.in, got, row.want)
		}
	}
}

const u31 = "\x7f\xff\xff\xff"

// sent is what a client sends on a connection that has stream 1 open, 3 half-closed, 5 reset by the client and 7 reset by us; 9 has
// ended.
type sent struct {
	name   string
	send   func(c *client)
	events string
	frames string
}

func expectFrames(t *testing.T, rows []sent) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			c := greeted(t)
			c.open(1, false, postFields...)
			c.open(3, true)
			reset := c.open(5, false, postFields...)
			c.raw(3, 0, 5, "\x00\x00\x00\x08").step()
			c.conn.Release(reset)
			late := c.open(7, false, postFields...)
			c.conn.Reset(late, Cancel)
			c.conn.Release(late)
			c.respond(c.open(9, true))
			c.sent()
			row.send(c)
			frames := row.frames
			if _, code, failed := strings.Cut(row.events, "failed "); failed {
				last := "9"
				if strings.HasPrefix(row.events, "head 11") {
					last = "11"
				}
				frames = strings.TrimPrefix(frames+"; GOAWAY "+last+" "+code, "; ")
			}
			c.expect(row.events, frames)
		})
	}
}

func TestConn_framesOfTheConnection(t *testing.T) {
	expectFrames(t, []sent{
		{"ping", func(c *client) { c.raw(6, 0, 0, "12345678") }, "", `PING "12345678" true`},
		{"ack of a ping", func(c *client) { c.raw(6, 1, 0, "12345678") }, "", ""},
		{"ping of 7 bytes", func(c *client) { c.raw(6, 0, 0, "1234567") }, "failed FRAME_SIZE_ERROR", ""},
		{"ping on a stream", func(c *client) { c.raw(6, 0, 1, "12345678") }, "failed PROTOCOL_ERROR", ""},
		{"settings", func(c *client) { c.raw(4, 0, 0, "\x00\x01\x00\x00\x00\x00\x0f\x0f\x00\x00\x00\x00") }, "", "SETTINGS ack"},
		{"settings of 5 bytes", func(c *client) { c.raw(4, 0, 0, "12345") }, "failed FRAME_SIZE_ERROR", ""},
		{"settings on a stream", func(c *client) { c.raw(4, 0, 1, "") }, "failed PROTOCOL_ERROR", ""},
		{"ack of settings", func(c *client) { c.raw(4, 1, 0, "") }, "", ""},
		{"ack with settings", func(c *client) { c.raw(4, 1, 0, "123456") }, "failed FRAME_SIZE_ERROR", ""},
		{"push 2", func(c *client) { c.raw(4, 0, 0, "\x00\x02\x00\x00\x00\x02") }, "failed PROTOCOL_ERROR", ""},
		{"window of 2^31", func(c *client) { c.raw(4, 0, 0, "\x00\x04\x80\x00\x00\x00") }, "failed FLOW_CONTROL_ERROR", ""},
		{"frame size 16383", func(c *client) { c.raw(4, 0, 0, "\x00\x05\x00\x00\x3f\xff") }, "failed PROTOCOL_ERROR", ""},
		{"frame size 2^24", func(c *client) { c.raw(4, 0, 0, "\x00\x05\x01\x00\x00\x00") }, "failed PROTOCOL_ERROR", ""},
		{"frame size 2^24-1", func(c *client) { c.raw(4, 0, 0, "\x00\x05\x00\xff\xff\xff") }, "", "SETTINGS ack"},
		{"no-priorities 2", func(c *client) { c.raw(4, 0, 0, "\x00\x09\x00\x00\x00\x02") }, "failed PROTOCOL_ERROR", ""},
		{"a frame that is too large", func(c *client) { c.raw(0, 0, 1, strings.Repeat("x", 16385)) }, "failed FRAME_SIZE_ERROR", ""},
		{"an unknown frame", func(c *client) { c.raw(0xee, 0xff, 1, "abc") }, "", ""},
		{"push promise", func(c *client) { c.raw(5, 4, 1, "\x00\x00\x00\x02") }, "failed PROTOCOL_ERROR", ""},
		{"goaway", func(c *client) { c.raw(7, 0, 0, "\x00\x00\x00\x00\x00\x00\x00\x0bbye") }, "leaving ENHANCE_YOUR_CALM", ""},
		{"goaway of 7 bytes", func(c *client) { c.raw(7, 0, 0, "1234567") }, "failed FRAME_SIZE_ERROR", ""},
		{"goaway on a stream", func(c *client) { c.raw(7, 0, 1, "12345678") }, "failed PROTOCOL_ERROR", ""},
	})
}

func TestConn_framesOfHeads(t *testing.T) {
	get := string(greeted(t).section(getFields...))
	expectFrames(t, []sent{
		{"headers on stream 0", func(c *client) { c.raw(1, 5, 0, get) }, "failed PROTOCOL_ERROR", ""},
		{"headers on stream 2", func(c *client) { c.raw(1, 5, 2, get) }, "failed PROTOCOL_ERROR", ""},
		{"headers on an ended stream", func(c *client) { c.raw(1, 5, 9, get) }, "failed STREAM_CLOSED", ""},
		{"headers on a half-closed stream", func(c *client) { c.raw(1, 5, 3, get) }, "reset 3 STREAM_CLOSED", "RST_STREAM 3 STREAM_CLOSED"},
		{"headers on a stream that we have reset", func(c *client) { c.raw(1, 5, 7, get) }, "", ""},
		{"padded", func(c *client) { c.raw(1, 0xd, 11, "\x02"+get+"\x00\x00") }, "head 11 GET / host=h end", ""},
		{"padded with all", func(c *client) { c.raw(1, 0xd, 11, "\x04abcd") }, "head 11 0 " + ErrPseudoMissing.Reason + " end", "RST_STREAM 11 PROTOCOL_ERROR"},
		{"padded with more", func(c *client) { c.raw(1, 0xd, 11, "\x05abcd") }, "failed PROTOCOL_ERROR", ""},
		{"padded with nothing", func(c *client) { c.raw(1, 0xd, 11, "") }, "failed FRAME_SIZE_ERROR", ""},
		{"with priority", func(c *client) { c.raw(1, 0x25, 11, "\x80\x00\x00\x01\xff"+get) }, "head 11 GET / host=h end", ""},
		{"with half a priority", func(c *client) { c.raw(1, 0x25, 11, "\x80\x00\x00\x01") }, "failed FRAME_SIZE_ERROR", ""},
		{"depends on itself", func(c *client) { c.raw(1, 0x25, 11, "\x00\x00\x00\x0b\xff"+get) }, "", "RST_STREAM 11 PROTOCOL_ERROR"},
		{"in pieces", func(c *client) { c.raw(1, 1, 11, get[:2]).raw(9, 0, 11, "").raw(9, 4, 11, get[2:]) }, "head 11 GET / host=h end", ""},
		{"in pieces with another frame", func(c *client) { c.raw(1, 1, 11, get[:2]).raw(6, 0, 0, "12345678") }, "failed PROTOCOL_ERROR", ""},
		{"in pieces of another stream", func(c *client) { c.raw(1, 1, 11, get[:2]).raw(9, 4, 13, get[2:]) }, "failed PROTOCOL_ERROR", ""},
		{"continuation of nothing", func(c *client) { c.raw(9, 4, 1, get) }, "failed PROTOCOL_ERROR", ""},
		{"that does not decode", func(c *client) { c.raw(1, 5, 11, "\x80") }, "head 11 0 " + ErrUndecoded.Reason + " end; failed COMPRESSION_ERROR", ""},
		{"trailers that do not end", func(c *client) { c.raw(1, 4, 1, get) }, "reset 1 PROTOCOL_ERROR", "RST_STREAM 1 PROTOCOL_ERROR"},
	})
}

func TestConn_framesOfBodies(t *testing.T) {
	expectFrames(t, []sent{
		{"data", func(c *client) { c.data(1, false, 3).data(1, false, 4).data(1, true, 0) }, "data 1 3; data 1 4; data 1 0 end", ""},
		{"padded data", func(c *client) { c.raw(0, 9, 1, "\x02abc\x00\x00") }, "data 1 3 end", ""},
		{"data that is all padding", func(c *client) { c.raw(0, 9, 1, "\x02\x00\x00") }, "data 1 0 end", ""},
		{"data padded with more", func(c *client) { c.raw(0, 8, 1, "\x03ab") }, "failed PROTOCOL_ERROR", ""},
		{"data padded with nothing", func(c *client) { c.raw(0, 8, 1, "") }, "failed FRAME_SIZE_ERROR", ""},
		{"data on stream 0", func(c *client) { c.data(0, false, 3) }, "failed PROTOCOL_ERROR", ""},
		{"data on an idle stream", func(c *client) { c.data(11, false, 3) }, "failed PROTOCOL_ERROR", ""},
		{"data on our stream", func(c *client) { c.data(2, false, 3) }, "failed PROTOCOL_ERROR", ""},
		{"data on a half-closed stream", func(c *client) { c.data(3, false, 3) }, "reset 3 STREAM_CLOSED", "RST_STREAM 3 STREAM_CLOSED"},
		{"data on an ended stream", func(c *client) { c.data(9, false, 3) }, "", "RST_STREAM 9 STREAM_CLOSED"},
		{"data on a stream that it has reset", func(c *client) { c.data(5, false, 3) }, "", "RST_STREAM 5 STREAM_CLOSED"},
		{"data on a stream that we have reset", func(c *client) { c.data(7, true, 3) }, "", ""},
	})
}

func TestConn_framesThatReset(t *testing.T) {
	expectFrames(t, []sent{
		{"reset", func(c *client) { c.raw(3, 0, 1, "\x00\x00\x00\x08").data(1, false, 3) }, "reset 1 CANCEL", ""},
		{"reset of 3 bytes", func(c *client) { c.raw(3, 0, 1, "\x00\x00\x00") }, "failed FRAME_SIZE_ERROR", ""},
		{"reset of stream 0", func(c *client) { c.raw(3, 0, 0, "\x00\x00\x00\x08") }, "failed PROTOCOL_ERROR", ""},
		{"reset of an idle stream", func(c *client) { c.raw(3, 0, 11, "\x00\x00\x00\x08") }, "failed PROTOCOL_ERROR", ""},
		{"reset of an ended stream", func(c *client) { c.raw(3, 0, 9, "\x00\x00\x00\x08") }, "", ""},
	})
}

func TestConn_framesOfWindows(t *testing.T) {
	expectFrames(t, []sent{
		{"window 0", func(c *client) { c.raw(8, 0, 1, "\x00\x00\x00\x00") }, "reset 1 PROTOCOL_ERROR", "RST_STREAM 1 PROTOCOL_ERROR"},
		{"window 0 of the connection", func(c *client) { c.raw(8, 0, 0, "\x00\x00\x00\x00") }, "failed PROTOCOL_ERROR", ""},
		{"window of 3 bytes", func(c *client) { c.raw(8, 0, 1, "\x00\x00\x01") }, "failed FRAME_SIZE_ERROR", ""},
		{"window of an idle stream", func(c *client) { c.raw(8, 0, 11, "\x00\x00\x00\x01") }, "failed PROTOCOL_ERROR", ""},
		{"window of an ended stream", func(c *client) { c.raw(8, 0, 9, "\x00\x00\x00\x01") }, "", ""},
		{"window that overflows", func(c *client) { c.raw(8, 0, 1, u31) }, "reset 1 FLOW_CONTROL_ERROR", "RST_STREAM 1 FLOW_CONTROL_ERROR"},
		{"window of the connection that overflows", func(c *client) { c.raw(8, 0, 0, u31) }, "failed FLOW_CONTROL_ERROR", ""},
		{"window by a setting that overflows", func(c *client) { c.raw(8, 0, 1, "\x00\x00\x00\x01").raw(4, 0, 0, "\x00\x04"+u31) }, "failed FLOW_CONTROL_ERROR", "SETTINGS ack"},
	})
}

func TestConn_framesOfPriorities(t *testing.T) {
	expectFrames(t, []sent{
		{"priority", func(c *client) { c.raw(2, 0, 1, "\x00\x00\x00\x03\x10") }, "", ""},
		{"priority on stream 0", func(c *client) { c.raw(2, 0, 0, "\x00\x00\x00\x03\x10") }, "failed PROTOCOL_ERROR", ""},
		{"priority of 4 bytes", func(c *client) { c.raw(2, 0, 1, "\x00\x00\x00\x03") }, "reset 1 FRAME_SIZE_ERROR", "RST_STREAM 1 FRAME_SIZE_ERROR"},
		{"priority of 4 bytes, idle", func(c *client) { c.raw(2, 0, 11, "\x00\x00\x00\x03") }, "failed FRAME_SIZE_ERROR", ""},
		{"priority on itself", func(c *client) { c.raw(2, 0, 1, "\x00\x00\x00\x01\x10") }, "reset 1 PROTOCOL_ERROR", "RST_STREAM 1 PROTOCOL_ERROR"},
		{"priority on itself, idle", func(c *client) { c.raw(2, 0, 11, "\x00\x00\x00\x0b\x10") }, "failed PROTOCOL_ERROR", ""},
		{"priority update", func(c *client) { c.raw(16, 0, 0, "\x00\x00\x00\x01u=0") }, "", ""},
		{"priority update, idle", func(c *client) { c.raw(16, 0, 0, "\x00\x00\x00\x0bu=0") }, "", ""},
		{"priority update of 3 bytes", func(c *client) { c.raw(16, 0, 0, "\x00\x00\x00") }, "failed FRAME_SIZE_ERROR", ""},
		{"priority update of stream 0", func(c *client) { c.raw(16, 0, 0, "\x00\x00\x00\x00u=0") }, "failed PROTOCOL_ERROR", ""},
		{"priority update on a stream", func(c *client) { c.raw(16, 0, 1, "\x00\x00\x00\x01u=0") }, "failed PROTOCOL_ERROR", ""},
	})
}

// The length that a request's head promises is that of its body.
func TestConn_contentLengthIsThatOfTheBody(t *testing.T) {
	fields := append(slices.Clone(postFields), "content-length: 5")
	const broken = "reset 1 PROTOCOL_ERROR"
	for _, row := range []struct {
		send func(c *client)
		want string
	}{
		{func(c *client) { c.data(1, false, 3).data(1, true, 2) }, "data 1 3; data 1 2 end"},
		{func(c *client) { c.data(1, false, 5).data(1, true, 0) }, "data 1 5; data 1 0 end"},
		{func(c *client) { c.data(1, false, 5).headers(1, true, "a: b") }, `data 1 5; trailers 1 "a: b\r\n" end`},
		{func(c *client) { c.raw(0, 9, 1, "\x03abcde\x00\x00\x00") }, "data 1 5 end"},
		{func(c *client) { c.data(1, false, 6) }, broken},
		{func(c *client) { c.data(1, true, 4) }, broken},
		{func(c *client) { c.data(1, false, 3).data(1, false, 3) }, "data 1 3; " + broken},
		{func(c *client) { c.data(1, false, 3).data(1, true, 0) }, "data 1 3; " + broken},
		{func(c *client) { c.data(1, false, 3).headers(1, true, "a: b") }, "data 1 3; " + broken},
	} {
		c := greeted(t)
		c.open(1, false, fields...)
		row.send(c)
		frames := ""
		if strings.Contains(row.want, broken) {
			frames = "RST_STREAM 1 PROTOCOL_ERROR"
		}
		c.expect(row.want, frames)
	}
}

func TestConn_moreStreamsThanAllowedAreRefused(t *testing.T) {
	c := newClient(t, wide, 2)
	c.in.WriteString(Preface)
	c.must(c.framer.WriteSettings())
	c.step()
	c.sent()
	first := c.open(1, true, append(slices.Clone(getFields), "a: b")...)
	c.open(3, true)
	c.headers(5, true, append(slices.Clone(getFields), "c: d")...).expect("", "RST_STREAM 5 REFUSED_STREAM")
	c.respond(first)
	c.sent()
	// The table has what the refused request has put there.
	c.headers(7, true, append(slices.Clone(getFields), "c: d", "a: b")...).expect("head 7 GET / host=h c=d a=b end", "")
	// A stream that was reset counts until its owner has done with it.
	c.raw(3, 0, 7, "\x00\x00\x00\x08").headers(9, true, getFields...).expect("reset 7 CANCEL", "RST_STREAM 9 REFUSED_STREAM")
	c.conn.Release(c.heads[7])
	c.headers(11, true, getFields...).expect("head 11 GET / host=h end", "")
}

func TestRelease_endsWhatHasNotEnded(t *testing.T) {
	c := greeted(t)
	c.conn.Release(c.open(1, true))
	if got := c.sent(); got != "RST_STREAM 1 INTERNAL_ERROR" {
		t.Error("without a response:", got)
	}
	c.respond(c.open(3, false, postFields...))
	if got := c.sent(); got != "HEADERS 3 true :status=200; RST_STREAM 3 NO_ERROR" {
		t.Error("with a response before the end of the request:", got)
	}
	c.data(3, true, 5).expect("", "")
	c.respond(c.open(5, true))
	if got := c.sent(); got != "HEADERS 5 true :status=200" {
		t.Error("with all:", got)
	}
	// In the middle of a frame of its body; the stream is another one's by then.
	s := c.open(7, false, postFields...)
	c.data(7, true, 100)
	whole := bytes.Clone(c.in.Bytes())
	c.in.Truncate(50)
	if got := c.step(); got != "data 7 41" {
		t.Error(got)
	}
	c.respond(s)
	c.in.Write(whole[50:])
	c.headers(9, false, postFields...)
	c.expect("head 9 POST / host=h", "HEADERS 7 true :status=200; RST_STREAM 7 NO_ERROR")
	if c.conn.Count() != 1 {
		t.Errorf("%d streams are left", c.conn.Count())
	}
}

func TestGoAway(t *testing.T) {
	c := greeted(t)
	first := c.open(1, false, postFields...)
	c.conn.GoAway(false)
	c.conn.GoAway(false)
	c.headers(3, true, append(slices.Clone(getFields), "a: b")...)
	c.expect("head 3 GET / host=h a=b end", "GOAWAY 2147483647 NO_ERROR")
	c.conn.GoAway(true)
	c.conn.GoAway(true)
	c.conn.GoAway(false)
	// What is begun goes on, what comes then is not served, and no fault of the client's.
	c.headers(5, false, append(slices.Clone(postFields), "c: d")...).data(5, true, 10).data(1, false, 3)
	c.expect("data 1 3", "GOAWAY 3 NO_ERROR")
	c.headers(1, true, "c: d").expect(`trailers 1 "c: d\r\n" end`, "")
	c.respond(first)
	c.raw(6, 0, 0, "short").expect("failed FRAME_SIZE_ERROR", "HEADERS 1 true :status=200; GOAWAY 3 FRAME_SIZE_ERROR")
	if n, ev := c.conn.Next([]byte("more"), 0); n != 4 || ev.Kind != None {
		t.Error("behind the end:", n, ev)
	}
	if c.conn.Fault() != ErrFrameSize {
		t.Error(c.conn.Fault())
	}
}

// An announced section that the caller does not read is decoded all the same.
func TestNext_skipsWhatIsNotRead(t *testing.T) {
	c := greeted(t)
	c.headers(1, true, append(slices.Clone(getFields), "a: b")...)
	n, ev := c.conn.Next(c.in.Bytes(), 0)
	if ev.Kind != Head {
		t.Fatal(ev)
	}
	c.in.Next(n)
	c.headers(3, true, append(slices.Clone(getFields), "a: b")...).expect("head 3 GET / host=h a=b end", "")
	if _, refusal := c.conn.ReadHead(ev.Stream, c.text, &c.head); refusal != ErrUndecoded {
		t.Error("it can be read twice:", refusal)
	}
}

func TestSection_longerThanAFrame(t *testing.T) {
	for _, size := range []int{16000, 16383, 16384, 16385, 32768, 40000, 100000} {
		c := greeted(t)
		s := c.open(1, true)
		value := bytes.Repeat([]byte{0xff}, size) // Longer in Huffman's code.
		out := c.conn.BeginSection([]byte("before"))
		out = AppendStatus(out, 103)
		out = AppendField(out, []byte("X"), value)
		out = c.conn.EndSection(out, len("before"), s, false)
		out = AppendStatus(c.conn.BeginSection(out), 200)
		_ = c.conn.EndSection(out, len(out)-frameHeadLen-1, s, true)
		c.out.Write(out[len("before"):])
		c.reader.MaxHeaderListSize = 1 << 20
		f, err := c.reader.ReadFrame()
		if err != nil {
			t.Fatal(size, err)
		}
		h := f.(*http2.MetaHeadersFrame)
		if h.PseudoValue("status") != "103" || h.RegularFields()[0].Value != string(value) {
			t.Errorf("%d: %.100v", size, h)
		}
		if got := c.sent(); got != "HEADERS 1 true :status=200" {
			t.Error(got)
		}
	}
}

// Nothing is sent on a stream that was reset, and the client learns of the table's size all the same.
func TestSection_ofAStreamThatWasReset(t *testing.T) {
	c := greeted(t)
	s := c.open(1, true)
	c.raw(3, 0, 1, "\x00\x00\x00\x08").step()
	out := c.conn.EndSection(AppendStatus(c.conn.BeginSection(nil), 200), 0, s, true)
	out = c.conn.AppendData(out, s, 0, true)
	if len(out) != 0 || s.Ended() || !s.IsReset() {
		t.Errorf("%q", out)
	}
	c.conn.Release(s)
	out = AppendStatus(c.conn.BeginSection(nil), 200)
	if out[frameHeadLen] != noTable {
		t.Error("the table's size is not told")
	}
}
