package gate

import "bytes"

// Paths that stand for others.

// Rewrite has the paths that match From be To instead. C has checked both.
type Rewrite struct {
	From string // "/old", or "/old/*" for all below.
	To   string // "/new", or "/new/$1" with what stood in place of the "*".
}

// Find returns the path that one stands for, in pieces: what of a rule comes first, and the rest of the path behind it. The
// first rule that matches counts.
func Find(rules []Rewrite, path []byte) (first string, rest []byte, found bool) {
	for i := range rules {
		rule := &rules[i]
		from, to := rule.From, rule.To
		if n := len(from) - 1; from[n] == '*' {
			if !bytes.HasPrefix(path, []byte(from[:n])) {
				continue
			}
			if m := len(to) - len("$1"); m > 0 && to[m:] == "$1" {
				return to[:m], path[n:], true
			}
			return to, nil, true
		}
		if string(path) == from {
			return to, nil, true
		}
	}
	return "", nil, false
}
