package router

import (
	"bytes"
	"slices"
	"strings"
)

// Hosts: routes that are for requests to one host, or to those below a name.

// hostMost is the longest host that can be one of a route: a name of the DNS has at most 253 bytes.
const hostMost = 255

// Hosts has a router for each host that has routes of its own, and one for all hosts. The zero value has no routes.
type Hosts struct {
	Any   Router
	exact map[string]*Router
	below map[string]*Router // Those of "*.example.org" by ".example.org".
}

// Of returns the router of a host, which is in small letters and without a port: "example.org", "*.example.org", or "" for
// that of all hosts.
func (h *Hosts) Of(host string) *Router {
	if host == "" {
		return &h.Any
	}
	at, name := &h.exact, host
	if strings.HasPrefix(host, "*.") {
		at, name = &h.below, host[1:]
	}
	if *at == nil {
		*at = map[string]*Router{}
	}
	if (*at)[name] == nil {
		(*at)[name] = &Router{}
	}
	return (*at)[name]
}

// Differ reports whether some host has routes of its own: only then the host that Find is given matters.
func (h *Hosts) Differ() bool { return h.exact != nil || h.below != nil }

// Find is Router.Find among the routes for a host, as a request names it. The routes of the host itself go before those of
// the names above it, the longest first, and these before those of all hosts.
func (h *Hosts) Find(host, method, path []byte, skip int, params *Params) (id int, nparams int, ok bool) {
	if !h.Differ() {
		return h.Any.Find(method, path, skip, params)
	}
	var room [8]*Router
	for _, r := range h.candidates(room[:0], host) {
		var found *route
		if found, skip = r.find(method, path, skip, params); found != nil {
			return found.id, found.params, true
		}
	}
	return 0, 0, false
}

// candidates appends the routers that requests to a host are for, the best first.
func (h *Hosts) candidates(dst []*Router, host []byte) []*Router {
	var room [hostMost]byte
	name := canonical(room[:0], host)
	if r := h.exact[string(name)]; r != nil {
		dst = append(dst, r)
	}
	for h.below != nil {
		dot := bytes.IndexByte(name, '.')
		if dot < 0 {
			break
		}
		if r := h.below[string(name[dot:])]; r != nil && dot > 0 {
			dst = append(dst, r)
		}
		name = name[dot+1:]
		if len(name) > 0 && name[0] == '.' {
			break // An empty label is none of a name.
		}
	}
	return append(dst, &h.Any)
}

// canonical appends a host in small letters, without its port and the dot at its end; nothing if it is too long to be one
// that has routes.
func canonical(dst, host []byte) []byte {
	end := bytes.IndexByte(host, ':')
	if len(host) > 0 && host[0] == '[' {
		end = bytes.IndexByte(host, ']') + 1
	}
	if end > 0 {
		host = host[:end]
	}
	host = bytes.TrimSuffix(host, []byte("."))
	if len(host) > hostMost {
		return dst
	}
	for _, c := range host {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// Allowed is Router.Allowed among the routes for a host.
func (h *Hosts) Allowed(dst, host, path []byte) []byte {
	if !h.Differ() {
		return h.Any.Allowed(dst, path)
	}
	var names []string
	for _, r := range h.candidates(nil, host) {
		if allowed := r.Allowed(nil, path); len(allowed) > 0 {
			names = append(names, strings.Split(string(allowed), ", ")...)
		}
	}
	slices.Sort(names)
	return append(dst, strings.Join(slices.Compact(names), ", ")...)
}

// KnowsMethod reports whether a method is standard or named by some route, of whatever host.
func (h *Hosts) KnowsMethod(method []byte) bool {
	for _, routers := range []map[string]*Router{h.exact, h.below} {
		for _, r := range routers {
			if r.KnowsMethod(method) {
				return true
			}
		}
	}
	return h.Any.KnowsMethod(method)
}
