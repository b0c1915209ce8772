package engine

import (
	"bytes"
	"time"

	"libforker/engine/gate"
)

// What a request gets that a gate has barred.

// bar says how a request is answered that goes no further.
func (l *Loop) bar(r *request, outcome *Outcome) {
	if r.gated.admission != nil {
		r.logged.route = r.gated.admission.Route
	}
	switch r.gated.barrier {
	case barredToHTTPS:
		l.redirect(r, outcome)
	case barredToHost:
		l.redirectToHost(r, outcome)
	case barredToSlash:
		l.redirectToSlash(r, outcome)
	case barredByRate:
		outcome.Status, outcome.Detail = 429, "too many requests"
		outcome.RetryAfter = int((r.gated.waitNs + int64(time.Second) - 1) / int64(time.Second))
	case barredByPreflight:
		outcome.Status = 204
	case barredByUser:
		outcome.Status, outcome.Detail = 401, "name and password are needed"
	case barredByCoding:
		outcome.Status, outcome.Detail = 415, "the body has a Content-Encoding that is not decoded here"
	case barredByMemory:
		outcome.Status, outcome.Detail = 503, "no memory for the path"
	case barredBySite:
		outcome.Status, outcome.Detail = 403, "this request was sent by a page of another site"
	}
}

// redirectStatus is that of a redirect which the client takes to be for good.
func (r *request) redirectStatus() int {
	if method := string(r.shared.Head.Method.In(r.text)); method != "GET" && method != "HEAD" {
		return 308 // After a 301 clients may go on with GET (RFC 9110 §15.4.2).
	}
	return 301
}

// redirectToHost sends the client to the same target with www. before the host, or without.
func (l *Loop) redirectToHost(r *request, outcome *Outcome) {
	at := append(l.location[:0], "http://"...)
	if r.isSecure() {
		at = append(l.location[:0], "https://"...)
	}
	at = l.appendTarget(gate.AppendMoved(at, l.cfg.Front.WWW, r.host()), r)
	l.finishRedirect(r, outcome, at)
}

// redirectToSlash sends it to the path with a slash at its end, or without.
func (l *Loop) redirectToSlash(r *request, outcome *Outcome) {
	path := r.shared.Head.Path.In(r.text)
	at := appendPath(l.location[:0], path)
	if l.cfg.Front.Slash == gate.SlashAdd {
		at = append(at, '/')
	} else {
		at = bytes.TrimRight(at, "/")
	}
	l.finishRedirect(r, outcome, appendQuery(at, r))
}

func (l *Loop) finishRedirect(r *request, outcome *Outcome, at []byte) {
	outcome.Status = r.redirectStatus()
	l.location, outcome.Location = at, at
	if len(at) > locationMost {
		*outcome = Outcome{Status: 414, Detail: "the target is too long to be redirected"}
	}
}

// appendTarget appends path and query as they came.
func (l *Loop) appendTarget(at []byte, r *request) []byte {
	path := r.shared.Head.Path.In(r.text)
	if len(path) == 0 {
		path = l.root
	}
	return appendQuery(append(at, path...), r)
}

func appendQuery(at []byte, r *request) []byte {
	if r.shared.Head.HasQuery == 0 {
		return at
	}
	return append(append(at, '?'), r.shared.Head.Query.In(r.text)...)
}

// appendPath appends a path that is a reference by itself: with one slash in front, since browsers take "//host" and
// "/\host" for another host.
func appendPath(at, path []byte) []byte {
	at = append(at, '/')
	path = bytes.TrimLeft(path, `/\`)
	for _, c := range path {
		if c == '\\' {
			at = append(at, "%5C"...)
		} else {
			at = append(at, c)
		}
	}
	return at
}

// findsSlash reports whether there is a route for the path with a slash at its end, or without. Where the target ends
// otherwise, since that slash is escaped or a rule for another path has put or left it there, the redirect would lead to itself.
func (l *Loop) findsSlash(r *request, call *Call) bool {
	path := call.Path
	ends := len(path) > 0 && path[len(path)-1] == '/'
	add := l.cfg.Front.Slash == gate.SlashAdd
	if len(path) < 2 || ends == add || ends != bytes.HasSuffix(r.shared.Head.Path.In(r.text), []byte("/")) {
		return false
	}
	l.text = append(append(l.text[:0], path...), '/')
	call.Path = l.text
	if !add {
		call.Path = bytes.TrimRight(path, "/")
	}
	other := l.cfg.Handlers.Admit(call)
	call.Path, call.Found.Is = path, false
	return !other.None && !other.Guards
}
