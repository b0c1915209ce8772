package errorpage

import (
	"bytes"

	"libforker/engine/grammar"
)

// Which form a client would have, as its Accept fields say (RFC 9110 §12.5.1).

// Wishes is what the Accept fields of a request say of the forms. Its zero value is that of none.
type Wishes struct {
	of    [ByAccept]wish
	count int // Of the ranges that were read.
}

// wish is what was said of one form. The narrowest range counts, and of several the first.
type wish struct {
	quality int // In thousandths.
	width   width
	at      int // The range's place among all.
}

// width tells how much a range takes in.
type width uint8

const (
	nothing width = iota // It was not mentioned.
	everything
	oneType
	oneSubtype
)

// types are the media types that stand for a form: clients that speak JSON do not always know that of problems.
var types = [ByAccept][]string{
	Text:    {"text/plain"},
	HTML:    {"text/html"},
	Problem: {"application/problem+json", "application/json"},
}

// Add reads one field's value. What is malformed in it is passed over.
func (w *Wishes) Add(value []byte) {
	for len(value) > 0 {
		var name []byte
		var quality int
		name, quality, value = grammar.Weighted(value)
		if len(name) == 0 || quality < 0 {
			continue
		}
		w.count++
		for form := range w.of {
			w.of[form].hear(widthOf(name, types[form]), quality, w.count)
		}
	}
}

func (w *wish) hear(of width, quality, at int) {
	if of > w.width {
		*w = wish{quality, of, at}
	}
}

// widthOf finds how a range takes in one of these types; nothing: it does not.
func widthOf(name []byte, types []string) width {
	found := nothing
	for _, t := range types {
		slash := bytes.IndexByte([]byte(t), '/')
		switch {
		case grammar.EqualFold(name, t):
			return oneSubtype
		case len(name) == slash+2 && grammar.EqualFold(name[:slash], t[:slash]) && string(name[slash:]) == "/*":
			found = oneType
		case string(name) == "*/*":
			found = max(found, everything)
		}
	}
	return found
}

// Best returns the form that is liked best: of those with the same weight the one that is named more narrowly, then that
// which is named first, then text. A client that likes none gets text, which is better than nothing (RFC 9110 §12.5.1).
func (w *Wishes) Best() Form {
	best := Text
	for form := HTML; form < ByAccept; form++ {
		if w.of[form].isBefore(&w.of[best]) {
			best = form
		}
	}
	if w.of[best].quality == 0 {
		return Text
	}
	return best
}

func (w *wish) isBefore(other *wish) bool {
	if w.quality != other.quality {
		return w.quality > other.quality
	}
	if w.width != other.width {
		return w.width > other.width
	}
	return w.width == oneSubtype && w.at < other.at
}
