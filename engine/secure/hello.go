package secure

import (
	"crypto/tls"
	"slices"

	"golang.org/x/crypto/cryptobyte"
)

// What a client's first message says about how long its handshake will take.

// The extensions of a ClientHello that are looked at (RFC 8446 §4.2), and its type (§4).
const (
	clientHello       = 1
	supportedGroups   = 10
	supportedVersions = 43
	keyShares         = 51
)

// curves are the groups that all versions of TLS have.
var curves = []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}

// offer is what a client can agree on a key by.
type offer struct {
	groups []tls.CurveID // In its order.
	shares []tls.CurveID // Those that its share is there of.
	tls13  bool          // It can speak TLS 1.3.
}

// agreesBriefly tells if the key of a client whose hello is in this record will be agreed on within some hundred
// microseconds: by X25519 or P-256, maybe with ML-KEM. The larger curves take up to 2 ms, and what a client offers is its
// own choice. A hello that is not in one record is none that is known.
func agreesBriefly(record []byte) bool {
	o, ok := readOffer(record)
	if !ok || !o.tls13 {
		return ok && o.beginsBriefly()
	}
	// crypto/tls takes no share of a group that the client does not say it can use.
	shares := slices.DeleteFunc(o.shares, func(id tls.CurveID) bool { return !slices.Contains(o.groups, id) })
	// In the order in which crypto/tls chooses: first what withstands quantum computers, then what needs no further message.
	switch {
	case hasAny(shares, tls.SecP384r1MLKEM1024):
		return false
	case hasAny(o.groups, tls.X25519MLKEM768, tls.SecP256r1MLKEM768):
		return true
	case hasAny(o.groups, tls.SecP384r1MLKEM1024):
		return false
	case hasAny(shares, tls.X25519, tls.CurveP256):
		return true
	case hasAny(shares, tls.CurveP384, tls.CurveP521):
		return false
	}
	return hasAny(o.groups, tls.X25519, tls.CurveP256)
}

// beginsBriefly tells if the first of the client's curves is a brief one: by TLS 1.2 crypto/tls takes that.
func (o *offer) beginsBriefly() bool {
	first := slices.IndexFunc(o.groups, func(id tls.CurveID) bool { return slices.Contains(curves, id) })
	return first >= 0 && hasAny(o.groups[first:first+1], tls.X25519, tls.CurveP256)
}

func hasAny(list []tls.CurveID, any ...tls.CurveID) bool {
	return slices.ContainsFunc(list, func(id tls.CurveID) bool { return slices.Contains(any, id) })
}

// readOffer reads what a client offers from a record with its hello.
func readOffer(record []byte) (o offer, ok bool) {
	record = record[:min(len(record), recordSize(record))]
	message := cryptobyte.String(record[recordHead:])
	var kind uint8
	var hello, suites, extensions cryptobyte.String
	var session, compressions cryptobyte.String
	ok = message.ReadUint8(&kind) && kind == clientHello && message.ReadUint24LengthPrefixed(&hello) &&
		hello.Skip(2+32) && hello.ReadUint8LengthPrefixed(&session) && hello.ReadUint16LengthPrefixed(&suites) &&
		hello.ReadUint8LengthPrefixed(&compressions) && hello.ReadUint16LengthPrefixed(&extensions)
	for ok && !extensions.Empty() {
		var extension uint16
		var content cryptobyte.String
		ok = extensions.ReadUint16(&extension) && extensions.ReadUint16LengthPrefixed(&content) && o.take(extension, content)
	}
	return o, ok
}

// take takes in an extension.
func (o *offer) take(extension uint16, content cryptobyte.String) (ok bool) {
	var list, share cryptobyte.String
	switch extension {
	case supportedVersions:
		ok = content.ReadUint8LengthPrefixed(&list)
	case supportedGroups, keyShares:
		ok = content.ReadUint16LengthPrefixed(&list)
	default:
		return true
	}
	for ok && !list.Empty() {
		var id uint16
		ok = list.ReadUint16(&id) && (extension != keyShares || list.ReadUint16LengthPrefixed(&share))
		switch extension {
		case supportedVersions:
			o.tls13 = o.tls13 || id == tls.VersionTLS13
		case supportedGroups:
			o.groups = append(o.groups, tls.CurveID(id))
		case keyShares:
			o.shares = append(o.shares, tls.CurveID(id))
		}
	}
	return ok
}
