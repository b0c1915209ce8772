package access

import (
	"slices"
	"strings"
)

// Fields that option access_log_fields adds to lines.

// fieldKind is what a field says.
type fieldKind uint8

const (
	fieldID     fieldKind = iota // Entry.ID
	fieldRoute                   // the route that Entry.Route names
	fieldClient                  // Entry.Client, without a port
	fieldHeader                  // one of Entry.Headers
)

// field is one that is added.
type field struct {
	kind   fieldKind
	name   string // as the option has it; JSON and quotes need no escapes in it
	header int    // its place in Entry.Headers
}

// headerPrefix stands before the name of a field of requests.
const headerPrefix = "header:"

// parseFields reads a list that is separated by commas or blanks. It knows all of it, as C has checked it.
func parseFields(text string) (fields []field, headers [][]byte) {
	for name := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == ' ' }) {
		f := field{name: name}
		switch name {
		case "request_id":
			f.kind = fieldID
		case "route":
			f.kind = fieldRoute
		case "client":
			f.kind = fieldClient
		default:
			f.kind, f.header = fieldHeader, len(headers)
			headers = append(headers, []byte(strings.TrimPrefix(name, headerPrefix)))
		}
		fields = append(fields, f)
	}
	return fields, headers
}

// has reports whether a field is added.
func has(fields []field, kind fieldKind) bool {
	return slices.ContainsFunc(fields, func(f field) bool { return f.kind == kind })
}

// value is what a field says of a request; nil: there is nothing to say. A client is not a value of this kind.
func (l *Log) value(f *field, e *Entry) []byte {
	switch f.kind {
	case fieldID:
		if len(e.ID) > 0 {
			return e.ID
		}
	case fieldRoute:
		if e.Route > 0 && int(e.Route) <= len(l.config.Routes) {
			return l.config.Routes[e.Route-1]
		}
	case fieldHeader:
		if f.header < len(e.Headers) {
			return e.Headers[f.header]
		}
	}
	return nil
}

// appendQuotedFields adds ` name="value"` for each field, and "-" for one that the request does not have, so that all lines of a
// log have the same columns.
func (l *Log) appendQuotedFields(b []byte, e *Entry) []byte {
	for i := range l.fields {
		f := &l.fields[i]
		b = append(append(append(b, ' '), f.name...), '=')
		if f.kind == fieldClient {
			b = append(appendHost(append(b, '"'), e.Client), '"')
		} else {
			b = appendQuoted(b, l.value(f, e))
		}
	}
	return b
}

// appendJSONFields adds `,"name":"value"` for each field that the request has.
func (l *Log) appendJSONFields(b []byte, e *Entry) []byte {
	for i := range l.fields {
		f := &l.fields[i]
		value := l.value(f, e)
		if f.kind != fieldClient && value == nil {
			continue
		}
		b = append(append(append(b, `,"`...), f.name...), `":`...)
		if f.kind == fieldClient {
			b = append(appendHost(append(b, '"'), e.Client), '"')
		} else {
			b = appendString(b, value)
		}
	}
	return b
}
