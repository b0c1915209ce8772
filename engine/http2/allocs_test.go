package http2

import (
	"fmt"
	"slices"
	"testing"

	"libforker/engine/message"
)

// Nothing that a connection does for a request allocates, once it is warm.
func TestRequest_allocatesNothing(t *testing.T) {
	c := greeted(t)
	fields := append(slices.Clone(postFields), "user-agent: curl/8", "accept: */*", "x-long: "+string(make([]byte, 0)), "cookie: a=b", "cookie: c=d")
	lines := []byte("Content-Type: text/plain\r\nX-Name: value\r\n")
	block, out := make([]byte, 16<<10), make([]byte, 0, 64<<10)
	var h message.Head
	first := c.section(fields...)
	id := uint32(1)
	request := func(section []byte) []byte {
		in := append(appendFrameHead(nil, len(section), frameHeaders, flagEndHeaders, id), section...)
		in = append(appendFrameHead(in, 3, frameData, 0, id), "abc"...)
		in = appendFrameHead(in, 8, framePing, 0, 0)
		in = append(in, "12345678"...)
		in = append(appendFrameHead(in, 3, frameData, flagEndStream, id), "def"...)
		return append(appendFrameHead(in, 4, frameWindow, 0, 0), 0, 0, 0, 6)
	}
	serve := func(in []byte) {
		out = out[:0]
		for len(in) > 0 {
			n, ev := c.conn.Next(in, c.now)
			in = in[n:]
			switch ev.Kind {
			case Head:
				if _, refusal := c.conn.ReadHead(ev.Stream, block, &h); refusal != nil {
					t.Fatal(refusal)
				}
			case Data:
				c.conn.Take(ev.Stream, len(c.conn.Piece()))
				if !ev.End {
					break
				}
				start := len(out)
				out = c.shared.AppendFields(AppendLength(AppendStatus(c.conn.BeginSection(out), 200), 6), lines)
				out = c.conn.EndSection(out, start, ev.Stream, false)
				c.conn.Want(ev.Stream)
				s, _ := c.conn.Turn()
				out = append(c.conn.AppendData(out, s, 6, true), "abcdef"...)
				c.conn.Release(s)
			}
		}
		out = c.conn.AppendControl(out)
	}
	serve(request(first))
	section := c.section(fields...)
	var inputs [][]byte
	for range 101 {
		id += 2
		inputs = append(inputs, request(section))
	}
	i := 0
	if n := testing.AllocsPerRun(100, func() { serve(inputs[i]); i++ }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if c.conn.Fault() != nil || c.conn.Count() != 0 {
		t.Error(c.conn.Fault(), c.conn.Count())
	}
}

// A connection uses the memory of an earlier one, the table of its decoder too.
func TestConnection_allocatesNothing(t *testing.T) {
	c := greeted(t)
	section := c.section(append(slices.Clone(getFields), "a: b", fmt.Sprintf("c: %0300d", 1))...)
	in := append([]byte(Preface), appendFrameHead(nil, 0, frameSettings, 0, 0)...)
	in = append(appendFrameHead(in, len(section), frameHeaders, flagEndHeaders|flagEndStream, 1), section...)
	block, out := make([]byte, 16<<10), make([]byte, 0, 64<<10)
	var h message.Head
	once := func() {
		conn := c.shared.Open(0)
		for rest := in; len(rest) > 0; {
			n, ev := conn.Next(rest, 0)
			rest = rest[n:]
			if ev.Kind == Head {
				if _, refusal := conn.ReadHead(ev.Stream, block, &h); refusal != nil {
					t.Fatal(refusal)
				}
			}
		}
		out = conn.AppendControl(out[:0])
		c.shared.Close(conn)
	}
	once()
	if n := testing.AllocsPerRun(100, once); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
