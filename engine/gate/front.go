package gate

import (
	"bytes"

	"libforker/engine/grammar"
)

// What is the same for all requests.

// Slash says what becomes of a path that no route has, where one has it with a slash at its end, or without. The numbers
// are those of option slash.
type Slash int

// The policies.
const (
	SlashStrict Slash = iota // 404.
	SlashAdd                 // A redirect to the one with it.
	SlashRemove              // A redirect to the one without.
)

// WWW says which of two hosts is the right one. The numbers are those of option www.
type WWW int

// The policies.
const (
	HostAsIs WWW = iota
	HostWithWWW
	HostWithoutWWW
)

// Front is what is done with every request, before it is known which route it is for.
type Front struct {
	Trust    Trust
	IDs      *IDs   // nil: requests have none.
	Override bool   // POST can mean another method.
	Plans    bool   // Routes have plans, or Slash is not SlashStrict.
	Users    bool   // Some plan has Auth.
	Decodes  bool   // Some plan has Decompress.
	Origins  bool   // Some plan has CORS or Sites.
	Rates    *Rates // nil: no plan has a Rate.
	Slash    Slash
	WWW      WWW
	Rewrites []Rewrite
}

const www = "www."

// Moves reports whether a host is not the right one. Only names are: neither addresses nor "localhost", which has no
// other.
func Moves(policy WWW, host []byte) bool {
	name, _ := cutPort(host)
	has := len(name) > len(www) && grammar.EqualFold(name[:len(www)], www)
	return has == (policy == HostWithoutWWW) && isName(name)
}

// AppendMoved appends the right host for one that is not, with its port.
func AppendMoved(b []byte, policy WWW, host []byte) []byte {
	if policy == HostWithWWW {
		return append(append(b, www...), host...)
	}
	return append(b, host[len(www):]...)
}

func cutPort(host []byte) (name, port []byte) {
	if colon := bytes.IndexByte(host, ':'); colon >= 0 {
		return host[:colon], host[colon:]
	}
	return host, nil
}

// isName reports whether a host is a name with a dot in it, of letters, digits and hyphens, whose last part is no number.
func isName(name []byte) bool {
	const longest = 253 - len(www)
	dot := bytes.LastIndexByte(name, '.')
	if dot < 1 || dot == len(name)-1 || len(name) > longest || grammar.IsDigit(name[dot+1]) {
		return false
	}
	for _, c := range name {
		if c != '-' && c != '.' && !grammar.IsDigit(c) && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}
