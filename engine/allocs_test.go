package engine

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestRequest_allocatesNothing counts the allocations of the whole process while requests are served.
func TestRequest_allocatesNothing(t *testing.T) {
	s := start(t, packets, admits)
	response := func(c *call) {
		c.req.Response.Status, c.req.Response.State = 200, ResponseWhole
		c.req.Response.Body.Len = 100
	}
	s.handle("/body", response)
	s.handle("/pieces", func(c *call) { c.req.OnBody, c.outcome.Next = 1, AsksBody })
	s.do(func() {
		s.admissions["/pieces"] = &Admission{Most: 3000, Stream: true}
		s.onBody["/pieces"] = func(c *call, _ []byte, last int) {
			if c.outcome.Next = AsksBody; last == BodyEnds {
				c.outcome.Next = Answered
				response(c)
			}
		}
	})
	warm := s.dial() // The response's memory is there now.
	s.handle("/warm", func(c *call) { c.respond(200, text(20000)) })
	warm.send(get("/warm"))
	warm.receive()

	for _, row := range []struct{ name, request string }{
		{"keep-alive", get("/body")},
		{"pipelined", strings.Repeat(get("/body"), 16)},
		{"decoded path", get("/a/../%62ody?x=y")},
		{"many fields", "GET /body HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("A: b\r\n", 50) + "\r\n"},
		{"body", post("/body", text(3000))},
		{"chunks", chunked("/body", text(3000), 100)},
		{"body in pieces", post("/pieces", text(3000))},
		{"chunks in pieces", chunked("/pieces", text(3000), 100)},
		{"not found", get("/nowhere")},
		{"HEAD", "HEAD /body HTTP/1.1\r\nHost: h\r\n\r\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			fd := s.dialRaw()
			defer unix.Close(fd)
			request, response := []byte(row.request), make([]byte, 1<<17)
			if n := testing.AllocsPerRun(20, func() {
				if _, err := unix.Write(fd, request); err != nil {
					t.Error(err)
				}
				if n, err := unix.Read(fd, response); n < 20 || err != nil {
					t.Error(n, err)
				}
			}); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

// TestConnection_allocatesNothing: a connection uses the memory of an earlier one.
func TestConnection_allocatesNothing(t *testing.T) {
	s := start(t, packets)
	request, response := []byte("GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n"), make([]byte, 1<<12)
	address := &unix.SockaddrUnix{Name: s.address}
	once := func() {
		fd, _ := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
		_ = unix.Connect(fd, address)
		_, _ = unix.Write(fd, request)
		if n, err := unix.Read(fd, response); n < 20 || err != nil {
			t.Error(n, err)
		}
		_ = unix.Close(fd)
	}
	for range 100 {
		once()
	}
	if n := testing.AllocsPerRun(25, once); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// dialRaw returns a blocking connection that the Go runtime knows nothing of.
func (s *server) dialRaw() int {
	s.t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	s.must(err)
	s.must(unix.Connect(fd, &unix.SockaddrUnix{Name: s.address}))
	return fd
}
