package static

import (
	"libforker/engine/coding"
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

	accept coding.Accept
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

// Read reads the fields of a request. The result is valid for as long as they are.
func Read(head *message.Head, text []byte, isGet bool) (w Wishes) {
	w = Wishes{IsGet: isGet, head: head, text: text, accept: coding.NewAccept()}
	for i := range head.Fields[:head.FieldCount] {
		field := &head.Fields[i]
		name := field.Name.In(text)
		switch name[0] | 0x20 {
		case 'a':
			if grammar.EqualFold(name, "accept-encoding") {
				w.accept.Add(field.Value.In(text))
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

// Choose returns the representation of a file that the client likes best. One that likes none gets the file as it is.
func (w *Wishes) Choose(f *File) *Representation {
	var room [coding.Count]coding.Coding
	there := room[:0]
	for c := range coding.Identity {
		if f.compressed[c] != nil {
			there = append(there, c)
		}
	}
	return f.Coded(w.accept.Best(there))
}

// WantsPage reports whether an Accept field names text/html: the client would show a page.
func (w *Wishes) WantsPage() bool {
	for value := range w.values("accept") {
		for len(value) > 0 {
			var name []byte
			var quality int
			name, quality, value = grammar.Weighted(value)
			if grammar.EqualFold(name, "text/html") && quality > 0 {
				return true
			}
		}
	}
	return false
}
