package http1

import (
	"bytes"

	"libforker/engine/grammar"
	"libforker/engine/message"
)

// Paths of targets: decoding, and "." and ".." segments.

// PathIsPlain reports whether DecodePath would give back what it got: raw starts with "/" and has no "%" and no "." or
// ".." segment.
func PathIsPlain(raw []byte) bool {
	if len(raw) == 0 || raw[0] != '/' || bytes.IndexByte(raw, '%') >= 0 {
		return false
	}
	for i := 0; ; i++ {
		dot := bytes.IndexByte(raw[i:], '.')
		if dot < 0 {
			return true
		}
		i += dot
		if raw[i-1] != '/' {
			continue
		}
		rest := raw[i+1:]
		if len(rest) > 0 && rest[0] == '.' {
			rest = rest[1:]
		}
		if len(rest) == 0 || rest[0] == '/' {
			return false
		}
	}
}

// DecodePath decodes the percent-escapes of a path once and then removes its "." and ".." segments (RFC 3986 §5.2.4),
// so that an escaped dot or slash has no way around that. The result starts with "/" and never leads above it; "//"
// stays. It is written over dst, which must not overlap raw, and nothing is allocated if the capacity is len(raw), or
// one more where raw does not start with "/".
func DecodePath(dst, raw []byte) ([]byte, *message.Refusal) {
	dst = append(dst[:0], '/')
	if len(raw) > 0 && raw[0] == '/' {
		raw = raw[1:]
	}
	segment := 1 // Where the segment that is being written starts: always behind a "/".
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c == '%' {
			if len(raw)-i < 3 || grammar.Class[raw[i+1]]&grammar.Class[raw[i+2]]&grammar.Hex == 0 {
				return nil, ErrEscape
			}
			if c = grammar.Unhex(raw[i+1])<<4 | grammar.Unhex(raw[i+2]); c == 0 {
				return nil, ErrPathNUL
			}
			i += 2
		}
		if c != '/' {
			dst = append(dst, c)
			continue
		}
		if end := removeDots(dst, segment); end < len(dst) {
			dst = dst[:end]
		} else {
			dst = append(dst, '/')
		}
		segment = len(dst)
	}
	return dst[:removeDots(dst, segment)], nil
}

// removeDots returns how much of path stays when its last segment, which starts at the given offset, is complete: all
// of it, or without "." and without ".." and the segment before that. In the latter cases the rest ends in "/".
func removeDots(path []byte, segment int) int {
	switch string(path[segment:]) {
	case ".":
		return segment
	case "..":
		return max(1, bytes.LastIndexByte(path[:segment-1], '/')+1)
	}
	return len(path)
}
