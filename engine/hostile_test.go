package engine

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// hostile is the corpus of what attackers, broken clients and other protocols send. In `in`, "\n" stands for CR LF, "␊"
// for a bare LF, "␍" for a bare CR, and "Host:h" for a valid Host field. `want` has for each request that is served its
// method, path and length of body, for each other one the status, and then what becomes of the connection: "open" for
// more (also when a request is incomplete), or "closed".
var hostile = []struct{ name, in, want string }{
	// Two lengths. RFC 9112 §6.3: this may be a smuggled request, and the connection must be closed.
	{"CL.TE", "POST / HTTP/1.1\nHost:h\nContent-Length: 6\nTransfer-Encoding: chunked\n\n0\n\nG", "400, closed"},
	{"TE.CL", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\nContent-Length: 4\n\n5c\nGPOST / HTTP/1.1\n\n", "400, closed"},
	{"TE.0", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\nContent-Length: 0\n\n0\n\n", "400, closed"},
	{"CL.0", "POST / HTTP/1.1\nHost:h\nContent-Length: 0\n\nGET /a HTTP/1.1\nHost:h\n\n", "POST / 0, GET /a 0, open"},
	{"CL of GET", "GET / HTTP/1.1\nHost:h\nContent-Length: 30\n\nGET /a HTTP/1.1\nHost:h\n\n..", "GET / 30, open"},
	{"CL in the second field", "POST / HTTP/1.1\nHost:h\nX: y\nTransfer-Encoding: chunked\nZ: z\nContent-length: 3\n\n0\n\n", "400, closed"},

	// Obfuscated Transfer-Encoding.
	{"TE plain", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n5\nhello\n0\n\nGET /a HTTP/1.1\nHost:h\n\n", "POST / 5, GET /a 0, open"},
	{"TE in other case", "POST / HTTP/1.1\nHost:h\ntRANSFER-eNCODING: CHUNKED\n\n5\nhello\n0\n\n", "POST / 5, open"},
	{"TE behind a tab", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding:\tchunked\t \n\n5\nhello\n0\n\n", "POST / 5, open"},
	{"TE space before colon", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding : chunked\nContent-Length: 3\n\n0\n\n", "400, closed"},
	{"TE xchunked", "POST / HTTP/1.1\nHost:h\nContent-Length: 3\nTransfer-Encoding: xchunked\n\nabc", "400, closed"},
	{"TE xchunked alone", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: xchunked\n\n0\n\n", "400, closed"},
	{"TE twice", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\nTransfer-Encoding: x\n\n0\n\n", "400, closed"},
	{"TE twice the same", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\nTransfer-Encoding: chunked\n\n0\n\n", "400, closed"},
	{"TE identity", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: identity\n\nabc", "400, closed"},
	{"TE gzip, chunked", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: gzip, chunked\n\n0\n\n", "400, closed"},
	{"TE chunked, identity", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked, identity\n\n0\n\n", "400, closed"},
	{"TE chunked,", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked,\n\n0\n\n", "400, closed"},
	{"TE empty", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding:\n\n0\n\n", "400, closed"},
	{"TE with parameter", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked;q=1\n\n0\n\n", "400, closed"},
	{"TE quoted", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: \"chunked\"\n\n0\n\n", "400, closed"},
	{"TE behind a vertical tab", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: \x0bchunked\n\n0\n\n", "400, closed"},
	{"TE with NUL", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\x00\n\n0\n\n", "400, closed"},
	{"TE with NUL in the name", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding\x00: chunked\n\n0\n\n", "400, closed"},
	{"TE on a folded line", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding:\n chunked\n\n0\n\n", "400, closed"},
	{"TE as a folded line", "POST / HTTP/1.1\nHost:h\nX: y\n Transfer-Encoding: chunked\n\n0\n\n", "400, closed"},
	{"TE as first line, indented", "POST / HTTP/1.1\n Transfer-Encoding: chunked\nHost:h\n\n0\n\n", "400, closed"},
	{"TE behind a bare LF", "POST / HTTP/1.1\nHost:h\nX: y␊Transfer-Encoding: chunked\n\n0\n\n", "400, closed"},
	{"TE behind a bare CR", "POST / HTTP/1.1\nHost:h\nX: y␍Transfer-Encoding: chunked\n\n0\n\n", "400, closed"},
	{"TE behind CR CR LF", "POST / HTTP/1.1\nHost:h\nX: y␍\nTransfer-Encoding: chunked\n\n0\n\n", "400, closed"},
	{"TE with underscore", "POST / HTTP/1.1\nHost:h\nTransfer_Encoding: chunked\nContent-Length: 5\n\nhello", "POST / 5, open"},
	{"TE in HTTP/1.0", "POST / HTTP/1.0\nTransfer-Encoding: chunked\n\n0\n\n", "400, closed"},

	// Content-Length.
	{"CL twice", "POST / HTTP/1.1\nHost:h\nContent-Length: 5\nContent-Length: 6\n\nhello", "400, closed"},
	{"CL twice the same", "POST / HTTP/1.1\nHost:h\nContent-Length: 5\nContent-Length: 5\n\nhello", "400, closed"},
	{"CL list", "POST / HTTP/1.1\nHost:h\nContent-Length: 5, 5\n\nhello", "400, closed"},
	{"CL plus", "POST / HTTP/1.1\nHost:h\nContent-Length: +5\n\nhello", "400, closed"},
	{"CL minus", "POST / HTTP/1.1\nHost:h\nContent-Length: -5\n\nhello", "400, closed"},
	{"CL minus zero", "POST / HTTP/1.1\nHost:h\nContent-Length: -0\n\n", "400, closed"},
	{"CL hexadecimal", "POST / HTTP/1.1\nHost:h\nContent-Length: 0x5\n\nhello", "400, closed"},
	{"CL exponent", "POST / HTTP/1.1\nHost:h\nContent-Length: 5e0\n\nhello", "400, closed"},
	{"CL empty", "POST / HTTP/1.1\nHost:h\nContent-Length:\n\n", "400, closed"},
	{"CL with space inside", "POST / HTTP/1.1\nHost:h\nContent-Length: 0 5\n\nhello", "400, closed"},
	{"CL underscore", "POST / HTTP/1.1\nHost:h\nContent-Length: 1_0\n\n0123456789", "400, closed"},
	{"CL Arabic digit", "POST / HTTP/1.1\nHost:h\nContent-Length: \u0665\n\nhello", "400, closed"},
	{"CL beyond 64 bits", "POST / HTTP/1.1\nHost:h\nContent-Length: 18446744073709551621\n\nhello", "400, closed"},
	{"CL of 63 bits", "POST / HTTP/1.1\nHost:h\nContent-Length: 9223372036854775807\n\nhello", "413, closed"},
	{"CL over the limit", "POST / HTTP/1.1\nHost:h\nContent-Length: 1001\n\n", "413, closed"},
	{"CL with zeros", "POST / HTTP/1.1\nHost:h\nContent-Length: 0000000000000000000000000005\n\nhello", "POST / 5, open"},
	{"CL with blanks around", "POST / HTTP/1.1\nHost:h\nContent-Length: \t5 \t\n\nhello", "POST / 5, open"},
	{"CL with underscore", "POST / HTTP/1.1\nHost:h\nContent_Length: 5\n\nGET /a HTTP/1.1\nHost:h\n\n", "POST / 0, GET /a 0, open"},
	{"CL too small", "POST / HTTP/1.1\nHost:h\nContent-Length: 3\n\nabc\x00", "POST / 3, 400, closed"},
	{"CL too large", "POST / HTTP/1.1\nHost:h\nContent-Length: 9\n\nhello", "open"},

	// Chunks.
	{"chunk of zeros", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n0000000000000000000000\n\n", "POST / 0, open"},
	{"chunk extensions", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n1;a;b=c;d=\"e;\\\"\"\nx\n0;f\n\n", "POST / 1, open"},
	{"chunk bare ;", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n1;\nx\n0\n\n", "400, closed"},
	{"chunk space behind", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n1 \nx\n0\n\n", "400, closed"},
	{"chunk space behind an extension", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n1;a \nx\n0\n\n", "400, closed"},
	{"chunk space before ;", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n1 ;a\nx\n0\n\n", "POST / 1, open"},
	{"chunk spaces around ; and =", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n1\t; a = b ;c\nx\n0 ; d\n\n", "POST / 1, open"},
	{"chunk vertical tab before ;", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n1\x0b;a\nx\n0\n\n", "400, closed"},
	{"chunk extensions beyond all measure", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n" + strings.Repeat("1;"+strings.Repeat("a", 250)+"\nx\n", 200) + "0\n\n", "400, closed"},
	{"chunk space in front", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n 1\nx\n0\n\n", "400, closed"},
	{"chunk control in extension", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n1;a=\"\x01\"\nx\n0\n\n", "400, closed"},
	{"chunk LF in extension", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n2;a␊xx\n0\n\n", "400, closed"},
	{"chunk LF in quoted extension", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n2;a=\"␊\"\nxx\n0\n\n", "400, closed"},
	{"chunk CR in extension", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n2;a␍b\nxx\n0\n\n", "400, closed"},
	{"chunk long extension", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n1;" + strings.Repeat("a", 300) + "\nx\n0\n\n", "400, closed"},
	{"chunk bare LF", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n1␊x\n0\n\n", "400, closed"},
	{"chunk bare CR", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n1␍x\n0\n\n", "400, closed"},
	{"chunk data and bare LF", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n1\nx␊0\n\n", "400, closed"},
	{"chunk 0x", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n0x1\nx\n0\n\n", "400, closed"},
	{"chunk signed", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n+1\nx\n0\n\n", "400, closed"},
	{"chunk negative", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n-1\nx\n0\n\n", "400, closed"},
	{"chunk empty size", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n\nx\n0\n\n", "400, closed"},
	{"chunk of 17 digits", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n10000000000000001\nx\n0\n\n", "400, closed"},
	{"chunk of 60 bits", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\nfffffffffffffff\nx", "413, closed"},
	{"chunk too short", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n3\nxxxx\n0\n\n", "400, closed"},
	{"chunk too long", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n6\nxxxx\n0\n\n", "400, closed"},
	{"chunks without end", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n1\nx\n", "open"},
	{"chunks over the limit", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n" + strings.Repeat("a\n0123456789\n", 101), "413, closed"},
	{"trailer", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n0\nA: b\n\nGET /a HTTP/1.1\nHost:h\n\n", "POST / 0, GET /a 0, open"},
	{"trailer with lengths", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n0\nContent-Length: 24\n\nGET /a HTTP/1.1\nHost:h\n\n", "POST / 0, GET /a 0, open"},
	{"trailer as request", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n0\nGET /a HTTP/1.1\nHost:h\n\n", "400, closed"},
	{"trailer ends with LF", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n0\n␊GET /a HTTP/1.1\nHost:h\n\n", "400, closed"},
	{"trailer folded", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n0\nA: b\n c\n\n", "400, closed"},
	{"trailer without end", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n0\n" + strings.Repeat("A: b\n", 90), "open"},
	{"trailer of many fields", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n0\n" + strings.Repeat("A: b\n", 101) + "\n", "431, closed"},
	{"trailer too large", "POST / HTTP/1.1\nHost:h\nTransfer-Encoding: chunked\n\n0\nA: " + strings.Repeat("b", 8192), "431, closed"},

	// Request lines.
	{"one empty line", "\nGET / HTTP/1.1\nHost:h\n\n\nGET /a HTTP/1.1\nHost:h\n\n", "GET / 0, GET /a 0, open"},
	{"two empty lines", "\n\nGET / HTTP/1.1\nHost:h\n\n", "400, closed"},
	{"bare LF before", "␊GET / HTTP/1.1\nHost:h\n\n", "400, closed"},
	{"bare LF behind", "GET / HTTP/1.1␊Host:h\n\n", "400, closed"},
	{"bare LFs only", "GET / HTTP/1.1␊Host: h␊␊", "400, closed"},
	{"bare LF ends the head", "GET / HTTP/1.1\nHost:h\n␊", "400, closed"},
	{"HTTP/0.9", "GET /\n", "400, closed"},
	{"HTTP/1.10", "GET / HTTP/1.10\nHost:h\n\n", "400, closed"},
	{"HTTP/1.2", "GET / HTTP/1.2\nHost:h\n\n", "GET / 0, open"},
	{"HTTP/2.0", "GET / HTTP/2.0\nHost:h\n\n", "505, closed"},
	{"HTTP/3.0", "GET / HTTP/3.0\nHost:h\n\n", "505, closed"},
	{"http/1.1", "GET / http/1.1\nHost:h\n\n", "400, closed"},
	{"space behind the version", "GET / HTTP/1.1 \nHost:h\n\n", "400, closed"},
	{"two spaces", "GET  / HTTP/1.1\nHost:h\n\n", "400, closed"},
	{"tab for a space", "GET\t/ HTTP/1.1\nHost:h\n\n", "400, closed"},
	{"vertical tab for a space", "GET /\x0bHTTP/1.1\nHost:h\n\n", "400, closed"},
	{"space in front", " GET / HTTP/1.1\nHost:h\n\n", "400, closed"},
	{"space in the target", "GET /a b HTTP/1.1\nHost:h\n\n", "400, closed"},
	{"line break in the target", "GET /a\nX: y HTTP/1.1\nHost:h\n\n", "400, closed"},
	{"method of other case", "gEt / HTTP/1.1\nHost:h\n\n", "gEt / 0, open"},
	{"method of 24 characters", "ABCDEFGHIJKLMNOPQRSTUVWX / HTTP/1.1\nHost:h\n\n", "ABCDEFGHIJKLMNOPQRSTUVWX / 0, open"},
	{"method of 25 characters", "ABCDEFGHIJKLMNOPQRSTUVWXY / HTTP/1.1\nHost:h\n\n", "501, closed"},
	{"method with a slash", "GE/T / HTTP/1.1\nHost:h\n\n", "400, closed"},
	{"CONNECT", "CONNECT h:443 HTTP/1.1\nHost:h\n\n\x16\x03\x01", "501, closed"},
	{"GET *", "GET * HTTP/1.1\nHost:h\n\n", "400, closed"},
	{"OPTIONS *", "OPTIONS * HTTP/1.1\nHost:h\n\n", "204, open"},
	{"target without a slash", "GET a HTTP/1.1\nHost:h\n\n", "400, closed"},
	{"target as an authority", "GET h:80 HTTP/1.1\nHost:h\n\n", "400, closed"},
	{"absolute target", "GET http://x/a HTTP/1.1\nHost:h\n\n", "GET /a 0, open"},
	{"absolute target without a path", "GET http://x HTTP/1.1\nHost:h\n\n", "GET / 0, open"},
	{"absolute target without a path, with a query", "GET http://x?/a HTTP/1.1\nHost:h\n\n", "GET / 0, open"},
	{"absolute target of another scheme", "GET file:///etc/passwd HTTP/1.1\nHost:h\n\n", "400, closed"},
	{"absolute target with user", "GET http://user@x/ HTTP/1.1\nHost:h\n\n", "400, closed"},
	{"absolute target without a host", "GET http:///a HTTP/1.1\nHost:h\n\n", "400, closed"},
	{"fragment", "GET /a#b HTTP/1.1\nHost:h\n\n", "400, closed"},
	{"UTF-8 in the target", "GET /\u00e4 HTTP/1.1\nHost:h\n\n", "400, closed"},
	{"NUL in the target", "GET /a\x00 HTTP/1.1\nHost:h\n\n", "400, closed"},
	{"DEL in the target", "GET /a\x7f HTTP/1.1\nHost:h\n\n", "400, closed"},

	// Paths that try to get out.
	{"path ..", "GET /../../a HTTP/1.1\nHost:h\n\n", "GET /a 0, open"},
	{"path %2e%2e", "GET /x/%2e%2e/%2E./a HTTP/1.1\nHost:h\n\n", "GET /a 0, open"},
	{"path %2f..%2f", "GET /x%2f..%2f..%2fa HTTP/1.1\nHost:h\n\n", "GET /a 0, open"},
	{"path encoded twice", "GET /%252e%252e/a HTTP/1.1\nHost:h\n\n", "404, open"},
	{"path overlong UTF-8", "GET /%c0%ae%c0%ae/a HTTP/1.1\nHost:h\n\n", "404, open"},
	{"path overlong slash", "GET /x%c0%af..%c0%afa HTTP/1.1\nHost:h\n\n", "404, open"},
	{"path backslashes", "GET /x\\..\\a HTTP/1.1\nHost:h\n\n", "404, open"},
	{"path encoded backslashes", "GET /..%5c..%5ca HTTP/1.1\nHost:h\n\n", "404, open"},
	{"path ..;", "GET /x/..;/a HTTP/1.1\nHost:h\n\n", "404, open"},
	{"path //", "GET //a HTTP/1.1\nHost:h\n\n", "404, open"},
	{"path //..", "GET //..//a HTTP/1.1\nHost:h\n\n", "404, open"},
	{"path %00", "GET /a%00.html HTTP/1.1\nHost:h\n\n", "400, closed"},
	{"path %", "GET /a% HTTP/1.1\nHost:h\n\n", "400, closed"},
	{"path %u", "GET /%u002e%u002e/a HTTP/1.1\nHost:h\n\n", "400, closed"},
	{"path with line break", "GET /%0d%0aSet-Cookie:a=b HTTP/1.1\nHost:h\n\n", "404, open"},

	// Hosts.
	{"no Host", "GET / HTTP/1.1\n\n", "400, closed"},
	{"no Host in HTTP/1.0", "GET / HTTP/1.0\n\n", "GET / 0, closed"},
	{"Host twice", "GET / HTTP/1.1\nHost:h\nHost:h\n\n", "400, closed"},
	{"Host twice in HTTP/1.0", "GET / HTTP/1.0\nHost:h\nHost: i\n\n", "400, closed"},
	{"Host empty", "GET / HTTP/1.1\nHost:\n\n", "400, closed"},
	{"Host list", "GET / HTTP/1.1\nHost: h, i\n\n", "400, closed"},
	{"Host with space", "GET / HTTP/1.1\nHost: h i\n\n", "400, closed"},
	{"Host with user", "GET / HTTP/1.1\nHost: user@h\n\n", "400, closed"},
	{"Host with path", "GET / HTTP/1.1\nHost: h/a\n\n", "400, closed"},
	{"Host with scheme", "GET / HTTP/1.1\nHost: http://h\n\n", "400, closed"},
	{"Host with port", "GET / HTTP/1.1\nHost: h:80\n\n", "GET / 0, open"},
	{"Host with large port", "GET / HTTP/1.1\nHost: h:65536\n\n", "400, closed"},
	{"Host with letters in port", "GET / HTTP/1.1\nHost: h:a\n\n", "400, closed"},
	{"Host IPv6", "GET / HTTP/1.1\nHost: [::1]:80\n\n", "GET / 0, open"},
	{"Host IPv6 without end", "GET / HTTP/1.1\nHost: [::1\n\n", "400, closed"},
	{"Host with quote", "GET / HTTP/1.1\nHost: h\"onload=x\n\n", "400, closed"},
	{"Host bad beside absolute target", "GET http://h/ HTTP/1.1\nHost: a b\n\n", "400, closed"},
	{"Host space before colon", "GET / HTTP/1.1\nHost : h\n\n", "400, closed"},

	// Field lines.
	{"field without a colon", "GET / HTTP/1.1\nHost:h\nabc\n\n", "400, closed"},
	{"field without a name", "GET / HTTP/1.1\nHost:h\n: b\n\n", "400, closed"},
	{"field with space in its name", "GET / HTTP/1.1\nHost:h\nA B: c\n\n", "400, closed"},
	{"field with bytes beyond ASCII in its name", "GET / HTTP/1.1\nHost:h\n\u00c4: b\n\n", "400, closed"},
	{"field with bytes beyond ASCII in its value", "GET / HTTP/1.1\nHost:h\nA: \u00c4\xff\n\n", "GET / 0, open"},
	{"field with a control in its value", "GET / HTTP/1.1\nHost:h\nA: \x1b[31m\n\n", "400, closed"},
	{"field folded", "GET / HTTP/1.1\nHost:h\nA: b\n\tc\n\n", "400, closed"},
	{"field folded onto nothing", "GET / HTTP/1.1\nHost:h\nA: b\n \n\n", "400, closed"},
	{"fields, 100", "GET / HTTP/1.1\nHost:h\n" + strings.Repeat("A: b\n", 99) + "\n", "GET / 0, open"},
	{"fields, 101", "GET / HTTP/1.1\nHost:h\n" + strings.Repeat("A: b\n", 100) + "\n", "431, closed"},
	{"Expect unknown", "POST / HTTP/1.1\nHost:h\nExpect: x\nContent-Length: 3\n\nabc", "417, closed"},
	{"Expect in HTTP/1.0", "POST / HTTP/1.0\nExpect: x\nContent-Length: 3\n\nabc", "POST / 3, closed"},
	{"Upgrade", "GET / HTTP/1.1\nHost:h\nConnection: Upgrade\nUpgrade: websocket\n\n", "GET / 0, open"},
	{"Upgrade to h2c", "GET / HTTP/1.1\nHost:h\nConnection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AA\n\n", "GET / 0, open"},

	// Too long.
	{"target of 8,000 bytes", "GET /" + strings.Repeat("a", 7999) + " HTTP/1.1\nHost:h\n\n", "404, open"},
	{"target of 8,193 bytes", "GET /" + strings.Repeat("a", 8192) + " HTTP/1.1\nHost:h\n\n", "414, closed"},
	{"target of 100,000 bytes", "GET /" + strings.Repeat("a", 99999) + " HTTP/1.1\nHost:h\n\n", "414, closed"},
	{"method without end", strings.Repeat("A", 9000), "501, closed"},
	{"method of 8,300 characters", strings.Repeat("A", 8300) + " / HTTP/1.1\nHost:h\n\n", "501, closed"},
	{"method of 25 characters and a long target", strings.Repeat("A", 25) + " /" + strings.Repeat("a", 9000), "501, closed"},
	{"method of 24 characters and a long target", strings.Repeat("A", 24) + " /" + strings.Repeat("a", 9000), "414, closed"},
	{"field without end", "GET / HTTP/1.1\nHost:h\nA: " + strings.Repeat("a", 17000), "431, closed"},
	{"head without end", "GET / HTTP/1.1\nHost:h\n" + strings.Repeat("A: "+strings.Repeat("a", 300)+"\n", 60), "431, closed"},

	// Cut off.
	{"nothing", "", "open"},
	{"empty line only", "\n", "open"},
	{"half a method", "GE", "open"},
	{"request line only", "GET / HTTP/1.1\n", "open"},
	{"head without its last line", "GET / HTTP/1.1\nHost:h\n", "open"},
	{"second request cut", "GET / HTTP/1.1\nHost:h\n\nGET /a HTTP/1.1\nHost:h\n", "GET / 0, open"},

	// Other protocols and noise.
	{"SSL 2 hello", "\x80\x2e\x01\x03\x01\x00\x15", "400, closed"},
	{"HTTP/2 preface", "PRI * HTTP/2.0\n\nSM\n\n\x00\x00\x12\x04", "505, closed"},
	{"SSH", "SSH-2.0-OpenSSH_9.2\n", "400, closed"},
	{"SMTP", "EHLO localhost\n", "400, closed"},
	{"Redis", "*1\n$4\nPING\n", "400, closed"},
	{"PROXY 1", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\nGET / HTTP/1.1\nHost:h\n\n", "400, closed"},
	{"PROXY 2", "\n\n\x00\nQUIT␊\x21\x11\x00\x0c", "400, closed"},
	{"a response", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", "400, closed"},
	{"UTF-8 byte order mark", "\xef\xbb\xbfGET / HTTP/1.1\nHost:h\n\n", "400, closed"},
	{"UTF-16", "G\x00E\x00T\x00 \x00/\x00␍\x00␊\x00", "400, closed"},
	{"NUL bytes", strings.Repeat("\x00", 100), "400, closed"},
	{"0xff bytes", strings.Repeat("\xff", 100), "400, closed"},
	{"noise behind a request", "GET / HTTP/1.1\nHost:h\n\n\x16\x03\x01", "GET / 0, 400, closed"},
}

var onWire = strings.NewReplacer("Host:h\n", "Host: h\r\n", "\n", "\r\n", "␊", "\n", "␍", "\r")

func TestHostile_hasItsFate(t *testing.T) {
	s := start(t, packets, func(cfg *Config) { cfg.MaxBody = 1000 })
	tell := s.handlers["/tell"]
	for _, path := range []string{"/", "/a"} {
		s.handle(path, tell)
	}
	for _, row := range hostile {
		in := onWire.Replace(row.in)
		whole, bytes := s.dial(), s.dial()
		whole.sendPieces(in)
		bytes.sendBytes(in)
		for name, c := range map[string]*client{"whole": whole, "byte by byte": bytes} {
			if got := c.fate(strings.HasSuffix(row.want, "open")); got != row.want {
				t.Errorf("%s, %s: %s, want %s", row.name, name, got, row.want)
			}
			_ = c.Close()
		}
	}
}

// fate tells what the requests that were sent have come to, in the words of the table. A connection that is expected to
// be open is half-closed here, as it would not end by itself.
func (c *client) fate(open bool) string {
	c.t.Helper()
	if open {
		c.halfClose()
	}
	var all []string
	last := "open"
	for {
		res, err := http.ReadResponse(c.in, nil)
		if err != nil {
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				return err.Error()
			}
			return strings.Join(append(all, last), ", ")
		}
		body, err := io.ReadAll(res.Body)
		c.must(err)
		text := strconv.Itoa(res.StatusCode)
		if res.StatusCode == http.StatusOK {
			text = string(body)
		}
		all = append(all, text)
		if res.Close {
			last = "closed"
		}
	}
}
