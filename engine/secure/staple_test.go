package secure

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"libforker/engine/secure/testcert"
)

func TestLoadCertificates_saysWhatIsWrongWithAnOCSPResponse(t *testing.T) {
	ca := testcert.New(testcert.Spec{Names: []string{"Example CA"}})
	impostor := testcert.New(testcert.Spec{Names: []string{"Example CA"}})
	own := testcert.New(testcert.Spec{Names: []string{"own"}, Signer: ca})
	other := testcert.New(testcert.Spec{Names: []string{"other"}, Signer: ca})
	good := ca.OCSP(own, ocsp.Good, time.Hour)
	alone := source("alone", own)
	alone.Chain = alone.Chain[:bytes.Index(alone.Chain, []byte("-----END CERTIFICATE-----"))+len("-----END CERTIFICATE-----\n")]
	for _, row := range []struct {
		name     string
		source   Source
		response []byte
		want     string
	}{
		{"good", source("own", own), good, "stapled"},
		{"expired", source("own", own), ca.OCSP(own, ocsp.Good, -time.Minute), "warning: OCSP response expired: it has expired, on "},
		{"revoked", source("own", own), ca.OCSP(own, ocsp.Revoked, time.Hour), "warning: OCSP response revoked: it says that the certificate is revoked"},
		{"unknown", source("own", own), ca.OCSP(own, ocsp.Unknown, time.Hour), "warning: OCSP response unknown: it does not say that the certificate is good"},
		{"another's", source("own", own), ca.OCSP(other, ocsp.Good, time.Hour), "OCSP response another's: it is for another certificate"},
		{"an impostor's", source("own", own), impostor.OCSP(own, ocsp.Good, time.Hour), "OCSP response an impostor's: it is malformed, or not from the issuer"},
		{"rubbish", source("own", own), []byte("rubbish"), "OCSP response rubbish: it is malformed"},
		{"an error", source("own", own), ocsp.UnauthorizedErrorResponse, "OCSP response an error: it is no more than an error of the responder: unauthorized"},
		{"empty", source("own", own), nil, "OCSP response empty: it is malformed"},
		{"cut", source("own", own), good[:len(good)-1], "OCSP response cut: it is malformed"},
		{"longer", source("own", own), append(bytes.Clone(good), 0), "OCSP response longer: it is malformed"},
		{"no issuer", alone, good, "OCSP response no issuer: the chain does not have the certificate of the issuer"},
	} {
		row.source.OCSP = &Staple{Name: row.name, Response: row.response}
		c, warnings, err := LoadCertificates([]Source{row.source}, false, time.Now())
		got := strings.Join(warnings, "|")
		switch {
		case err != nil:
			got = err.Error()
		case got != "":
			got = "warning: " + got
		case bytes.Equal(c.all[0].at(time.Now()).OCSPStaple, row.response):
			got = "stapled"
		}
		if !strings.HasPrefix(got, row.want) {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
		if err == nil && row.want != "stapled" && c.all[0].at(time.Now()).OCSPStaple != nil {
			t.Errorf("%s: it is stapled", row.name)
		}
	}
}

func TestStaple_isLeftOutWhenItExpires(t *testing.T) {
	ca := testcert.New(testcert.Spec{Names: []string{"Example CA"}})
	own := testcert.New(testcert.Spec{Names: []string{"own"}, Signer: ca})
	s := source("own", own)
	s.OCSP = &Staple{Name: "file", Response: ca.OCSP(own, ocsp.Good, time.Hour)}
	c, _, err := LoadCertificates([]Source{s}, false, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for after, want := range map[time.Duration]bool{0: true, 59 * time.Minute: true, time.Hour: false, 24 * time.Hour: false} {
		if got := c.all[0].at(time.Now().Add(after)).OCSPStaple != nil; got != want {
			t.Errorf("stapled after %v: %v", after, got)
		}
	}
}

// TestPolicy_keyLogAndStapleReachTheClient has a client see the OCSP response, and the log what the client's own has.
func TestPolicy_keyLogAndStapleReachTheClient(t *testing.T) {
	ca := testcert.New(testcert.Spec{Names: []string{"Example CA"}})
	own := testcert.New(testcert.Spec{Names: []string{"localhost"}, Signer: ca})
	s := source("own", own)
	s.OCSP = &Staple{Name: "file", Response: ca.OCSP(own, ocsp.Good, time.Hour)}
	c, _, err := LoadCertificates([]Source{s}, false, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var ours, theirs bytes.Buffer
	l := &loop{room: 100}
	far, ended := l.pipe(t, NewConfig(&Policy{GetCertificate: c.Get, KeyLog: &ours}))
	client := tls.Client(far, &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost", KeyLogWriter: &theirs})
	if err := errors.Join(ask(client, "hello"), client.CloseWrite()); err != nil {
		t.Fatal(err)
	}
	if got := client.ConnectionState().OCSPResponse; !bytes.Equal(got, s.OCSP.Response) {
		t.Errorf("an OCSP response of %d bytes", len(got))
	}
	if err := <-ended; err != io.EOF {
		t.Error(err)
	}
	if lines := strings.Count(ours.String(), "\n"); lines != 4 || len(ours.String()) != len(theirs.String()) {
		t.Errorf("the key log has %q, that of the client %q", ours.String(), theirs.String())
	}
}
