package http2

// The dynamic table of HPACK (RFC 7541 §2.3.2), of what the client has sent.

// tableSize is what SETTINGS_HEADER_TABLE_SIZE is, its default. A table that is larger would cost each connection as much.
const tableSize = 4096

// entryOverhead is what an entry counts for beyond its text (RFC 7541 §4.1).
const entryOverhead = 32

const maxEntries = tableSize / entryOverhead

// dynamicTable has the fields that were inserted last. Their text lies in one piece, in the order of their age: for each field the table
// has 32 bytes more than text, so that it is rarely moved to make room behind it.
type dynamicTable struct {
	entries [maxEntries]tableEntry // A ring.
	next    uint32                 // The next one to be filled, modulo maxEntries.
	count   uint32
	size    uint32 // Of all entries, as RFC 7541 §4.1 counts.
	most    uint32 // What size may be.
	end     uint32 // Of the text.
	text    [tableSize]byte
}

type tableEntry struct {
	off      uint16
	nameLen  uint16
	valueLen uint16
	kind     kind
	bad      bool
}

func (t *dynamicTable) reset() {
	t.next, t.count, t.size, t.end = 0, 0, 0, 0
	t.most = tableSize
}

// at makes f the entry that came so many before the latest one. It is valid until the next insert.
func (t *dynamicTable) at(age uint32, f *field) {
	e := &t.entries[(t.next-1-age)%maxEntries]
	text := t.text[e.off:][:e.nameLen+e.valueLen]
	f.name, f.value, f.kind, f.bad = text[:e.nameLen:e.nameLen], text[e.nameLen:], e.kind, e.bad
}

// insert adds a field, none of which lies in the table (RFC 7541 §4.4).
func (t *dynamicTable) insert(f *field) {
	length := uint32(len(f.name) + len(f.value))
	if length+entryOverhead > t.most {
		t.shrink(0)
		return
	}
	t.shrink(t.most - length - entryOverhead)
	if t.end+length > tableSize {
		t.closeUp()
	}
	t.entries[t.next%maxEntries] = tableEntry{uint16(t.end), uint16(len(f.name)), uint16(len(f.value)), f.kind, f.bad}
	t.end += uint32(copy(t.text[t.end:], f.name))
	t.end += uint32(copy(t.text[t.end:], f.value))
	t.next++
	t.count++
	t.size += length + entryOverhead
}

// limit takes a new bound for the size.
func (t *dynamicTable) limit(most uint32) {
	t.most = most
	t.shrink(most)
}

// shrink drops the oldest entries until the others have no more than size.
func (t *dynamicTable) shrink(size uint32) {
	for t.size > size {
		e := &t.entries[(t.next-t.count)%maxEntries]
		t.size -= uint32(e.nameLen) + uint32(e.valueLen) + entryOverhead
		t.count--
	}
}

// closeUp moves the text of the entries to the front.
func (t *dynamicTable) closeUp() {
	start := uint32(t.end)
	if t.count > 0 {
		start = uint32(t.entries[(t.next-t.count)%maxEntries].off)
	}
	copy(t.text[:], t.text[start:t.end])
	t.end -= start
	for i := range t.count {
		t.entries[(t.next-1-i)%maxEntries].off -= uint16(start)
	}
}
