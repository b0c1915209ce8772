package blackbox

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// turkish makes a locale in which "i" and "I" are no pair of letters, and returns where it is.
func turkish(t *testing.T) string {
	t.Helper()
	needTool(t, "localedef")
	if _, err := os.Stat("/usr/share/i18n/locales/tr_TR"); err != nil {
		t.Skip("package locales is not installed: ", err)
	}
	dir := t.TempDir()
	// Its status is 1 for warnings too, of which the definitions of some releases have some.
	out, _ := exec.Command("localedef", "-i", "tr_TR", "-f", "UTF-8", filepath.Join(dir, "tr_TR.UTF-8")).CombinedOutput()
	if _, err := os.Stat(filepath.Join(dir, "tr_TR.UTF-8", "LC_CTYPE")); err != nil {
		t.Fatalf("localedef: %s", out)
	}
	return dir
}

func TestLocale_doesNotMatter(t *testing.T) {
	dir := turkish(t)
	p := start(t, setup{
		source: "locale.c", args: []string{"tr_TR.UTF-8", "127.0.0.1:0"},
		env: []string{"LOCPATH=" + dir, "FORKER_WORKERS=1", "FORKER_IDLE_TIMEOUT=7s"},
	}).waitReady()
	c := p.dial().send("GET / HTTP/1.1\r\nHost: test\r\nif-match: 1\r\n\r\n")
	got := c.receive("GET")
	if want := "if-match 1, length -1, coding -1"; got.body != want {
		t.Errorf("got %q, want %q", got.body, want)
	}
	if id := got.Header.Values("X-Id"); len(id) != 1 || id[0] != "2" {
		t.Errorf("X-Id %q", id)
	}
	c.expectClosed()
	p.expectGet("/number?x=0.5", 200, "a half")
	p.expectGet("/number?x=0,5", 200, `x: "0,5" is not a number from 0.25 to 0.75`)
	p.out.wait(t, 0, "idle_timeout 7s")
	for _, line := range p.out.all() {
		if strings.HasPrefix(line.text, "a standard method") {
			t.Error(line.text)
		}
	}
	p.stop(syscall.SIGTERM)
}
