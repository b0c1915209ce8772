package blackbox

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"libforker/engine/secure/testcert"
)

func TestTLS_reloadNamesTheFileThatIsBadAndKeepsTheOldOnes(t *testing.T) {
	ca := testcert.New(testcert.Spec{Names: []string{"Example CA"}})
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	write(t, caFile, string(ca.Chain))
	s := secure(t, "tls=on&client_cert=optional", []string{"FORKER_TEST_CA=" + caFile}, "workers=1")
	rubbish := "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
	large := strings.Repeat("0123456789abcdef", 10<<16)
	for _, row := range []struct{ file, text, want string }{
		{s.files[0], "", "certificate " + s.files[0] + ": No such file or directory"},
		{s.files[0], string(s.pairs[0].Chain) + large, "certificate " + s.files[0] + ": it has more than 1 MiB"},
		{s.files[0], rubbish, "certificate " + s.files[0] + ": certificate 1 is malformed"},
		{s.files[0], string(s.pairs[0].Chain) + rubbish, "certificate " + s.files[0] + ": certificate 2 is malformed"},
		{s.files[1], "", "key " + s.files[1] + ": No such file or directory"},
		{s.files[1], "rubbish", "key " + s.files[1] + ": there is no key in it"},
		{s.files[1], large, "key " + s.files[1] + ": it has more than 1 MiB"},
		{s.files[1], strings.ReplaceAll(rubbish, "CERTIFICATE", "PRIVATE KEY"), "certificate " + s.files[0] + ": failed to parse private key"},
		{s.files[1], string(s.pairs[1].Key), "certificate " + s.files[0] + ": "},
		{caFile, "", "client CA " + caFile + ": No such file or directory"},
		{caFile, string(ca.Chain) + rubbish, "client CA " + caFile + ": certificate 2 is malformed"},
		{caFile, large, "client CA " + caFile + ": it has more than 1 MiB"},
	} {
		good, err := os.ReadFile(row.file)
		if err != nil {
			t.Fatal(err)
		}
		if row.text == "" {
			err = os.Remove(row.file)
		} else {
			err = os.WriteFile(row.file, []byte(row.text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		s.reload("reload refused: " + row.want)
		if err := s.tryGet(s.config()); err != nil {
			t.Errorf("%s: the old certificates do not go on: %v", row.want, err)
		}
		write(t, row.file, string(good))
	}
	s.reload("reload: done")
}
