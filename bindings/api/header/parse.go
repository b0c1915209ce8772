package header

// The parser: declarations in the fixed style of forker.h, each below a comment of its own or that of the ones before it.

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// parser goes through the tokens. What is wrong is a panic with an error, which Parse returns.
type parser struct {
	file    string
	tokens  []token
	api     *API
	pending *comment // A comment above the next declaration.
	below   bool     // The last declaration is directly above: a further one belongs to the same entry.
	known   map[string]bool
	defined map[string]int64

	families map[string]bool // The second words of constants: FORKER_E_LIMIT has "E".
	wrong    []error
}

// Parse reads a header, which `file` names in errors: the lines in which they are, and what is wrong there.
func Parse(file, text string) (api *API, err error) {
	list, err := tokens(file, text)
	if err != nil {
		return nil, err
	}
	p := &parser{file: file, tokens: list, api: &API{}, known: map[string]bool{}, defined: map[string]int64{}, families: map[string]bool{}}
	for _, name := range []string{"void", "char", "int", "double", "size_t", "int32_t", "int64_t", "uint32_t", "uint64_t"} {
		p.known[name] = true
	}
	defer func() {
		if failure, ok := recover().(error); ok {
			api, err = nil, failure
		}
	}()
	for p.peek().kind != kindEnd {
		p.item()
	}
	if p.pending != nil {
		p.fail(p.pending.line, "a comment without a declaration")
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	return p.api, nil
}

func (p *parser) fail(line int, format string, values ...any) {
	panic(fmt.Errorf("%s:%d: %s", p.file, line, fmt.Sprintf(format, values...)))
}

func (p *parser) peek() token { return p.tokens[0] }

func (p *parser) next() token {
	t := p.tokens[0]
	if t.kind != kindEnd {
		p.tokens = p.tokens[1:]
	}
	return t
}

// want takes a token that has to be this one.
func (p *parser) want(text string) {
	if t := p.next(); t.text != text {
		p.fail(t.line, "%q where %q should be", t.text, text)
	}
}

// take takes a token if it is this one.
func (p *parser) take(text string) bool {
	if p.peek().text != text {
		return false
	}
	p.next()
	return true
}

func (p *parser) word() string {
	t := p.next()
	if t.kind != kindWord {
		p.fail(t.line, "%q where a name should be", t.text)
	}
	return t.text
}

// item reads a comment, a line of the preprocessor, or a declaration.
func (p *parser) item() {
	t := p.peek()
	switch t.kind {
	case kindComment:
		p.next()
		p.comment(t)
	case kindDirective:
		p.next()
		p.directive(t)
	default:
		p.begin(t)
		p.declaration(t)
		p.below = true
	}
}

// comment reads one that stands by itself: the header's, a rule, that of a section, or of the next declaration.
func (p *parser) comment(t token) {
	c := newComment(t)
	if p.pending != nil {
		p.unattached(*p.pending)
	}
	p.pending, p.below = nil, false
	if name := c.section(); name != "" {
		p.api.Sections = append(p.api.Sections, Section{Name: name})
	} else if p.api.Comment == "" {
		p.api.Comment = c.String()
	} else {
		p.pending = &c
	}
}

// unattached takes a comment that has no declaration below it: that of a section, if it is the first thing there.
func (p *parser) unattached(c comment) {
	n := len(p.api.Sections)
	if n == 0 || p.api.Sections[n-1].Comment != "" || slices.ContainsFunc(p.api.Entries, func(e Entry) bool { return e.Section == p.api.Sections[n-1].Name }) {
		p.fail(c.line, "a comment without a declaration")
	}
	p.api.Sections[n-1].Comment, p.api.Sections[n-1].text = c.String(), c
}

var definition = regexp.MustCompile(`^#define (\w+)(?: (.+))?$`)

// directive reads a line of the preprocessor. What is for C++ alone is skipped.
func (p *parser) directive(t token) {
	found := definition.FindStringSubmatch(t.text)
	switch {
	case found != nil && found[1] == "FORKER_VERSION":
		p.api.Version = strings.Trim(found[2], `"`)
	case found != nil && found[1] == "FORKER_VERSION_MAJOR":
		p.api.Soname = "libforker.so." + found[2]
	case found != nil && (found[2] == "" || strings.HasPrefix(found[1], "FORKER_VERSION_")):
	case t.text == "#ifdef __cplusplus":
		for p.peek().kind != kindEnd && p.next().text != "#endif" {
			continue
		}
	case strings.HasPrefix(t.text, "#ifndef ") || strings.HasPrefix(t.text, "#include ") || strings.HasPrefix(t.text, "#endif"):
	default:
		p.fail(t.line, "a line of the preprocessor of which bindings would not know: %s", t.text)
	}
}

// begin finds out which entry a declaration belongs to.
func (p *parser) begin(t token) {
	switch {
	case p.pending != nil && !t.apart:
		section := ""
		if n := len(p.api.Sections); n > 0 {
			section = p.api.Sections[n-1].Name
		}
		p.api.Entries = append(p.api.Entries, Entry{Section: section, Comment: p.pending.String(), text: *p.pending})
		p.pending = nil
	case !p.below || t.apart:
		p.fail(t.line, "a declaration without a comment")
	}
}

// entry is the number of the present one.
func (p *parser) entry() int { return len(p.api.Entries) - 1 }

// name enters a name that is declared, once.
func (p *parser) name(name string, line int) {
	if p.known[name] {
		p.fail(line, "%s is declared already", name)
	}
	p.known[name] = true
	entry := &p.api.Entries[p.entry()]
	entry.Declarations = append(entry.Declarations, name)
}

func (p *parser) declaration(t token) {
	switch {
	case p.take("enum"):
		p.enum()
	case p.take("typedef"):
		p.typedef(t)
	default:
		result, name := p.typed("function")
		p.function(&p.api.Functions, result, name, t.line)
	}
}

// note takes the comment at the end of a line.
func (p *parser) note(line int) string {
	if t := p.peek(); t.kind == kindComment && t.line == line {
		p.next()
		return newComment(t).String()
	}
	return ""
}

// leading takes the comments above a field or a constant.
func (p *parser) leading() string {
	if t := p.peek(); t.kind == kindComment {
		p.next()
		return newComment(t).String()
	}
	return ""
}

func (p *parser) enum() {
	e := Enum{Entry: p.entry()}
	for p.want("{"); !p.take("}"); {
		comment, line := p.leading(), p.peek().line
		v := Value{Name: p.word()}
		p.want("=")
		number := p.next()
		var err error
		if v.Value, err = strconv.ParseInt(number.text, 10, 64); err != nil {
			p.fail(number.line, "%s has no number: %q", v.Name, number.text)
		}
		more := p.take(",")
		v.Comment = strings.TrimSpace(comment + " " + p.note(line))
		if !more && p.peek().text != "}" {
			p.fail(p.peek().line, "%q behind %s, where a comma should be", p.peek().text, v.Name)
		}
		p.name(v.Name, line)
		p.defined[v.Name] = v.Value
		e.Values = append(e.Values, v)
	}
	p.want(";")
	p.api.Enums = append(p.api.Enums, e)
}

// typedef reads a handle, a struct, or the type of a callback.
func (p *parser) typedef(t token) {
	if p.take("struct") {
		p.structure(t, p.word())
		return
	}
	result, name := p.typed("type")
	if name != "" { // a number
		p.want(";")
		p.name(name, t.line)
		p.api.Handles = append(p.api.Handles, Handle{Name: name, Number: result.Text, Entry: p.entry()})
		return
	}
	p.want("(")
	p.want("*")
	name = p.word()
	p.want(")")
	p.function(&p.api.Callbacks, result, name, t.line)
}

func (p *parser) structure(t token, name string) {
	if p.peek().text != "{" {
		p.want(name)
		p.want(";")
		p.name(name, t.line)
		p.api.Handles = append(p.api.Handles, Handle{Name: name, Entry: p.entry()})
		return
	}
	s := Struct{Name: name, Entry: p.entry()}
	for p.want("{"); !p.take("}"); {
		comment, line := p.leading(), p.peek().line
		var f Field
		f.Type, f.Name = p.typed("field")
		if p.take("[") {
			f.Count = p.count()
			p.want("]")
		}
		p.want(";")
		f.Comment = strings.TrimSpace(comment + " " + p.note(line))
		s.Fields = append(s.Fields, f)
	}
	p.want(name)
	p.want(";")
	p.name(name, t.line)
	p.api.Structs = append(p.api.Structs, s)
}

// count reads the length of an array.
func (p *parser) count() int64 {
	t := p.next()
	if number, err := strconv.ParseInt(t.text, 10, 64); err == nil {
		return number
	}
	number, ok := p.defined[t.text]
	if !ok {
		p.fail(t.line, "no constant has the name %s", t.text)
	}
	return number
}

// typed reads a type and the name behind it, which is "" if a parenthesis comes: it is the result of a callback then.
func (p *parser) typed(what string) (t Type, name string) {
	line := p.peek().line
	var words []string
	for {
		if p.peek().kind == kindWord {
			words = append(words, p.next().text)
		} else if p.take("*") {
			words, t.Pointers = append(words, "*"), t.Pointers+1
		} else {
			break
		}
	}
	isName := func(word string) bool { return word != "*" && word != "const" && !p.known[word] }
	if last := len(words) - 1; last > 0 && isName(words[last]) {
		words, name = words[:last], words[last]
	} else if p.peek().text != "(" || what != "type" {
		p.fail(line, "a %s without a name of its own: %s", what, strings.Join(words, " "))
	}
	for _, word := range words {
		if isName(word) || (word != "*" && word != "const" && t.Base != "") {
			p.fail(line, "no type that bindings know: %s", strings.Join(words, " "))
		}
		if word != "*" && word != "const" {
			t.Base = word
		}
	}
	if t.Base == "" {
		p.fail(line, "%q where a type should be", p.peek().text)
	}
	t.Text = strings.ReplaceAll(strings.Join(words, " "), "* *", "**")
	t.Text = strings.ReplaceAll(t.Text, "* const", "*const")
	return t, name
}

// function reads the parameters of a function or callback, and enters it.
func (p *parser) function(list *[]Function, result Type, name string, line int) {
	f := Function{Name: name, Entry: p.entry(), Result: Result{Type: result}, Parameters: []Parameter{}, line: line}
	p.want("(")
	if p.peek().text == "void" && p.tokens[1].text == ")" {
		p.next()
	} else {
		p.parameters(&f)
	}
	p.want(")")
	last := p.peek().line
	p.want(";")
	f.Comment = p.note(last)
	p.name(name, line)
	*list = append(*list, f)
}

func (p *parser) parameters(f *Function) {
	for more := true; more; more = p.take(",") {
		if t := p.peek(); t.text == "..." {
			p.fail(t.line, "%s has a variable number of arguments, which bindings cannot call", f.Name)
		}
		var parameter Parameter
		parameter.Type, parameter.Name = p.typed("parameter")
		f.Parameters = append(f.Parameters, parameter)
	}
}
