package http2

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"libforker/engine/message"
)

var wide = message.Limits{Head: 16 << 10, Target: 8 << 10, Fields: 100}

// client writes frames and reads those of a Conn, both by golang.org/x/net/http2.
type client struct {
	t      testing.TB
	conn   *Conn
	shared *Shared
	now    int64

	in     bytes.Buffer // What it has written and the connection has not taken.
	framer *http2.Framer
	block  bytes.Buffer
	hpack  *hpack.Encoder

	out    bytes.Buffer // What the connection has sent.
	reader *http2.Framer

	log   strings.Builder // Of events.
	head  message.Head
	text  []byte // Of the latest head.
	used  int
	heads map[uint32]*Stream // By number, until they are released.
}

func newClient(t testing.TB, limits message.Limits, streams int) *client {
	shared := NewShared(limits, streams)
	c := &client{t: t, shared: shared, conn: shared.Open(0), heads: map[uint32]*Stream{}, text: make([]byte, limits.Head)}
	c.framer = http2.NewFramer(&c.in, nil)
	c.framer.AllowIllegalWrites = true
	c.reader = http2.NewFramer(nil, &c.out)
	c.reader.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.hpack = hpack.NewEncoder(&c.block)
	return c
}

// greeted returns a client whose connection has had preface and settings, and whose settings were read.
func greeted(t testing.TB) *client {
	c := newClient(t, wide, 100)
	c.greet()
	return c
}

func (c *client) greet() {
	c.t.Helper()
	c.in.WriteString(Preface)
	c.must(c.framer.WriteSettings())
	c.expect("", "SETTINGS streams=100 window=262144 list=16384 no-trees=1; WINDOW_UPDATE 0 983041; SETTINGS ack")
}

func (c *client) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// section encodes fields, given as "name: value" or ":name: value".
func (c *client) section(fields ...string) []byte {
	c.block.Reset()
	for _, f := range fields {
		i := strings.Index(f[1:], ":") + 1
		c.must(c.hpack.WriteField(hpack.HeaderField{Name: f[:i], Value: strings.TrimPrefix(f[i+1:], " ")}))
	}
	return bytes.Clone(c.block.Bytes())
}

var getFields = []string{":method: GET", ":scheme: https", ":path: /", ":authority: h"}

var postFields = []string{":method: POST", ":scheme: https", ":path: /", ":authority: h"}

// headers sends a HEADERS frame.
func (c *client) headers(id uint32, ends bool, fields ...string) *client {
	c.must(c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.section(fields...), EndStream: ends, EndHeaders: true}))
	return c
}

func (c *client) data(id uint32, ends bool, size int) *client {
	c.must(c.framer.WriteData(id, ends, bytes.Repeat([]byte("x"), size)))
	return c
}

func (c *client) raw(kind http2.FrameType, flags http2.Flags, id uint32, payload string) *client {
	c.must(c.framer.WriteRawFrame(kind, flags, id, []byte(payload)))
	return c
}

// step has the connection take what was sent, and returns the events as text.
func (c *client) step() string {
	c.log.Reset()
	in := c.in.Bytes()
	for {
		n, ev := c.conn.Next(in, c.now)
		in = in[n:]
		if ev.Kind == None && n == 0 {
			break
		}
		c.note(ev)
		if ev.Kind == Failed {
			in = nil
			break
		}
	}
	rest := bytes.Clone(in)
	c.in.Reset()
	c.in.Write(rest)
	return c.log.String()
}

func (c *client) note(ev Event) {
	if ev.Kind == None {
		return
	}
	if c.log.Len() > 0 {
		c.log.WriteString("; ")
	}
	switch ev.Kind {
	case Head:
		n, refusal := c.conn.ReadHead(ev.Stream, c.text, &c.head)
		c.used = n
		c.heads[ev.Stream.ID()] = ev.Stream
		if refusal != nil {
			fmt.Fprintf(&c.log, "head %d %d %s", ev.Stream.ID(), refusal.Status, refusal.Reason)
			break
		}
		if !delimited(c.text, &c.head) {
			c.t.Errorf("a span of %q has no delimiter behind it", c.text[:n])
		}
		fmt.Fprintf(&c.log, "head %d %s", ev.Stream.ID(), describe(c.text, &c.head))
	case Data:
		fmt.Fprintf(&c.log, "data %d %d", ev.Stream.ID(), len(c.conn.Piece()))
	case Trailers:
		n, refusal := c.conn.ReadTrailers(ev.Stream, c.text, c.used, &c.head)
		if refusal != nil {
			fmt.Fprintf(&c.log, "trailers %d %d %s", ev.Stream.ID(), refusal.Status, refusal.Reason)
			break
		}
		fmt.Fprintf(&c.log, "trailers %d %q", ev.Stream.ID(), c.text[c.used:n])
	case Reset:
		fmt.Fprintf(&c.log, "reset %d %v", ev.Stream.ID(), http2.ErrCode(ev.Code))
	case Leaving:
		fmt.Fprintf(&c.log, "leaving %v", http2.ErrCode(ev.Code))
	case Failed:
		fmt.Fprintf(&c.log, "failed %v", http2.ErrCode(ev.Code))
	}
	if ev.End {
		c.log.WriteString(" end")
	}
}

// delimited reports whether a byte that belongs to nothing stands behind each span of a head.
func delimited(text []byte, h *message.Head) bool {
	behind := func(span message.Span) byte { return text[span.Off+span.Len] }
	for _, span := range []message.Span{h.Method, h.Target, h.Path, h.Query, h.Host} {
		if c := behind(span); span.Len > 0 && c != '\r' && (c != '?' || span != h.Path) {
			return false
		}
	}
	for _, f := range h.Fields[:h.FieldCount+h.TrailerCount] {
		if behind(f.Name) != ':' || behind(f.Value) != '\r' {
			return false
		}
	}
	return true
}

// describe writes a head as one line.
func describe(text []byte, h *message.Head) string {
	var s strings.Builder
	fmt.Fprintf(&s, "%s %s", h.Method.In(text), h.Path.In(text))
	if h.HasQuery != 0 {
		fmt.Fprintf(&s, "?%s", h.Query.In(text))
	}
	if h.Form == message.FormAsterisk {
		s.WriteString(" asterisk")
	}
	if h.ContentLength >= 0 {
		fmt.Fprintf(&s, " length=%d", h.ContentLength)
	}
	if h.ExpectContinue != 0 {
		s.WriteString(" expect")
	}
	for _, f := range h.Fields[:h.FieldCount] {
		fmt.Fprintf(&s, " %s=%s", f.Name.In(text), f.Value.In(text))
	}
	return s.String()
}

// sent returns the frames that the connection has sent, as text.
func (c *client) sent() string {
	c.out.Write(c.conn.AppendControl(nil))
	var frames []string
	for c.out.Len() > 0 {
		f, err := c.reader.ReadFrame()
		if err != nil {
			c.t.Fatalf("a frame cannot be read: %v", err)
		}
		frames = append(frames, describeFrame(f))
	}
	return strings.Join(frames, "; ")
}

func describeFrame(f http2.Frame) string {
	switch f := f.(type) {
	case *http2.SettingsFrame:
		if f.IsAck() {
			return "SETTINGS ack"
		}
		s := "SETTINGS"
		_ = f.ForeachSetting(func(set http2.Setting) error {
			name := map[http2.SettingID]string{3: "streams", 4: "window", 6: "list", 9: "no-trees"}[set.ID]
			s += fmt.Sprintf(" %s=%d", name, set.Val)
			return nil
		})
		return s
	case *http2.WindowUpdateFrame:
		return fmt.Sprintf("WINDOW_UPDATE %d %d", f.StreamID, f.Increment)
	case *http2.RSTStreamFrame:
		return fmt.Sprintf("RST_STREAM %d %v", f.StreamID, f.ErrCode)
	case *http2.GoAwayFrame:
		return fmt.Sprintf("GOAWAY %d %v", f.LastStreamID, f.ErrCode)
	case *http2.PingFrame:
		return fmt.Sprintf("PING %q %v", f.Data[:], f.IsAck())
	case *http2.DataFrame:
		return fmt.Sprintf("DATA %d %d %v", f.StreamID, len(f.Data()), f.StreamEnded())
	case *http2.MetaHeadersFrame:
		s := fmt.Sprintf("HEADERS %d %v", f.StreamID, f.StreamEnded())
		for _, field := range f.Fields {
			s += fmt.Sprintf(" %s=%s", field.Name, field.Value)
		}
		return s
	}
	return fmt.Sprintf("%v", f)
}

// expect demands events and frames for what was sent.
func (c *client) expect(events, frames string) {
	c.t.Helper()
	if got := c.step(); got != events {
		c.t.Errorf("events\n%s, want\n%s", got, events)
	}
	if got := c.sent(); got != frames {
		c.t.Errorf("frames\n%s, want\n%s", got, frames)
	}
}

// open opens a stream and returns it.
func (c *client) open(id uint32, ends bool, fields ...string) *Stream {
	c.t.Helper()
	if fields == nil {
		fields = getFields
	}
	c.headers(id, ends, fields...)
	c.step()
	s := c.heads[id]
	if s == nil {
		c.t.Fatalf("stream %d is not there", id)
	}
	return s
}

// respond responds with a status and no body, and releases the stream.
func (c *client) respond(s *Stream) {
	out := c.conn.BeginSection(nil)
	out = AppendStatus(out, 200)
	c.out.Write(c.conn.AppendControl(nil))
	c.out.Write(c.conn.EndSection(out, 0, s, true))
	c.conn.Release(s)
}
