package engine

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"libforker/engine/grpc"
)

func withCalls(cfg *Config) {
	withH2C(cfg)
	cfg.RPC, cfg.Admits = RPCConfig{On: true, Common: RPCMethod{MaxMessage: 1 << 20}}, true
}

// TestCall_allocatesNothing counts the allocations of the whole process while calls are served that have metadata and a deadline.
func TestCall_allocatesNothing(t *testing.T) {
	s := start(t, tcp, withCalls)
	const size = 100
	s.handle("/call", func(c *call) {
		if c.req.RPC.Len != 3 || c.req.RPC.Deadline == 0 {
			t.Errorf("%+v", c.req.RPC)
		}
		response := &c.req.Response
		response.Status, response.State, response.RPC = 200, ResponseWhole, RPCMessage
		response.Body.Len = size
	})
	s.do(func() { s.admissions["/call"] = &Admission{Most: 1 << 20, Single: true} })
	warm := s.dial() // The response's memory is there now.
	s.handle("/warm", func(c *call) { c.respond(200, text(20000)) })
	warm.send(get("/warm"))
	warm.receive()

	var head, fields bytes.Buffer
	coder := hpack.NewEncoder(&head)
	coder.SetMaxDynamicTableSize(0)
	for _, field := range [][2]string{
		{":method", "POST"},
		{":scheme", "http"},
		{":path", "/call"},
		{":authority", "h"},
		{"content-type", "application/grpc"},
		{"te", "trailers"},
		{"grpc-timeout", "10S"},
		{"x-some-metadata", "of some length"},
	} {
		s.must(coder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]}))
	}
	fields.Write(head.Bytes())
	c := s.dialH2()
	var requests [][]byte
	for range 60 {
		var block bytes.Buffer
		framer := http2.NewFramer(&block, nil)
		s.must(framer.WriteHeaders(http2.HeadersFrameParam{StreamID: c.next, BlockFragment: fields.Bytes(), EndHeaders: true}))
		s.must(framer.WriteData(c.next, true, append(grpc.AppendPrefix(nil, grpc.Prefix{Size: 3}), "abc"...)))
		requests, c.next = append(requests, block.Bytes()), c.next+2
	}
	c.expectNoAllocations(requests, size+3*http2FrameHead) // A head, a message, trailers.
}

// Only to a client that takes it is a reply compressed: what an earlier request said, which was no call, is of no account.
func TestCall_replyForWhoTakesIt(t *testing.T) {
	s := start(t, tcp, withCalls, func(cfg *Config) { cfg.RPC.Common.Compress = 100 })
	s.handle("/call", func(c *call) {
		c.respond(200, string(grpc.AppendPrefix(nil, grpc.Prefix{Size: 1000}))+strings.Repeat("a", 1000))
		c.req.Response.State, c.req.Response.RPC = ResponseWhole, RPCMessage
	})
	c := s.dialH2()
	for _, row := range []struct {
		fields []string
		want   string
	}{
		{[]string{"content-type", "application/grpc", "grpc-accept-encoding", "gzip"}, "gzip"},
		{[]string{"content-type", "text/plain", "grpc-accept-encoding", "gzip"}, ""},
		{[]string{"content-type", "application/grpc"}, ""},
	} {
		id := c.request("POST", "/call", true, row.fields...)
		for ended := false; !ended; {
			frame, err := c.ReadFrame()
			s.must(err)
			ended = frame.Header().StreamID == id && frame.Header().Flags.Has(http2.FlagHeadersEndStream)
			if head, ok := frame.(*http2.MetaHeadersFrame); ok && head.PseudoValue("status") != "" {
				got := ""
				for _, field := range head.RegularFields() {
					if field.Name == "grpc-encoding" {
						got = field.Value
					}
				}
				if got != row.want {
					t.Errorf("%v: %q, want %q", row.fields, got, row.want)
				}
			}
		}
	}
}

// Many answers are collected before they are sent: what a client makes long is not sent back to it in each.
func TestCall_longTypeIsNotSentBack(t *testing.T) {
	s := start(t, tcp, withCalls)
	s.handle("/call", func(c *call) {
		response := &c.req.Response
		response.Status, response.State, response.RPC = 200, ResponseWhole, RPCStatus
	})
	for _, row := range []struct{ parameter, want string }{
		{"; a=b", "application/grpc; a=b"},
		{"; a=" + strings.Repeat("!", 8000), "application/grpc"},
	} {
		c := s.dialH2()
		c.request("POST", "/call", true, "content-type", "application/grpc"+row.parameter)
		frame, err := c.ReadFrame()
		s.must(err)
		got := ""
		for _, field := range frame.(*http2.MetaHeadersFrame).RegularFields() {
			if field.Name == "content-type" {
				got = field.Value
			}
		}
		if got != row.want {
			t.Errorf("%.100q, want %q", got, row.want)
		}
	}
}
