package static

import "strings"

// Which media type a file has: that of its name's extension. What is in it is never looked at.

// unknown is the type of files that say nothing else: browsers save them.
const unknown = "application/octet-stream"

// known are the types by extension. Those of text are followed by a charset: see typeOf.
var known = map[string]string{
	"7z": "application/x-7z-compressed", "aac": "audio/aac", "apng": "image/apng", "atom": "application/atom+xml",
	"avi": "video/x-msvideo", "avif": "image/avif", "bin": unknown, "bmp": "image/bmp", "bz2": "application/x-bzip2",
	"c": "text/plain", "conf": "text/plain", "cpp": "text/plain", "css": "text/css", "csv": "text/csv",
	"deb": "application/vnd.debian.binary-package", "diff": "text/plain",
	"doc": "application/msword", "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	"eot": "application/vnd.ms-fontobject", "epub": "application/epub+zip", "flac": "audio/flac", "geojson": "application/geo+json",
	"gif": "image/gif", "go": "text/plain", "gz": "application/gzip", "h": "text/plain", "heic": "image/heic",
	"htm": "text/html", "html": "text/html", "ico": "image/x-icon", "ics": "text/calendar", "ini": "text/plain",
	"jar": "application/java-archive", "jpeg": "image/jpeg", "jpg": "image/jpeg", "js": "text/javascript",
	"json": "application/json", "jsonld": "application/ld+json", "jxl": "image/jxl", "log": "text/plain", "m3u8": "application/vnd.apple.mpegurl",
	"m4a": "audio/mp4", "m4v": "video/mp4", "map": "application/json", "md": "text/markdown", "mid": "audio/midi",
	"mjs": "text/javascript", "mkv": "video/matroska", "mov": "video/quicktime", "mp3": "audio/mpeg", "mp4": "video/mp4",
	"mpd": "application/dash+xml", "mpeg": "video/mpeg", "mpg": "video/mpeg", "odp": "application/vnd.oasis.opendocument.presentation",
	"ods": "application/vnd.oasis.opendocument.spreadsheet", "odt": "application/vnd.oasis.opendocument.text", "oga": "audio/ogg",
	"ogg": "audio/ogg", "ogv": "video/ogg", "opus": "audio/ogg", "otf": "font/otf", "patch": "text/plain", "pdf": "application/pdf",
	"png": "image/png", "ppt": "application/vnd.ms-powerpoint",
	"pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation", "ps": "application/postscript",
	"py": "text/plain", "rss": "application/rss+xml", "rtf": "application/rtf", "sh": "text/plain", "svg": "image/svg+xml",
	"tar": "application/x-tar", "tgz": "application/gzip", "tif": "image/tiff", "tiff": "image/tiff", "toml": "application/toml",
	"ts": "video/mp2t", "tsv": "text/tab-separated-values", "ttf": "font/ttf", "txt": "text/plain", "vtt": "text/vtt",
	"wasm": "application/wasm", "wav": "audio/wav", "weba": "audio/webm", "webm": "video/webm", "webmanifest": "application/manifest+json",
	"webp": "image/webp", "woff": "font/woff", "woff2": "font/woff2", "xhtml": "application/xhtml+xml", "xls": "application/vnd.ms-excel",
	"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xml": "application/xml",
	"xz": "application/x-xz", "yaml": "application/yaml", "yml": "application/yaml", "zip": "application/zip", "zst": "application/zstd",
}

// parseTypes reads pairs as C has checked them (setup/statictext.c).
func parseTypes(text string) map[string]string {
	types := map[string]string{}
	for item := range strings.SplitSeq(text, ",") {
		extension, typ, found := strings.Cut(item, "=")
		if found {
			types[strings.ToLower(strings.Trim(extension, " "))] = strings.Trim(typ, " ")
		}
	}
	return types
}

// typeOf is the media type of the file of that name. Of text the charset is said, without which browsers take it for
// something else than UTF-8.
func (m *Mount) typeOf(name string) string {
	last := name[strings.LastIndexByte(name, '/')+1:]
	extension := strings.ToLower(last[strings.LastIndexByte(last, '.')+1:])
	if len(extension) == len(last) {
		extension = ""
	}
	typ, found := m.types[extension]
	if !found {
		typ, found = known[extension]
	}
	if !found {
		return unknown
	}
	if strings.HasPrefix(typ, "text/") && !strings.Contains(typ, ";") {
		return typ + "; charset=utf-8"
	}
	return typ
}
