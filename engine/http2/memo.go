package http2

import "libforker/engine/message"

// What is kept of heads that were read and of fields that were written, because the same ones come again and again: on a connection, and
// on those of clients that are alike.

const (
	memos       = 8 // How many are kept; each has one place where it can be.
	memoSection = 64
	memoText    = 512
)

// headMemo is what ReadHead has made of a section. That depends on the section's bytes and on the table alone, so that it is right for any
// connection whose table is the same; and because it has changed nothing there, the same bytes mean the same next time.
type headMemo struct {
	version uint64 // Of the table, see decoder.
	section [memoSection]byte
	size    int
	ends    bool // There is no body.
	known   bool // What follows is set: the section has come for a second time.
	urgency uint8
	head    message.Head
	text    [memoText]byte
	len     int
}

// headOf returns where the head of a section is kept, if it is: it may be another's. nil: a section of that size is not kept.
func (sh *Shared) headOf(section []byte, version uint64) *headMemo {
	if len(section) > memoSection {
		return nil
	}
	place := uint32(version)
	for _, b := range section {
		place = place*31 + uint32(b)
	}
	return &sh.heads[place%memos]
}

// is reports whether m is about this section.
func (m *headMemo) is(section []byte, version uint64, ends bool) bool {
	return m.version == version && m.ends == ends && string(m.section[:m.size]) == string(section)
}

// recall gives the head of the present section as it was read before. It returns how many bytes of block it has used; 0: it is not kept.
func (c *Conn) recall(m *headMemo, s *Stream, block []byte, h *message.Head) int {
	if m == nil || !m.known || m.len > len(block) || !m.is(c.section.fragment, c.decoder.version, s.received) {
		return 0
	}
	c.reading, c.section.fragment, c.section.gathered = nil, nil, nil
	m.head.CopyTo(h)
	s.left, s.urgency = h.ContentLength, m.urgency
	return copy(block, m.text[:m.len])
}

// keep keeps a head that was read without a refusal or a change of the table. The first time that is its section alone: most never come
// again.
func (m *headMemo) keep(section []byte, version uint64, s *Stream, text []byte, h *message.Head) {
	if !m.is(section, version, s.received) {
		m.version, m.size, m.ends, m.known = version, copy(m.section[:], section), s.received, false
		return
	}
	if len(text) <= memoText {
		h.CopyTo(&m.head)
		m.len, m.urgency, m.known = copy(m.text[:], text), s.urgency, true
	}
}

const (
	keptInserts = 64
	mostInsert  = 128 // Bytes of a field that is kept.
)

// insertMemo is a field that was inserted into a table, and to which version of that it has led.
type insertMemo struct {
	from, to uint64 // 0, 0: nothing.
	text     [mostInsert]byte
	nameLen  uint8
	len      uint8
}

// versionAfter returns the version of a table that f is inserted into. Tables to which the same is done have the same one, as far as that
// is kept.
func (sh *Shared) versionAfter(from uint64, f *field) uint64 {
	size := len(f.name) + len(f.value)
	if size > mostInsert {
		return sh.newVersion()
	}
	place := from*31 + uint64(len(f.name))*7 + uint64(len(f.value))
	if n := len(f.value); n > 0 {
		place = place*31 + uint64(f.value[n-1])
	}
	m := &sh.inserts[place%keptInserts]
	if m.to > 0 && m.from == from && string(m.text[:m.nameLen]) == string(f.name) && string(m.text[m.nameLen:m.len]) == string(f.value) {
		return m.to
	}
	m.from, m.to = from, sh.newVersion()
	m.nameLen, m.len = uint8(copy(m.text[:], f.name)), uint8(size)
	copy(m.text[len(f.name):], f.value)
	return m.to
}

// newVersion returns one that no table has had.
func (sh *Shared) newVersion() uint64 {
	sh.versions++
	return sh.versions
}

const (
	keptLines = 32
	mostLine  = 64 // Bytes of a line that is kept.
)

// lineMemo is a line of a response's fields, and what that is in HPACK: as the encoder uses no table, the same for all connections.
type lineMemo struct {
	line, coded         [mostLine]byte
	lineSize, codedSize uint8
}

// appendLine appends a line as appendLine does, or what is kept of that.
func (sh *Shared) appendLine(out, line []byte) []byte {
	if len(line) > mostLine {
		return appendLine(out, line)
	}
	m := &sh.lines[(uint(len(line))*7+uint(line[0])+uint(line[len(line)-3])*3)%keptLines]
	if string(m.line[:m.lineSize]) == string(line) {
		return append(out, m.coded[:m.codedSize]...)
	}
	start := len(out)
	out = appendLine(out, line)
	if coded := out[start:]; len(coded) <= mostLine {
		m.lineSize, m.codedSize = uint8(copy(m.line[:], line)), uint8(copy(m.coded[:], coded))
	}
	return out
}
