package http2

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"libforker/engine/message"
)

func TestReadHead_accepts(t *testing.T) {
	for _, row := range []struct {
		fields []string
		want   string
	}{
		{getFields, "GET / host=h"},
		{[]string{":authority: h:1", ":path: /a/b?c=d&e", ":scheme: http", ":method: POST", "x: y"}, "POST /a/b?c=d&e host=h:1 x=y"},
		{[]string{":method: GET", ":scheme: https", ":path: /", "host: h"}, "GET / host=h"},
		{append(slices.Clone(getFields), "host: H", "a: b"), "GET / host=h a=b"},
		{[]string{":method: OPTIONS", ":scheme: https", ":path: *", ":authority: h"}, "OPTIONS * asterisk host=h"},
		{[]string{":method: GET", ":scheme: https", ":path: /?", ":authority: h"}, "GET /? host=h"},
		{
			append(slices.Clone(getFields), "te: trailers", "expect: 100-continue", "content-length: 0"),
			"GET / length=0 expect host=h te=trailers expect=100-continue content-length=0",
		},
		{append(slices.Clone(getFields), "cookie: a=b", "cookie: c=d", "cookie: e=f", "x: y"), "GET / host=h cookie=a=b; c=d; e=f x=y"},
		{append(slices.Clone(getFields), "cookie: a=b", "x: y", "cookie: c=d", "z:", "cookie: e"), "GET / host=h cookie=a=b; c=d; e x=y z="},
		{append(slices.Clone(getFields), "a: \x80\xff", "b: c\td"), "GET / host=h a=\x80\xff b=c\td"},
	} {
		greeted(t).headers(1, true, row.fields...).expect("head 1 "+row.want+" end", "")
	}
}

// with and without are the fields of a request that only gets, changed.
func with(fields ...string) []string { return append(slices.Clone(getFields), fields...) }

func without(name string) []string {
	return slices.DeleteFunc(slices.Clone(getFields), func(f string) bool { return strings.HasPrefix(f, name) })
}

type badHead struct {
	fields []string
	why    *message.Refusal
}

func refusesHeads(t *testing.T, rows []badHead) {
	t.Helper()
	for _, row := range rows {
		c := greeted(t).headers(1, true, row.fields...)
		frames := "RST_STREAM 1 PROTOCOL_ERROR"
		if row.why.Status > 0 {
			frames = ""
		}
		t.Run(fmt.Sprint(row.fields), func(t *testing.T) {
			c.t = t
			c.expect(fmt.Sprintf("head 1 %d %s end", row.why.Status, row.why.Reason), frames)
			c.headers(3, true, getFields...).expect("head 3 GET / host=h end", "")
		})
	}
}

func TestReadHead_refusesWhatIsNoRequest(t *testing.T) {
	refusesHeads(t, []badHead{
		{nil, ErrPseudoMissing},
		{without(":method"), ErrPseudoMissing},
		{without(":scheme"), ErrPseudoMissing},
		{without(":path"), ErrPseudoMissing},
		{without(":authority"), ErrHostMissing},
		{with(":method: GET"), ErrPseudo},
		{with(":scheme: https"), ErrPseudo},
		{with(":path: /"), ErrPseudo},
		{with(":authority: h"), ErrPseudo},
		{with(":status: 200"), ErrPseudo},
		{with(":protocol: websocket"), ErrPseudo},
		{with(":x: y"), ErrPseudo},
		{append([]string{"a: b"}, getFields...), ErrPseudo},
		{append(without(":path"), ":path:"), ErrPath},
		{append(without(":path"), ":path: a"), ErrPath},
		{append(without(":path"), ":path: http://h/"), ErrPath},
		{append(without(":path"), ":path: *"), ErrPath},
		{append(without(":path"), ":path: /a b"), ErrTarget},
		{append(without(":path"), ":path: /a#b"), ErrTarget},
		{append(without(":path"), ":path: /a?b#c"), ErrTarget},
		{append(without(":path"), ":path: /\xe4"), ErrTarget},
		{append(without(":path"), ":path: /a\r\nb: c"), ErrTarget},
		{append(without(":path"), ":path: /"+strings.Repeat("a", wide.Target)), ErrTargetTooLong},
		{append(without(":method"), ":method:"), ErrMethod},
		{append(without(":method"), ":method: G T"), ErrMethod},
		{append(without(":method"), ":method: "+strings.Repeat("A", 25)), ErrMethodTooLong},
		{append(without(":method"), ":method: CONNECT"), ErrConnect},
		{[]string{":method: CONNECT", ":authority: h:1"}, ErrConnect},
		{append(without(":scheme"), ":scheme: ftp"), ErrScheme},
		{append(without(":authority"), ":authority:"), ErrHost},
		{append(without(":authority"), ":authority: u@h"), ErrHost},
		{append(without(":authority"), "host: a/b"), ErrHost},
		{append(without(":authority"), "host: a", "host: a"), ErrHostTwice},
		{with("host: other"), ErrHostTwice},
		{with("host: h", "host: h"), ErrHostTwice},
	})
}

func TestReadHead_refusesFields(t *testing.T) {
	refusesHeads(t, []badHead{
		{with("Upper: a"), ErrFieldName},
		{with(" a: b"), ErrFieldName},
		{with("a b: c"), ErrFieldName},
		{with("a\x80: c"), ErrFieldName},
		{with("a: b\nc"), ErrFieldValue},
		{with("a: b\x00"), ErrFieldValue},
		{with("a:  b"), ErrFieldValue},
		{with("a: b "), ErrFieldValue},
		{with("a: b\t"), ErrFieldValue},
		{with("connection: close"), ErrConnection},
		{with("keep-alive: 5"), ErrConnection},
		{with("proxy-connection: close"), ErrConnection},
		{with("transfer-encoding: chunked"), ErrConnection},
		{with("upgrade: h2c"), ErrConnection},
		{with("te: gzip"), ErrConnection},
		{with("content-length: x"), ErrLength},
		{with("content-length: 0", "content-length: 0"), ErrLength},
		{with("content-length: 1"), ErrLengthDiffers},
		{with("expect: x"), ErrExpectation},
	})
}

// What is beyond the limits is refused on that side alone; the table is right for the request behind it.
func TestReadHead_limits(t *testing.T) {
	const text = "GET\r\n" + "/\r\n" + "host: h\r\n" + "a: \r\n"
	limits := message.Limits{Head: 256, Target: 100, Fields: 5}
	for _, row := range []struct {
		fields []string
		why    *message.Refusal
	}{
		{[]string{"a: " + strings.Repeat("x", 256-len(text))}, nil},
		{[]string{"a: " + strings.Repeat("x", 257-len(text))}, ErrHeadTooLarge},
		{[]string{"a: b", "c: d", "e: f", "g: h"}, nil},
		{[]string{"a: b", "c: d", "e: f", "g: h", "i: j"}, ErrTooManyFields},
		{[]string{"cookie: a", "cookie: b", "cookie: c", "cookie: d", "cookie: e", "cookie: f"}, nil},
		{[]string{"cookie: " + strings.Repeat("x", 150), "cookie: " + strings.Repeat("x", 100)}, ErrHeadTooLarge},
		{[]string{"cookie: " + strings.Repeat("x", 150), "a: b", "cookie: c"}, ErrHeadTooLarge},
	} {
		c := newClient(t, limits, 10)
		c.in.WriteString(Preface)
		c.must(c.framer.WriteSettings())
		c.step()
		c.sent()
		c.headers(1, true, append(slices.Clone(getFields), row.fields...)...)
		got := c.step()
		if row.why == nil && !strings.HasPrefix(got, "head 1 GET") || row.why != nil && got != fmt.Sprintf("head 1 431 %s end", row.why.Reason) {
			t.Errorf("%.60s: %s", row.fields, got)
		}
		c.headers(3, true, append(slices.Clone(getFields), "i: j")...).expect("head 3 GET / host=h i=j end", "")
	}
}

func TestTrailers(t *testing.T) {
	for _, row := range []struct {
		fields []string
		want   string
		frames string
	}{
		{[]string{"grpc-status: 0", "a: b"}, `trailers 1 "grpc-status: 0\r\na: b\r\n" end`, ""},
		{[]string{"content-length: 5", "host: x", "a: b"}, `trailers 1 "a: b\r\n" end`, ""},
		{[]string{":path: /"}, "trailers 1 0 " + ErrTrailer.Reason + " end", "RST_STREAM 1 PROTOCOL_ERROR"},
		{[]string{"A: b"}, "trailers 1 0 " + ErrFieldName.Reason + " end", "RST_STREAM 1 PROTOCOL_ERROR"},
		{[]string{"connection: b"}, "trailers 1 0 " + ErrConnection.Reason + " end", "RST_STREAM 1 PROTOCOL_ERROR"},
		{[]string{"a: \x01"}, "trailers 1 0 " + ErrFieldValue.Reason + " end", "RST_STREAM 1 PROTOCOL_ERROR"},
		{[]string{"a: " + strings.Repeat("x", 8000), "b: " + strings.Repeat("x", 8400)}, "trailers 1 431 " + ErrHeadTooLarge.Reason + " end", ""},
	} {
		c := greeted(t)
		c.open(1, false, postFields...)
		c.data(1, false, 3).headers(1, true, row.fields...)
		c.expect("data 1 3; "+row.want, row.frames)
		if row.frames == "" && !strings.Contains(row.want, "431") {
			for i, f := range c.head.Fields[c.head.FieldCount:][:c.head.TrailerCount] {
				if name, value := string(f.Name.In(c.text)), string(f.Value.In(c.text)); !slices.Contains(row.fields, name+": "+value) {
					t.Errorf("trailer %d is %s: %s", i, name, value)
				}
			}
		}
	}
}
