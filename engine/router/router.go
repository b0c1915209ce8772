package router

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"libforker/engine/message"
)

// The tree of routes, and the search for one.

// MaxRoutes is how many routes a Router takes.
const MaxRoutes = 65535

// Params are the values of a route's parameters, as spans of the path, in the order of the pattern.
type Params [MaxParams]message.Span

// Router maps methods and paths to the numbers of routes. The zero value has no routes.
type Router struct {
	// Written by Add, read by all others.
	whole   map[string]*node // Patterns without parameters, by their text.
	root    node             // Its children match the first segment.
	named   []string         // Methods beyond the standard ones, in the order of their bits.
	allowed []allow          // Every method but CONNECT, sorted by name.
	count   int
}

// node is a place in the tree: the segments that lead to it are those of its ancestors.
type node struct {
	exact map[string]*node // By the next segment.
	param *node
	rest  leaf // Routes whose next segment is "*name".
	leaf  leaf // Routes that end here.
	// Routes for every method and for whatever is here or below and has no other route there.
	guards leaf
}

// leaf has the routes of one pattern. Their method sets are disjoint.
type leaf []route

type route struct {
	methods methodSet
	id      int
	params  int
	pattern string
}

// Add makes `id` the response for the methods, of which "*" is any, on paths that match pattern. Patterns which differ
// only in the names of parameters are the same, and may have one route for each method. Where GET and HEAD have routes
// of their own, that is not twice. A failed Add changes nothing.
func (r *Router) Add(methods []string, pattern string, id int) error {
	if r.count == MaxRoutes {
		return fmt.Errorf("pattern %q: there are %d routes already, which is the most", pattern, MaxRoutes)
	}
	segments, params, err := parsePattern(pattern)
	if err != nil {
		return err
	}
	set, named, err := r.parseMethods(methods)
	if err != nil {
		return fmt.Errorf("pattern %q: %w", pattern, err)
	}
	at := r.root.grow(segments)
	for _, other := range *at.routes {
		if both := other.methods & set; both != 0 {
			name := methodName(both, slices.Concat(r.named, named))
			return fmt.Errorf("%s %s: the same as %s, which has a route for it already", name, pattern, other.pattern)
		}
	}
	*at.routes = append(*at.routes, route{set, id, params, pattern})
	if params == 0 {
		if r.whole == nil {
			r.whole = map[string]*node{}
		}
		r.whole[wholePath(segments)] = at.node
	}
	if r.count == 0 || len(named) > 0 {
		r.named = append(r.named, named...)
		r.sortAllowed()
	}
	r.count++
	return nil
}

// wholePath is the path that a pattern without parameters matches.
func wholePath(segments []segment) string {
	var path strings.Builder
	for _, s := range segments {
		path.WriteString("/" + s.text)
	}
	return path.String()
}

// AddGuard makes `id` the response for every path that is prefix or below it, whatever the method, and matches no route
// there: it goes behind these, and before the routes that match with a worse segment in the prefix. Several may have the
// same prefix, of which the first goes first. Allowed knows nothing of guards. "" is the prefix of all paths.
func (r *Router) AddGuard(prefix string, id int) error {
	var segments []segment
	params := 0
	if prefix != "" {
		var err error
		if segments, params, err = parsePattern(prefix); err != nil {
			return err
		}
	}
	if n := len(segments); n > 0 && (segments[n-1].kind == kindRest || segments[n-1] == segment{}) {
		return fmt.Errorf("prefix %q: ends with a parameter for the rest, or with \"/\"", prefix)
	}
	n := r.root.grow(segments).node
	n.guards = append(n.guards, route{methodAny, id, params, prefix})
	return nil
}

// place is where the routes of a pattern are kept.
type place struct {
	node   *node
	routes *leaf
}

// grow returns the place of a pattern, making the nodes on the way to it.
func (n *node) grow(segments []segment) place {
	for _, s := range segments {
		switch s.kind {
		case kindRest:
			return place{n, &n.rest}
		case kindParam:
			if n.param == nil {
				n.param = &node{}
			}
			n = n.param
		default:
			child := n.exact[s.text]
			if child == nil {
				child = &node{}
				if n.exact == nil {
					n.exact = map[string]*node{}
				}
				n.exact[s.text] = child
			}
			n = child
		}
	}
	return place{n, &n.leaf}
}

func (l leaf) methods() (set methodSet) {
	for i := range l {
		set |= l[i].methods
	}
	return set
}

// Find returns the best route for a method and a decoded path, or with skip > 0 the one that comes after that many
// better ones: a handler may pass a request on. A route for GET matches HEAD too, after one for HEAD itself on the same
// pattern. params must not be nil; it gets the first nparams values, and the others mean nothing.
func (r *Router) Find(method, path []byte, skip int, params *Params) (id int, nparams int, ok bool) {
	found, _ := r.find(method, path, skip, params)
	if found == nil {
		return 0, 0, false
	}
	return found.id, found.params, true
}

// find is Find, and returns how many of the matches to be passed over are left where there is no route.
func (r *Router) find(method, path []byte, skip int, params *Params) (found *route, left int) {
	if len(path) == 0 || path[0] != '/' {
		return nil, skip
	}
	var s search // Member by member: a literal is copied, by loads that wait for its stores.
	s.path, s.params, s.skip, s.method = path, params, skip, r.methodBit(method)
	if skip == 0 {
		// A path that is itself a pattern has no better match.
		if n := r.whole[string(path)]; n != nil && s.pick(n.leaf) {
			return s.found, 0
		}
	}
	s.walk(&r.root, 1, 0)
	return s.found, s.skip
}

// search is one Find on its way through the tree.
type search struct {
	path   []byte
	params *Params
	skip   int // Matches still to be passed over.
	method methodSet
	found  *route
}

// walk looks for a match at or below n, from the segment that starts at pos, with so many parameters behind it. Its
// depth is that of the deepest pattern, whatever the path.
func (s *search) walk(n *node, pos, params int) bool {
	end := bytes.IndexByte(s.path[pos:], '/')
	last := end < 0
	if last {
		end = len(s.path) - pos
	}
	end += pos
	if child := n.exact[string(s.path[pos:end])]; child != nil && s.enter(child, last, end, params) {
		return true
	}
	if n.param != nil && end > pos {
		s.params[params] = message.Span{Off: uint32(pos), Len: uint32(end - pos)}
		if s.enter(n.param, last, end, params+1) {
			return true
		}
	}
	if n.rest != nil && s.pick(n.rest) {
		s.params[params] = message.Span{Off: uint32(pos), Len: uint32(len(s.path) - pos)}
		return true
	}
	return n.guards != nil && s.pick(n.guards)
}

// enter goes on at a child whose segment ends at end.
func (s *search) enter(child *node, last bool, end, params int) bool {
	if last {
		return s.pick(child.leaf) || child.guards != nil && s.pick(child.guards)
	}
	return s.walk(child, end+1, params)
}

// pick takes a route of a pattern that matches the path, unless it is to be passed over.
func (s *search) pick(l leaf) bool {
	for i := range l {
		if l[i].methods&s.method != 0 && s.take(&l[i]) {
			return true
		}
	}
	if s.method != methodHead {
		return false
	}
	for i := range l {
		if l[i].methods&(methodGet|methodHead) == methodGet && s.take(&l[i]) {
			return true
		}
	}
	return false
}

func (s *search) take(r *route) bool {
	if s.skip > 0 {
		s.skip--
		return false
	}
	s.found = r
	return true
}
