package secure

import (
	"crypto/tls"
	"slices"

	"golang.org/x/crypto/cryptobyte"
)

// What a client's first message says about how long its handshake will take.

// The extensions of a ClientHello that are looked at (RFC 8446 §4.2), and its type (§4).
const (
	clientHello     = 1
	supportedGroups = 10
	keyShares       = 51
)

// agreesBriefly tells if the key of a client whose hello is in this record will be agreed on within some hundred
// microseconds: by X25519 or P-256, maybe with ML-KEM. The larger curves take up to 2 ms, and what a client offers is its
// own choice. A hello that is not in one record is none that is known.
func agreesBriefly(record []byte) bool {
	groups, shares, ok := readGroups(record)
	// crypto/tls takes no share of a group that the client does not say it can use.
	shares = slices.DeleteFunc(shares, func(id tls.CurveID) bool { return !slices.Contains(groups, id) })
	has := func(list []tls.CurveID, any ...tls.CurveID) bool {
		return slices.ContainsFunc(list, func(id tls.CurveID) bool { return slices.Contains(any, id) })
	}
	// In the order in which crypto/tls chooses: first what withstands quantum computers, then what needs no further message.
	switch {
	case !ok || has(shares, tls.SecP384r1MLKEM1024):
		return false
	case has(groups, tls.X25519MLKEM768, tls.SecP256r1MLKEM768):
		return true
	case has(groups, tls.SecP384r1MLKEM1024):
		return false
	case has(shares, tls.X25519, tls.CurveP256):
		return true
	case has(shares, tls.CurveP384, tls.CurveP521):
		return false
	}
	return has(groups, tls.X25519, tls.CurveP256)
}

// readGroups reads from a record with a ClientHello which groups the client can use, and for which it has sent its share.
func readGroups(record []byte) (groups, shares []tls.CurveID, ok bool) {
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
		var content, list cryptobyte.String
		ok = extensions.ReadUint16(&extension) && extensions.ReadUint16LengthPrefixed(&content)
		if !ok || extension != supportedGroups && extension != keyShares {
			continue
		}
		ok = content.ReadUint16LengthPrefixed(&list)
		for ok && !list.Empty() {
			var id uint16
			var share cryptobyte.String
			ok = list.ReadUint16(&id) && (extension == supportedGroups || list.ReadUint16LengthPrefixed(&share))
			if extension == supportedGroups {
				groups = append(groups, tls.CurveID(id))
			} else {
				shares = append(shares, tls.CurveID(id))
			}
		}
	}
	return groups, shares, ok
}
