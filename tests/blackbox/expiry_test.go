package blackbox

import (
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"libforker/engine/secure/testcert"
)

// expiry returns until when the metrics say that a certificate is valid, to within some seconds.
func (a *admin) expiry(name string) time.Time {
	a.t.Helper()
	sample := fmt.Sprintf("forker_tls_certificate_expires_seconds{certificate=%q}", name)
	left, found := parseMetrics(a.ask("/metrics").body)[sample]
	if !found {
		a.t.Fatalf("no %s", sample)
	}
	return time.Now().Add(time.Duration(left * float64(time.Second)))
}

func TestTLS_expiryIsShownAndWarnedOf(t *testing.T) {
	s := secure(t, "tls=on", nil, "workers=1")
	a := &admin{s.program, strings.TrimPrefix(s.option("admin"), "unix:")}
	is := func(name string, want *testcert.Pair) {
		t.Helper()
		if got := a.expiry(name); math.Abs(got.Sub(want.X509.NotAfter).Seconds()) > 60 {
			t.Errorf("%s expires at %v, shown is %v", name, want.X509.NotAfter, got)
		}
	}
	is(s.files[0], s.pairs[0])
	is(s.files[2], s.pairs[1])
	soon := testcert.New(testcert.Spec{Names: []string{"localhost"}, Left: 2 * time.Hour})
	keep(t, filepath.Dir(s.files[0]), "0", soon)
	s.reload("reload: done")
	is(s.files[0], soon)
	s.log.wait(t, 0, "certificate "+s.files[0]+": it expires soon, on ")
	keep(t, filepath.Dir(s.files[0]), "0", testcert.New(testcert.Spec{Names: []string{"localhost"}, Expired: true}))
	write(t, s.files[2], "garbage")
	s.reload("reload refused: ")
	is(s.files[0], soon)
	if text := a.ask("/status").body; !containsAll(text, `"tls13_full": `, `"client_left": `, `"certificates": [`, `"name": "`+s.files[0]+`"`) {
		t.Errorf("%s", text)
	}
}

func TestPage_showsCertificatesInABrowser(t *testing.T) {
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("there is no chromium; tools/install-deps test installs it")
	}
	s := secure(t, "tls=on", nil, "workers=1", "admin=127.0.0.1:0")
	_, address, _ := strings.Cut(s.log.wait(t, 0, "admin listener: ").text, "admin listener: ")
	s.dialTLS(s.config()).send(getOf("/")).receive("GET")
	dom := dumpDOM(t, browser, "http://"+address+"/")
	for _, want := range []string{
		"<dt>certificate</dt><dd><code>" + s.files[0] + ", expires in 23 h ",
		"<dt>TLS handshakes</dt><dd><code>1 of TLS 1.3, 0 of TLS 1.2; 0 of 1 resumed; 0 failed</code>",
	} {
		if !strings.Contains(dom, want) {
			t.Errorf("the page has no %q in\n%s", want, dom)
		}
	}
}
