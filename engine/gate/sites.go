package gate

import "bytes"

// Requests that another site has a browser send with the user's cookies: cross-site request forgery. Browsers say by
// Sec-Fetch-Site where a request comes from (https://www.w3.org/TR/fetch-metadata/), and older ones by Origin.

// Sites says from which sites requests are served that change something.
type Sites struct {
	Trusted origins // Besides the server's own.
	Tokens  bool    // One that does not say by Sec-Fetch-Site that it is the server's own has to show that by a token.
}

// Verdict is what of a site a request is.
type Verdict uint8

// The verdicts.
const (
	SiteIsOwn     Verdict = iota // Or trusted, or of no browser; or it changes nothing.
	SiteIsOther                  // It is not served.
	SiteIsUnknown                // It is served if it shows a token.
)

// Judge says what becomes of a request. One that tells nothing is not a browser's, which would, unless that is an old one, as
// where tokens are wanted.
func (s *Sites) Judge(method, site, origin, host []byte) Verdict {
	switch string(method) {
	case "GET", "HEAD", "OPTIONS":
		return SiteIsOwn
	}
	switch string(site) {
	case "same-origin", "none":
		return SiteIsOwn
	case "":
		if len(origin) == 0 || isOf(origin, host) {
			if s.Tokens {
				return SiteIsUnknown
			}
			return SiteIsOwn
		}
	}
	if s.Trusted.Has(origin) {
		return SiteIsOwn
	}
	return SiteIsOther
}

// isOf reports whether an origin has this host, and port.
func isOf(origin, host []byte) bool {
	_, name, found := bytes.Cut(origin, []byte("://"))
	return found && bytes.EqualFold(name, host)
}
