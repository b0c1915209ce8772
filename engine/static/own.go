package static

import (
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"libforker/engine/grammar"
)

// Files that are no directory's: the program has opened one, and responds with it.

// Own is such a file, and what the program says of it.
type Own struct {
	Fd       int
	Size     int64
	Inode    uint64
	Modified unix.Timespec
	Fields   []byte // Lines that the program has set: what they say goes before what the file does.
}

// Represent makes r the representation of the program's file, in the memory that r has. Its tag tells it from other files,
// among which the program may choose by what it likes, as the path of one of a directory does: so it is of this host.
func (r *Representation) Represent(o *Own, now time.Time) {
	room := appendTag(r.room[:0], o.Modified, o.Size)
	room = strconv.AppendUint(append(room, '-'), o.Inode, 16)
	*r = Representation{Fd: o.Fd, Size: o.Size, tag: room, modified: time.Unix(o.Modified.Sec, 0).UTC()}
	r.recent = isRecent(r.modified, now)
	r.weak = r.recent
	kept := len(room)
	room = r.appendKept(room, "", false)
	r.Kept = room[kept:]
	room = append(room, "Accept-Ranges: bytes\r\n"...)
	r.Full, r.More, r.room = room[kept:], room[kept:], room
	r.heed(o.Fields)
}

// Forget returns what is left of r when it is not needed any more: memory for another one.
func (r *Representation) Forget() Representation { return Representation{room: r.room} }

// heed takes what the program has said of the representation itself.
func (r *Representation) heed(fields []byte) {
	if line := grammar.Line(fields, "ETag"); line != nil {
		r.tag, r.weak, _, _ = cutTag(grammar.LineValue(line))
	}
	if line := grammar.Line(fields, "Last-Modified"); line != nil {
		if at, ok := parseTime(grammar.LineValue(line)); ok {
			r.modified = at
		}
	}
	if line := grammar.Line(fields, "Accept-Ranges"); line != nil {
		r.whole = !grammar.EqualFold(grammar.LineValue(line), "bytes")
	}
}
