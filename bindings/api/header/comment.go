package header

// Comments: their text without what marks them, and where in the header a part of it stands.

import (
	"regexp"
	"strings"
)

// comment is the text of a comment; its lines are those of the header, so that the first one may be empty.
type comment struct {
	text string
	line int
}

var margin = regexp.MustCompile(`(?m)^ \* ?`)

func newComment(t token) comment {
	text := strings.TrimSuffix(strings.TrimPrefix(t.text, "/*"), "*/")
	return comment{margin.ReplaceAllString(strings.TrimRight(text, " "), ""), t.line}
}

// String is the text for readers.
func (c comment) String() string {
	return strings.TrimPrefix(strings.Trim(c.text, "\n"), " ")
}

// lineAt is the line of the header in which a byte of the text stands.
func (c comment) lineAt(offset int) int {
	return c.line + strings.Count(c.text[:offset], "\n")
}

var rule = regexp.MustCompile(`^\s*-{10,} (.+?)\s*$`)

// section is the name in a comment that rules off a section, else "".
func (c comment) section() string {
	if found := rule.FindStringSubmatch(c.text); found != nil {
		return found[1]
	}
	return ""
}
