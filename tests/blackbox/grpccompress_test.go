package blackbox

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// A handler says whether its reply is compressed, whatever option grpc_compress says, and knows whether the message was.
func TestGRPC_handlersSayWhetherTheReplyIsCompressed(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		for _, option := range []string{"0", "100"} {
			c := startGRPC(t, b, "grpc_compress="+option)
			small, large := strings.Repeat("m", 50), strings.Repeat("m", 200)
			for _, row := range []struct {
				wish, message, takes string
				zipped               bool
			}{
				{"1", small, "gzip", true},
				{"1", large, "gzip", true},
				{"1", large, "identity", false},
				{"1", "", "gzip", false},
				{"1", "short", "gzip", false},
				{"1", strings.Repeat("m", 1<<20+1), "gzip", false},
				{"0", large, "gzip", false},
				{"1-", small, "gzip", false},
				{"1-", large, "gzip", option != "0"},
				{"01", small, "gzip", true},
				{"10", large, "gzip", false},
				{"", small, "gzip", false},
				{"", large, "gzip", option != "0"},
			} {
				for _, method := range []string{"Wish", "WishLater"} {
					got := c.say(method, row.message, "Wish: "+row.wish, "Grpc-Accept-Encoding: "+row.takes)
					c.check(got, "0", "", row.message)
					if !slices.Equal(got.zipped, []bool{row.zipped}) || (got.header.Get("Grpc-Encoding") == "gzip") != row.zipped || got.header.Get("X-Came") != "0" {
						t.Errorf("%s %q of %d bytes for %q: compressed: %v, %v", method, row.wish, len(row.message), row.takes, got.zipped, got.header)
					}
				}
			}
			for body, want := range map[string]string{zipped("x"): "1", framed("x"): "0", zipped(""): "1"} {
				if got := c.send("/test.Echo/Wish", strings.NewReader(body), "Grpc-Encoding: gzip"); got.code != "0" || got.header.Get("X-Came") != want {
					t.Errorf("%q: %v, %v", body, got, got.header)
				}
			}
			c.check(c.say("Wish", "", "Wish: 2"), "0", "", "grpc_compress: 2 is none of 1, 0 and -1")
			c.stop(syscall.SIGTERM)
		}
	})
}

// Each message of a stream may be compressed or not, and says whether it came so.
func TestGRPC_handlersSayWhichMessagesAreCompressed(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		c := startGRPC(t, b)
		text := strings.Repeat("m", 1000)
		chat := func(takes string, body ...string) *reply {
			return c.send("/test.Echo/WishChat", strings.NewReader(strings.Join(body, "")), "Grpc-Encoding: gzip", "Grpc-Accept-Encoding: "+takes)
		}
		got := chat("gzip", framed("1"+text), zipped("0"+text), framed("-"+text), zipped("1"+text), framed("1"), zipped("0"))
		c.check(got, "0", "", "p"+text, "z"+text, "p"+text, "z"+text, "p", "z")
		if want := []bool{true, false, false, true, false, false}; !slices.Equal(got.zipped, want) || got.header.Get("Grpc-Encoding") != "gzip" {
			t.Errorf("compressed: %v, %v", got.zipped, got.header)
		}
		// A client that does not take it gets the same.
		got = chat("identity", framed("1"+text), zipped("0"+text), framed("1"+text))
		c.check(got, "0", "", "p"+text, "z"+text, "p"+text)
		if slices.Contains(got.zipped, true) || got.header.Get("Grpc-Encoding") != "" {
			t.Errorf("compressed: %v, %v", got.zipped, got.header)
		}
		// When the head has gone out it is too late to begin with it, whether the client takes it or not.
		for _, takes := range []string{"gzip", "identity"} {
			got = chat(takes, framed("0"+text), framed("1"+text), framed("0", "-"+text))
			c.check(got, "0", "", "p"+text, "grpc_compress: the response has begun, and has not said that messages may be compressed", "p", "p"+text)
			if slices.Contains(got.zipped, true) || got.header.Get("Grpc-Encoding") != "" {
				t.Errorf("compressed: %v, %v", got.zipped, got.header)
			}
		}
		// Many, mixed, in one buffer.
		var body strings.Builder
		var want []string
		var compressed []bool
		for i := range 3000 {
			message := fmt.Sprint(i, strings.Repeat("x", i%200))
			io.WriteString(&body, framed(fmt.Sprint((i+1)%2)+message))
			want, compressed = append(want, "p"+message), append(compressed, i%2 == 0 && i%200 > 100)
		}
		got = chat("gzip", body.String())
		c.check(got, "0", "", want...)
		for i, is := range compressed {
			if is && !got.zipped[i] || i%2 == 1 && got.zipped[i] {
				t.Fatalf("message %d: compressed: %v", i, got.zipped[i])
			}
		}
		c.stop(syscall.SIGTERM)

		c = startGRPC(t, b, "grpc_compress=100")
		got = chat("gzip", framed("0"+text, "1small", "-"+text, "-small", "1"+strings.Repeat("m", 99), "0"+text))
		if want := []bool{false, false, true, false, true, false}; got.code != "0" || !slices.Equal(got.zipped, want) {
			t.Errorf("%s, compressed: %v, want %v", got.code, got.zipped, want)
		}
		c.stop(syscall.SIGTERM)
	})
}
