package blackbox

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// rpc is a client of gRPC calls, written by hand where what is sent must be wrong, or what comes be seen byte by byte. tests/grpc has the
// real ones.
type rpc struct {
	*program
	client *http.Client
}

// reply is what has come of a call.
type reply struct {
	header, trailer http.Header
	status          int      // Of HTTP.
	code            string   // Of gRPC.
	text            string   // Decoded.
	messages        []string // Without prefixes, inflated.
	zipped          []bool   // Which of them were compressed.
}

func (r *reply) String() string { return fmt.Sprintf("%s %q %q", r.code, r.text, r.messages) }

// startGRPC starts grpc.c.
func startGRPC(t *testing.T, b build, options ...string) *rpc {
	t.Helper()
	p := start(t, setup{build: &b, source: "grpc.c", env: environment(append([]string{"workers=1", "h2c=on"}, options...))}).waitReady()
	p.address(0)
	return &rpc{p, p.http2Client(nil)}
}

// framed puts prefixes before messages.
func framed(messages ...string) string {
	var out []byte
	for _, m := range messages {
		out = append(binary.BigEndian.AppendUint32(append(out, 0), uint32(len(m))), m...)
	}
	return string(out)
}

// zipped is framed of messages that are compressed.
func zipped(messages ...string) string {
	var out []byte
	for _, m := range messages {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		io.WriteString(w, m)
		w.Close()
		out = append(binary.BigEndian.AppendUint32(append(out, 1), uint32(b.Len())), b.Bytes()...)
	}
	return string(out)
}

// unzip returns what a message was before it was compressed.
func unzip(t *testing.T, message string) string {
	t.Helper()
	r, err := gzip.NewReader(strings.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(whole)
}

// request is a call that is not sent yet.
func (c *rpc) request(ctx context.Context, method string, body io.Reader, fields []string) *http.Request {
	c.t.Helper()
	req, err := http.NewRequestWithContext(ctx, "POST", "http://localhost"+method, body)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header = http.Header{"Content-Type": {"application/grpc"}, "Te": {"trailers"}}
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		req.Header.Set(name, value)
	}
	return req
}

// send sends a call whose body is given, with further fields such as "code: 3".
func (c *rpc) send(method string, body io.Reader, fields ...string) *reply {
	c.t.Helper()
	resp, err := c.client.Do(c.request(context.Background(), method, body, fields))
	if err != nil {
		c.t.Fatalf("%s: %v", method, err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("%s: %v", method, err)
	}
	return readReply(c.t, resp, content)
}

func readReply(t *testing.T, resp *http.Response, content []byte) *reply {
	t.Helper()
	r := &reply{header: resp.Header, trailer: resp.Trailer, status: resp.StatusCode}
	fields := resp.Trailer
	if resp.Header.Get("Grpc-Status") != "" { // Trailers-only.
		fields = resp.Header
	}
	r.code = fields.Get("Grpc-Status")
	text, err := url.PathUnescape(fields.Get("Grpc-Message"))
	if err != nil {
		t.Fatalf("grpc-message: %v", err)
	}
	for r.text = text; len(content) >= 5 && r.code != ""; {
		size := int(binary.BigEndian.Uint32(content[1:]))
		isZipped := content[0] == 1 && r.header.Get("Grpc-Encoding") == "gzip"
		if content[0] != 0 && !isZipped || len(content) < 5+size {
			t.Fatalf("not a message: %q", content)
		}
		message := string(content[5 : 5+size])
		if isZipped {
			message = unzip(t, message)
		}
		r.messages, r.zipped = append(r.messages, message), append(r.zipped, isZipped)
		content = content[5+size:]
	}
	if r.code == "" {
		r.text = string(content)
	} else if len(content) > 0 {
		t.Fatalf("behind the last message: %q", content)
	}
	return r
}

// say sends a call with one message.
func (c *rpc) say(method, message string, fields ...string) *reply {
	c.t.Helper()
	return c.send("/test.Echo/"+method, strings.NewReader(framed(message)), fields...)
}

func (c *rpc) check(got *reply, code, text string, messages ...string) {
	c.t.Helper()
	if want := (&reply{code: code, text: text, messages: messages}); got.String() != want.String() {
		c.t.Errorf("%v, want %v", got, want)
	}
}

func TestGRPC_unary(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		c := startGRPC(t, b)
		for _, method := range []string{"Say", "Pack", "Later"} {
			for _, size := range []int{0, 1, 5, 1000, 16<<10 - 5, 16 << 10, 70_000, 1 << 20, 3 << 20, 4 << 20} {
				message := strings.Repeat("m", size)
				got := c.say(method, message)
				if got.code != "0" || len(got.messages) != 1 || got.messages[0] != message || got.status != 200 {
					t.Fatalf("%s of %d bytes: %s %q, %d messages", method, size, got.code, got.text, len(got.messages))
				}
				if typ := got.header.Get("Content-Type"); typ != "application/grpc" {
					t.Fatalf("Content-Type %q", typ)
				}
			}
		}
		if typ := c.say("Say", "", "Content-Type: application/grpc+proto").header.Get("Content-Type"); typ != "application/grpc+proto" {
			t.Errorf("Content-Type %q", typ)
		}
		c.stop(syscall.SIGTERM)
	})
}

func TestGRPC_mostMetadata(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		c := startGRPC(t, b)
		got := c.say("Most", "reply")
		if got.code != "0" || len(got.messages) != 1 || len(got.header["X-Before"]) < 60 || len(got.trailer["X-Behind"]) < 60 {
			t.Errorf("%s, %d messages, %d and %d", got.code, len(got.messages), len(got.header["X-Before"]), len(got.trailer["X-Behind"]))
		}
		got = c.say("Most", "fail")
		if got.code != "9" || len(got.header["X-Before"]) < 60 || len(got.header["X-Behind"]) < 60 {
			t.Errorf("%s, %d and %d", got.code, len(got.header["X-Before"]), len(got.header["X-Behind"]))
		}
		c.stop(syscall.SIGTERM)
	})
}

// Messages that the client has compressed, in memory and in a file, are as others.
func TestGRPC_compressedMessages(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		c := startGRPC(t, b, "body_buffer=64k")
		const field = "Grpc-Encoding: gzip"
		for _, size := range []int{0, 1, 100, 64 << 10, 271828, 4 << 20} {
			message := strings.Repeat("m", size)
			for _, method := range []string{"Say", "Later"} {
				for _, body := range []string{zipped(message), framed(message)} {
					if got := c.send("/test.Echo/"+method, strings.NewReader(body), field); got.code != "0" || got.messages[0] != message {
						t.Errorf("%s of %d bytes: %s, %q", method, size, got.code, got.text)
					}
				}
			}
		}
		large := strings.Repeat("x", 3<<20)
		count := func(body io.Reader) *reply { return c.send("/test.Echo/Count", body, field) }
		for body, want := range map[string]string{
			zipped("a", "", "bcd"):                            "3 messages, 4 bytes",
			zipped("a") + framed("bc") + zipped("def"):        "3 messages, 6 bytes",
			zipped(large, "a", large[:100_000]) + framed("b"): fmt.Sprintf("4 messages, %d bytes", len(large)+100_002),
		} {
			c.check(count(strings.NewReader(body)), "0", "", want)
		}
		c.check(count(&dribble{zipped("abc", "", "d")}), "0", "", "3 messages, 4 bytes")
		c.check(count(strings.NewReader(zipped("a", "stop", "b"))), "10", "stopped")
		c.check(count(strings.NewReader(zipped("a")+"\x01\x00\x00\x00\x01x")), "13", "a compressed message is malformed")
		c.check(count(strings.NewReader(zipped("a", strings.Repeat("x", 4<<20+1)))), "8", "a message is larger than option grpc_max_message")
		c.check(c.send("/test.Echo/Count", strings.NewReader(zipped("a"))), "13",
			"a message is said to be compressed, but there is no grpc-encoding")
		c.stop(syscall.SIGTERM)
	})
}

// A reply is compressed from grpc_compress bytes on, if the client takes that and the reply is shorter then.
func TestGRPC_compressedReplies(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		c := startGRPC(t, b, "grpc_compress=100")
		noise := make([]byte, 5000)
		rand.NewChaCha8([32]byte{}).Read(noise)
		for _, row := range []struct {
			message, takes string
			zipped         bool
		}{
			{strings.Repeat("m", 99), "gzip", false},
			{strings.Repeat("m", 100), "gzip", true},
			{strings.Repeat("m", 20_000), "identity, gzip", true},
			{strings.Repeat("m", 20_000), "identity", false},
			{strings.Repeat("m", 20_000), "", false},
			{strings.Repeat("0123456789", 100_000), "gzip", true},
			{strings.Repeat("m", 1<<20+1), "gzip", false},
			{string(noise), "gzip", false},
			{string(noise) + strings.Repeat("m", 100_000), "gzip", true},
		} {
			for _, method := range []string{"Say", "Pack", "Later"} {
				resp, err := c.client.Do(c.request(context.Background(), "/test.Echo/"+method, strings.NewReader(framed(row.message)), []string{"Grpc-Accept-Encoding: " + row.takes}))
				if err != nil {
					t.Fatal(err)
				}
				content, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || len(content) < 5 || len(content) != 5+int(binary.BigEndian.Uint32(content[1:])) || resp.Trailer.Get("Grpc-Status") != "0" {
					t.Fatalf("%d bytes, %v, %v", len(content), resp.Trailer, err)
				}
				got := content[5:]
				if zipped := content[0] == 1 && resp.Header.Get("Grpc-Encoding") == "gzip"; zipped != row.zipped {
					t.Errorf("%s of %d bytes for %q: %d, %v", method, len(row.message), row.takes, content[0], resp.Header)
				} else if zipped {
					got = []byte(unzip(t, string(got)))
				}
				if string(got) != row.message {
					t.Errorf("%s of %d bytes for %q: %d come back", method, len(row.message), row.takes, len(got))
				}
			}
		}
		c.stop(syscall.SIGTERM)
	})
}

func TestGRPC_statusOfWhatIsWrong(t *testing.T) {
	c := startGRPC(t, plain)
	body := func(text string) io.Reader { return strings.NewReader(text) }
	for _, row := range []struct {
		got        *reply
		code, text string
	}{
		{c.send("/test.Echo/None", body(framed("x"))), "12", "Not Found"},
		{c.send("/none", body(framed("x"))), "12", "Not Found"},
		{c.say("Next", ""), "12", "Not Found"},
		{c.say("Negative", ""), "13", "the handler has failed"},
		{c.say("Nothing", ""), "13", "the handler has failed"},
		{c.say("Limit", ""), "8", "the handler has reached a limit"},
		{c.say("Say", "", "Grpc-Timeout: 1s"), "13", "the grpc-timeout is malformed"},
		{c.say("Say", "", "Grpc-Encoding: lzw"), "12", "the grpc-encoding is not one that this server knows"},
		{c.send("/test.Echo/Say", body(zipped("x"))), "13", "a message is said to be compressed, but there is no grpc-encoding"},
		{c.send("/test.Echo/Say", body(zipped("x")), "Grpc-Encoding: identity"), "13", "a message is said to be compressed, but there is no grpc-encoding"},
		{c.send("/test.Echo/Say", body("\x01\x00\x00\x00\x03abc"), "Grpc-Encoding: gzip"), "13", "a compressed message is malformed"},
		{c.send("/test.Echo/Say", body("\x01\x00\x00\x00\x00"), "Grpc-Encoding: gzip"), "13", "a compressed message is malformed"},
		{c.send("/test.Echo/Say", body(zipped(strings.Repeat("x", 4<<20+1))), "Grpc-Encoding: gzip"), "8", "a message is larger than option grpc_max_message"},
		{c.send("/test.Echo/Say", nil), "12", "the call has no message, where the method takes one"},
		{c.send("/test.Echo/Say", body("")), "12", "the call has no message, where the method takes one"},
		{c.send("/test.Echo/Say", body(framed("a", "b"))), "12", "the call has more than one message, where the method takes one"},
		{c.send("/test.Echo/Say", body(framed("abc")[:7])), "13", "the call ends in the middle of a message"},
		{c.send("/test.Echo/Say", body("\x00\x00")), "13", "the call ends in the middle of a message"},
		{c.send("/test.Echo/Say", body("\x02\x00\x00\x00\x00")), "13", "the prefix of a message is malformed"},
		{c.send("/test.Echo/Say", body("\x00\xff\x00\x00\x00")), "8", "a message is larger than option grpc_max_message"},
		{c.send("/test.Echo/Say", body(framed(strings.Repeat("x", 4<<20+1)))), "8", "a message is larger than option grpc_max_message"},
		{c.send("/test.Echo/Say", struct{ io.Reader }{body(framed(strings.Repeat("x", 5<<20)))}), "8", "a message is larger than option grpc_max_message"},
	} {
		c.check(row.got, row.code, row.text)
		if accepted := row.got.header.Get("Grpc-Accept-Encoding"); accepted != "identity,gzip" {
			t.Errorf("%v: Grpc-Accept-Encoding %q", row.got, accepted)
		}
		if row.got.status != 200 || row.got.header.Get("Content-Type") != "application/grpc" || row.got.header.Get("Content-Length") != "" {
			t.Errorf("%v: status %d, %v", row.got, row.got.status, row.got.header)
		}
	}
	for line, want := range map[string]string{
		"Negative": "answered INTERNAL (13)",
		"Limit":    "answered RESOURCE_EXHAUSTED (8)",
		"Nothing":  "returned FORKER_OK without a response; answered INTERNAL (13)",
	} {
		if got := c.log.wait(t, 0, "the handler of POST /test.Echo/"+line).text; !strings.HasSuffix(got, want) {
			t.Errorf("%s", got)
		}
	}
	c.stop(syscall.SIGTERM)
}

// A request that is no call gets an answer of HTTP, and a call may be replied to by a route that is no method.
func TestGRPC_routesAndMethods(t *testing.T) {
	c := startGRPC(t, plain)
	for _, typ := range []string{"application/json", "application/grpc-websocket", ""} {
		if got := c.say("Say", "x", "Content-Type: "+typ); got.status != 415 || !strings.Contains(got.text, "this is a gRPC method") {
			t.Errorf("%q: %d %v", typ, got.status, got)
		}
	}
	resp, err := http.Post("http://"+c.address(0)+"/test.Echo/Say", "application/grpc", strings.NewReader(framed("x")))
	if err != nil || resp.StatusCode != 415 {
		t.Errorf("by HTTP/1.1: %v, %v", resp, err)
	} else {
		resp.Body.Close()
	}
	want := "-3: grpc_reply: the request is not a gRPC call\n"
	if got := c.send("/plain", nil, "Content-Type: text/plain"); got.status != 200 || got.text != want {
		t.Errorf("%d %v", got.status, got)
	}
	c.check(c.send("/plain", strings.NewReader(framed("x"))), "0", "", "")
	c.stop(syscall.SIGTERM)
}

func TestGRPC_failures(t *testing.T) {
	c := startGRPC(t, plain)
	for code := 1; code <= 16; code++ {
		c.check(c.say("Fail", "because", fmt.Sprint("Code: ", code)), strconv.Itoa(code), "because")
	}
	for _, text := range []string{"", "100 % of it", "\r\ngrpc-status: 0", "\t\x00", "\u00e9\u4e16\U0001f600", strings.Repeat("x", 1000)} {
		c.check(c.say("Fail", text, "Code: 3"), "3", strings.TrimRight(text, "\x00"))
	}
	got := c.say("Fail", strings.Repeat("\n", 5000), "Code: 3")
	c.check(got, "3", strings.Repeat("\n", 1024))
	details := "\x08\x03\x00\xff"
	got = c.say("Fail", "x", "Code: 3", "Details-Bin: "+base64.StdEncoding.EncodeToString([]byte(details)))
	if sent, err := base64.RawStdEncoding.DecodeString(got.header.Get("Grpc-Status-Details-Bin")); string(sent) != details || err != nil {
		t.Errorf("details %q, %v", sent, err)
	}
	c.stop(syscall.SIGTERM)
}

func TestGRPC_metadata(t *testing.T) {
	c := startGRPC(t, plain)
	for size := range 40 {
		value := make([]byte, size)
		for i := range value {
			value[i] = byte(255 - i*7)
		}
		for _, coding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding} {
			got := c.say("Meta", "", "X-Text: a text", "X-Bytes-Bin: "+coding.EncodeToString(value))
			c.check(got, "0", "", "")
			for _, field := range []string{got.header.Get("X-Bytes-Bin"), got.trailer.Get("X-Last-Bin")} {
				if back, err := base64.RawStdEncoding.DecodeString(field); err != nil || !bytes.Equal(back, value) {
					t.Fatalf("%x comes back as %q, %v", value, field, err)
				}
			}
			if got.header.Get("X-Text") != "a text" || got.trailer.Get("X-Last") != "a text" {
				t.Fatalf("%v %v", got.header, got.trailer)
			}
		}
	}
	for _, bad := range []string{"A", "AAAAA", "A*==", "====", "AA=A"} {
		c.check(c.say("Meta", "", "X-Text: a", "X-Bytes-Bin: "+bad), "3", "grpc_metadata: the value is not base64")
	}
	c.stop(syscall.SIGTERM)
}

func TestGRPC_mistakesHaveSentences(t *testing.T) {
	c := startGRPC(t, plain)
	c.check(c.say("Wrong", ""), "0", "", "wrong")
	want := []string{
		"-1: grpc_metadata_add grpc-status: belongs to gRPC",
		"-1: grpc_metadata_add content-type: belongs to gRPC",
		"-1: grpc_metadata_add a b: the name is not a token",
		`-1: grpc_metadata_add text: the value has other characters than visible ASCII ones; a name that ends with "-bin" can have bytes`,
		"-1: grpc_metadata_add NULL: the name is NULL",
		"-1: grpc_trailer_add text: the value is NULL",
		"-1: grpc_details: there are no 1 bytes at (nil)",
		"-1: grpc_fail: code 0 is not within 1 to 16",
		"-1: grpc_fail: code 17 is not within 1 to 16",
		"-3: grpc_commit: nothing is reserved",
		"-1: grpc_reply: there are no 1 bytes at (nil)",
		"lengths: -1 -12 -12 -3 -1 -1 -12 -1 -12",
		"-3: grpc_reply: the request is answered already",
		"-3: grpc_fail: the request is answered already",
		"-3: grpc_trailer_add: the request is answered already",
		"-3: grpc_reserve: the request is answered already",
		"",
	}
	c.check(c.say("WrongLater", ""), "0", "", "grpc_send: the message is NULL; grpc_finish: the code is not within 0 to 16")
	got := strings.Split(c.say("TellWrong", "").messages[0], "\n")
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			t.Errorf("line %d: %q, want %q", i, got[min(i, len(got)-1)], want[i])
		}
	}
	c.stop(syscall.SIGTERM)
}

func TestGRPC_deadlines(t *testing.T) {
	c := startGRPC(t, plain, "access_log=common")
	c.check(c.say("Remaining", ""), "0", "", "-1")
	c.check(c.say("Remaining", "", "Grpc-Timeout: 99999999H"), "0", "", "-1")
	got := c.say("Remaining", "", "Grpc-Timeout: 2M")
	if left, err := strconv.ParseInt(strings.Join(got.messages, ""), 10, 64); err != nil || left > int64(2*time.Minute) || left < int64(time.Minute) {
		t.Errorf("%d, %v", left, err)
	}
	const passed = "the deadline of the call has passed"
	c.check(c.say("Late", "", "Grpc-Timeout: 20m"), "4", passed)
	c.check(c.say("TellWrong", ""), "0", "", "-15: grpc_reply: "+passed+"\n")
	c.check(c.say("Never", "", "Grpc-Timeout: 50m"), "4", passed)
	c.out.wait(t, 0, "closed 2")
	// What is done with a call behind its end.
	c.check(c.say("TooLate", "", "Grpc-Timeout: 50m"), "4", passed)
	for _, want := range []string{
		"-15: grpc_begin: the client has left, or the deadline has passed",
		"-15: grpc_send: the client has left, or the deadline has passed",
		"-15: grpc_reply: " + passed,
		"-15: grpc_fail: " + passed,
		"-15: grpc_trailer_add: " + passed,
		"-15: grpc_compress: " + passed,
		"-15: ", // The handle is used up, and has no sentence any more.
	} {
		c.out.wait(t, 0, want)
	}
	// One whose message does not come.
	read, write := io.Pipe()
	defer write.Close()
	c.check(c.send("/test.Echo/Say", read, "Grpc-Timeout: 50m"), "4", passed)
	for _, method := range []string{"Late", "Never", "Say"} { // All of them had 200 of HTTP.
		c.log.wait(t, 0, `"POST /test.Echo/`+method+` HTTP/2.0" 200 `)
	}
	c.stop(syscall.SIGTERM)
}

func TestGRPC_setup(t *testing.T) {
	p := start(t, setup{source: "grpc.c"})
	p.out.wait(t, 0, "run returned -5: run: there are gRPC methods, which need option h2c, or option http2 and an address with tls=on")
	<-p.ended
}
