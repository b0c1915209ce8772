package static

import "bytes"

// Which names of files a client may ask for.

// wellKnown is the only segment with a dot in front that is served, and only as the first one (RFC 8615).
const wellKnown = ".well-known"

// IsServable reports whether a decoded path below the prefix of a mount, without a slash in front, may name a file: none
// that is hidden, or that a slash too many makes another path than the guards of routes see, or that is another path
// for browsers, which take "\" for a slash.
func IsServable(path []byte) bool {
	if bytes.IndexByte(path, '\\') >= 0 || bytes.IndexByte(path, 0) >= 0 {
		return false
	}
	for first := true; len(path) > 0; first = false {
		segment, rest, _ := bytes.Cut(path, []byte{'/'})
		if len(segment) == 0 || segment[0] == '.' && !(first && string(segment) == wellKnown) {
			return false
		}
		path = rest
	}
	return true
}

// EscapesSlash reports whether a path that is not decoded has an escaped slash in it.
func EscapesSlash(raw []byte) bool {
	for {
		at := bytes.IndexByte(raw, '%')
		if at < 0 || len(raw)-at < len("%2F") {
			return false
		}
		if raw[at+1] == '2' && raw[at+2]|0x20 == 'f' {
			return true
		}
		raw = raw[at+1:]
	}
}

// IsPage reports whether a path may be one of an application that lives in a single file: its last segment has no dot, as
// that of a file that is missing would have.
func IsPage(path []byte) bool {
	return bytes.IndexByte(path[bytes.LastIndexByte(path, '/')+1:], '.') < 0
}
