package static

import (
	"bytes"
	"math"

	"libforker/engine/grammar"
)

// Parts of files (RFC 9110 §14).

// Range is a part of a representation.
type Range struct {
	Start, Len int64
}

// MostRanges is how many a request may ask for. More, and some that overlap, would make a short request a long answer: it is
// answered with the whole (RFC 9110 §14.2).
const MostRanges = 16

// Extent is what of a representation is to be sent.
type Extent int

// The extents.
const (
	Whole         Extent = iota // 200
	Parts                       // 206
	Unsatisfiable               // 416: there are no such bytes.
)

// Ranges returns what a request asks for of a representation, in `room` if that is Parts. A request that is not for parts, or
// that cannot be read, is for all of it.
func (w *Wishes) Ranges(r *Representation, room *[MostRanges]Range) (Extent, []Range) {
	if w.some&hasRange == 0 || w.some&hasRanges != 0 || !w.IsGet || r.whole || r.Size == 0 || !w.rangeHolds(r) {
		return Whole, nil
	}
	return parseRanges(w.value("range"), r.Size, room)
}

func parseRanges(value []byte, size int64, room *[MostRanges]Range) (Extent, []Range) {
	const unit = "bytes="
	if len(value) < len(unit) || !grammar.EqualFold(value[:len(unit)-1], unit[:len(unit)-1]) || value[len(unit)-1] != '=' {
		return Whole, nil
	}
	asked, count := 0, 0
	for value = value[len(unit):]; len(value) > 0; {
		var item []byte
		item, value, _ = bytes.Cut(value, []byte{','})
		if item = bytes.Trim(item, " \t"); len(item) == 0 {
			continue // RFC 9110 §5.6.1.2
		}
		part, ok := parseRange(item, size)
		if asked++; !ok || asked > MostRanges {
			return Whole, nil
		}
		if part.Len == 0 {
			continue
		}
		if overlaps(room[:count], part) {
			return Whole, nil
		}
		room[count] = part
		count++
	}
	switch {
	case asked == 0:
		return Whole, nil
	case count == 0:
		return Unsatisfiable, nil
	}
	return Parts, room[:count]
}

// parseRange reads one range. A Len of 0: there are no such bytes.
func parseRange(item []byte, size int64) (Range, bool) {
	first, last, found := bytes.Cut(item, []byte{'-'})
	if !found {
		return Range{}, false
	}
	if len(first) == 0 {
		n, ok := parseNumber(last)
		n = min(n, size)
		return Range{size - n, n}, ok
	}
	start, ok := parseNumber(first)
	if !ok {
		return Range{}, false
	}
	end := int64(math.MaxInt64)
	if len(last) > 0 {
		if end, ok = parseNumber(last); !ok || end < start {
			return Range{}, false
		}
	}
	if start >= size {
		return Range{}, true
	}
	return Range{start, min(end, size-1) - start + 1}, true
}

// parseNumber reads digits. What is beyond all files is as far as there are numbers.
func parseNumber(digits []byte) (int64, bool) {
	if len(digits) == 0 {
		return 0, false
	}
	var n int64
	for _, c := range digits {
		if !grammar.IsDigit(c) {
			return 0, false
		}
		if n > (math.MaxInt64-9)/10 {
			n = math.MaxInt64
			continue
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

func overlaps(others []Range, part Range) bool {
	for _, o := range others {
		if part.Start < o.Start+o.Len && o.Start < part.Start+part.Len {
			return true
		}
	}
	return false
}
