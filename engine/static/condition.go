package static

import (
	"bytes"
	"time"

	"libforker/engine/grammar"
)

// Conditional requests (RFC 9110 §13).

// Verdict is what the conditions of a request come to.
type Verdict int

// The verdicts.
const (
	Send        Verdict = iota
	NotModified         // 304: the client has it.
	Failed              // 412: it is not what the client thinks.
)

// Judge finds out whether a representation is to be sent, in the order of RFC 9110 §13.2.2.
func (w *Wishes) Judge(r *Representation) Verdict {
	if w.some&(hasMatch|hasNoneMatch|hasModified|hasUnmodified) == 0 {
		return Send
	}
	switch {
	case w.some&hasMatch != 0:
		if !w.lists("if-match", r, true) {
			return Failed
		}
	case w.some&hasUnmodified != 0:
		if since, ok := parseTime(w.value("if-unmodified-since")); ok && r.modified.After(since) {
			return Failed
		}
	}
	switch {
	case w.some&hasNoneMatch != 0:
		if w.lists("if-none-match", r, false) {
			return NotModified
		}
	case w.some&hasModified != 0:
		if since, ok := parseTime(w.value("if-modified-since")); ok && !r.modified.After(since) {
			return NotModified
		}
	}
	return Send
}

// lists reports whether fields of a name list the entity tag of r, or "*".
func (w *Wishes) lists(name string, r *Representation, strongly bool) bool {
	for value := range w.values(name) {
		if string(value) == "*" {
			return true
		}
		for len(value) > 0 {
			tag, weak, rest, ok := cutTag(value)
			if !ok {
				break
			}
			if len(r.tag) > 0 && bytes.Equal(tag, r.tag) && !(strongly && (weak || r.weak)) {
				return true
			}
			value = rest
		}
	}
	return false
}

// cutTag takes the first entity tag from a list. Its opaque part is returned, without quotes.
func cutTag(list []byte) (tag []byte, weak bool, rest []byte, ok bool) {
	list = bytes.TrimLeft(list, " \t,")
	if bytes.HasPrefix(list, []byte("W/")) {
		list, weak = list[len("W/"):], true
	}
	if len(list) == 0 || list[0] != '"' {
		return nil, false, nil, false
	}
	end := bytes.IndexByte(list[1:], '"')
	if end < 0 {
		return nil, false, nil, false
	}
	return list[1 : 1+end], weak, list[1+end+1:], true
}

// rangeHolds reports whether the Range of a request counts, as its If-Range says: that is for when the client has the
// other parts of this very representation (RFC 9110 §13.1.5).
func (w *Wishes) rangeHolds(r *Representation) bool {
	if w.some&hasIfRange == 0 {
		return true
	}
	value := w.value("if-range")
	if tag, weak, _, ok := cutTag(value); ok {
		return !weak && !r.weak && len(r.tag) > 0 && bytes.Equal(tag, r.tag)
	}
	since, ok := parseTime(value)
	return ok && !r.recent && since.Equal(r.modified)
}

// parseTime reads a date in one of the three forms (RFC 9110 §5.6.7).
func parseTime(value []byte) (time.Time, bool) {
	const longest = len("Wednesday, 09-Nov-94 08:49:37 GMT")
	if len(value) == 0 || len(value) > longest || !grammar.AllInClass(value, grammar.Value) {
		return time.Time{}, false
	}
	for _, layout := range [...]string{timeFormat, "Monday, 02-Jan-06 15:04:05 GMT", time.ANSIC} {
		if t, err := time.Parse(layout, string(value)); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
