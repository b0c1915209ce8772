package http1

import (
	"bufio"
	"io"
	"maps"
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"libforker/engine/grammar"
	"libforker/engine/message"
)

// takenByNetHTTP has every refusal of ours that net/http does not share, and why it is right. All others must be
// shared.
var takenByNetHTTP = map[*message.Refusal]string{
	ErrLineEnd:        "it takes LF as the end of a line, RFC 9112 §2.2 only allows that",
	ErrTarget:         "it takes bytes beyond ASCII, and \"#\" as part of the path",
	ErrVersionMajor:   "it leaves the version to its server",
	ErrMethodTooLong:  "it has no limit of its own for methods",
	ErrConnect:        "it supports CONNECT",
	ErrAsterisk:       "it takes \"*\" with every method",
	ErrTargetForm:     "it takes every URL",
	ErrAuthority:      "it takes user information, ports beyond 65535 and hosts of other characters",
	ErrFieldName:      "it takes a space inside a name",
	ErrFieldFold:      "it unfolds lines, RFC 9112 §5.2 only allows that",
	ErrFieldValue:     "it leaves values to its server",
	ErrHostMissing:    "it leaves Host to its server",
	ErrHostTwice:      "it leaves Host to its server",
	ErrHost:           "it leaves Host to its server",
	ErrLength:         "it unfolds lines, so that the number may come on the next one",
	ErrLengthTwice:    "it takes equal numbers, RFC 9110 §8.6 only allows that",
	ErrLengthAndCoded: "it lets the coding win, RFC 9112 §6.1 only allows that",
	ErrCoding:         "it unfolds lines, so that the coding may come on the next one",
	ErrCodingVersion:  "it takes the version as a hint only",
	ErrExpectation:    "it leaves expectations to its server",
}

// FuzzNetHTTP compares with net/http.ReadRequest.
func FuzzNetHTTP(f *testing.F) {
	for _, in := range headSeeds {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		if len(in) > 1<<12 {
			return // Its reader has a limit, which is not the subject.
		}
		var p Parser
		var h message.Head
		n, refused := p.Parse([]byte(in), &h, &wide)
		req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(in)))
		switch {
		case refused != nil && err == nil:
			if takenByNetHTTP[refused] == "" {
				t.Fatalf("%q: we say %q, net/http takes it", in, refused)
			}
		case refused == nil && n == 0 && err == nil:
			t.Fatalf("%q: we wait, net/http takes it", in)
		case refused == nil && n > 0 && err != nil:
			if !refusedByNetHTTP([]byte(in), &h) {
				t.Fatalf("%q: net/http says %v, we take it", in, err)
			}
		case refused == nil && n > 0:
			same(t, []byte(in), &h, req)
		}
	})
}

// chunksTakenByNetHTTP has every refusal of a chunked body that net/http does not share.
var chunksTakenByNetHTTP = map[*message.Refusal]string{
	ErrChunkSize:      "it takes LF as the end of a line, and blanks behind the size",
	ErrChunkExtension: "it skips extensions unseen",
	ErrChunkLine:      "it takes longer lines",
	ErrTrailer:        "it takes LF as the end of a line, unfolds lines and has more characters in names",
}

// FuzzNetHTTPBody compares with the chunked bodies and trailers of net/http.
func FuzzNetHTTPBody(f *testing.F) {
	for _, in := range chunkedSeeds {
		f.Add(in)
	}
	const head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
	f.Fuzz(func(t *testing.T, in string) {
		if len(in) > 1<<11 {
			return // It bounds a trailer section by its buffer, which is not the subject.
		}
		ours := decode(in, 0, len(in)+1)
		req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head + in)))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(req.Body)
		switch {
		case ours.err != nil && err == nil:
			if chunksTakenByNetHTTP[ours.err] == "" {
				t.Fatalf("%q: we say %q, net/http takes it", in, ours.err)
			}
		case ours.done && err != nil:
			if !longZeros.MatchString(in) && !blankSize.MatchString(in) {
				t.Fatalf("%q: net/http says %v, we take it", in, err)
			}
		case !ours.done && ours.err == nil && err == nil:
			t.Fatalf("%q: we wait, net/http takes it", in)
		case ours.done:
			if ours.body != string(body) {
				t.Fatalf("%q: the body is %q here, %q in net/http", in, ours.body, body)
			}
			sameTrailers(t, in, ours.trailers, req.Trailer)
		}
	})
}

// longZeros finds a chunk size of more digits than net/http takes, which are zeros then, as we take 15 others at most.
var longZeros = regexp.MustCompile("0{2}[0-9a-fA-F]{15}")

// blankSize finds blanks between a chunk size and an extension: net/http takes those at the end of a line only.
var blankSize = regexp.MustCompile("[0-9a-fA-F][ \t]+;")

func sameTrailers(t *testing.T, in, ours string, theirs http.Header) {
	t.Helper()
	got := http.Header{}
	for field := range strings.SplitSeq(strings.TrimSuffix(ours, "\n"), "\n") {
		if name, value, ok := strings.Cut(field, "="); ok {
			got.Add(name, value)
		}
	}
	for name := range theirs {
		if grammar.IsForbiddenInTrailer([]byte(strings.ToLower(name))) {
			delete(theirs, name) // It keeps those.
		}
	}
	if !maps.EqualFunc(got, theirs, slices.Equal) {
		t.Fatalf("%q: the trailer fields are %q here, %q in net/http", in, got, theirs)
	}
}

// refusedByNetHTTP reports whether there is a known reason for net/http to refuse a head that is taken here.
func refusedByNetHTTP(b []byte, h *message.Head) bool {
	if h.Method.Off == 2 {
		return true // It does not skip the empty line, which RFC 9112 §2.2 asks for.
	}
	// It parses the URL before the route is known. Here escapes are judged by DecodePath, and in the query by who reads
	// it.
	if _, err := url.ParseRequestURI(string(h.Target.In(b))); err != nil {
		return true
	}
	for _, field := range h.Fields[:h.FieldCount] {
		// It checks the names in Trailer; here the announcement means nothing, the fields themselves are checked.
		if grammar.EqualFold(field.Name.In(b), "trailer") {
			return true
		}
	}
	return false
}

func same(t *testing.T, b []byte, h *message.Head, req *http.Request) {
	t.Helper()
	check := func(what string, ours, theirs any) {
		if ours != theirs {
			t.Fatalf("%q: %s is %#v here, %#v in net/http", b, what, ours, theirs)
		}
	}
	check("method", string(h.Method.In(b)), req.Method)
	check("target", string(h.Target.In(b)), req.RequestURI)
	check("close", h.KeepAlive == 0, req.Close)
	check("chunked", h.Chunked != 0, len(req.TransferEncoding) == 1)
	length := h.ContentLength
	if length < 0 && h.Chunked == 0 {
		length = 0 // It says 0 where nothing is said, and -1 for chunked.
	}
	check("length", length, req.ContentLength)
	if host := string(h.Host.In(b)); h.Form != message.FormAbsolute || !strings.Contains(host, "%") {
		check("host", host, req.Host) // It decodes the host of a URL.
	}
	if h.Form == message.FormOrigin && !strings.HasPrefix(req.RequestURI, "//") {
		path, err := DecodePath(nil, h.Path.In(b))
		if err == nil && !strings.ContainsAny(req.URL.Path, ".\x00") { // It keeps dot segments.
			check("path", string(path), req.URL.Path)
		}
		check("query", string(h.Query.In(b)), req.URL.RawQuery)
	}
	fields := map[string][]string{}
	for _, f := range h.Fields[:h.FieldCount] {
		name := textproto.CanonicalMIMEHeaderKey(string(f.Name.In(b)))
		fields[name] = append(fields[name], string(f.Value.In(b)))
	}
	for name, values := range fields {
		switch name {
		case "Host", "Transfer-Encoding", "Trailer": // It moves these out of the header.
		case "Content-Length": // It removes spaces and leading zeros.
		default:
			if !slices.Equal(values, req.Header[name]) {
				t.Fatalf("%q: %s is %q here, %q in net/http", b, name, values, req.Header[name])
			}
		}
	}
}
