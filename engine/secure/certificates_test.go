package secure

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"strings"
	"testing"
	"time"

	"libforker/engine/secure/testcert"
)

func source(name string, p *testcert.Pair) Source {
	return Source{Name: name, Chain: p.Chain, Key: p.Key}
}

func TestLoadCertificates_saysWhatIsWrong(t *testing.T) {
	good, other := certificate(), testcert.New(testcert.Spec{Names: []string{"other"}})
	expired := testcert.New(testcert.Spec{Names: []string{"old"}, Expired: true})
	rubbish := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("rubbish")})
	for _, row := range []struct {
		name       string
		chain, key []byte
		want       string
	}{
		{"good", good.Chain, good.Key, ""},
		{"expired", expired.Chain, expired.Key, "warning: certificate expired: it has expired, on "},
		{"another's key", good.Chain, other.Key, "certificate another's key: the key does not belong to the first certificate"},
		{"no chain", nil, good.Key, "certificate no chain: there is no certificate in it"},
		{"key as chain", good.Key, good.Key, "there is no certificate in it"},
		{"rubbish", rubbish, good.Key, "certificate 1 is malformed"},
		{"rubbish behind", append(bytes.Clone(good.Chain), rubbish...), good.Key, "certificate 2 is malformed"},
		{"cut", good.Chain[:len(good.Chain)-40], good.Key, "there is no certificate in it"},
		{"cut behind", append(bytes.Clone(good.Chain), good.Chain[:90]...), good.Key, "behind certificate 1 there is one that is malformed"},
		{"a stranger behind", append(bytes.Clone(good.Chain), other.Chain...), good.Key, "certificate 2 of the chain has not signed"},
		{"no key", good.Chain, nil, "failed to find any PEM data in key input"},
		{"rubbish key", good.Chain, []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), "failed to parse private key"},
	} {
		_, warnings, err := LoadCertificates([]Source{{Name: row.name, Chain: row.chain, Key: row.key}}, false, time.Now())
		got := strings.Join(warnings, "|")
		if got != "" {
			got = "warning: " + got
		}
		if err != nil {
			got += err.Error()
		}
		if !strings.Contains(got, row.want) || (row.want == "") != (got == "") {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
	}
}

func TestLoadCAs_saysWhatIsWrong(t *testing.T) {
	good := certificate().Chain
	for text, want := range map[string]string{
		string(good) + "some words\n" + string(good): "",
		"":        "client CA file: there is no certificate in it",
		"rubbish": "client CA file: there is no certificate in it",
		string(good) + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n": "client CA file: certificate 2 is malformed",
	} {
		err := LoadCAs("file", []byte(text), x509.NewCertPool())
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
}

func TestCertificates_areChosenByName(t *testing.T) {
	pair := func(isRSA bool, names ...string) *testcert.Pair {
		return testcert.New(testcert.Spec{Names: names, RSA: isRSA})
	}
	sources := []Source{
		source("first", pair(false, "first.example")), source("wild", pair(false, "*.example")),
		source("exact", pair(false, "a.example", "A.B.example")), source("rsa", pair(true, "a.example")),
	}
	for _, row := range []struct {
		name    string
		rsaOnly bool
		want    int // -1: none.
		strict  int
	}{
		{"first.example", false, 0, 0},
		{"FIRST.example", false, 0, 0},
		{"x.example", false, 1, 1},
		{"a.example", false, 2, 2},
		{"a.example", true, 3, 3},
		{"a.b.example", false, 2, 2},
		{"c.b.example", false, 0, -1},
		{"example", false, 0, -1},
		{"", false, 0, 0},
	} {
		for _, strict := range []bool{false, true} {
			c, _, err := LoadCertificates(sources, strict, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			hello := &tls.ClientHelloInfo{
				ServerName: row.name, SupportedVersions: []uint16{tls.VersionTLS13}, CipherSuites: []uint16{tls.TLS_AES_128_GCM_SHA256},
				SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256, tls.PSSWithSHA256}, SupportedCurves: []tls.CurveID{tls.X25519},
			}
			if row.rsaOnly {
				hello.SignatureSchemes = hello.SignatureSchemes[1:]
			}
			want := row.want
			if strict {
				want = row.strict
			}
			got, err := c.Get(hello)
			if err != nil || want < 0 && got != nil || want >= 0 && got != c.all[want].bare {
				t.Errorf("%q, strict %v, RSA only %v: %p, %v, want number %d of %v", row.name, strict, row.rsaOnly, got, err, want, c.all)
			}
		}
	}
}

func TestConfig_isBriefIfNobodyIsHeldUp(t *testing.T) {
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name   string
		policy Policy
		keys   []crypto.PrivateKey
		brief  bool
	}{
		{"P-256", Policy{}, []crypto.PrivateKey{newKey(t, elliptic.P256())}, true},
		{"Ed25519", Policy{}, []crypto.PrivateKey{newKey(t, elliptic.P256()), edwards}, true},
		{"P-384", Policy{}, []crypto.PrivateKey{newKey(t, elliptic.P256()), newKey(t, elliptic.P384())}, false},
		{"RSA", Policy{}, []crypto.PrivateKey{testcert.New(testcert.Spec{Names: []string{"localhost"}, RSA: true}).TLS.PrivateKey, edwards}, false},
		{"certificates of clients", Policy{ClientAuth: tls.VerifyClientCertIfGiven}, []crypto.PrivateKey{edwards}, false},
		{"a key log", Policy{KeyLog: io.Discard}, []crypto.PrivateKey{edwards}, false},
	} {
		var c Certificates
		for _, key := range row.keys {
			c.all = append(c.all, &entry{bare: &tls.Certificate{PrivateKey: key}})
		}
		row.policy.Brief = c.SignBriefly()
		if brief := NewConfig(&row.policy).brief; brief != row.brief {
			t.Errorf("%s: brief %v", row.name, brief)
		}
	}
}

func newKey(t *testing.T, curve elliptic.Curve) crypto.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
