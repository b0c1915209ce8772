package http2

import "libforker/engine/grammar"

// The decoder of HPACK (RFC 7541 §6).

// kind is what a field is to a request, known by its name. It is kept in the tables, so that a field which is indexed is judged once.
type kind uint8

const (
	kindNone kind = iota // No field, but a change of the table's size.
	kindOther
	kindHost
	kindCookie
	kindLength
	kindExpect
	kindTE
	kindPriority
	kindConnection // One that is about the connection: RFC 9113 §8.2.2 has none of those.
	kindBadName
	kindMethod // This and what follows are pseudo-fields.
	kindScheme
	kindPath
	kindAuthority
	kindPseudo // One that is not known, or not a request's.
)

// field is a field as it is read. Its text lies in the section, in a table or in the decoder's scratch.
type field struct {
	name  []byte
	value []byte
	kind  kind
	bad   bool // The value is none.
}

// kindOf judges a name.
func kindOf(name []byte) kind {
	switch string(name) {
	case ":method":
		return kindMethod
	case ":scheme":
		return kindScheme
	case ":path":
		return kindPath
	case ":authority":
		return kindAuthority
	case "host":
		return kindHost
	case "cookie":
		return kindCookie
	case "content-length":
		return kindLength
	case "expect":
		return kindExpect
	case "te":
		return kindTE
	case "priority":
		return kindPriority
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
		return kindConnection
	}
	switch {
	case len(name) > 0 && name[0] == ':':
		return kindPseudo
	case !isLowerToken(name):
		return kindBadName
	}
	return kindOther
}

func isLowerToken(name []byte) bool {
	for _, c := range name {
		if grammar.Class[c]&grammar.Token == 0 || c >= 'A' && c <= 'Z' {
			return false
		}
	}
	return len(name) > 0
}

// isValue reports whether v is a field value, without white space around it (RFC 9113 §8.2.1).
func isValue(v []byte) bool {
	if len(v) > 0 && (grammar.IsBlank(v[0]) || grammar.IsBlank(v[len(v)-1])) {
		return false
	}
	return grammar.ValidValue(v)
}

// decoder reads the field sections of one connection, in their order.
type decoder struct {
	table   *dynamicTable // nil: nothing was inserted yet.
	limit   uint32        // Of the table, while there is none.
	started bool          // The present section has had a field: the size of the table does not change any more.
	version uint64        // That of tables of the loop which had the same inserted, and of no others; 0: nothing was done to it.
	shared  *Shared
}

// next reads a field from the beginning of b, which is not empty; it is valid until the next one is read. n is how many bytes it took; 0:
// it does not decode.
func (d *decoder) next(b []byte) (f *field, n int) {
	switch c := b[0]; {
	case c&0x80 != 0: // §6.1
		d.started = true
		index, n := integer(b, 7)
		if f = d.lookUp(index); f == nil {
			return nil, 0
		}
		return f, n
	case c&0xc0 == 0x40: // §6.2.1
		d.started = true
		if f, n = d.literal(b, 6); n > 0 {
			d.insert(f)
		}
		return f, n
	case c&0xe0 == 0x20: // §6.3
		size, n := integer(b, 5)
		if d.started || size > tableSize {
			return nil, 0
		}
		d.resize(uint32(size))
		return &noField, n
	}
	d.started = true
	return d.literal(b, 4) // §6.2.2, §6.2.3
}

var noField field

// lookUp returns the field at an index (RFC 7541 §2.3.3); nil: there is none.
func (d *decoder) lookUp(index uint64) *field {
	switch {
	case index == 0:
		return nil
	case index <= staticCount:
		return &staticTable[index]
	case d.table == nil || index-staticCount > uint64(d.table.count):
		return nil
	}
	d.table.at(uint32(index)-staticCount-1, &d.shared.field)
	return &d.shared.field
}

// literal reads a field whose value stands there, and its name too unless that has an index.
func (d *decoder) literal(b []byte, prefix uint) (f *field, n int) {
	index, n := integer(b, prefix)
	if n == 0 {
		return nil, 0
	}
	f = &d.shared.field
	scratch := d.shared.scratch[:0]
	if index > 0 {
		named := d.lookUp(index)
		if named == nil {
			return nil, 0
		}
		f.name, f.kind = named.name, named.kind
		if index > staticCount { // An insert could move it.
			scratch = append(scratch, f.name...)
			f.name = scratch
		}
	} else {
		var taken int
		if f.name, scratch, taken = text(b[n:], scratch); taken == 0 {
			return nil, 0
		}
		f.kind = kindOf(f.name)
		n += taken
	}
	value, scratch, taken := text(b[n:], scratch)
	if taken == 0 {
		return nil, 0
	}
	d.shared.scratch = scratch
	f.value, f.bad = value, !isValue(value)
	return f, n + taken
}

// text reads a string (RFC 7541 §5.2), which is appended to scratch if it is Huffman-coded. n is how many bytes it took; 0: it is none.
func text(b, scratch []byte) (s, grown []byte, n int) {
	if len(b) == 0 {
		return nil, scratch, 0
	}
	length, n := integer(b, 7)
	if n == 0 || length > uint64(len(b)-n) {
		return nil, scratch, 0
	}
	s = b[n:][:length]
	n += int(length)
	if b[0]&0x80 == 0 {
		return s, scratch, n
	}
	start := len(scratch)
	grown, ok := appendDecoded(scratch, s)
	if !ok {
		return nil, scratch, 0
	}
	return grown[start:], grown, n
}

// integer reads a number that begins in the lower bits of b[0] (RFC 7541 §5.1). n is how many bytes it took; 0: it is incomplete, or has
// more than 9.
func integer(b []byte, prefix uint) (value uint64, n int) {
	mask := uint64(1)<<prefix - 1
	value = uint64(b[0]) & mask
	if value < mask {
		return value, 1
	}
	for shift := uint(0); shift < 63; shift += 7 {
		n++
		if n == len(b) {
			return 0, 0
		}
		value += uint64(b[n]&0x7f) << shift
		if b[n]&0x80 == 0 {
			return value, n + 1
		}
	}
	return 0, 0
}

func (d *decoder) insert(f *field) {
	d.version = d.shared.versionAfter(d.version, f)
	if d.table == nil {
		d.table = d.shared.newTable()
		d.table.limit(d.limit)
	}
	d.table.insert(f)
}

func (d *decoder) resize(size uint32) {
	d.version = d.shared.newVersion()
	d.limit = size
	if d.table != nil {
		d.table.limit(size)
	}
}
