package header

// Set phrases: the sentences of an entry's comment that say what types do not.

import (
	"regexp"
	"slices"
	"strings"
)

var (
	threads   = regexp.MustCompile(`(?:^|[.;:]\s+|\n\s*)((?:Any\s(?:thread|process)|On\sthe\sthread)\b[^.;:(]*)`)
	nullable  = regexp.MustCompile(`May\sbe\sNULL:`)
	listing   = regexp.MustCompile(`^[^.;]*`)
	returning = regexp.MustCompile(`\bReturns?\s([\w ]+)`)
	isCode    = regexp.MustCompile(`^(FORKER_OK|what|as|those)\b`)
	code      = regexp.MustCompile(`\bFORKER_E_\w+`)
	truth     = regexp.MustCompile(`\b1\sor\s0\b`)
	calls     = regexp.MustCompile(`\b(forker_\w+)\(\)`)
	constants = regexp.MustCompile(`\bFORKER_([A-Z]+)(_\w+)?\b`)
)

// places are the phrases about where a function may be called: thread and process.
var places = map[string][2]string{
	"Any thread":                                  {"any", ""},
	"Any thread, one at a time":                   {"one at a time", ""},
	"Any thread, any process":                     {"any", "any"},
	"Any thread, any process that has the server": {"any", "that has the server"},
	"Any thread, any process that serves":         {"any", "that serves"},
	"Any thread, any process of the tree":         {"any", "of the tree"},
	"Any process of the tree":                     {"owner", "of the tree"},
	"On the thread that calls the handlers":       {"owner", ""},
}

// place finds the phrase about threads in a comment, if there is one.
func (p *parser) place(c comment) (thread, process string, ok bool) {
	for _, found := range threads.FindAllStringSubmatchIndex(c.text, -1) {
		phrase := strings.TrimSpace(words(c.text[found[2]:found[3]]))
		place, known := places[phrase]
		if !known {
			p.complain(c.lineAt(found[2]), "no set phrase about threads: %q", phrase)
		} else if ok {
			p.complain(c.lineAt(found[2]), "a second phrase about threads: %q", phrase)
		} else {
			thread, process, ok = place[0], place[1], true
		}
	}
	return thread, process, ok
}

// words has single blanks for what separates words.
func words(text string) string { return strings.Join(strings.Fields(text), " ") }

// nulls marks the parameters that may be NULL: those that are named behind the phrase, up to the first item of several words.
func (p *parser) nulls(c comment, functions []*Function) {
	for _, at := range nullable.FindAllStringIndex(c.text, -1) {
		list := listing.FindString(c.text[at[1]:])
		for i, item := range strings.Split(list, ",") {
			name := words(item)
			if i > 0 && strings.Contains(name, " ") {
				break
			}
			found := false
			for _, f := range functions {
				if parameter := f.parameter(name); parameter != nil && (parameter.Pointers > 0 || p.isCallback(parameter.Base)) {
					parameter.Null, found = true, true
				}
			}
			if !found {
				p.complain(c.lineAt(at[0]), "%q may be NULL, and is no pointer of these functions", name)
			}
		}
	}
}

// read finds out what an integer that a function gives means, and the codes that are named. false: nothing says it of an int.
func (r *Result) read(text string) bool {
	if r.Pointers > 0 || r.Base == "void" {
		return true
	}
	found := returning.FindStringSubmatchIndex(text)
	if found != nil {
		r.Codes = slices.Compact(slices.Sorted(slices.Values(code.FindAllString(text[found[0]:], -1))))
	}
	switch {
	case r.Base != "int":
		r.Kind = "number"
	case truth.MatchString(text):
		r.Kind = "truth"
	case found == nil:
		return false
	case isCode.MatchString(words(text[found[2]:found[3]])):
		r.Kind = "code"
	default:
		r.Kind = "number"
	}
	return true
}

// mentions checks that what a comment names is there.
func (p *parser) mentions(c comment) {
	for _, found := range calls.FindAllStringSubmatchIndex(c.text, -1) {
		if name := c.text[found[2]:found[3]]; !p.known[name] {
			p.complain(c.lineAt(found[0]), "no function has the name %s", name)
		}
	}
	for _, found := range constants.FindAllStringSubmatchIndex(c.text, -1) {
		name, family := c.text[found[0]:found[1]], c.text[found[2]:found[3]]
		if !p.families[family] || strings.HasSuffix(name, "_") {
			continue // A variable of the environment, or FORKER_CLOSE_*.
		}
		if _, ok := p.defined[name]; !ok {
			p.complain(c.lineAt(found[0]), "no constant has the name %s", name)
		}
	}
}
