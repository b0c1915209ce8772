package main

// Pages for man(1): one for each comment of the header that is about functions, under the name of the first, and forker(3).

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"libforker/bindings/api/header"
)

// page is a page: its entries, of which the last one has functions, but of forker(3).
type page struct {
	name    string
	names   []string // By which it is found.
	entries []int
}

func (p *page) add(other page) {
	p.names, p.entries = append(p.names, other.names...), append(p.entries, other.entries...)
}

// writePages writes the pages of section 3 into a directory, with a symbolic link for each further name.
func writePages(api *header.API, file, directory string) error {
	date, err := dateOf(file)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return err
	}
	all := pages(api)
	for _, p := range all {
		var m mdoc
		m.macro("Dd", date)
		m.macro("Dt", strings.ToUpper(p.name), "3")
		m.macro("Os")
		if p.name == "forker" {
			overview(&m, api, all)
		} else {
			entryPage(&m, api, p)
		}
		if err := os.WriteFile(filepath.Join(directory, p.name+".3"), []byte(m.text.String()), 0o644); err != nil {
			return err
		}
		if err := link(directory, p); err != nil {
			return err
		}
	}
	return nil
}

// link has a page be found by its further names.
func link(directory string, p page) error {
	for _, name := range p.names {
		if name == p.name {
			continue
		}
		further := filepath.Join(directory, name+".3")
		if err := os.RemoveAll(further); err != nil {
			return err
		}
		if err := os.Symlink(p.name+".3", further); err != nil {
			return err
		}
	}
	return nil
}

// dateOf is the day of the last change of the header, or what makers of packages want it to be.
func dateOf(file string) (string, error) {
	info, err := os.Stat(file)
	if err != nil {
		return "", err
	}
	day := info.ModTime()
	if epoch, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64); err == nil {
		day = time.Unix(epoch, 0)
	}
	return day.UTC().Format("January 2, 2006"), nil
}

// pages deals out the entries. Those without functions go to the page behind them, those before and behind all functions to forker(3).
func pages(api *header.API) []page {
	all := []page{{name: "forker"}}
	var waiting page
	for i, entry := range api.Entries {
		names := slices.DeleteFunc(slices.Clone(entry.Declarations), func(name string) bool { return strings.HasPrefix(name, "FORKER_") })
		waiting.add(page{names: names, entries: []int{i}})
		if functions := functionsOf(api, i); len(functions) > 0 {
			waiting.name = functions[0]
			all, waiting = append(all, waiting), page{}
		} else if len(all) == 1 {
			all[0].add(waiting)
			waiting = page{}
		}
	}
	all[0].add(waiting)
	return all
}

// functionsOf are the names of the functions that belong to an entry.
func functionsOf(api *header.API, entry int) (list []string) {
	for _, f := range api.Functions {
		if f.Entry == entry {
			list = append(list, f.Name)
		}
	}
	return list
}

func overview(m *mdoc, api *header.API, all []page) {
	m.macro("Sh", "NAME")
	m.macro("Nm", "forker")
	m.macro("Nd", "serve HTTP on every core from a C, C++ or Python program")
	m.macro("Sh", "LIBRARY")
	m.line("libforker (\\-lforker)")
	m.macro("Sh", "SYNOPSIS")
	m.macro("In", "forker.h")
	m.macro("Sh", "DESCRIPTION")
	_, rest, _ := strings.Cut(api.Comment, "\n\n")
	m.body(rest)
	for _, at := range all[0].entries {
		types(m, api, at)
	}
	for _, section := range api.Sections {
		m.macro("Ss", section.Name)
		m.body(section.Comment)
		m.macro("Bl", "-tag", "-width", "Ds", "-compact")
		for _, p := range all[1:] {
			last := api.Entries[p.entries[len(p.entries)-1]]
			if last.Section == section.Name {
				m.macro("It", "Xr", p.name, "3")
				m.paragraph(firstSentence(last.Comment))
			}
		}
		m.macro("El")
	}
	m.macro("Sh", "SEE ALSO")
	m.macro("Xr", "fork", "2", ",")
	m.macro("Xr", "epoll", "7")
}

func entryPage(m *mdoc, api *header.API, p page) {
	last := p.entries[len(p.entries)-1]
	functions := functionsOf(api, last)
	m.macro("Sh", "NAME")
	for i, name := range functions {
		comma := []string{","}[:min(1, len(functions)-1-i)]
		m.macro("Nm", append([]string{name}, comma...)...)
	}
	m.macro("Nd", strings.TrimSuffix(firstSentence(api.Entries[last].Comment), "."))
	m.macro("Sh", "SYNOPSIS")
	m.macro("In", "forker.h")
	for _, callback := range api.Callbacks {
		if slices.Contains(p.entries, callback.Entry) {
			m.prototype("typedef "+callback.Result.Text, "(*"+callback.Name+")", callback)
		}
	}
	for _, f := range api.Functions {
		if f.Entry == last {
			m.prototype(f.Result.Text, f.Name, f)
		}
	}
	m.macro("Sh", "DESCRIPTION")
	m.body(api.Entries[last].Comment)
	for _, f := range api.Functions {
		if f.Entry == last && f.Comment != "" {
			m.macro("Pp")
			m.paragraph(f.Name + "(): " + f.Comment)
		}
	}
	for _, at := range p.entries {
		types(m, api, at)
	}
	for _, section := range api.Sections {
		if section.Name == api.Entries[last].Section && section.Comment != "" {
			m.macro("Ss", "All functions about "+section.Name)
			m.body(section.Comment)
		}
	}
	m.macro("Sh", "SEE ALSO")
	m.macro("Xr", "forker", "3")
}

// types writes the handles, constants and structs of an entry.
func types(m *mdoc, api *header.API, entry int) {
	for _, handle := range api.Handles {
		if handle.Entry == entry && len(functionsOf(api, entry)) == 0 {
			m.macro("Ss", handle.Name)
			m.body(api.Entries[entry].Comment)
		}
	}
	for i, enum := range api.Enums {
		if enum.Entry != entry {
			continue
		}
		if i == 0 || api.Enums[i-1].Entry != entry {
			m.macro("Ss", "Constants")
			m.body(api.Entries[entry].Comment)
		}
		m.macro("Bl", "-tag", "-width", "Ds", "-compact")
		for _, value := range enum.Values {
			m.macro("It", "Dv", fmt.Sprintf("%s = %d", value.Name, value.Value))
			m.paragraph(value.Comment)
		}
		m.macro("El")
	}
	for _, s := range api.Structs {
		if s.Entry != entry {
			continue
		}
		m.macro("Ss", s.Name)
		m.body(api.Entries[entry].Comment)
		m.macro("Bl", "-tag", "-width", "Ds", "-compact")
		for _, field := range s.Fields {
			declaration := header.Parameter{Type: field.Type, Name: field.Name}.String()
			if field.Count > 0 {
				declaration += fmt.Sprintf("[%d]", field.Count)
			}
			m.macro("It", "Vt", declaration)
			m.paragraph(field.Comment)
		}
		m.macro("El")
	}
}

// firstSentence is the first sentence of a comment, which ends with the paragraph at the latest.
func firstSentence(comment string) string {
	paragraph, _, _ := strings.Cut(comment, "\n\n")
	text := strings.Join(strings.Fields(paragraph), " ")
	if found := sentenceEnd.FindStringIndex(text); found != nil {
		text = text[:found[0]+1]
	}
	return strings.TrimSuffix(text, ":")
}
