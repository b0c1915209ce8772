package header

// The conventions: what the names of parameters say, and what every declaration has to have.

import (
	"errors"
	"fmt"
	"strings"
)

func (p *parser) complain(line int, format string, values ...any) {
	p.wrong = append(p.wrong, fmt.Errorf("%s:%d: %s", p.file, line, fmt.Sprintf(format, values...)))
}

// check finds all that is not as the conventions are, and enters what comments say into the functions.
func (p *parser) check() error {
	for name := range p.defined {
		family, _, _ := strings.Cut(strings.TrimPrefix(name, "FORKER_"), "_")
		p.families[family] = true
	}
	for i := range p.api.Callbacks {
		callback := &p.api.Callbacks[i]
		p.conventions(callback)
		callback.Errno = strings.Contains(words(p.api.Entries[callback.Entry].text.text), "errno counts")
	}
	byEntry := map[int][]*Function{}
	for i := range p.api.Functions {
		f := &p.api.Functions[i]
		byEntry[f.Entry] = append(byEntry[f.Entry], f)
		p.conventions(f)
	}
	places, results := map[string][2]string{}, map[string]string{}
	for _, section := range p.api.Sections {
		if thread, process, ok := p.place(section.text); ok {
			places[section.Name] = [2]string{thread, process}
		}
		results[section.Name] = section.text.text
		p.mentions(section.text)
	}
	for i, entry := range p.api.Entries {
		thread, process, ok := p.place(entry.text)
		for _, f := range byEntry[i] {
			if !f.Result.read(entry.text.text+" "+f.Comment) && !f.Result.read(results[entry.Section]) {
				p.complain(f.line, "%s gives an int, and nothing says what it Returns, or that it is 1 or 0", f.Name)
			}
			f.Thread = f.usualThread()
			if ok {
				f.Thread, f.Process = thread, process
			} else if place, ok := places[entry.Section]; ok {
				f.Thread, f.Process = place[0], place[1]
			}
		}
		p.nulls(entry.text, byEntry[i])
		p.mentions(entry.text)
	}
	return errors.Join(p.wrong...)
}

// usualThread is where a function may be called if its entry does not say so.
func (f *Function) usualThread() string {
	if len(f.Parameters) > 0 && f.Parameters[0].Base == "forker_deferred" && f.Parameters[0].Pointers == 0 {
		return "any"
	}
	return "owner"
}

func (p *parser) isCallback(name string) bool {
	for _, callback := range p.api.Callbacks {
		if callback.Name == name {
			return true
		}
	}
	return false
}

func (p *parser) isStruct(name string) bool {
	for _, s := range p.api.Structs {
		if s.Name == name {
			return true
		}
	}
	return false
}

// conventions reads the names of parameters: "_out" is where a result goes, "user" the program's own, "len" and its
// like the length of what is before it.
func (p *parser) conventions(f *Function) {
	for i := range f.Parameters {
		parameter := &f.Parameters[i]
		parameter.Out = strings.HasSuffix(parameter.Name, "_out")
		parameter.Null = parameter.Text == "void *" && parameter.Name == "user" || parameter.Text == "size_t *"
		switch {
		case parameter.Pointers == 0 && p.isStruct(parameter.Base) || parameter.Pointers == 0 && parameter.Base == "void":
			p.complain(f.line, "%s takes %s by value, which bindings cannot give", f.Name, parameter.Base)
		case parameter.Out && parameter.Pointers == 0:
			p.complain(f.line, "%s of %s is no pointer", parameter.Name, f.Name)
		case parameter.Base == "size_t":
			f.measure(i)
		}
	}
	for _, parameter := range f.Parameters {
		if parameter.Text == "const void *" && parameter.Length == "" {
			p.complain(f.line, "%s of %s has no length behind it", parameter.Name, f.Name)
		}
	}
}

// measure finds what parameter number i is the length of: bytes behind a pointer, elements of arrays, or what comes out.
func (f *Function) measure(i int) {
	name := f.Parameters[i].Name
	switch {
	case name == "count":
		for j := range f.Parameters[:i] {
			if f.Parameters[j].Text == "const char *const *" {
				f.Parameters[j].Length = name
			}
		}
	case name != "len" && name != "size" && name != "len_out" && (i == 0 || strings.TrimSuffix(name, "_len") != f.Parameters[i-1].Name):
	case f.Result.Pointers > 0:
		f.Result.Length = name
	case i > 0 && f.Parameters[i-1].holdsBytes():
		f.Parameters[i-1].Length = name
	}
}
