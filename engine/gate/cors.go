package gate

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// Answers that other sites' pages may read: CORS, as the Fetch standard has it (https://fetch.spec.whatwg.org/#http-cors-protocol).

// origins is a list of origins, such as "https://example.org" and "https://*.example.org".
type origins struct {
	any    bool
	exact  []string
	inside []inside
}

// inside is all origins below a name.
type inside struct {
	scheme string // "https://"
	suffix string // ".example.org", with a port if that is named
}

// parseOrigins reads a list that is separated by commas or blanks.
func parseOrigins(text string) (o origins) {
	for item := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == ' ' }) {
		scheme, name, _ := strings.Cut(strings.ToLower(item), "*.")
		switch {
		case item == "*":
			o.any = true
		case strings.HasSuffix(scheme, "://"):
			o.inside = append(o.inside, inside{scheme, "." + name})
		default:
			o.exact = append(o.exact, strings.ToLower(item))
		}
	}
	return o
}

// Has reports whether an origin is of them, as browsers write it: in small letters, without a default port.
func (o *origins) Has(origin []byte) bool {
	for _, exact := range o.exact {
		if string(origin) == exact {
			return true
		}
	}
	for i := range o.inside {
		in := &o.inside[i]
		if len(origin) <= len(in.scheme)+len(in.suffix) || string(origin[:len(in.scheme)]) != in.scheme {
			continue
		}
		name := origin[len(in.scheme):]
		if string(name[len(name)-len(in.suffix):]) == in.suffix && !bytes.ContainsAny(name[:len(name)-len(in.suffix)], "/:@[]") {
			return true
		}
	}
	return false
}

// CORS is whose pages may read the answers of a route, and what of them.
type CORS struct {
	origins     origins
	credentials bool
	headers     string // "": what the client asks for.
	expose      string
	maxAge      string

	// Judge is what says whether an origin is allowed that is not of these, of which here is only known which one it is;
	// 0: none of them is.
	Judge uintptr
}

func newCORS(t Texts, age time.Duration) *CORS {
	c := &CORS{origins: parseOrigins(t.CORSOrigins), credentials: t.CORSCredentials, expose: t.CORSExpose, headers: t.CORSHeaders, Judge: t.CORSJudge}
	if c.headers == "*" {
		c.headers = ""
	}
	if age > 0 {
		c.maxAge = strconv.FormatInt(int64(age/time.Second), 10)
	}
	return c
}

// reflectMost is how long what a client sends can be to be sent back: the output has room for that, however large the head may be
// that it comes in.
const reflectMost = 8 << 10

// Lists reports whether pages of an origin may read answers, whoever asks.
func (c *CORS) Lists(origin []byte) bool {
	return len(origin) > 0 && len(origin) <= reflectMost && (c.origins.any || c.origins.Has(origin))
}

// Asks reports whether Judge is to say whether they may. It is asked about nothing that is no origin, so that nobody who
// looks at the end of one only takes "https://evil.example/.example.org" for one of his own.
func (c *CORS) Asks(origin []byte) bool {
	return c.Judge != 0 && !c.Lists(origin) && isOrigin(origin)
}

// isOrigin reports whether it is one as browsers write it: a scheme, a host and perhaps a port; "null" stands for one that
// they do not tell.
func isOrigin(origin []byte) bool {
	scheme, host, found := bytes.Cut(origin, []byte("://"))
	if !found {
		return string(origin) == "null"
	}
	return len(origin) <= originMost && hasOnly(scheme, "+-.") && hasOnly(host, "-._~%:[]")
}

// originMost is how long one can be: names of hosts have up to 253 bytes.
const originMost = 512

// hasOnly reports whether a text has something, and that is letters, digits and others.
func hasOnly(text []byte, others string) bool {
	for _, c := range text {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && strings.IndexByte(others, c) < 0 {
			return false
		}
	}
	return len(text) > 0
}

// Preflight is what a browser asks first, whether it may send a request.
type Preflight struct{ Method, Headers []byte }

// AppendFields appends what lets a page of an origin read the answer, or have the request be sent that it asks for. If
// answers differ by origin, caches are told. granted: Judge has said that it may.
func (c *CORS) AppendFields(b, origin []byte, granted bool, ask *Preflight) []byte {
	allowed := (granted || c.Lists(origin)) && (ask == nil || len(ask.Method)+len(ask.Headers) <= reflectMost)
	if !c.origins.any {
		b = append(b, "Vary: Origin\r\n"...)
	}
	if !allowed {
		return b
	}
	if c.origins.any {
		origin = []byte{'*'}
	}
	b = appendLine(b, "Access-Control-Allow-Origin: ", origin)
	if c.credentials {
		b = append(b, "Access-Control-Allow-Credentials: true\r\n"...)
	}
	if ask == nil {
		if c.expose != "" {
			b = appendLine(b, "Access-Control-Expose-Headers: ", []byte(c.expose))
		}
		return b
	}
	b = append(b, "Vary: Access-Control-Request-Method, Access-Control-Request-Headers\r\n"...)
	b = appendLine(b, "Access-Control-Allow-Methods: ", ask.Method)
	switch {
	case c.headers != "":
		b = appendLine(b, "Access-Control-Allow-Headers: ", []byte(c.headers))
	case len(ask.Headers) > 0:
		b = appendLine(b, "Access-Control-Allow-Headers: ", ask.Headers)
	}
	if c.maxAge != "" {
		b = appendLine(b, "Access-Control-Max-Age: ", []byte(c.maxAge))
	}
	return b
}

func appendLine(b []byte, name string, value []byte) []byte {
	return append(append(append(b, name...), value...), '\r', '\n')
}
