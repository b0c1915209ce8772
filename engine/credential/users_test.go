package credential

import (
	"fmt"
	"strings"
	"testing"
)

// hashes are of other programs: openssl-passwd(1), crypt(3) of libxcrypt, and the tests of argon2's reference.
var hashes = []struct{ password, hash string }{
	{"Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"},
	{"Hello world!", "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"},
	{"Hello world!", "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v."},
	{"Hello world!", "$5$rounds=1400$anotherlongsalt$6EaEgmYKphDz1PKZVwvzyLRoljayFisrUAh6x.yaJhC"},
	{"pässwörd:x", "$6$abcd$/MbKxU/BgWxzupDiYV4ytn3PK97WczmtLQteV4NkqPSgL4IwHA6VQYHfE1tznNV0X/0nftEY1dzbMvtgPtuCx."},
	{"secret", "$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a"},
	{"password", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"},
	{"password", "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8"},
}

func TestUsers_haveTheirPasswords(t *testing.T) {
	text := "# who may come in\n\n"
	for i, row := range hashes {
		text += fmt.Sprintf("user %d:%s\r\n", i, row.hash)
	}
	u, err := ParseUsers(text, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range hashes {
		name := fmt.Sprintf("user %d", i)
		if !u.Verify(name, []byte(row.password)) {
			t.Errorf("%s: %q has not the hash %s", name, row.password, row.hash)
		}
		for _, wrong := range []string{"", row.password + "x", row.password[1:], strings.ToUpper(row.password), strings.Repeat("x", 300)} {
			if u.Verify(name, []byte(wrong)) {
				t.Errorf("%s: %q has the hash of %q", name, wrong, row.password)
			}
		}
	}
	for _, nobody := range []string{"", "user", "user 0 ", "# who may come in"} {
		for _, row := range hashes {
			if u.Verify(nobody, []byte(row.password)) {
				t.Errorf("%q is a user", nobody)
			}
		}
	}
}

func TestParseUsers_saysWhatIsWrongAndWhere(t *testing.T) {
	good := "a:" + hashes[5].hash + "\n"
	for text, want := range map[string]string{
		"":                                     "there is no user in it",
		"# nobody\n":                           "there is no user in it",
		good + "b\n":                           `line 2: it is not "name:hash"`,
		good + "\n:x\n":                        "line 3: a name has 1 to 255 bytes",
		good + strings.Repeat("b", 256) + ":x": "line 2: a name has 1 to 255 bytes",
		good + "b\x01c:x":                      "line 2: a name has 1 to 255 bytes, and no control characters",
		good + good:                            "line 2: a: there is a line of that name before",
		good + "b:$apr1$x$y":                   "line 2: b: the hash is one that is too quick to compute",
		good + "b:{SHA}x":                      "line 2: b: the hash is one that is too quick to compute",
		good + "b:plain":                       "line 2: b: the hash is one that is too quick to compute",
		good + "b:":                            "line 2: b: the hash is one that is too quick to compute",
		good + "b:$7$x":                        "line 2: b: the hash is of the kind $7$, which is not known: bcrypt",
		good + "b:$\x1b[2J$x":                  `line 2: b: the hash is of the kind $\x1b[2J$, which`,
		good + "b:$2y$05$short":                "line 2: b: the hash is malformed",
		good + "b:$2y$31$" + strings.Repeat("a", 53):                                                         "line 2: b: the hash costs 2^31 rounds, and 16 is the most",
		good + "b:" + hashes[5].hash + ":x":                                                                  "line 2: b: the hash is malformed",
		good + "b:$5$rounds=999$x$" + strings.Repeat("a", 43):                                                "other than 1000 to 10000000 rounds",
		good + "b:$5$rounds=99999999999$x$" + strings.Repeat("a", 43):                                        "other than 1000 to 10000000 rounds",
		good + "b:$5$01234567890123456$" + strings.Repeat("a", 43):                                           "the hash is malformed",
		good + "b:$6$x$" + strings.Repeat("a", 43):                                                           "the hash is malformed",
		good + "b:$argon2d$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4":       "the kind $argon2d$",
		good + "b:$argon2id$v=16$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4":      "the hash is malformed",
		good + "b:$argon2id$v=19$m=99999999,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4": "costs more than m=1048576,t=64,p=16",
		good + "b:$argon2id$v=19$m=8,t=2,p=2$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4":        "the hash is malformed",
		good + "b:$argon2id$v=19$m=256,t=+2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4":     "the hash is malformed",
		good + "b:$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4=":     "the hash is malformed",
	} {
		if u, err := ParseUsers(text, 1); err == nil || u != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func FuzzParseUsers(f *testing.F) {
	for _, row := range hashes {
		f.Add("name:" + row.hash + "\nother:" + row.hash)
	}
	f.Add("a:$2y$05$abcdefghijklmnopqrstuu.................................\n")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := ParseUsers(text, 1)
		if err != nil {
			if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Errorf("%q", err)
			}
			return
		}
		for name := range u.hashes {
			if name == "" || len(name) > NameMost {
				t.Errorf("a user %q", name)
			}
		}
	})
}

func TestReadBasic(t *testing.T) {
	for value, want := range map[string]string{
		"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==":   "Aladdin|open sesame",
		"basic   dGVzdDoxMjPCow==":             "test|123£",
		"BASIC YTpiOmM=":                       "a|b:c",
		"Basic YTo=":                           "a|",
		"Basic":                                "",
		"":                                     "",
		"Basic YTo":                            "",
		"Basic YTp=":                           "", // Bits that mean nothing are not 0.
		"Basic OmI=":                           "", // No name.
		"Basic YQ==":                           "", // No colon.
		"Basic YTpi\tYTpi":                     "",
		"Basic YToKYg==":                       "", // "a:\nb"
		"Bearer YTpi":                          "",
		"BasicYTpi":                            "",
		"Basic " + strings.Repeat("YTpi", 400): "",
	} {
		var room BasicRoom
		name, password, ok := ReadBasic([]byte(value), &room)
		if got := fmt.Sprintf("%s|%s", name, password); ok != (want != "") || ok && got != want {
			t.Errorf("%q: %v %q, want %q", value, ok, got, want)
		}
	}
}

func FuzzReadBasic(f *testing.F) {
	f.Add([]byte("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="))
	f.Fuzz(func(t *testing.T, value []byte) {
		var room BasicRoom
		name, password, ok := ReadBasic(value, &room)
		if ok && (len(name) == 0 || len(name) > NameMost || len(password) > passwordMost) {
			t.Errorf("%q %q", name, password)
		}
	})
}

func TestKnown_remembersThoseThatWereRightOfLate(t *testing.T) {
	k, u, other := NewKnown(), &Users{number: 1}, &Users{number: 2}
	d := k.Digest(u, []byte("a"), []byte("bc"))
	for _, near := range []Digest{k.Digest(u, []byte("ab"), []byte("c")), k.Digest(other, []byte("a"), []byte("bc")), NewKnown().Digest(u, []byte("a"), []byte("bc"))} {
		if near == d {
			t.Error("others have the same digest")
		}
	}
	if k.Has(d) {
		t.Error("it was right before")
	}
	k.Add(d)
	for i := range 10 * knownMost {
		k.Add(k.Digest(u, []byte("x"), fmt.Append(nil, i)))
		if !k.Has(d) {
			t.Fatalf("it is forgotten after %d others, though it was asked for", i)
		}
	}
	for i := range 2 * knownMost {
		k.Add(k.Digest(u, []byte("y"), fmt.Append(nil, i)))
	}
	if k.Has(d) || len(k.now)+len(k.since) > 2*knownMost {
		t.Error("nothing is forgotten")
	}
}
