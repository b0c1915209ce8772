package http1

import (
	"fmt"
	"strings"
	"testing"

	"libforker/engine/message"
)

var wide = message.Limits{Head: 16 << 10, Target: 8 << 10, Fields: 100}

// exact copies s into a slice without spare capacity: Go's bounds check is then the guard page behind the input.
func exact(s string) []byte {
	b := make([]byte, len(s))
	copy(b, s)
	return b[:len(s):len(s)]
}

// outcome is all that a caller can learn from a Parser.
type outcome struct {
	n    int
	err  *message.Refusal
	head string
}

// feed shows a parser the first cuts[0], cuts[1] ... bytes of in, then all of it, until it has a response.
func feed(in string, lim *message.Limits, cuts ...int) outcome {
	var p Parser
	h := message.Head{FieldCount: 7, ContentLength: 9, Chunked: 1, ExpectContinue: 1, KeepAlive: 1, HasQuery: 1} // As if used before.
	for _, cut := range append(cuts, len(in)) {
		b := exact(in[:cut])
		if n, err := p.Parse(b, &h, lim); n > 0 || err != nil {
			return outcome{n, err, describe(exact(in), &h)}
		}
	}
	return outcome{}
}

func everyByte(in string) []int {
	cuts := make([]int, len(in)+1)
	for i := range cuts {
		cuts[i] = i
	}
	return cuts
}

// parse reads in whole, byte by byte and in every two parts, and demands one outcome.
func parse(t *testing.T, in string, lim *message.Limits) outcome {
	t.Helper()
	whole := feed(in, lim)
	if got := feed(in, lim, everyByte(in)...); got != whole {
		t.Errorf("%.200q\nwhole  %+v\nbytes  %+v", in, whole, got)
	}
	if len(in) > 1<<12 {
		return whole // Quadratic.
	}
	for cut := range len(in) {
		if got := feed(in, lim, cut); got != whole {
			t.Errorf("%.200q cut at %d\nwhole  %+v\nparts  %+v", in, cut, whole, got)
		}
	}
	return whole
}

// describe writes a head as one line, leaving out what is at its default.
func describe(b []byte, h *message.Head) string {
	if h.Method.Len == 0 {
		return ""
	}
	var s strings.Builder
	fmt.Fprintf(&s, "%s %s path=%s", h.Method.In(b), h.Target.In(b), h.Path.In(b))
	if h.HasQuery != 0 {
		fmt.Fprintf(&s, " query=%s", h.Query.In(b))
	}
	fmt.Fprintf(&s, " host=%s", h.Host.In(b))
	if h.ContentLength != -1 {
		fmt.Fprintf(&s, " length=%d", h.ContentLength)
	}
	for _, flag := range []struct {
		on   bool
		name string
	}{
		{h.Form == message.FormAbsolute, "absolute"},
		{h.Form == message.FormAsterisk, "asterisk"},
		{h.Version == message.Version10, "1.0"},
		{h.Chunked != 0, "chunked"},
		{h.ExpectContinue != 0, "expect"},
		{h.KeepAlive != 0, "keep"},
	} {
		if flag.on {
			s.WriteString(" " + flag.name)
		}
	}
	for _, f := range h.Fields[:h.FieldCount] {
		fmt.Fprintf(&s, " [%s:%s]", f.Name.In(b), f.Value.In(b))
	}
	return s.String()
}

func TestParse_accepts(t *testing.T) {
	for _, row := range []struct{ in, want string }{
		{"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / path=/ host=h keep [Host:h]"},
		{"\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / path=/ host=h keep [Host:h]"},
		{"GET / HTTP/1.0\r\n\r\n", "GET / path=/ host= 1.0"},
		{"GET / HTTP/1.0\r\nHost: h\r\n\r\n", "GET / path=/ host=h 1.0 [Host:h]"},
		{"GET / HTTP/1.2\r\nHost: h\r\n\r\n", "GET / path=/ host=h keep [Host:h]"},
		{"brew-it!#$%&'*+-.^_`|~ / HTTP/1.0\r\n\r\n", "brew-it!#$%&'*+-.^_`|~ / path=/ host= 1.0"},
		{"ABCDEFGHIJKLMNOPQRSTUVWX / HTTP/1.0\r\n\r\n", "ABCDEFGHIJKLMNOPQRSTUVWX / path=/ host= 1.0"},

		{"GET /a/b?c=d?e HTTP/1.0\r\n\r\n", "GET /a/b?c=d?e path=/a/b query=c=d?e host= 1.0"},
		{"GET /a? HTTP/1.0\r\n\r\n", "GET /a? path=/a query= host= 1.0"},
		{"GET //x/../%2e%00 HTTP/1.0\r\n\r\n", "GET //x/../%2e%00 path=//x/../%2e%00 host= 1.0"},
		{"GET /\"<>\\^`{|}[]?\"<>\\^`{|}[] HTTP/1.0\r\n\r\n", "GET /\"<>\\^`{|}[]?\"<>\\^`{|}[] path=/\"<>\\^`{|}[] query=\"<>\\^`{|}[] host= 1.0"},
		{"GET /a*:80@b HTTP/1.0\r\n\r\n", "GET /a*:80@b path=/a*:80@b host= 1.0"},

		{"GET http://x:1/a?b HTTP/1.1\r\nHost: h\r\n\r\n", "GET http://x:1/a?b path=/a query=b host=x:1 absolute keep [Host:x:1]"},
		{"GET HTTPS://x?b HTTP/1.1\r\nHost: h\r\n\r\n", "GET HTTPS://x?b path= query=b host=x absolute keep [Host:x]"},
		{"GET http://x/ HTTP/1.0\r\nA: b\r\nhOST: h\r\nC: d\r\n\r\n", "GET http://x/ path=/ host=x absolute 1.0 [A:b] [hOST:x] [C:d]"},
		{"GET http://x HTTP/1.0\r\n\r\n", "GET http://x path= host=x absolute 1.0"},
		{"GET http://[::1]:80/ HTTP/1.0\r\n\r\n", "GET http://[::1]:80/ path=/ host=[::1]:80 absolute 1.0"},
		{"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS * path=* host=h asterisk keep [Host:h]"},

		{"GET / HTTP/1.1\r\nHost:h\r\nA:\r\nB: \t \r\nC:\tc\t d \t\r\n\r\n", "GET / path=/ host=h keep [Host:h] [A:] [B:] [C:c\t d]"},
		{"GET / HTTP/1.0\r\nA: ~:\x80\xff\"();,\r\n\r\n", "GET / path=/ host= 1.0 [A:~:\x80\xff\"();,]"},
		{"GET / HTTP/1.0\r\nA: 12345678\t2345678\x80\xff\r\n\r\n", "GET / path=/ host= 1.0 [A:12345678\t2345678\x80\xff]"},
		{"GET / HTTP/1.0\r\n!#$%&'*+-.^_`|~9Az: v\r\n\r\n", "GET / path=/ host= 1.0 [!#$%&'*+-.^_`|~9Az:v]"},
		{"GET / HTTP/1.0\r\nHosts: a b\r\nHos: c d\r\nExpert: x\r\nContent-Lengthy: y\r\n\r\n", "GET / path=/ host= 1.0 [Hosts:a b] [Hos:c d] [Expert:x] [Content-Lengthy:y]"},
		{"GET / HTTP/1.0\r\nHopt: a b\r\nExpects: c\r\nConnectiom: close\r\nContent-Lengti: x\r\nTransfer-Encodinh: x\r\n\r\n", "GET / path=/ host= 1.0 [Hopt:a b] [Expects:c] [Connectiom:close] [Content-Lengti:x] [Transfer-Encodinh:x]"},

		{"PUT / HTTP/1.0\r\ncontent-LENGTH: 0\r\n\r\n", "PUT / path=/ host= length=0 1.0 [content-LENGTH:0]"},
		{"PUT / HTTP/1.0\r\nContent-Length: 9223372036854775807\r\n\r\n", "PUT / path=/ host= length=9223372036854775807 1.0 [Content-Length:9223372036854775807]"},
		{"PUT / HTTP/1.0\r\nContent-Length: 00000000000000000000000042\r\n\r\n", "PUT / path=/ host= length=42 1.0 [Content-Length:00000000000000000000000042]"},
		{"PUT / HTTP/1.1\r\nHost: h\r\nTRANSFER-encoding: Chunked\r\n\r\n", "PUT / path=/ host=h chunked keep [Host:h] [TRANSFER-encoding:Chunked]"},
		{"PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\n\r\n", "PUT / path=/ host=h expect keep [Host:h] [Expect:100-Continue]"},
		{"PUT / HTTP/1.0\r\nExpect: tea\r\n\r\n", "PUT / path=/ host= 1.0 [Expect:tea]"},

		{"GET / HTTP/1.1\r\nHost: h\r\nConnection: x , Close\r\n\r\n", "GET / path=/ host=h [Host:h] [Connection:x , Close]"},
		{"GET / HTTP/1.1\r\nConnection: close\r\nHost: h\r\nConnection: keep-alive\r\n\r\n", "GET / path=/ host=h [Connection:close] [Host:h] [Connection:keep-alive]"},
		{"GET / HTTP/1.1\r\nHost: h\r\nConnection:\r\nConnection: ,,closed, keep-alive2\r\n\r\n", "GET / path=/ host=h keep [Host:h] [Connection:] [Connection:,,closed, keep-alive2]"},
		{"GET / HTTP/1.0\r\nConnection: a,\tKeep-Alive\r\n\r\n", "GET / path=/ host= 1.0 keep [Connection:a,\tKeep-Alive]"},
		{"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", "GET / path=/ host= 1.0 [Connection:keep-alive, close]"},
	} {
		for _, behind := range []string{"", "\r\n", "GET / HTTP/1.1\r\n", "\x00\n\n"} {
			got := parse(t, row.in+behind, &wide)
			if got.err != nil || got.n != len(row.in) || got.head != row.want {
				t.Errorf("%q followed by %q\ngot  %+v\nwant %s", row.in, behind, got, row.want)
			}
		}
	}
}

// refusal is an input and the verdict on it; lines behind the offending one must not matter.
type refusal struct {
	in   string
	want *message.Refusal
}

func refuses(t *testing.T, rows []refusal, lim *message.Limits, before, after string) {
	t.Helper()
	for _, row := range rows {
		for _, behind := range []string{"", "\r\n", ": \x00\n\n\r\n\r\n"} {
			if got := parse(t, before+row.in+after+behind, lim); got.err != row.want {
				t.Errorf("%.200q\ngot  %+v %v\nwant %v", before+row.in+after+behind, got, got.err, row.want)
			}
		}
	}
}

func TestParse_refusesRequestLine(t *testing.T) {
	refuses(t, []refusal{
		{"\n", ErrLineEnd},
		{"\rG", ErrLineEnd},
		{"\r\r\n", ErrLineEnd},
		{"\r\n\n", ErrLineEnd},
		{"\r\n\r", ErrEmptyLine},
		{" / HTTP/1.1\r\n", ErrRequestLine},
		{" GET / HTTP/1.1\r\n", ErrRequestLine},
		{"\r\n GET / HTTP/1.1\r\n", ErrRequestLine},
		{"\x16\x03\x01", ErrRequestLine}, // TLS, without waiting for a line.
		{"\x00", ErrRequestLine},
		{"GET / HTTP/1.1\n", ErrLineEnd},
		{"G\n", ErrLineEnd},
		{"GET\r\n", ErrRequestLine},
		{"GET \r\n", ErrRequestLine},
		{"GET /\r\n", ErrRequestLine}, // HTTP/0.9
		{"GET / \r\n", ErrVersion},
		{"GET  / HTTP/1.1\r\n", ErrRequestLine},
		{"GET /  HTTP/1.1\r\n", ErrVersion},
		{"GET / HTTP/1.1 \r\n", ErrVersion},
		{"GET\t/ HTTP/1.1\r\n", ErrRequestLine},
		{"GE(T / HTTP/1.1\r\n", ErrRequestLine},
		{"GET / HTTP/1.\r\n", ErrVersion},
		{"GET / HTTP/1.10\r\n", ErrVersion},
		{"GET / HTTP/01.1\r\n", ErrVersion},
		{"GET / HTTP/a.1\r\n", ErrVersion},
		{"GET / HTTP/1.a\r\n", ErrVersion},
		{"GET / HTTP/1,1\r\n", ErrVersion},
		{"GET / http/1.1\r\n", ErrVersion},
		{"GET / HTTP/1.1\r\r\n", ErrVersion},
		{"GET / HTTPS1.1\r\n", ErrVersion},
		{"GET / HTTP/0.9\r\n", ErrVersionMajor},
		{"GET / HTTP/2.0\r\n", ErrVersionMajor},
		{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ErrVersionMajor}, // RFC 9113 §3.4
		{"ABCDEFGHIJKLMNOPQRSTUVWXY / HTTP/1.1\r\n", ErrMethodTooLong},
	}, &wide, "", "")
}

func TestParse_refusesTarget(t *testing.T) {
	refuses(t, []refusal{
		{"GET /\tHTTP/1.1\r\n", ErrTarget},
		{"GET /a\rb HTTP/1.1\r\n", ErrTarget},
		{"GET /\x00 HTTP/1.1\r\n", ErrTarget},
		{"GET /\x7f HTTP/1.1\r\n", ErrTarget},
		{"GET /\xc3\xa4 HTTP/1.1\r\n", ErrTarget},
		{"GET /a#b HTTP/1.1\r\n", ErrTarget},
		{"GET /?a#b HTTP/1.1\r\n", ErrTarget},
		{"GET /?\xff HTTP/1.1\r\n", ErrTarget},
		{"CONNECT h:80 HTTP/1.1\r\n", ErrConnect},
		{"CONNECT / HTTP/1.1\r\n", ErrConnect},
		{"connect h:80 HTTP/1.1\r\n", ErrTargetForm},
		{"GET * HTTP/1.1\r\n", ErrAsterisk},
		{"options * HTTP/1.1\r\n", ErrAsterisk},
		{"OPTIONS *? HTTP/1.1\r\n", ErrTargetForm},
		{"OPTIONS ** HTTP/1.1\r\n", ErrTargetForm},
		{"GET a HTTP/1.1\r\n", ErrTargetForm},
		{"GET ?a HTTP/1.1\r\n", ErrTargetForm},
		{"GET h:80 HTTP/1.1\r\n", ErrTargetForm},
		{"GET ftp://h/ HTTP/1.1\r\n", ErrTargetForm},
		{"GET http:/h/ HTTP/1.1\r\n", ErrTargetForm},
		{"GET http:// HTTP/1.1\r\n", ErrAuthority},
		{"GET http:///a HTTP/1.1\r\n", ErrAuthority},
		{"GET https://?a HTTP/1.1\r\n", ErrAuthority},
		{"GET http://u@h/ HTTP/1.1\r\n", ErrAuthority},
		{"GET http://u:p@h/ HTTP/1.1\r\n", ErrAuthority},
		{"GET http://h:65536/ HTTP/1.1\r\n", ErrAuthority},
		{"GET http://h\\/ HTTP/1.1\r\n", ErrAuthority},
	}, &wide, "", "")
}

func TestParse_refusesFields(t *testing.T) {
	refuses(t, []refusal{
		{"\n", ErrLineEnd},
		{"A: b\n", ErrLineEnd},
		{"A: b\nC: d\r\n", ErrLineEnd},
		{"A: b\rC: d\r\n", ErrFieldValue},
		{"A: b\r\r\n", ErrFieldValue},
		{"A: 12345678\r2345678\r\n", ErrFieldValue},
		{"\r\r\n", ErrFieldName},
		{"A\r\n", ErrFieldName},
		{":\r\n", ErrFieldName},
		{": a\r\n", ErrFieldName},
		{"A : b\r\n", ErrFieldName},
		{"A\t: b\r\n", ErrFieldName},
		{"A b: c\r\n", ErrFieldName},
		{"A(: c\r\n", ErrFieldName},
		{"\xc3\xa4: c\r\n", ErrFieldName},
		{"A\x00: c\r\n", ErrFieldName},
		{"A: b\r\n c\r\n", ErrFieldFold},
		{" A: b\r\n", ErrFieldFold},
		{"\tA: b\r\n", ErrFieldFold},
		{" \r\n", ErrFieldFold},
		{"A: \x00\r\n", ErrFieldValue},
		{"A: \x7f\r\n", ErrFieldValue},
		{"A: 1234567\x1f\r\n", ErrFieldValue},
		{"A: 1234567\x7f1\r\n", ErrFieldValue},
		{"A: \t345678\x001\r\n", ErrFieldValue},

		{"Content-Length:\r\n", ErrLength},
		{"Content-Length: -1\r\n", ErrLength},
		{"Content-Length: +1\r\n", ErrLength},
		{"Content-Length: 1 1\r\n", ErrLength},
		{"Content-Length: 0x1\r\n", ErrLength},
		{"Content-Length: 1.0\r\n", ErrLength},
		{"Content-Length: 5, 5\r\n", ErrLength},
		{"Content-Length: 9223372036854775808\r\n", ErrLength},
		{"Content-Length: 18446744073709551617\r\n", ErrLength},
		{"Content-Length: 99999999999999999999\r\n", ErrLength},
		{"Content-Length: 5\r\nContent-Length: 5\r\n", ErrLengthTwice},
		{"Content-Length: 0\r\ncontent-length: x\r\n", ErrLengthTwice},
		{"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", ErrLengthAndCoded},
		{"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", ErrLengthAndCoded},

		{"Transfer-Encoding:\r\n", ErrCoding},
		{"Transfer-Encoding: gzip\r\n", ErrCoding},
		{"Transfer-Encoding: identity\r\n", ErrCoding},
		{"Transfer-Encoding: gzip, chunked\r\n", ErrCoding},
		{"Transfer-Encoding: chunked, chunked\r\n", ErrCoding},
		{"Transfer-Encoding: chunked,\r\n", ErrCoding},
		{"Transfer-Encoding: \"chunked\"\r\n", ErrCoding},
		{"Transfer-Encoding: chunked;a=b\r\n", ErrCoding},
		{"Transfer-Encoding: xchunked\r\n", ErrCoding},
		{"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", ErrCoding},

		{"Expect:\r\n", ErrExpectation},
		{"Expect: 200-ok\r\n", ErrExpectation},
		{"Expect: 100-continue, x\r\n", ErrExpectation},
	}, &wide, "PUT / HTTP/1.1\r\n", "")
}

func TestParse_refusesHost(t *testing.T) {
	refuses(t, []refusal{
		{"GET / HTTP/1.1\r\n\r\n", ErrHostMissing},
		{"GET http://h/ HTTP/1.1\r\n\r\n", ErrHostMissing},
		{"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n", ErrHostTwice},
		{"GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n", ErrHostTwice},
		{"GET / HTTP/1.1\r\nHost:\r\n", ErrHost},
		{"GET http://h/ HTTP/1.1\r\nHost: a b\r\n", ErrHost},
		{"GET / HTTP/1.0\r\nHost: a/b\r\n", ErrHost},
		{"PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n", ErrCodingVersion},
	}, &wide, "", "")
}

func TestParse_limits(t *testing.T) {
	lim := message.Limits{Head: 256, Target: 20, Fields: 3}
	long := func(n int) string { return strings.Repeat("a", n) }
	host := "GET / HTTP/1.1\r\nHost: h\r\n"
	refuses(t, []refusal{
		{"GET /" + long(20) + " HTTP/1.1\r\n", ErrTargetTooLong},
		{"GET /" + long(80), ErrTargetTooLong},
		{"\r\nGET /" + long(80), ErrTargetTooLong},
		{"GET \x00" + long(80) + "\n", ErrTargetTooLong}, // The length is judged first.
		{"GET \x00" + long(20) + "\r\n", ErrTarget},      // The content, as the line is short enough.
		{"GET " + long(21) + " HTTP/1.1\r\n", ErrTargetTooLong},
		{"GET " + long(21) + " HTTP/2.0\r\n", ErrVersionMajor},
		{long(85), ErrMethodTooLong},
		{"\r\n" + long(87), ErrMethodTooLong},
		{long(25) + " /" + long(80), ErrMethodTooLong},
		{long(24) + " /" + long(80), ErrTargetTooLong},
		{host + "A: " + long(256), ErrHeadTooLarge},
		{host + "A: \x00" + long(256) + "\n", ErrHeadTooLarge},
		{host + "A: b\r\nB: c\r\nC: d\r\n", ErrTooManyFields},
		{host + "A: b\r\nB: c\r\n\x00\r\n", ErrTooManyFields},
	}, &lim, "", "")

	head := host + "A: " + long(lim.Head-len(host)-7) + "\r\n\r\n"
	if got := parse(t, head, &lim); got.n != lim.Head {
		t.Errorf("a head of the limit: %+v", got)
	}
	if got := parse(t, host+"A: a"+head[len(host)+3:], &lim); got.err != ErrHeadTooLarge {
		t.Errorf("a head over the limit: %+v", got)
	}
	if got := parse(t, "GET /"+long(19)+" HTTP/1.0\r\n\r\n", &lim); got.err != nil {
		t.Errorf("a target of the limit: %+v", got)
	}
	if got := parse(t, host+"A: b\r\nB: c\r\n\r\n", &lim); got.err != nil {
		t.Errorf("as many fields as the limit: %+v", got)
	}
	refuses(t, []refusal{{"GET /" + long(75), ErrHeadTooLarge}, {long(80), ErrMethodTooLong}}, &message.Limits{Head: 70, Target: 20, Fields: 3}, "", "")
	refuses(t, []refusal{{"GET /" + long(80), ErrTargetTooLong}, {long(85), ErrMethodTooLong}}, &message.Limits{Head: 84, Target: 20, Fields: 3}, "", "")

	many := "GET / HTTP/1.0\r\n" + strings.Repeat("a:\r\n", message.MaxFields)
	if got := parse(t, many+"\r\n", &message.Limits{Head: 1 << 20, Target: 20, Fields: 1000}); got.err != nil {
		t.Errorf("MaxFields fields: %v", got.err)
	}
	if got := parse(t, many+"a:\r\n\r\n", &message.Limits{Head: 1 << 20, Target: 20, Fields: 1000}); got.err != ErrTooManyFields {
		t.Errorf("more than MaxFields fields: %v", got.err)
	}
}

func TestParse_readsPipelinedRequests(t *testing.T) {
	in := []byte(strings.Repeat(wrkRequest+"\r\n", 3) + wrkRequest[:9])
	var p Parser
	var h message.Head
	for range 3 {
		n, err := p.Parse(in, &h, &wide)
		if err != nil || n < len(wrkRequest) || describe(in, &h) != "GET / path=/ host=127.0.0.1:8080 keep [Host:127.0.0.1:8080]" {
			t.Fatal(n, err, describe(in, &h))
		}
		in = in[n:]
	}
	if n, err := p.Parse(in, &h, &wide); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	p.Reset()
	if n, err := p.Parse([]byte(wrkRequest), &h, &wide); n != len(wrkRequest) || err != nil {
		t.Fatal(n, err)
	}
}

// TestParse_delimiterBehindEverySpan checks the promise of Head that lets C terminate a text where it stands.
func TestParse_delimiterBehindEverySpan(t *testing.T) {
	for _, in := range []string{
		wrkRequest, browserRequest, "GET / HTTP/1.0\r\nA:\r\n\r\n", "GET /? HTTP/1.0\r\nA: \t\r\n\r\n", "GET http://h?a HTTP/1.0\r\n\r\n",
		"OPTIONS * HTTP/1.0\r\nA: b \r\n\r\n",
	} {
		var p Parser
		var h message.Head
		if n, err := p.Parse([]byte(in), &h, &wide); n != len(in) {
			t.Fatal(in, err)
		}
		spans := []message.Span{h.Method, h.Target, h.Path, h.Query, h.Host}
		for _, f := range h.Fields[:h.FieldCount] {
			spans = append(spans, f.Name, f.Value)
		}
		for i, s := range spans {
			if c := in[s.Off+s.Len]; !strings.ContainsRune(" \t\r:?/", rune(c)) {
				t.Errorf("%q: behind span %d stands %q", in, i, c)
			}
		}
	}
}

const (
	wrkRequest     = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"
	browserRequest = "GET /static/app.js?v=20260131 HTTP/1.1\r\n" +
		"Host: www.example.com\r\n" +
		"Connection: keep-alive\r\n" +
		"Cache-Control: max-age=0\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n" +
		"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
		"Accept-Language: en-US,en;q=0.9,de;q=0.8\r\n" +
		"Referer: https://www.example.com/index.html\r\n" +
		"Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=1; _ga=GA1.2.1234567890.1234567890\r\n" +
		"If-None-Match: \"5f8d0d55b54764421b7156c3\"\r\n\r\n"
)

func TestParse_allocatesNothing(t *testing.T) {
	var p Parser
	var h message.Head
	for _, in := range []string{wrkRequest, browserRequest, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "GET http://h:1/ HTTP/1.0\r\n\r\n"} {
		b := []byte(in)
		if n := testing.AllocsPerRun(100, func() {
			p.Reset()
			_, _ = p.Parse(b[:len(b)/2], &h, &wide)
			_, _ = p.Parse(b, &h, &wide)
		}); n != 0 {
			t.Errorf("%q: %v allocations", in, n)
		}
	}
}

func TestParse_costIsLinearInSlowInput(t *testing.T) {
	// A line that comes byte by byte is searched once: the position behind the searched bytes must follow the input.
	in := []byte("GET / HTTP/1.1\r\nA: " + strings.Repeat("a", 4000))
	var p Parser
	var h message.Head
	for n := 1; n <= len(in); n++ {
		if _, err := p.Parse(in[:n], &h, &wide); err != nil || int(p.scanned) != n {
			t.Fatalf("after %d bytes %d are searched: %v", n, p.scanned, err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	for _, bench := range []struct{ name, in string }{{"wrk", wrkRequest}, {"browser", browserRequest}} {
		b.Run(bench.name, func(b *testing.B) {
			in := []byte(bench.in)
			var p Parser
			var h message.Head
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				if n, err := p.Parse(in, &h, &wide); n != len(in) {
					b.Fatal(err)
				}
			}
		})
	}
}
