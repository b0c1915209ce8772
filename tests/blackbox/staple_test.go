package blackbox

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"libforker/engine/secure/testcert"
)

// stapling starts secure.c with a certificate of a CA, and an OCSP response for it.
func stapling(t *testing.T, response func(ca, own *testcert.Pair) []byte, options ...string) (s *secured, ca *testcert.Pair, file string) {
	t.Helper()
	ca = testcert.New(testcert.Spec{Names: []string{"Example CA"}})
	own := testcert.New(testcert.Spec{Names: []string{"localhost"}, Signer: ca})
	dir := t.TempDir()
	file = filepath.Join(dir, "own.ocsp")
	write(t, file, string(response(ca, own)))
	s = &secured{pairs: []*testcert.Pair{ca, own}, files: keep(t, dir, "own", own)}
	env := append(environment(options), "FORKER_TEST_OCSP="+file)
	s.program = start(t, setup{source: "secure.c", args: append([]string{"127.0.0.1:0?tls=on"}, s.files...), env: env})
	return s, ca, file
}

func TestTLS_ocspResponseIsStapledAndReadAgain(t *testing.T) {
	var sent []byte
	s, ca, file := stapling(t, func(ca, own *testcert.Pair) []byte {
		sent = ca.OCSP(own, ocsp.Good, time.Hour)
		return sent
	}, "workers=2")
	s.waitReady()
	is := func(want []byte) {
		t.Helper()
		if got := s.dialTLS(s.config()).state().OCSPResponse; !bytes.Equal(got, want) {
			t.Errorf("an OCSP response of %d bytes, want %d", len(got), len(want))
		}
	}
	is(sent)
	next := ca.OCSP(s.pairs[1], ocsp.Good, 2*time.Hour)
	write(t, file, string(next))
	s.reload("reload: done")
	is(next)
	for text, want := range map[string]string{
		"garbage": "it is malformed",
		string(ca.OCSP(testcert.New(testcert.Spec{Names: []string{"other"}}), ocsp.Good, time.Hour)): "it is for another certificate",
	} {
		write(t, file, text)
		s.reload("reload refused: OCSP response " + file + ": " + want)
		is(next)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	s.reload("reload refused: OCSP response " + file + ": No such file or directory")
	is(next)
	write(t, file, string(ca.OCSP(s.pairs[1], ocsp.Good, -time.Hour)))
	s.reload("reload: done")
	s.log.wait(t, 0, "OCSP response "+file+": it has expired, on ")
	is(nil)
}

func TestTLS_ocspResponseThatIsChangedIsNoticed(t *testing.T) {
	s, ca, file := stapling(t, func(ca, own *testcert.Pair) []byte { return ca.OCSP(own, ocsp.Good, time.Hour) }, "workers=1", "tls_watch=1s")
	s.waitReady()
	next := ca.OCSP(s.pairs[1], ocsp.Good, 2*time.Hour)
	write(t, file, string(next))
	s.log.wait(t, 0, "files of certificates have changed: reloading")
	s.log.wait(t, 0, "reload: done")
	if got := s.dialTLS(s.config()).state().OCSPResponse; !bytes.Equal(got, next) {
		t.Errorf("an OCSP response of %d bytes", len(got))
	}
}

func TestTLS_ocspResponseThatIsBadIsRefusedByRun(t *testing.T) {
	s, _, file := stapling(t, func(_, _ *testcert.Pair) []byte { return []byte("garbage") }, "workers=1")
	line := s.out.wait(t, 0, "run returned ").text
	if want := "run returned -18: run: OCSP response " + file + ": it is malformed"; !strings.HasPrefix(line, want) {
		t.Errorf("%q, want %q", line, want)
	}
	s.wait()
}
