package blackbox

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// chat is a call whose messages go both ways.
type chat struct {
	*rpc
	write  *io.PipeWriter
	resp   *http.Response
	cancel context.CancelFunc
}

// open begins a call. The first message goes with it, because some clients' transports wait for one.
func (c *rpc) open(method string, fields ...string) *chat {
	c.t.Helper()
	read, write := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	c.t.Cleanup(cancel)
	req := c.request(ctx, "/test.Echo/"+method, read, fields)
	k := &chat{rpc: c, write: write, cancel: cancel}
	done := make(chan error, 1)
	go func() {
		resp, err := c.client.Do(req)
		k.resp = resp
		done <- err
	}()
	k.send("first")
	if err := <-done; err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { k.resp.Body.Close() })
	return k
}

func (k *chat) send(message string) {
	k.t.Helper()
	if _, err := io.WriteString(k.write, framed(message)); err != nil {
		k.t.Fatal(err)
	}
}

// receive returns the next message.
func (k *chat) receive() string {
	k.t.Helper()
	var prefix [5]byte
	if _, err := io.ReadFull(k.resp.Body, prefix[:]); err != nil {
		k.t.Fatal(err)
	}
	message := make([]byte, binary.BigEndian.Uint32(prefix[1:]))
	if _, err := io.ReadFull(k.resp.Body, message); err != nil {
		k.t.Fatal(err)
	}
	return string(message)
}

// end returns what comes until the end.
func (k *chat) end() *reply {
	k.t.Helper()
	content, err := io.ReadAll(k.resp.Body)
	if err != nil {
		k.t.Fatal(err)
	}
	return readReply(k.t, k.resp, content)
}

func TestGRPC_serverStreams(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		c := startGRPC(t, b)
		for _, method := range []string{"Many", "ManyLater"} {
			for _, row := range []struct{ times, size int }{{0, 1}, {1, 0}, {3, 5}, {2000, 100}, {30, 70_000}, {2, 3 << 20}} {
				message := strings.Repeat("m", row.size)
				got := c.say(method, message, fmt.Sprint("Times: ", row.times))
				if got.code != "0" || len(got.messages) != row.times {
					t.Fatalf("%s %v: %s %q, %d messages", method, row, got.code, got.text, len(got.messages))
				}
				for _, m := range got.messages {
					if m != message {
						t.Fatalf("%s %v: a message is another one", method, row)
					}
				}
				trailer := got.trailer
				if row.times == 0 {
					trailer = got.header
				}
				if got.header.Get("X-Before") != "first" || trailer.Get("X-Behind") != "last" {
					t.Errorf("%s %v: %v %v", method, row, got.header, trailer)
				}
			}
		}
		c.stop(syscall.SIGTERM)
	})
}

// The client has the metadata before there is a message, and when it is still sending.
func TestGRPC_responseBeginsBeforeAMessage(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		c := startGRPC(t, b)
		k := c.open("Begin")
		if k.resp.Header.Get("X-Before") != "first" || k.resp.Header.Get("Grpc-Status") != "" {
			t.Errorf("%v", k.resp.Header)
		}
		k.write.Close()
		got := k.end()
		c.check(got, "9", "ended")
		if got.trailer.Get("Grpc-Status") != "9" {
			t.Errorf("%v", got.trailer)
		}
		c.stop(syscall.SIGTERM)
	})
}

// A method that gives one message cannot end with OK before that, whether its response has begun or not; one that gives many can.
func TestGRPC_noOKWithoutTheOneMessage(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		c := startGRPC(t, b)
		const refused = "-3: grpc_finish: the method gives one message, and none was sent\n"
		for _, method := range []string{"TooEarly", "CountTooEarly"} {
			c.check(c.say(method, ""), "0", "", refused+refused)
		}
		c.check(c.say("Many", ""), "0", "all sent")
		c.stop(syscall.SIGTERM)
	})
}

// What is written to a call are messages, and only to a call: nothing else comes between them.
func TestGRPC_streamsOfMessagesAlone(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		c := startGRPC(t, b, "grpc_compress=1")
		got := c.say("Mixed", "", "Grpc-Accept-Encoding: gzip")
		c.check(got, "2", "-3: stream_write: the call takes messages, see forker_grpc_send()", "message")
		c.check(c.say("Raw", "x"), "", "-3: grpc_send: a stream has begun that is not of messages")
		c.stop(syscall.SIGTERM)
	})
}

// Messages of streams are compressed one by one, as replies are, and come whole and in order, also where the client is slow to take them.
func TestGRPC_compressedStreams(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		c := startGRPC(t, b, "grpc_compress=100", "stream_buffer=4m")
		noise := make([]byte, 5000)
		rand.NewChaCha8([32]byte{}).Read(noise)
		for _, method := range []string{"Many", "ManyLater"} {
			for _, row := range []struct {
				message string
				times   int
				takes   string
				zipped  bool
			}{
				{strings.Repeat("m", 99), 1000, "gzip", false},
				{strings.Repeat("m", 100), 1, "gzip", true},
				{strings.Repeat("m", 100), 1000, "identity, gzip", true},
				{strings.Repeat("m", 100), 1000, "identity", false},
				{strings.Repeat("m", 100), 1000, "", false},
				{string(noise), 100, "gzip", false},
				{string(noise) + strings.Repeat("m", 200_000), 50, "gzip", true},
				{strings.Repeat("0123456789", 100_000), 5, "gzip", true},
				{strings.Repeat("m", 1<<20+1), 3, "gzip", false},
				{"", 3, "gzip", false},
			} {
				got := c.say(method, row.message, fmt.Sprint("Times: ", row.times), "Grpc-Accept-Encoding: "+row.takes)
				if got.code != "0" || len(got.messages) != row.times {
					t.Fatalf("%s, %d times %d bytes: %s %q, %d messages", method, row.times, len(row.message), got.code, got.text, len(got.messages))
				}
				for i, m := range got.messages {
					if m != row.message || got.zipped[i] != row.zipped {
						t.Fatalf("%s, %d times %d bytes for %q: message %d has %d bytes, compressed: %v", method, row.times, len(row.message), row.takes, i, len(m), got.zipped[i])
					}
				}
				if want := strings.Contains(row.takes, "gzip"); (got.header.Get("Grpc-Encoding") == "gzip") != want {
					t.Errorf("%q: %v", row.takes, got.header)
				}
			}
		}

		// Large and small ones, of which some are compressed, move up in one buffer.
		var all []string
		var want []bool
		for i := range 2000 {
			switch i % 4 {
			case 0:
				all = append(all, strings.Repeat(fmt.Sprint(i), 500))
			case 1:
				all = append(all, fmt.Sprint(i))
			case 2:
				all = append(all, string(noise[i:i+200]))
			case 3:
				all = append(all, "")
			}
			want = append(want, i%4 == 0)
		}
		got := c.send("/test.Echo/Chat", strings.NewReader(zipped(all...)), "Grpc-Encoding: gzip", "Grpc-Accept-Encoding: gzip")
		c.check(got, "0", "", all...)
		if !slices.Equal(got.zipped, want) {
			t.Errorf("compressed: %v", got.zipped)
		}
		c.stop(syscall.SIGTERM)
	})
}

func TestGRPC_clientStreams(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		c := startGRPC(t, b, "body_buffer=64k")
		body := func(text string) io.Reader { return struct{ io.Reader }{strings.NewReader(text)} }
		large := strings.Repeat("x", 3<<20)
		for _, row := range []struct{ body, code, text string }{
			{"", "0", "0 messages, 0 bytes"},
			{framed(""), "0", "1 messages, 0 bytes"},
			{framed("a", "", "bcd"), "0", "3 messages, 4 bytes"},
			{strings.Repeat(framed("12345"), 10_000), "0", "10000 messages, 50000 bytes"},
			{framed(large, "a", large, large[:100_000], ""), "0", fmt.Sprintf("5 messages, %d bytes", 2*len(large)+100_001)},
			{framed("a", "bc")[:12], "13", "the call ends in the middle of a message"},
			{framed("a") + "\x00\x00", "13", "the call ends in the middle of a message"},
			{framed("a") + "\x07\x00\x00\x00\x00", "13", "the prefix of a message is malformed"},
			{framed("a") + "\x00\x00\x40\x00\x01", "8", "a message is larger than option grpc_max_message"},
			{framed("a", "stop", "b"), "10", "stopped"},
		} {
			got := c.send("/test.Echo/Count", body(row.body))
			if row.code == "0" {
				c.check(got, "0", "", row.text)
			} else {
				c.check(got, row.code, row.text)
			}
		}
		// Byte by byte.
		c.check(c.send("/test.Echo/Count", &dribble{framed("abc", "", "d")}), "0", "", "3 messages, 4 bytes")
		c.check(c.send("/test.Echo/Refuse", body(framed("a"))), "7", "not you")
		c.stop(syscall.SIGTERM)
	})
}

// dribble reads one byte at a time.
type dribble struct{ text string }

func (d *dribble) Read(b []byte) (int, error) {
	if d.text == "" {
		return 0, io.EOF
	}
	b[0], d.text = d.text[0], d.text[1:]
	return 1, nil
}

func TestGRPC_bidi(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		c := startGRPC(t, b)
		k := c.open("Chat")
		large := strings.Repeat("y", 1<<20)
		for _, message := range []string{"first", "", "a", "pause", "b", large, "pause", "c"} {
			if message != "first" {
				k.send(message)
			}
			if got := k.receive(); got != message {
				t.Fatalf("%d bytes come back, not the %d of %.20q", len(got), len(message), message)
			}
		}
		k.write.Close()
		c.check(k.end(), "0", "")
		c.out.wait(t, 0, "chat closed 0")

		// Many at once, with pauses in between: none is lost, and the order stays.
		var all []string
		for i := range 3000 {
			if all = append(all, fmt.Sprint(i)); i%7 == 0 {
				all = append(all, "pause")
			}
		}
		c.check(c.send("/test.Echo/Chat", strings.NewReader(framed(all...))), "0", "", all...)

		// The server ends first.
		k = c.open("Chat")
		k.receive()
		k.send("end")
		c.check(k.end(), "11", "ended")
		c.out.wait(t, 0, "aborted")

		// A prefix that is none, in the middle of a response.
		k = c.open("Chat")
		k.receive()
		io.WriteString(k.write, "\x05\x00\x00\x00\x00")
		c.check(k.end(), "13", "the prefix of a message is malformed")
		c.out.wait(t, 0, "chat closed 4")
		c.stop(syscall.SIGTERM)
	})
}

func TestGRPC_streamsThatAreCutShort(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		c := startGRPC(t, b)
		k := c.open("Chat")
		k.receive()
		k.cancel()
		k.resp.Body.Close() // A transport that waits for the pipe does not look at its context.
		c.out.wait(t, 0, "aborted")
		c.out.wait(t, 0, "chat closed 1")

		k = c.open("Chat", "Grpc-Timeout: 100m")
		k.receive()
		c.check(k.end(), "4", "the deadline of the call has passed")
		c.out.wait(t, 0, "chat closed 2")

		// One that is never read: what is sent waits for its window.
		k = c.open("Chat")
		req, _ := http.NewRequest("POST", "http://localhost/test.Echo/Many", strings.NewReader(framed(strings.Repeat("z", 1000))))
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		req = req.WithContext(ctx)
		req.Header = http.Header{"Content-Type": {"application/grpc"}, "Times": {"100000"}}
		resp, err := c.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		io.ReadFull(resp.Body, make([]byte, 5000))
		k.receive()
		cancel()
		resp.Body.Close()
		c.out.wait(t, 0, "stream closed 1, 1 to go")
		k.write.Close()
		c.check(k.end(), "0", "")
		c.stop(syscall.SIGTERM)
	})
}

// A call whose messages are all there, or that has none, is answered wherever its handler is called.
func TestGRPC_streamsThatHaveEnded(t *testing.T) {
	for _, dispatch := range []string{"inline", "pool"} {
		c := startGRPC(t, plain, "dispatch="+dispatch)
		for range 10 {
			c.check(c.send("/test.Echo/Count", nil), "0", "", "0 messages, 0 bytes")
			c.check(c.send("/test.Echo/Count", strings.NewReader(framed("x", "y"))), "0", "", "2 messages, 2 bytes")
			c.check(c.send("/test.Echo/Chat", nil), "0", "")
			c.check(c.send("/test.Echo/Chat", strings.NewReader(framed("x"))), "0", "", "x")
		}
		c.stop(syscall.SIGTERM)
	}
}

// A stream that is silent does not keep the memory of the largest message that it has had.
func TestGRPC_silentStreamsKeepNoLargeMessage(t *testing.T) {
	c := startGRPC(t, plain, "grpc_max_message=32m")
	k := c.open("Chat")
	k.receive()
	pid := c.workers()[0]
	before := residentOf(t, pid)
	large := strings.Repeat("m", 32<<20)
	k.send(large)
	if k.receive() != large {
		t.Fatal("another message came back")
	}
	deadline := time.Now().Add(patience)
	for more := 0; ; time.Sleep(10 * time.Millisecond) {
		if more = residentOf(t, pid) - before; more < 16<<20 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes are kept", more)
		}
	}
	k.send("small")
	if got := k.receive(); got != "small" {
		t.Errorf("%q comes back", got)
	}
	must(t, k.write.Close())
	c.check(k.end(), "0", "")
	c.stop(syscall.SIGTERM)
}
