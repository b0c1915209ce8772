package router

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Patterns, and what can be wrong with one.

// MaxParams is how many ":name" and "*name" a pattern can have; FK_PARAMS_MAX in capi/exchange/exchange.h.
const MaxParams = 16

// kind tells how a segment of a pattern matches. A lower one goes first.
type kind uint8

const (
	kindExact kind = iota
	kindParam
	kindRest
)

// segment is a piece of a pattern. Names of parameters matter to the pattern's owner only.
type segment struct {
	kind kind
	text string // Of kindExact.
}

// parsePattern splits a pattern into its segments, and counts its parameters.
func parsePattern(pattern string) (segments []segment, params int, err error) {
	if pattern == "" || pattern[0] != '/' {
		return nil, 0, fmt.Errorf("pattern %q: does not start with \"/\"", pattern)
	}
	if strings.IndexByte(pattern, 0) >= 0 {
		return nil, 0, fmt.Errorf("pattern %q: contains NUL, which no path does", pattern)
	}
	var names []string
	texts := strings.Split(pattern[1:], "/")
	for i, text := range texts {
		s := segment{kindExact, text}
		switch {
		case text == "." || text == "..":
			return nil, 0, fmt.Errorf("pattern %q: has a segment %q, which no path has after decoding", pattern, text)
		case strings.HasPrefix(text, `\:`) || strings.HasPrefix(text, `\*`):
			s.text = text[1:] // The backslash says that it is no parameter.
		case strings.HasPrefix(text, ":"):
			s = segment{kind: kindParam}
		case strings.HasPrefix(text, "*"):
			if s = (segment{kind: kindRest}); i != len(texts)-1 {
				return nil, 0, fmt.Errorf("pattern %q: %q takes the whole rest, so it must come last", pattern, text)
			}
		}
		if s.kind != kindExact {
			if err := checkName(text[1:], names); err != nil {
				return nil, 0, fmt.Errorf("pattern %q: parameter %q: %w", pattern, text, err)
			}
			names = append(names, text[1:])
		}
		segments = append(segments, s)
	}
	if len(names) > MaxParams {
		return nil, 0, fmt.Errorf("pattern %q: has %d parameters, the most is %d", pattern, len(names), MaxParams)
	}
	return segments, len(names), nil
}

func checkName(name string, names []string) error {
	if name == "" {
		return errors.New("has no name")
	}
	for _, c := range []byte(name) {
		if !isWord(c) {
			return errors.New("takes a whole segment, and its name has only letters, digits, \"_\" and \"-\"")
		}
	}
	if slices.Contains(names, name) {
		return errors.New("the name is used twice")
	}
	return nil
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}
