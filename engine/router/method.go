package router

import (
	"bytes"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"libforker/engine/grammar"
)

// Methods as sets of bits, and the value of Allow.

// methodSet is a set of methods, one bit each: the standard ones, then those that routes name.
type methodSet uint64

const (
	methodGet methodSet = 1 << iota
	methodHead
	methodPost
	methodPut
	methodDelete
	methodConnect
	methodOptions
	methodTrace
	methodPatch

	firstNamed = iota // The number of the first bit for methods that are not standard.
	lastNamed  = 62
	// MaxNamed is how many methods can be named that are not standard.
	MaxNamed = lastNamed - firstNamed + 1

	methodOther methodSet = 1 << 63 // Every method that has no bit of its own.
	methodAny             = ^methodSet(0)
)

// standardMethods are in the order of their bits: RFC 9110 §9.3 and RFC 5789.
var standardMethods = [firstNamed]string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}

// methodBit returns the bit of a method.
func (r *Router) methodBit(method []byte) methodSet {
	switch string(method) {
	case "GET":
		return methodGet
	case "HEAD":
		return methodHead
	case "POST":
		return methodPost
	case "PUT":
		return methodPut
	case "DELETE":
		return methodDelete
	case "CONNECT":
		return methodConnect
	case "OPTIONS":
		return methodOptions
	case "TRACE":
		return methodTrace
	case "PATCH":
		return methodPatch
	}
	for i, name := range r.named {
		if name == string(method) {
			return 1 << (firstNamed + i)
		}
	}
	return methodOther
}

// KnowsMethod reports whether a method is standard or named by some route. Where Find and Allowed have nothing, it
// tells 404 from 501; a method that it does not know may well match a route for "*".
func (r *Router) KnowsMethod(method []byte) bool { return r.methodBit(method) != methodOther }

// parseMethods returns the set of the methods, and the names which the router does not know yet.
func (r *Router) parseMethods(methods []string) (set methodSet, named []string, err error) {
	if len(methods) == 0 {
		return 0, nil, errors.New("no method given: name one, or \"*\" for any")
	}
	for _, m := range methods {
		if m == "*" {
			set = methodAny
			continue
		}
		if err := checkMethod(m); err != nil {
			return 0, nil, err
		}
		bit := r.methodBit([]byte(m))
		if bit == methodOther {
			i := slices.Index(named, m)
			if i < 0 {
				i = len(named)
				named = append(named, m)
			}
			if i += firstNamed + len(r.named); i > lastNamed {
				return 0, nil, fmt.Errorf("method %s: there are %d non-standard methods already, which is the most", m, MaxNamed)
			}
			bit = 1 << i
		}
		set |= bit
	}
	return set, named, nil
}

// checkMethod refuses what no request could ever match.
func checkMethod(m string) error {
	if m == "" {
		return errors.New("a method is empty")
	}
	if len(m) > grammar.MaxMethod {
		return fmt.Errorf("method %s: longer than %d characters", m, grammar.MaxMethod)
	}
	if !grammar.IsToken(m) {
		return fmt.Errorf("method %q: is not a token", m)
	}
	upper := strings.ToUpper(m)
	if upper != m && slices.Contains(standardMethods[:], upper) {
		return fmt.Errorf("method %s: case matters, write %s", m, upper)
	}
	if m == "CONNECT" {
		return errors.New("method CONNECT: not supported")
	}
	return nil
}

// methodName returns the name of the first method in a set, "*" for the set of all. named has the names beyond the
// standard ones.
func methodName(set methodSet, named []string) string {
	i := bits.TrailingZeros64(uint64(set))
	switch {
	case set == methodAny:
		return "*"
	case i < firstNamed:
		return standardMethods[i]
	}
	return named[i-firstNamed]
}

// allow is a method with its bit.
type allow struct {
	name string
	bit  methodSet
}

// sortAllowed makes the list that Allowed goes through: every method but CONNECT, which never reaches a route.
func (r *Router) sortAllowed() {
	r.allowed = r.allowed[:0]
	for i, name := range standardMethods {
		if name != "CONNECT" {
			r.allowed = append(r.allowed, allow{name, 1 << i})
		}
	}
	for i, name := range r.named {
		r.allowed = append(r.allowed, allow{name, 1 << (firstNamed + i)})
	}
	slices.SortFunc(r.allowed, func(a, b allow) int { return strings.Compare(a.name, b.name) })
}

// Allowed appends to dst the value of an Allow field (RFC 9110 §10.2.1): the methods that path has a route for, with
// HEAD where there is GET, and OPTIONS, which the server answers itself; sorted. A route for "*" stands for all methods
// that the router knows. Nothing is appended if path matches no route.
func (r *Router) Allowed(dst []byte, path []byte) []byte {
	if len(path) == 0 || path[0] != '/' {
		return dst
	}
	set := r.root.allowed(path, 1)
	if set == 0 {
		return dst
	}
	if set&methodGet != 0 {
		set |= methodHead
	}
	set |= methodOptions
	first := true
	for _, a := range r.allowed {
		if set&a.bit == 0 {
			continue
		}
		if !first {
			dst = append(dst, ", "...)
		}
		first = false
		dst = append(dst, a.name...)
	}
	return dst
}

// allowed returns the methods of all routes at or below n that match path from the segment that starts at pos.
func (n *node) allowed(path []byte, pos int) (set methodSet) {
	if n.rest != nil {
		set |= n.rest.methods()
	}
	end := bytes.IndexByte(path[pos:], '/')
	last := end < 0
	if last {
		end = len(path) - pos
	}
	end += pos
	for _, child := range [2]*node{n.exact[string(path[pos:end])], n.param} {
		switch {
		case child == nil || child == n.param && end == pos:
		case last:
			set |= child.leaf.methods()
		default:
			set |= child.allowed(path, end+1)
		}
	}
	return set
}
