package blackbox

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"
)

// web is a client of gRPC-Web.
type web struct {
	*rpc
	text bool // Its messages are base64.
}

// eachWeb runs a test by each version of HTTP, in both forms.
func eachWeb(t *testing.T, b build, test func(t *testing.T, c *web), options ...string) {
	for _, version := range []string{"HTTP/1.1", "HTTP/2"} {
		for _, text := range []bool{false, true} {
			t.Run(fmt.Sprint(version, " text ", text), func(t *testing.T) {
				c := startGRPC(t, b, options...)
				if version == "HTTP/1.1" {
					c.client = &http.Client{Transport: &http.Transport{}}
				}
				test(t, &web{c, text})
				c.stop(syscall.SIGTERM)
			})
		}
	}
}

// request is a call whose body is given.
func (c *web) request(method, body string, fields ...string) *http.Request {
	c.t.Helper()
	typ := "application/grpc-web+proto"
	if c.text {
		typ, body = "application/grpc-web-text+proto", base64.StdEncoding.EncodeToString([]byte(body))
	}
	req := c.rpc.request(context.Background(), method, strings.NewReader(body), append([]string{"Content-Type: " + typ, "X-Grpc-Web: 1"}, fields...))
	req.URL.Host = c.address(0)
	req.Header.Del("Te")
	return req
}

// send makes a call, and reads messages and the frame behind them.
func (c *web) send(method, body string, fields ...string) *reply {
	c.t.Helper()
	req := c.request(method, body, fields...)
	resp, err := c.client.Do(req)
	if err != nil {
		c.t.Fatalf("%s: %v", method, err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("%s: %v", method, err)
	}
	// What takes the place of a response that the program still owes does not know what stood behind the name.
	if typ := req.Header.Get("Content-Type"); resp.StatusCode != 200 || resp.Header.Get("Content-Type") != typ && resp.Header.Get("Content-Type") != strings.TrimSuffix(typ, "+proto") {
		c.t.Fatalf("%s: status %d, %v: %q", method, resp.StatusCode, resp.Header, content)
	}
	if c.text {
		content = c.decode(content)
	}
	return c.read(resp, content)
}

// decode decodes base64 of which each piece can have its padding.
func (c *web) decode(content []byte) (decoded []byte) {
	c.t.Helper()
	if len(content)%4 != 0 {
		c.t.Fatalf("%d bytes are not base64", len(content))
	}
	for ; len(content) > 0; content = content[4:] {
		four, err := base64.StdEncoding.DecodeString(string(content[:4]))
		if err != nil {
			c.t.Fatal(err)
		}
		decoded = append(decoded, four...)
	}
	return decoded
}

func (c *web) read(resp *http.Response, content []byte) *reply {
	c.t.Helper()
	r := &reply{header: resp.Header, trailer: http.Header{}, status: resp.StatusCode}
	for len(content) >= 5 && r.code == "" {
		size := int(binary.BigEndian.Uint32(content[1:]))
		frame := string(content[5 : 5+size])
		switch flag := content[0]; flag {
		case 0x80:
			for line := range strings.SplitSeq(strings.TrimSuffix(frame, "\r\n"), "\r\n") {
				name, value, _ := strings.Cut(line, ": ")
				if name != strings.ToLower(name) {
					c.t.Errorf("%q is not in lower case", name)
				}
				r.trailer.Add(textproto.CanonicalMIMEHeaderKey(name), value)
			}
			r.code = r.trailer.Get("Grpc-Status")
			r.text, _ = url.PathUnescape(r.trailer.Get("Grpc-Message"))
		case 1:
			frame = unzip(c.t, frame)
			fallthrough
		case 0:
			r.messages, r.zipped = append(r.messages, frame), append(r.zipped, flag == 1)
		default:
			c.t.Fatalf("a frame with flag %d", flag)
		}
		content = content[5+size:]
	}
	if len(content) > 0 || r.code == "" {
		c.t.Fatalf("%d bytes behind %v", len(content), r)
	}
	return r
}

// Calls of browsers: one message, and one or many in reply, with all of the status behind them.
func TestGRPCWeb_calls(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		eachWeb(t, b, func(t *testing.T, c *web) {
			for _, method := range []string{"Say", "Pack", "Later"} {
				for _, size := range []int{0, 1, 2, 5, 1000, 16<<10 - 5, 16 << 10, 70_000, 1 << 20, 4 << 20} {
					message := strings.Repeat("m", size)
					got := c.send("/test.Echo/"+method, framed(message), "Accept-Encoding: gzip")
					if got.code != "0" || len(got.messages) != 1 || got.messages[0] != message {
						t.Fatalf("%s of %d bytes: %s %q, %d messages", method, size, got.code, got.text, len(got.messages))
					}
				}
			}
			for _, method := range []string{"Many", "ManyLater"} {
				for _, row := range []struct{ times, size int }{{0, 1}, {1, 0}, {3, 5}, {2000, 100}, {30, 70_000}} {
					message := strings.Repeat("m", row.size)
					got := c.send("/test.Echo/"+method, framed(message), fmt.Sprint("Times: ", row.times))
					if got.code != "0" || len(got.messages) != row.times || strings.Join(got.messages, "") != strings.Repeat(message, row.times) {
						t.Fatalf("%s %v: %s %q, %d messages", method, row, got.code, got.text, len(got.messages))
					}
					if got.header.Get("X-Before") != "first" || got.trailer.Get("X-Behind") != "last" {
						t.Errorf("%s %v: %v %v", method, row, got.header, got.trailer)
					}
				}
			}
			for code := 1; code <= 16; code++ {
				c.check(c.send("/test.Echo/Fail", framed("\t100 % \u00e9\r\n"), fmt.Sprint("Code: ", code)), fmt.Sprint(code), "\t100 % \u00e9\r\n")
			}
			got := c.send("/test.Echo/Meta", framed(""), "X-Text: a text", "X-Bytes-Bin: AAH/")
			c.check(got, "0", "", "")
			if got.header.Get("X-Text") != "a text" || got.trailer.Get("X-Last") != "a text" || got.trailer.Get("X-Last-Bin") != "AAH/" {
				t.Errorf("%v %v", got.header, got.trailer)
			}
		}, "max_requests_per_connection=20", "compress=on", "compress_min_size=1", "grpc_max_message=4m")
	})
}

func TestGRPCWeb_compression(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		eachWeb(t, b, func(t *testing.T, c *web) {
			takes := []string{"Grpc-Accept-Encoding: gzip", "Grpc-Encoding: gzip", "Times: 500"}
			message := strings.Repeat("m", 1000)
			for _, method := range []string{"Say", "Later", "Many", "ManyLater"} {
				got := c.send("/test.Echo/"+method, zipped(message), takes...)
				if got.code != "0" || strings.Join(got.messages, "") != strings.Repeat(message, len(got.messages)) || len(got.messages)%499 != 1 || !got.zipped[0] || got.header.Get("Grpc-Encoding") != "gzip" {
					t.Errorf("%s: %s, %d messages, %v", method, got.code, len(got.messages), got.header)
				}
			}
			for _, field := range []string{"Grpc-Accept-Encoding: identity", "Grpc-Accept-Encodings: gzip", "Grpc-Accept-Encodin: gzip"} {
				if got := c.send("/test.Echo/Say", framed(message), field); got.code != "0" || got.zipped[0] || got.header.Get("Grpc-Encoding") != "" {
					t.Errorf("%s: %s, %v", field, got.code, got.header)
				}
			}
		}, "grpc_compress=100")
	})
}

func TestGRPCWeb_statusOfWhatIsWrong(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		eachWeb(t, b, func(t *testing.T, c *web) {
			const tooLarge = "a message is larger than option grpc_max_message"
			for _, row := range []struct {
				got        *reply
				code, text string
			}{
				{c.send("/test.Echo/None", framed("x")), "12", "Not Found"},
				{c.send("/none", framed("x")), "12", "Not Found"},
				{c.send("/test.Echo/Next", framed("")), "12", "Not Found"},
				{c.send("/test.Echo/Negative", framed("")), "13", "the handler has failed"},
				{c.send("/test.Echo/Count", framed("x")), "12", "by gRPC-Web a client sends one message, and this method takes several"},
				{c.send("/test.Echo/Chat", framed("x")), "12", "by gRPC-Web a client sends one message, and this method takes several"},
				{c.send("/test.Echo/Say", ""), "12", "the call has no message, where the method takes one"},
				{c.send("/test.Echo/Say", framed("a", "b")), "12", "the call has more than one message, where the method takes one"},
				{c.send("/test.Echo/Say", framed("abc")[:7]), "13", "the call ends in the middle of a message"},
				{c.send("/test.Echo/Say", "\x80\x00\x00\x00\x00"), "13", "the prefix of a message is malformed"},
				{c.send("/test.Echo/Say", framed(strings.Repeat("x", 100_001))), "8", tooLarge},
				{c.send("/test.Echo/Say", framed(strings.Repeat("x", 300_000))), "8", tooLarge},
				{c.send("/test.Echo/Say", framed(""), "Grpc-Timeout: 1s"), "13", "the grpc-timeout is malformed"},
				{c.send("/test.Echo/Say", framed(""), "Grpc-Encoding: lzw"), "12", "the grpc-encoding is not one that this server knows"},
				{c.send("/test.Guarded/Say", framed("x")), "16", "no key"},
				{c.send("/test.Guarded/Many", framed("x")), "16", "no key"},
				{c.send("/test.Echo/Late", framed(""), "Grpc-Timeout: 20m"), "4", "the deadline of the call has passed"},
				{c.send("/test.Echo/Never", framed(""), "Grpc-Timeout: 50m"), "4", "the deadline of the call has passed"},
			} {
				c.check(row.got, row.code, row.text)
			}
			got := c.send("/test.Guarded/Say", framed("x"), "Key: 1")
			c.check(got, "0", "", "x")
			// What is no method takes bytes, which nothing decodes.
			most := 1000
			if c.text {
				most = base64.StdEncoding.DecodedLen(most)
			}
			c.check(c.send("/plain", strings.Repeat("x", most)), "0", "", "")
			c.check(c.send("/plain", strings.Repeat("x", most+1)), "8", "the body is larger than option max_body")
			if c.text {
				c.text = false
				for body, want := range map[string]string{"AAAAAAN": "the body is not base64", "AAA*AAN": "the body is not base64"} {
					req := c.request("/test.Echo/Say", body, "Content-Type: application/grpc-web-text")
					resp, err := c.client.Do(req)
					if err != nil {
						t.Fatal(err)
					}
					content, err := io.ReadAll(resp.Body)
					resp.Body.Close()
					c.check(c.read(resp, c.decode(content)), "13", want)
					must(t, err)
				}
			}
		}, "grpc_max_message=100000", "max_body=1000")
	})
}

// A client that gives up in the middle of a stream, or whose deadline passes there, ends it.
func TestGRPCWeb_streamsThatAreCutShort(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		eachWeb(t, b, func(t *testing.T, c *web) {
			for _, timeout := range []string{"", "200m"} {
				fields := []string{"Times: 10000000"}
				want := "stream closed 1, 1 to go"
				if timeout != "" {
					fields, want = append(fields, "Grpc-Timeout: "+timeout), "stream closed 2, 1 to go"
				}
				ctx, cancel := context.WithCancel(context.Background())
				resp, err := c.client.Do(c.request("/test.Echo/Many", framed(strings.Repeat("z", 1000)), fields...).WithContext(ctx))
				if err != nil {
					t.Fatal(err)
				}
				io.ReadFull(resp.Body, make([]byte, 5000))
				if timeout == "" {
					cancel()
				} else {
					time.Sleep(300 * time.Millisecond) // What it reads from then on ends in the middle.
					rest, err := io.ReadAll(resp.Body)
					if err == nil && c.text {
						rest = c.decode(rest[len(rest)%4:])
					}
					if err == nil && !strings.Contains(string(rest), "grpc-status: 4\r\n") { // Where nothing waited it has a status.
						t.Error("a stream that was cut short looks whole")
					}
				}
				resp.Body.Close()
				c.out.wait(t, 0, want)
				cancel()
			}
			c.check(c.send("/test.Echo/Say", framed("x")), "0", "", "x")
			// One that has sent all that it has ends with the status.
			c.check(c.send("/test.Echo/Quiet", framed("a message"), "Grpc-Timeout: 200m"), "4", "the deadline of the call has passed", "a message")
			c.out.wait(t, 0, "chat closed 2")
			c.check(c.send("/test.Echo/Say", framed("x")), "0", "", "x")
		})
	})
}

// By HTTP/1.1 a stream whose deadline passes where nothing waits is whole, and what came behind its request is served.
func TestGRPCWeb_connectionGoesOnBehindADeadline(t *testing.T) {
	c := startGRPC(t, plain)
	call := func(method, fields string) string {
		return fmt.Sprintf("POST /test.Echo/%s HTTP/1.1\r\nHost: t\r\nContent-Type: application/grpc-web\r\nContent-Length: 6\r\n%s\r\n%s", method, fields, framed("x"))
	}
	conn := c.dial()
	conn.send(call("Quiet", "Grpc-Timeout: 200m\r\n") + call("Say", "") + call("Quiet", "Grpc-Timeout: 1m\r\n"))
	for _, want := range []string{"4", "0", "4"} {
		if a := conn.receive("POST"); !strings.Contains(a.body, "grpc-status: "+want+"\r\n") || a.Close {
			t.Fatalf("%v %q, want status %s", a.Header, a.body, want)
		}
	}
	conn.send(call("Say", "")) // Nothing had come behind the last one.
	if a := conn.receive("POST"); !strings.Contains(a.body, "grpc-status: 0\r\n") {
		t.Errorf("%v %q", a.Header, a.body)
	}
	c.out.wait(t, 0, "chat closed 2")
	c.stop(syscall.SIGTERM)
}

// Browsers ask first, and pages may read what the options about origins say, of the server or of a group.
func TestGRPCWeb_originsAreThoseOfTheGate(t *testing.T) {
	eachWeb(t, plain, func(t *testing.T, c *web) {
		for method, origin := range map[string]string{"/test.Echo/Say": "https://app.example", "/test.Small/Say": "https://small.example"} {
			req := c.request(method, "", "Origin: "+origin, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type,x-grpc-web")
			req.Method, req.Body, req.ContentLength = "OPTIONS", nil, 0
			req.Header.Del("Content-Type")
			resp, err := c.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if got := resp.Header; resp.StatusCode != 204 || got.Get("Access-Control-Allow-Origin") != origin || !strings.Contains(strings.ToLower(got.Get("Access-Control-Allow-Headers")), "x-grpc-web") {
				t.Errorf("%s: %d %v", method, resp.StatusCode, got)
			}
			got := c.send(method, framed("x"), "Origin: "+origin)
			c.check(got, "0", "", "x")
			if got.header.Get("Access-Control-Allow-Origin") != origin || got.header.Get("Access-Control-Expose-Headers") != "x-before" {
				t.Errorf("%s: %v", method, got.header)
			}
			got = c.send(method, framed("x"), "Origin: https://other.example")
			if got.header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s: %v", method, got.header)
			}
		}
	}, "cors_origins=https://app.example", "cors_headers=content-type,x-grpc-web,x-user-agent,grpc-timeout,authorization", "cors_expose=x-before")
}
