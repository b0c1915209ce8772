package static

import (
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"libforker/engine/coding"
	"libforker/engine/poller"
)

// Files, as they are sent.

// extensions are what names of files have that are compressed, by coding.
var extensions = [coding.Count]string{".br", ".zst", ".gz"}

// KeptMost is up to which size the bytes of a file are kept in memory.
const KeptMost = 16 << 10

// Representation is a file that is open, or what was in it. Not changed once it is made.
type Representation struct {
	Fd   int    // -1: Data is all that is in it.
	Data []byte // Of a file of up to KeptMost bytes.
	Size int64
	Type string // A line: that of Content-Type.
	More []byte // Lines: what else a response that has content says of it.
	Full []byte // Type and More.
	Kept []byte // Lines: what a response says that has none, since the client has it (RFC 9110 §15.4.5).

	tag      []byte    // The opaque part of its entity tag, without quotes; empty: it has none.
	weak     bool      // That is a weak one.
	recent   bool      // It may still be changed in the second that it says.
	whole    bool      // There are no parts of it.
	modified time.Time // To the second.
	identity identity
	room     []byte // What Represent has put tag and lines into.
}

// identity tells whether a file is the one that was opened before, and as it was then.
type identity struct {
	dev, ino           uint64
	size               int64
	modified, replaced unix.Timespec
}

// File is what a name stands for: its bytes, and the same in files that are compressed. The loop's.
type File struct {
	Representation
	compressed [coding.Count]*Representation
	refs       int
}

// Coded returns the representation in a coding; nil: there is none.
func (f *File) Coded(c coding.Coding) *Representation {
	if c == coding.Identity {
		return &f.Representation
	}
	return f.compressed[c]
}

// varies reports whether there is more than one representation.
func (f *File) varies() bool { return f.compressed != [coding.Count]*Representation{} }

// Hold keeps the file open until Release.
func (f *File) Hold() { f.refs++ }

// Release gives it back, and closes it if nobody has it any more.
func (f *File) Release() {
	if f.refs--; f.refs <= 0 {
		f.close()
	}
}

func (f *File) close() {
	for c := range coding.Identity + 1 {
		if r := f.Coded(c); r != nil && r.Fd >= 0 {
			poller.Close(r.Fd)
			r.Fd = -1
		}
	}
}

// descriptors is how many it may have.
func (f *File) descriptors() (n int) {
	for c := range coding.Identity + 1 {
		if f.Coded(c) != nil {
			n++
		}
	}
	return n
}

// kept is how many bytes of memory it takes besides what any does.
func (f *File) kept() (bytes int) {
	for c := range coding.Identity + 1 {
		if r := f.Coded(c); r != nil {
			bytes += len(r.Data)
		}
	}
	return bytes
}

// isSame reports whether nothing has changed between two times that a name was loaded. Where it had been changed just before
// the first one, it may have been again in the same tick of the kernel's clock.
func (f *File) isSame(other *File) bool {
	for c := range coding.Identity + 1 {
		a, b := f.Coded(c), other.Coded(c)
		if (a == nil) != (b == nil) || a != nil && (a.identity != b.identity || a.recent) {
			return false
		}
	}
	return true
}

// timeFormat is that of dates in fields (RFC 9110 §5.6.7).
const timeFormat = "Mon, 02 Jan 2006 15:04:05 GMT"

// describe makes the lines of all representations.
func (m *Mount) describe(f *File, name string, now time.Time) {
	typ, control, varies := m.typeOf(name), m.cacheControl(name), f.varies()
	for c := range coding.Identity + 1 {
		r := f.Coded(c)
		if r == nil {
			continue
		}
		r.recent = isRecent(r.modified, now)
		r.weak = r.recent
		if !m.NoETag {
			r.tag = appendTag(nil, r.identity.modified, r.Size)
			if c != coding.Identity {
				r.tag = append(append(r.tag, '-'), c.String()...)
			}
		}
		r.Type = "Content-Type: " + typ + "\r\n"
		r.Kept = r.appendKept(nil, control, varies)
		r.More = append([]byte(nil), r.Kept...)
		if c != coding.Identity {
			r.More = append(r.More, "Content-Encoding: "+c.String()+"\r\n"...)
		}
		r.More = append(r.More, "Accept-Ranges: bytes\r\nX-Content-Type-Options: nosniff\r\n"...)
		r.Full = append([]byte(r.Type), r.More...)
	}
}

// isRecent reports whether a file was changed so shortly ago that it may be again at a time that is told as the same.
func isRecent(modified, now time.Time) bool { return now.Sub(modified) < 2*time.Second }

// appendTag writes when a file was changed, and its size. A time of whole seconds is that of a file that was copied: its tag
// is that of other servers.
func appendTag(b []byte, modified unix.Timespec, size int64) []byte {
	b = strconv.AppendInt(b, modified.Sec, 16)
	if modified.Nsec != 0 {
		b = strconv.AppendInt(append(b, '.'), modified.Nsec, 16)
	}
	return strconv.AppendInt(append(b, '-'), size, 16)
}

func (r *Representation) appendKept(b []byte, control string, varies bool) []byte {
	if len(r.tag) > 0 {
		b = append(b, "ETag: "...)
		if r.weak {
			b = append(b, "W/"...)
		}
		b = append(b, '"')
		b = append(append(b, r.tag...), "\"\r\n"...)
	}
	b = append(b, "Last-Modified: "...)
	b = append(r.modified.AppendFormat(b, timeFormat), "\r\n"...)
	if control != "" {
		b = append(append(append(b, "Cache-Control: "...), control...), "\r\n"...)
	}
	if varies {
		b = append(b, "Vary: Accept-Encoding\r\n"...)
	}
	return b
}
