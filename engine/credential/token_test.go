package credential

import (
	"bytes"
	"strings"
	"testing"
)

func TestToken_showsItsSecretAndNoOther(t *testing.T) {
	secret, other := NewSecret(), NewSecret()
	seen := map[string]bool{}
	for range 100 {
		token := secret.Token()
		if len(token) != TokenSize || seen[string(token)] || !secret.Fits(token) || other.Fits(token) {
			t.Fatalf("%q", token)
		}
		seen[string(token)] = true
		for i := range token { // Any other character makes it another one, or none.
			changed := bytes.Clone(token)
			changed[i] ^= 1
			if secret.Fits(changed) {
				t.Fatalf("%d: %q for %q", i, changed, token)
			}
		}
		for n := range token {
			if secret.Fits(token[:n]) {
				t.Fatalf("%d bytes are enough", n)
			}
		}
		if secret.Fits(append(token, 'A')) || secret.Fits(append(token, '=')) {
			t.Fatal("more than a token is one")
		}
	}
}

func TestToken_masksAreSpread(t *testing.T) {
	secret := NewSecret()
	first := secret.Token()
	same := 0
	for range 64 {
		for i, c := range secret.Token() {
			if c == first[i] {
				same++
			}
		}
	}
	if most := 64 * TokenSize / 16; same > most { // Of 64 characters one is the same by chance, so 86 in all.
		t.Errorf("%d characters stand where they stood before, want at most %d", same, most)
	}
}

func TestToken_cookieIsOfItsNameAndKeys(t *testing.T) {
	const key, later = "0123456789abcdef0123456789abcdef", "ffffffffffffffffffffffffffffffff"
	secret := NewSecret()
	cookie := secret.Cookie("csrf", key)
	if got, ok := OfCookie([]string{later, key}, "csrf", cookie); !ok || got != secret || len(cookie) != TokenCookieSize {
		t.Errorf("%q: %v %v", cookie, got, ok)
	}
	for name, try := range map[string]struct {
		keys   []string
		cookie string
		value  []byte
	}{
		"another name": {[]string{key}, "__Host-csrf", cookie},
		"another key":  {[]string{later}, "csrf", cookie},
		"no key":       {nil, "csrf", cookie},
		"too short":    {[]string{key}, "csrf", cookie[:len(cookie)-1]},
		"nothing":      {[]string{key}, "csrf", nil},
		"no signature": {[]string{key}, "csrf", []byte(strings.Repeat("A", 43) + "." + strings.Repeat("A", 43))},
		"another one's": {[]string{key}, "csrf", append(append([]byte{}, cookie[:44]...), func() []byte {
			other := NewSecret()
			return other.Cookie("csrf", key)[44:]
		}()...)},
	} {
		if _, ok := OfCookie(try.keys, try.cookie, try.value); ok {
			t.Errorf("%s: %q is taken", name, try.value)
		}
	}
}
