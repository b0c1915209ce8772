package gate

import (
	"bytes"
	"net/netip"
	"strconv"

	"libforker/engine/grammar"
	"libforker/engine/message"
	"libforker/slot"
)

// Where a request comes from, as proxies say.

// Form is which fields proxies say it in. The numbers are those of option forwarded.
type Form int

// The forms.
const (
	FormOff      Form = iota
	FormX             // X-Forwarded-For, -Proto and -Host.
	FormStandard      // Forwarded (RFC 7239).
)

// Origin is where a request comes from.
type Origin struct {
	Client  slot.Peer
	Secure  bool   // The client speaks TLS,
	Schemed bool   // as a proxy says.
	Host    []byte // As the client has asked for it; nil: no proxy has said. Lies in the head.
}

// hopsMost is how many proxies a request can have come by. What a list has to the left of so many is not looked at.
const hopsMost = 32

// Trust says whom to believe about that.
type Trust struct {
	Proxies Networks
	Form    Form
}

// Trace gives where a request comes from, which `from` has sent. Addresses count from the right, which is where the
// nearest proxy has put what it knows; the first one that is not trusted is the client's.
func (t *Trust) Trace(from slot.Peer, head *message.Head, text []byte) Origin {
	o := Origin{Client: from}
	if t.Form == FormOff || !t.Proxies.Has(from) {
		return o
	}
	if t.Form == FormStandard {
		t.traceStandard(&o, head, text)
	} else {
		t.traceX(&o, head, text)
	}
	return o
}

// list is the values of a list that stands in one field or more, from the right.
type list struct {
	values [hopsMost][]byte
	count  int
}

// add takes in what stands to the left of what there is.
func (t *list) add(value []byte) {
	if t.count < len(t.values) {
		t.values[t.count] = value
		t.count++
	}
}

// at gives value number hop from the right; where there are not so many, the leftmost one: a proxy that overwrites
// instead of appending leaves one for all.
func (t *list) at(hop int) []byte {
	if t.count == 0 {
		return nil
	}
	return t.values[min(hop, t.count-1)]
}

// collect gives the list of the fields with a name, which is in small letters.
func collect(name string, head *message.Head, text []byte) (t list) {
	for i := int(head.FieldCount) - 1; i >= 0; i-- {
		field := &head.Fields[i]
		if !grammar.EqualFold(field.Name.In(text), name) {
			continue
		}
		for rest := field.Value.In(text); ; {
			comma := bytes.LastIndexByte(rest, ',')
			t.add(bytes.Trim(rest[comma+1:], " \t"))
			if comma < 0 {
				break
			}
			rest = rest[:comma]
		}
	}
	return t
}

// traceX reads X-Forwarded-For, -Proto and -Host.
func (t *Trust) traceX(o *Origin, head *message.Head, text []byte) {
	addresses := collect("x-forwarded-for", head, text)
	hop := t.walk(o, &addresses)
	protos, hosts := collect("x-forwarded-proto", head, text), collect("x-forwarded-host", head, text)
	o.setScheme(protos.at(hop))
	o.setHost(hosts.at(hop))
}

// walk goes from the nearest proxy to the client, and returns which value of a list is about it.
func (t *Trust) walk(o *Origin, addresses *list) (hop int) {
	for i := range addresses.count {
		address, port, ok := parseNode(addresses.values[i])
		if !ok {
			return hop // As "unknown" is: who has said it is the last one that is known.
		}
		o.Client, hop = PeerOf(address, port), i
		if !t.Proxies.Has(o.Client) {
			break
		}
	}
	return hop
}

// parseNode reads an address, perhaps with a port behind it: then one of IPv6 stands in brackets.
func parseNode(text []byte) (address netip.Addr, port uint16, ok bool) {
	host, number := text, []byte(nil)
	switch colon := bytes.IndexByte(text, ':'); {
	case len(text) > 0 && text[0] == '[':
		end := bytes.IndexByte(text, ']')
		if end < 0 || end+1 < len(text) && text[end+1] != ':' {
			return address, 0, false
		}
		host = text[1:end]
		if end+1 < len(text) {
			number = text[end+2:]
		}
	case colon >= 0 && colon == bytes.LastIndexByte(text, ':'):
		host, number = text[:colon], text[colon+1:]
	}
	if address, ok = parse4(host); !ok {
		var err error
		if address, err = netip.ParseAddr(string(host)); err != nil || address.Zone() != "" {
			return netip.Addr{}, 0, false
		}
	}
	if len(number) > 0 {
		if n, err := strconv.ParseUint(string(number), 10, 16); err == nil {
			port = uint16(n)
		}
	}
	return address, port, true
}

// parse4 reads an address of IPv4, which netip could not without an allocation.
func parse4(text []byte) (address netip.Addr, ok bool) {
	var four [4]byte
	for i := range four {
		digits, number := 0, 0
		for ; digits < len(text) && digits < 3 && grammar.IsDigit(text[digits]); digits++ {
			number = number*10 + int(text[digits]-'0')
		}
		if digits == 0 || number > 255 || digits > 1 && text[0] == '0' {
			return address, false
		}
		four[i], text = byte(number), text[digits:]
		if i < 3 {
			if len(text) == 0 || text[0] != '.' {
				return address, false
			}
			text = text[1:]
		}
	}
	return netip.AddrFrom4(four), len(text) == 0
}

func (o *Origin) setScheme(scheme []byte) {
	switch {
	case grammar.EqualFold(scheme, "https"):
		o.Secure, o.Schemed = true, true
	case grammar.EqualFold(scheme, "http"):
		o.Secure, o.Schemed = false, true
	}
}

func (o *Origin) setHost(host []byte) {
	if grammar.ValidHost(host) {
		o.Host = host
	}
}

// node is an element of Forwarded: what one proxy says.
type node struct{ address, proto, host []byte }

// traceStandard reads Forwarded, from the right: whatever the client has sent stands to the left of what trusted proxies say, and
// cannot spoil that. An element that is malformed says nothing, and ends what is known.
func (t *Trust) traceStandard(o *Origin, head *message.Head, text []byte) {
	hops := 0
	for i := int(head.FieldCount) - 1; i >= 0; i-- {
		field := &head.Fields[i]
		if !grammar.EqualFold(field.Name.In(text), "forwarded") {
			continue
		}
		for value := field.Value.In(text); len(value) > 0; hops++ {
			start := lastElement(value)
			if hops == hopsMost || !t.traceNode(o, value[start:]) {
				return
			}
			value = value[:max(start-1, 0)]
		}
	}
}

// traceNode takes in what one proxy says. false: whom it names is not trusted, or unknown.
func (t *Trust) traceNode(o *Origin, element []byte) (goOn bool) {
	n, rest, ok := cutNode(element)
	if !ok || len(rest) > 0 {
		return false
	}
	address, port, ok := parseNode(n.address)
	if !ok {
		return false
	}
	o.Client = PeerOf(address, port)
	o.setScheme(n.proto)
	o.setHost(n.host)
	return t.Proxies.Has(o.Client)
}

// lastElement returns where the last element of a list begins: behind a comma that stands in no quoted string.
func lastElement(list []byte) int {
	quoted := false
	for i := len(list) - 1; i >= 0; i-- {
		switch {
		case list[i] == '"':
			quoted = !quoted
		case list[i] == ',' && !quoted:
			return i + 1
		}
	}
	return 0
}

// cutNode reads one element (RFC 7239 §4): pairs that are separated by semicolons, up to a comma or the end.
func cutNode(text []byte) (n node, rest []byte, ok bool) {
	for rest = text; ; {
		rest = bytes.TrimLeft(rest, " \t")
		size := grammar.Prefix(rest, grammar.Token)
		name := rest[:size]
		if size == 0 || size == len(rest) || rest[size] != '=' {
			return n, nil, false
		}
		var value []byte
		if value, rest, ok = cutValue(rest[size+1:]); !ok {
			return n, nil, false
		}
		switch {
		case grammar.EqualFold(name, "for"):
			n.address = value
		case grammar.EqualFold(name, "proto"):
			n.proto = value
		case grammar.EqualFold(name, "host"):
			n.host = value
		}
		rest = bytes.TrimLeft(rest, " \t")
		switch {
		case len(rest) == 0:
			return n, nil, true
		case rest[0] == ',':
			return n, rest[1:], true
		case rest[0] != ';':
			return n, nil, false
		}
		rest = rest[1:]
	}
}

// cutValue reads a token, or a quoted string without escapes: no address, scheme or host needs one.
func cutValue(text []byte) (value, rest []byte, ok bool) {
	if len(text) > 0 && text[0] == '"' {
		end := bytes.IndexByte(text[1:], '"')
		if end < 0 || bytes.IndexByte(text[1:1+end], '\\') >= 0 {
			return nil, nil, false
		}
		return text[1 : 1+end], text[end+2:], true
	}
	size := grammar.Prefix(text, grammar.Token)
	return text[:size], text[size:], size > 0
}
