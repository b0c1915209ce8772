package main

// The language of pages, mdoc(7): what text and lists of a comment become in it.

import (
	"regexp"
	"strings"

	"libforker/bindings/api/header"
)

type mdoc struct{ text strings.Builder }

var (
	sentenceEnd = regexp.MustCompile("[.!?][)\"]?\\s+[A-Z(\"*`]")
	macroName   = regexp.MustCompile(`^[A-Z][a-z]$`)
	definition  = regexp.MustCompile(`^(\S+(?: \S+)*)(?: {2,}(.*))?$`)
	calls       = regexp.MustCompile(`\b(\w+)\(\)`)
	codeLine    = regexp.MustCompile(`(?m)[;{}]$`)
)

// line writes a line as it is.
func (m *mdoc) line(text string) { m.text.WriteString(text + "\n") }

// macro writes a macro; arguments with blanks are quoted.
func (m *mdoc) macro(name string, arguments ...string) {
	line := "." + name
	for i, argument := range arguments {
		argument = strings.ReplaceAll(escape(argument), `"`, `\(dq`)
		callable := name == "It" && i == 0 && macroName.MatchString(argument)
		if name == "Nd" {
			argument = plainWords(argument)
		} else if strings.Contains(argument, " ") {
			argument = `"` + argument + `"`
		} else if macroName.MatchString(argument) && !callable {
			argument = `\&` + argument
		}
		line += " " + argument
	}
	m.line(line)
}

// plainWords keeps words of a line from being taken for macros.
func plainWords(text string) string {
	words := strings.Fields(text)
	for i, word := range words {
		if len(word) < 4 {
			words[i] = `\&` + word
		}
	}
	return strings.Join(words, " ")
}

// escape has a text stand for itself.
func escape(text string) string { return strings.ReplaceAll(text, `\`, `\e`) }

// paragraph writes text, each sentence from the beginning of a line.
func (m *mdoc) paragraph(text string) {
	text = strings.Join(strings.Fields(text), " ")
	for text != "" {
		sentence := text
		if found := sentenceEnd.FindStringIndex(text); found != nil {
			sentence = strings.TrimRight(text[:found[1]-1], " ")
		}
		text = strings.TrimLeft(text[len(sentence):], " ")
		m.wrap(calls.ReplaceAllString(escape(sentence), `\fB$1\fP()`))
	}
}

// wrap writes a sentence in lines that are not too long.
func (m *mdoc) wrap(sentence string) {
	line := ""
	for _, word := range strings.Fields(sentence) {
		if line != "" && len(line)+1+len(word) > 76 {
			m.line(guard(line))
			line = ""
		}
		line = strings.TrimLeft(line+" "+word, " ")
	}
	m.line(guard(line))
}

// guard keeps a line from being taken for a macro.
func guard(line string) string {
	if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
		return `\&` + line
	}
	return line
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// body writes a comment: paragraphs, and what is indented in it: programs, lists with dashes, lists of terms.
func (m *mdoc) body(comment string) {
	var blocks []string // Paragraphs, or all that is indented together.
	for i, block := range strings.Split(expandLists(comment), "\n\n") {
		if n := len(blocks); i > 0 && indent(block) > 0 && indent(blocks[n-1]) > 0 {
			blocks[n-1] += "\n\n" + block
		} else {
			blocks = append(blocks, block)
		}
	}
	for i, block := range blocks {
		switch {
		case strings.TrimSpace(block) == "":
		case indent(block) == 0:
			if i > 0 {
				m.macro("Pp")
			}
			m.paragraph(block)
		case codeLine.MatchString(block):
			m.macro("Bd", "-literal", "-offset", "indent")
			for _, line := range strings.Split(block, "\n") {
				m.line(guard(escape(line)))
			}
			m.macro("Ed")
		default:
			m.list(block)
		}
	}
}

// expandLists puts an empty line where text goes over into what is indented, and back.
func expandLists(comment string) string {
	lines := strings.Split(comment, "\n")
	var out []string
	for i, line := range lines {
		if i > 0 && line != "" && lines[i-1] != "" && (indent(line) > 0) != (indent(lines[i-1]) > 0) {
			out = append(out, "")
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

// list writes an indented block whose lines with the least indentation begin the items.
func (m *mdoc) list(block string) {
	margin := indent(block)
	dashes := strings.HasPrefix(block[margin:], "- ")
	if dashes {
		m.macro("Bl", "-dash")
	} else {
		m.macro("Bl", "-tag", "-width", "Ds")
	}
	var text string
	for _, line := range strings.Split(block, "\n") {
		if indent(line) != margin || line == "" {
			text += " " + line
			continue
		}
		m.paragraph(text)
		if term := definition.FindStringSubmatch(line[margin:]); dashes || term == nil {
			m.macro("It")
			text = strings.TrimPrefix(line[margin:], "- ")
		} else {
			m.macro("It", "Sy", term[1])
			text = term[2]
		}
	}
	m.paragraph(text)
	m.macro("El")
}

// prototype writes what a function takes and gives.
func (m *mdoc) prototype(result, name string, f header.Function) {
	m.macro("Ft", result)
	m.macro("Fo", name)
	if len(f.Parameters) == 0 {
		m.macro("Fa", "void")
	}
	for _, parameter := range f.Parameters {
		m.macro("Fa", parameter.String())
	}
	m.macro("Fc")
}
