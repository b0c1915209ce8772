package static

import (
	"bytes"

	"libforker/engine/grammar"
	"libforker/engine/message"
)

// What the fields of a request say of the representation that it is for.

// Wishes are the fields of a request that count for a file, and the method.
type Wishes struct {
	IsGet bool // It is GET; else HEAD.

	head *message.Head
	text []byte
	some uint16 // Bits of the fields below that there are.

	quality [codings + 1]int // Of codings, in thousandths; unsaid.
}

// The fields, by bits of Wishes.some.
const (
	hasMatch = 1 << iota
	hasNoneMatch
	hasModified
	hasUnmodified
	hasRange
	hasIfRange
	hasRanges // More than one Range field, which cannot be.
)

var names = []struct {
	bit  uint16
	name string
}{
	{hasMatch, "if-match"},
	{hasNoneMatch, "if-none-match"},
	{hasModified, "if-modified-since"},
	{hasUnmodified, "if-unmodified-since"},
	{hasRange, "range"},
	{hasIfRange, "if-range"},
}

// unsaid is the quality of a coding that no field names.
const unsaid = -1

// Read reads the fields of a request. The result is valid for as long as they are.
func Read(head *message.Head, text []byte, isGet bool) (w Wishes) {
	w = Wishes{IsGet: isGet, head: head, text: text}
	for c := range w.quality {
		w.quality[c] = unsaid
	}
	for i := range head.Fields[:head.FieldCount] {
		field := &head.Fields[i]
		name := field.Name.In(text)
		switch name[0] | 0x20 {
		case 'a':
			if grammar.EqualFold(name, "accept-encoding") {
				w.readCodings(field.Value.In(text))
			}
		case 'i', 'r':
			w.note(name)
		}
	}
	return w
}

func (w *Wishes) note(name []byte) {
	for i := range names {
		if !grammar.EqualFold(name, names[i].name) {
			continue
		}
		if names[i].bit == hasRange && w.some&hasRange != 0 {
			w.some |= hasRanges
		}
		w.some |= names[i].bit
	}
}

// value returns that of the first field of a name, which is in small letters.
func (w *Wishes) value(name string) []byte {
	for value := range w.values(name) {
		return value
	}
	return nil
}

// values are those of all fields of a name.
func (w *Wishes) values(name string) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for i := range w.head.Fields[:w.head.FieldCount] {
			field := &w.head.Fields[i]
			if grammar.EqualFold(field.Name.In(w.text), name) && !yield(field.Value.In(w.text)) {
				return
			}
		}
	}
}

// readCodings reads an Accept-Encoding field (RFC 9110 §12.5.3). What is malformed in it is passed over.
func (w *Wishes) readCodings(value []byte) {
	rest := unsaid // Of those that are not named.
	for len(value) > 0 {
		var item []byte
		item, value, _ = bytes.Cut(value, []byte{','})
		name, parameters, _ := bytes.Cut(item, []byte{';'})
		name = bytes.Trim(name, " \t")
		quality := grammar.Quality(parameters)
		if quality < 0 {
			continue
		}
		switch {
		case string(name) == "*":
			rest = quality
		case grammar.EqualFold(name, "identity"):
			w.quality[Identity] = quality
		case grammar.EqualFold(name, "x-gzip"): // RFC 9110 §8.4.1.3
			w.quality[Gzip] = quality
		default:
			for c := range codings {
				if grammar.EqualFold(name, codingNames[c]) {
					w.quality[c] = quality
				}
			}
		}
	}
	for c := range w.quality {
		if w.quality[c] == unsaid {
			w.quality[c] = rest
		}
	}
}

// Choose returns the representation of a file that the client likes best. One that likes none gets the file as it is.
func (w *Wishes) Choose(f *File) *Representation {
	best, most := Identity, 0
	if f.varies() {
		for c := range codings {
			if f.compressed[c] != nil && w.quality[c] > most {
				best, most = c, w.quality[c]
			}
		}
	}
	if best != Identity && w.quality[Identity] > most {
		best = Identity
	}
	return f.Coded(best)
}

// WantsPage reports whether an Accept field names text/html: the client would show a page.
func (w *Wishes) WantsPage() bool {
	for value := range w.values("accept") {
		for len(value) > 0 {
			var item []byte
			item, value, _ = bytes.Cut(value, []byte{','})
			name, parameters, _ := bytes.Cut(item, []byte{';'})
			if grammar.EqualFold(bytes.Trim(name, " \t"), "text/html") && grammar.Quality(parameters) > 0 {
				return true
			}
		}
	}
	return false
}
