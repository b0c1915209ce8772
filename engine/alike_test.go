package engine

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http2"

	"libforker/engine/grammar"
)

// The same requests over HTTP/1.1 and HTTP/2 must reach the handler alike, or not at all.

// telling answers every request with all that a handler can learn of it, but for what only one of the versions has.
type telling struct{ *program }

func (p telling) Serve(request *Call) {
	if request.Early {
		request.Outcome = Outcome{Next: WantsBody, Skip: 1}
		return
	}
	c := &call{program: p.program, req: request.Req, method: request.Method, path: request.Path}
	head := &c.req.Head
	var s strings.Builder
	fmt.Fprintf(&s, "%s %q target %q path %q query %d %q host %q\n", c.method, c.path, c.text(head.Target), c.text(head.Path), head.HasQuery,
		c.text(head.Query), c.text(head.Host))
	tell := func(kind string, i int) {
		name, value := c.text(head.Fields[i].Name), c.text(head.Fields[i].Value)
		if name != "transfer-encoding" && name != "trailer" {
			fmt.Fprintf(&s, "%s %s: %q\n", kind, name, value)
		}
	}
	for i := range int(head.FieldCount) {
		tell("field", i)
	}
	fmt.Fprintf(&s, "%d bytes %q\n", len(c.body()), c.body())
	for i := range int(head.TrailerCount) {
		tell("trailer", int(head.FieldCount)+i)
	}
	c.respond(200, s.String())
	request.Outcome = c.outcome
}

// sameRequest is a request that both versions have. Its fields are lines "name: value".
type sameRequest struct {
	method, target, host, fields, body string
	sized                              bool   // Its length is told before.
	trailers                           string // Lines likewise, if it is not.
}

// pairs returns lines as names and values, without those whose meaning differs: what is about the connection, and what a version has
// instead of it.
func pairs(lines string) (fields []string) {
	for line := range strings.SplitSeq(lines, "\n") {
		name, value, ok := strings.Cut(line, ":")
		name, value = strings.ToLower(name), strings.Trim(value, " \t")
		differs := []string{"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "host", "content-length", "te", "cookie", "trailer"}
		if ok && name != "" && !slices.Contains(differs, name) {
			fields = append(fields, name, value)
		}
	}
	return fields
}

// byHTTP1 sends the request by HTTP/1.1 and returns status and body of the response.
func (q *sameRequest) byHTTP1(s *server) (status int, body string) {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s HTTP/1.1\r\nhost: %s\r\n", q.method, q.target, q.host)
	write := func(fields []string) {
		for i := 0; i < len(fields); i += 2 {
			fmt.Fprintf(&text, "%s: %s\r\n", fields[i], fields[i+1])
		}
	}
	write(pairs(q.fields))
	switch {
	case q.sized:
		fmt.Fprintf(&text, "content-length: %d\r\n\r\n%s", len(q.body), q.body)
	default:
		text.WriteString("transfer-encoding: chunked\r\n\r\n")
		if q.body != "" {
			fmt.Fprintf(&text, "%x\r\n%s\r\n", len(q.body), q.body)
		}
		text.WriteString("0\r\n")
		write(pairs(q.trailers))
		text.WriteString("\r\n")
	}
	c := s.dial()
	defer c.Close()
	c.send(text.String())
	resp, err := http.ReadResponse(c.in, &http.Request{Method: q.method})
	c.must(err)
	for resp.StatusCode == 100 {
		resp, err = http.ReadResponse(c.in, &http.Request{Method: q.method})
		c.must(err)
	}
	got, err := io.ReadAll(resp.Body)
	c.must(err)
	return resp.StatusCode, string(got)
}

// byHTTP2 does the same by HTTP/2. A malformed request, which has no response, is 400.
func (q *sameRequest) byHTTP2(s *server) (status int, body string) {
	c := s.dialH2(http2.Setting{ID: http2.SettingInitialWindowSize, Val: mostResponse})
	defer c.Close()
	c.must(c.WriteWindowUpdate(0, mostResponse))
	fields := pairs(q.fields)
	if q.sized {
		fields = append(fields, "content-length", fmt.Sprint(len(q.body)))
	}
	c.askFor(q, fields)
	trailers := pairs(q.trailers)
	ends := q.sized || len(trailers) == 0
	rest := []byte(q.body)
	for ; len(rest) > mostData; rest = rest[mostData:] {
		c.must(c.WriteData(1, false, rest[:mostData]))
	}
	c.must(c.WriteData(1, ends, rest))
	if !ends {
		c.section(trailers)
		c.must(c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.block.Bytes(), EndStream: true, EndHeaders: true}))
	}
	for {
		f, err := c.ReadFrame()
		c.must(err)
		switch f := f.(type) {
		case *http2.RSTStreamFrame:
			if status == 0 {
				return 400, ""
			}
			return status, body // The rest of a request that is refused is not wanted.
		case *http2.MetaHeadersFrame:
			_, err = fmt.Sscan(f.PseudoValue("status"), &status)
			c.must(err)
		case *http2.DataFrame:
			body += string(f.Data())
		case *http2.GoAwayFrame:
			c.t.Fatal(f)
		}
		if f.Header().Flags.Has(http2.FlagDataEndStream) && f.Header().StreamID == 1 {
			return status, body
		}
	}
}

// askFor sends the head of a request.
func (c *rawH2) askFor(q *sameRequest, fields []string) {
	c.section(append([]string{":method", q.method, ":scheme", "http", ":path", q.target, ":authority", q.host}, fields...))
	c.must(c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.block.Bytes(), EndHeaders: true}))
}

// compare demands that a request reaches the handler by both versions, as the same one, or by none.
func (q *sameRequest) compare(t *testing.T, s *server) {
	t.Helper()
	status1, body1 := q.byHTTP1(s)
	status2, body2 := q.byHTTP2(s)
	switch {
	case status1 != 200 && status2 != 200: // The text says what the client is to do, which may differ.
	case status1 != status2 || body1 != body2:
		t.Errorf("%+q\nby HTTP/1.1 %d %.999s\nby HTTP/2 %d %.999s", []string{q.method, q.target, q.host, q.fields, q.body, q.trailers}, status1, body1, status2, body2)
	}
}

// canDiffer reports whether HTTP/1.1 reads something else where HTTP/2 reads this: several lines, another form of target, or a record of
// TLS.
func (q *sameRequest) canDiffer() bool {
	for _, text := range []string{q.method, q.target, q.host, q.fields, q.trailers} {
		if strings.ContainsAny(strings.ReplaceAll(text, "\n", ""), "\r\n\x00") {
			return true
		}
	}
	return strings.ContainsAny(q.method+q.target+q.host, "\n \t") || !strings.HasPrefix(q.target, "/") || q.method == "HEAD" || strings.HasPrefix(q.method, "\x16") ||
		len(q.host) == 0 || !grammar.ValidHost([]byte(q.host))
}

var sameRequests = []sameRequest{
	{"GET", "/", "h", "", "", true, ""},
	{"GET", "/a/../%62?c=d&e", "h:80", "accept: */*\nx-empty:\nx-twice: 1\nx-twice: 2", "", true, ""},
	{"POST", "/a", "h", "content-type: text/plain\nexpect: 100-continue", "body", true, ""},
	{"POST", "/a", "h", "", strings.Repeat("0123456789", 3000), true, ""},
	{"POST", "/a", "h", "", strings.Repeat("0123456789", 3000), false, ""},
	{"POST", "/a", "h", "", strings.Repeat("\x00", 2*mostData), true, ""}, // The response does not fit into the first windows.
	{"PUT", "/a", "[::1]:80", "a: \x80\xff", "body", false, "x-sum: 1\nx-more: 2"},
	{"PUT", "/a", "h", "", "", false, "x-sum: 1\ncontent-type: x\nauthorization: y"},
	{"PURGE", "/%2e%2e/a//b/./c", "h", "", "", true, ""},
	{"get", "/", "h", "", "", true, ""},
	{"GET", "/%zz", "h", "", "", true, ""},
	{"GET", "/%00", "h", "", "", true, ""},
	{"GET", "/a\"b", "h", "", "", true, ""},
	{"GET", "/a#b", "h", "", "", true, ""},
	{"GET", "/\x80", "h", "", "", true, ""},
	{"GET", "/", "h", "bad name: x", "", true, ""},
	{"GET", "/", "h", "x: a\x01b", "", true, ""},
	{"GET", "/", "h", "expect: x", "", true, ""},
	{"G@T", "/", "h", "", "", true, ""},
	{"CONNECT", "/", "h", "", "", true, ""},
	{"AMETHODTHATISMUCHLONGERTHANALLOTHERS", "/", "h", "", "", true, ""},
}

func TestH2_reachesHandlersAsHTTP1Does(t *testing.T) {
	s := startTelling(t)
	for _, q := range sameRequests {
		q.compare(t, s)
	}
}

func startTelling(t *testing.T) *server {
	return start(t, tcp, withH2C, func(cfg *Config) { cfg.Handlers = telling{cfg.Handlers.(*program)} })
}

// FuzzH2_asHTTP1: what reaches the handler by one version reaches it by the other one, and is the same.
func FuzzH2_asHTTP1(f *testing.F) {
	for _, q := range sameRequests {
		f.Add(q.method, q.target, q.host, q.fields, q.body, q.sized, q.trailers)
	}
	f.Fuzz(func(t *testing.T, method, target, host, fields, body string, sized bool, trailers string) {
		q := sameRequest{method, target, host, fields, body, sized, trailers}
		if q.canDiffer() || len(method)+len(target)+len(host)+len(fields)+len(trailers) > 4<<10 || len(body) > 2*mostData {
			return
		}
		q.compare(t, startTelling(t))
	})
}

const (
	mostData     = 16 << 10 // How much a frame may have.
	mostResponse = 1 << 20  // More than a response can have, which tells all of its request, each byte as up to four.
)
