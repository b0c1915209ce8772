package static

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"libforker/engine/inventory"
	"libforker/engine/poller"
)

// Directories that are served, and what is said of all of their files.

// Options say how the files of a directory are served.
type Options struct {
	Index         string // The name of the file that stands for a directory; "": none does.
	Listing       bool   // A directory without one is listed.
	Fallback      string // What is served where there is no file, to who asks for a page; "": nothing.
	CacheControl  string // "*.js=public, max-age=600; *=no-cache".
	Types         string // "wasm=application/wasm, log=text/plain": before those that are known.
	NoETag        bool   // Files have no entity tag.
	Precompressed bool   // Files that are compressed already stand beside the others, with .br, .zst or .gz behind their names.
}

// Mount is a directory that is served.
type Mount struct {
	Options
	Params int // How many parameters stand before the path of a file in its route.

	directory string
	root      int  // An O_PATH descriptor.
	isRemote  bool // Opening a file asks another machine or process, whatever is in memory.
	rules     []rule
	types     map[string]string // By extension, in small letters.
	entries   map[string]*entry // Of the Cache.
}

// Open opens a directory.
func Open(directory string, options Options, params int) (*Mount, error) {
	fd, err := unix.Open(directory, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err == nil {
		fd, err = poller.Raise(fd, nil)
	}
	if err != nil {
		return nil, fmt.Errorf("directory %s: %w", directory, err)
	}
	m := &Mount{Options: options, Params: params, directory: directory, root: inventory.Add(fd), entries: map[string]*entry{}}
	m.rules = parseRules(options.CacheControl)
	m.types = parseTypes(options.Types)
	if fd, err = m.open(".", unix.O_PATH|unix.O_DIRECTORY, 0); err != nil {
		m.Close()
		return nil, fmt.Errorf("directory %s: openat2(2), which Linux has from 5.6 on: %w", directory, err)
	}
	poller.Close(fd)
	m.isRemote = isRemote(m.root)
	return m, nil
}

// isRemote reports whether a directory is on a file system that is not this kernel's.
func isRemote(fd int) bool {
	var stat unix.Statfs_t
	if unix.Fstatfs(fd, &stat) != nil {
		return false
	}
	switch uint32(stat.Type) {
	case unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.FUSE_SUPER_MAGIC,
		unix.V9FS_MAGIC, unix.CEPH_SUPER_MAGIC, unix.AFS_SUPER_MAGIC, unix.AFS_FS_MAGIC, unix.CODA_SUPER_MAGIC, unix.OCFS2_SUPER_MAGIC:
		return true
	}
	return false
}

// Close closes the directory. Nothing of it is loaded then.
func (m *Mount) Close() { poller.Close(m.root) }

// Directory is its path.
func (m *Mount) Directory() string { return m.directory }

// rule is the value of Cache-Control for files whose names match a pattern.
type rule struct {
	pattern, value string
}

// parseRules reads pairs as C has checked them (setup/statictext.c).
func parseRules(text string) (rules []rule) {
	for item := range strings.SplitSeq(text, ";") {
		pattern, value, found := strings.Cut(item, "=")
		if found {
			rules = append(rules, rule{strings.Trim(pattern, " "), strings.Trim(value, " ")})
		}
	}
	return rules
}

// cacheControl is the value for the file of that name; "": it has none. A pattern without a slash is for the last segment.
func (m *Mount) cacheControl(name string) string {
	last := name[strings.LastIndexByte(name, '/')+1:]
	for i := range m.rules {
		of := last
		if strings.IndexByte(m.rules[i].pattern, '/') >= 0 {
			of = name
		}
		if matches(m.rules[i].pattern, of) {
			return m.rules[i].value
		}
	}
	return ""
}

// matches reports whether text is what pattern says, in which "*" stands for anything, slashes too.
func matches(pattern, text string) bool {
	star, mark := -1, 0 // The latest star, and what it stood for last ends here.
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && pattern[p] == text[t]:
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
