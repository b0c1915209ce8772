package http1

// Status lines, and which responses have content.

// reasons are the reason phrases of RFC 9110 §15 and of RFC 6585, 7725, 4918 and others in the IANA registry.
var reasons = map[int]string{
	100: "Continue", 101: "Switching Protocols", 102: "Processing", 103: "Early Hints",
	200: "OK", 201: "Created", 202: "Accepted", 203: "Non-Authoritative Information", 204: "No Content",
	205: "Reset Content", 206: "Partial Content", 207: "Multi-Status", 208: "Already Reported", 226: "IM Used",
	300: "Multiple Choices", 301: "Moved Permanently", 302: "Found", 303: "See Other", 304: "Not Modified",
	305: "Use Proxy", 307: "Temporary Redirect", 308: "Permanent Redirect",
	400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found",
	405: "Method Not Allowed", 406: "Not Acceptable", 407: "Proxy Authentication Required", 408: "Request Timeout",
	409: "Conflict", 410: "Gone", 411: "Length Required", 412: "Precondition Failed", 413: "Content Too Large",
	414: "URI Too Long", 415: "Unsupported Media Type", 416: "Range Not Satisfiable", 417: "Expectation Failed",
	418: "I'm a teapot", 421: "Misdirected Request", 422: "Unprocessable Content", 423: "Locked",
	424: "Failed Dependency", 425: "Too Early", 426: "Upgrade Required", 428: "Precondition Required",
	429: "Too Many Requests", 431: "Request Header Fields Too Large", 451: "Unavailable For Legal Reasons",
	500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
	504: "Gateway Timeout", 505: "HTTP Version Not Supported", 506: "Variant Also Negotiates",
	507: "Insufficient Storage", 508: "Loop Detected", 511: "Network Authentication Required",
}

const (
	statusLeast = 100
	statusMost  = 599
)

// statusLines holds "HTTP/1.1 200 OK\r\n" for each status; an unregistered one has an empty phrase (RFC 9112 §4).
var statusLines = func() (lines [statusMost + 1]string) {
	for status := statusLeast; status <= statusMost; status++ {
		number := string([]byte{'0' + byte(status/100), '0' + byte(status/10%10), '0' + byte(status%10)})
		lines[status] = "HTTP/1.1 " + number + " " + reasons[status] + "\r\n"
	}
	return lines
}()

// Reason returns the reason phrase of a status, which is empty for one that is not registered.
func Reason(status int) string { return reasons[status] }

// HasContent reports whether a response of this status can have content (RFC 9110 §6.4.1).
func HasContent(status int) bool { return status >= 200 && status != 204 && status != 304 }
