package static

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"libforker/engine/poller"
)

// Pages that list what is in a directory.

// listedMost is how many names are listed; of more, some.
const listedMost = 10000

type listed struct {
	name     string
	isDir    bool
	size     int64 // -1: it is no file.
	modified time.Time
}

// List makes a page of what is in a directory, which has this path for the client. It waits for the disk.
func (m *Mount) List(name, path string) ([]byte, error) {
	if name = strings.TrimSuffix(name, "/"); name == "" {
		name = "."
	}
	fd, err := m.open(name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, meaningOf(err, true)
	}
	defer poller.Close(fd)
	names, more, err := readNames(fd)
	if err != nil {
		return nil, err
	}
	var all []listed
	for _, n := range names {
		if one, ok := look(fd, n); ok {
			all = append(all, one)
		}
	}
	slices.SortFunc(all, func(a, b listed) int {
		if a.isDir != b.isDir {
			if a.isDir {
				return -1
			}
			return 1
		}
		return strings.Compare(a.name, b.name)
	})
	return page(path, all, more), nil
}

// readNames reads the names that may be served; more: there are others.
func readNames(fd int) (names []string, more bool, err error) {
	var room [16 << 10]byte
	for {
		n, err := unix.ReadDirent(fd, room[:])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if n <= 0 || err != nil {
			return names, false, err
		}
		_, _, found := unix.ParseDirent(room[:n], -1, nil)
		for _, name := range found {
			if len(name) == 0 || name[0] == '.' || !IsServable([]byte(name)) {
				continue
			}
			if len(names) == listedMost {
				return names, true, nil
			}
			names = append(names, name)
		}
	}
}

// look finds out what a name is. A link is listed as such: what it leads to may not be served.
func look(fd int, name string) (listed, bool) {
	var stat unix.Stat_t
	for {
		err := unix.Fstatat(fd, name, &stat, unix.AT_SYMLINK_NOFOLLOW)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EINTR) {
			return listed{}, false
		}
	}
	one := listed{name: name, size: -1, modified: time.Unix(stat.Mtim.Sec, 0).UTC()}
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		one.size = stat.Size
	case unix.S_IFDIR:
		one.isDir = true
	case unix.S_IFLNK:
	default:
		return listed{}, false
	}
	return one, true
}

// inHTML writes what would be markup as text. Package html has all names of characters, which are 46 KB.
var inHTML = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;")

func page(path string, all []listed, more bool) []byte {
	title := inHTML.Replace(strings.ToValidUTF8(path, "\uFFFD"))
	var b strings.Builder
	b.WriteString("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" + title + "</title></head>\n<body><h1>" + title + "</h1>\n<table>\n")
	if path != "/" {
		b.WriteString("<tr><td><a href=\"../\">../</a></td></tr>\n")
	}
	for _, one := range all {
		name, size := one.name, ""
		if one.isDir {
			name += "/"
		} else if one.size >= 0 {
			size = strconv.FormatInt(one.size, 10)
		}
		text := inHTML.Replace(strings.ToValidUTF8(name, "\uFFFD"))
		// With "./" in front no name is a scheme.
		b.WriteString("<tr><td><a href=\"./" + escape(name) + "\">" + text + "</a></td><td align=\"right\">" + size + "</td><td>" +
			one.modified.Format("2006-01-02 15:04") + "</td></tr>\n")
	}
	b.WriteString("</table>\n")
	if more {
		b.WriteString("<p>There are more.</p>\n")
	}
	b.WriteString("</body></html>\n")
	return []byte(b.String())
}

// escape writes a name as a part of a path (RFC 3986 §3.3).
func escape(name string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._~/", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteString("%" + string(hex[c>>4]) + string(hex[c&15]))
		}
	}
	return b.String()
}
