package gate

import "bytes"

// Requests that another site has a browser send with the user's cookies: cross-site request forgery. Browsers say by
// Sec-Fetch-Site where a request comes from (https://www.w3.org/TR/fetch-metadata/), and older ones by Origin.

// Sites says from which sites requests are served that change something.
type Sites struct {
	Trusted origins // Besides the server's own.
}

// Pass reports whether a request is served. One that tells nothing is not a browser's, which would.
func (s *Sites) Pass(method, site, origin, host []byte) bool {
	switch string(method) {
	case "GET", "HEAD", "OPTIONS":
		return true
	}
	switch string(site) {
	case "same-origin", "none":
		return true
	case "":
		if len(origin) == 0 || isOf(origin, host) {
			return true
		}
	}
	return s.Trusted.Has(origin)
}

// isOf reports whether an origin has this host, and port.
func isOf(origin, host []byte) bool {
	_, name, found := bytes.Cut(origin, []byte("://"))
	return found && bytes.EqualFold(name, host)
}
