package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"libforker/bindings/api/header"
)

// python writes the header as ctypes.
type python struct {
	api     *header.API
	numbers map[string]string // Handles that are numbers.
	text    strings.Builder
}

const pythonBegin = `"""forker.h in ctypes: its constants, structs, types of callbacks and prototypes.

Made by "make docs" of include/forker.h; what is edited here is lost. Text that comes with its length is an address, because
it can contain NUL.
"""

from __future__ import annotations

from ctypes import CFUNCTYPE, POINTER, Structure, c_char, c_char_p, c_double, c_int, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p

_LEN_OUT = POINTER(c_size_t)
_TEXT_OUT = POINTER(c_char_p)

SONAME = %q
`

func writePython(api *header.API, out io.Writer) error {
	p := &python{api: api, numbers: map[string]string{}}
	for _, handle := range api.Handles {
		if handle.Number != "" {
			p.numbers[handle.Name] = handle.Number
		}
	}
	p.printf(pythonBegin, api.Soname)
	p.constants()
	p.structs()
	p.callbacks()
	p.prototypes()
	_, err := io.WriteString(out, p.text.String())
	return err
}

func (p *python) printf(format string, values ...any) { fmt.Fprintf(&p.text, format, values...) }

// short is a name without the prefix that all have.
func short(name string) string { return name[len("forker_"):] }

func (p *python) constants() {
	for _, enum := range p.api.Enums {
		p.printf("\n")
		for _, value := range enum.Values {
			p.printf("%s = %d\n", short(value.Name), value.Value)
		}
	}
}

func (p *python) structs() {
	for _, s := range p.api.Structs {
		name := "C"
		for _, word := range strings.Split(short(s.Name), "_") {
			name += strings.ToUpper(word[:1]) + word[1:]
		}
		p.printf("\n\nclass %s(Structure):\n    \"\"\"%s.\"\"\"\n\n    _fields_ = (\n", name, s.Name)
		for _, field := range s.Fields {
			count := ""
			if field.Count > 0 {
				count = fmt.Sprintf(" * %d", field.Count)
			}
			p.printf("        (%q, %s%s),\n", field.Name, p.plain(field.Type), count)
		}
		p.printf("    )\n")
	}
}

func (p *python) callbacks() {
	p.printf("\n\n")
	for _, callback := range p.api.Callbacks {
		kinds := []string{p.plain(callback.Result.Type)}
		for _, parameter := range callback.Parameters {
			kind := p.plain(parameter.Type)
			if parameter.Length != "" {
				kind = "c_void_p"
			}
			kinds = append(kinds, kind)
		}
		if callback.Errno { // What ctypes.set_errno() puts there.
			kinds = append(kinds, "use_errno=True")
		}
		p.printf("%s = CFUNCTYPE(%s)\n", strings.ToUpper(short(callback.Name)), strings.Join(kinds, ", "))
	}
}

// prototypes writes a table of results and parameters by name.
func (p *python) prototypes() {
	p.printf("\n# Name: (result, parameters).\nPROTOTYPES = {\n")
	for _, f := range p.api.Functions {
		result := p.plain(f.Result.Type)
		if f.Result.Length != "" {
			result = "c_void_p"
		}
		lent := slices.ContainsFunc(f.Parameters, func(p header.Parameter) bool { return p.Base == "forker_release_fn" })
		var kinds []string
		for _, parameter := range f.Parameters {
			kind := p.plain(parameter.Type)
			if parameter.Text == "const void *" && !lent { // Else it has to stay, which an object of Python is not asked to.
				kind = "c_char_p"
			}
			kinds = append(kinds, kind)
		}
		p.printf("    %q: (%s, [%s]),\n", f.Name, result, strings.Join(kinds, ", "))
	}
	p.printf("}\n")
}

// plain is a type, whatever is done with it.
func (p *python) plain(t header.Type) string {
	base := p.base(t.Base)
	switch {
	case t.Text == "void":
		return "None"
	case t.Pointers == 0:
		return base
	case t.Base == "char":
		return []string{"c_char_p", "_TEXT_OUT"}[t.Pointers-1]
	case t.Base == "size_t":
		return "_LEN_OUT"
	case base == "c_void_p": // A handle, a struct, or bytes.
		return []string{"c_void_p", "POINTER(c_void_p)"}[t.Pointers-1]
	}
	return "POINTER(" + base + ")"
}

// base is what a type is without pointers.
func (p *python) base(name string) string {
	if number, ok := p.numbers[name]; ok {
		name = number
	}
	for _, callback := range p.api.Callbacks {
		if callback.Name == name {
			return strings.ToUpper(short(name))
		}
	}
	switch name {
	case "char", "int", "double", "size_t":
		return "c_" + name
	}
	if number, ok := strings.CutSuffix(name, "_t"); ok {
		return "c_" + number
	}
	return "c_void_p"
}
