package header

// Tokens: words, marks, comments and lines of the preprocessor.

import (
	"fmt"
	"regexp"
	"strings"
)

type kind int

const (
	kindEnd kind = iota
	kindWord
	kindNumber
	kindMark
	kindComment
	kindDirective
)

type token struct {
	kind  kind
	text  string
	line  int
	end   int  // The line that it ends in.
	apart bool // A blank line is before it.
}

// shape is what a token can be, at the beginning of a text; its groups are in the order of kinds.
var shape = regexp.MustCompile(`^(?:([A-Za-z_]\w*)|(-?\d+\b)|("[^"\n]*"|\.\.\.|[(){}\[\];,=*])|(/\*(?s:.*?)\*/)|(#.*))`)

var (
	blanks    = regexp.MustCompile(`^\s+`)
	blankLine = regexp.MustCompile(`\n[ \t]*\n`)
)

// tokens takes a header apart. `file` is its name for errors.
func tokens(file, text string) (list []token, err error) {
	line, apart := 1, false
	for text != "" {
		if blank := blanks.FindString(text); blank != "" {
			text, apart = text[len(blank):], blankLine.MatchString(blank)
			line += strings.Count(blank, "\n")
			continue
		}
		found := shape.FindStringSubmatch(text)
		if found == nil {
			rest, _, _ := strings.Cut(text, "\n")
			return nil, fmt.Errorf("%s:%d: this is nothing that a header of this style has: %s", file, line, rest)
		}
		t := token{text: found[0], line: line, end: line + strings.Count(found[0], "\n"), apart: apart}
		for i, group := range found[1:] {
			if group != "" {
				t.kind = kindWord + kind(i)
			}
		}
		list, text = append(list, t), text[len(t.text):]
		line, apart = t.end, false
	}
	return append(list, token{kind: kindEnd, text: "the end of the file", line: line, apart: true}), nil
}
