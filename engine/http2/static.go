package http2

// The static table of HPACK (RFC 7541 Appendix A).

// staticCount is how many entries the static table has; the dynamic table's follow.
const staticCount = 61

// staticText is the static table as it is printed.
var staticText = [staticCount][2]string{
	{":authority", ""},
	{":method", "GET"},
	{":method", "POST"},
	{":path", "/"},
	{":path", "/index.html"},
	{":scheme", "http"},
	{":scheme", "https"},
	{":status", "200"},
	{":status", "204"},
	{":status", "206"},
	{":status", "304"},
	{":status", "400"},
	{":status", "404"},
	{":status", "500"},
	{"accept-charset", ""},
	{"accept-encoding", "gzip, deflate"},
	{"accept-language", ""},
	{"accept-ranges", ""},
	{"accept", ""},
	{"access-control-allow-origin", ""},
	{"age", ""},
	{"allow", ""},
	{"authorization", ""},
	{"cache-control", ""},
	{"content-disposition", ""},
	{"content-encoding", ""},
	{"content-language", ""},
	{"content-length", ""},
	{"content-location", ""},
	{"content-range", ""},
	{"content-type", ""},
	{"cookie", ""},
	{"date", ""},
	{"etag", ""},
	{"expect", ""},
	{"expires", ""},
	{"from", ""},
	{"host", ""},
	{"if-match", ""},
	{"if-modified-since", ""},
	{"if-none-match", ""},
	{"if-range", ""},
	{"if-unmodified-since", ""},
	{"last-modified", ""},
	{"link", ""},
	{"location", ""},
	{"max-forwards", ""},
	{"proxy-authenticate", ""},
	{"proxy-authorization", ""},
	{"range", ""},
	{"referer", ""},
	{"refresh", ""},
	{"retry-after", ""},
	{"server", ""},
	{"set-cookie", ""},
	{"strict-transport-security", ""},
	{"transfer-encoding", ""},
	{"user-agent", ""},
	{"vary", ""},
	{"via", ""},
	{"www-authenticate", ""},
}

// staticTable is the static table as fields, from 1 on.
var staticTable = func() (t [staticCount + 1]field) {
	for i, text := range staticText {
		t[i+1] = field{name: []byte(text[0]), value: []byte(text[1]), kind: kindOf([]byte(text[0]))}
	}
	return t
}()

// longestStatic is the length of the longest name in the static table.
const longestStatic = len("access-control-allow-origin")

// staticNames has the first entry of each name, by the length of that.
var staticNames = func() (names [longestStatic + 1][]uint8) {
	for i, text := range staticText {
		if i == 0 || text[0] != staticText[i-1][0] {
			names[len(text[0])] = append(names[len(text[0])], uint8(i+1))
		}
	}
	return names
}()

// staticName returns the first entry of the static table with a name; 0: there is none.
func staticName(name []byte) uint8 {
	if len(name) <= longestStatic {
		for _, i := range staticNames[len(name)] {
			if string(staticTable[i].name) == string(name) {
				return i
			}
		}
	}
	return 0
}
