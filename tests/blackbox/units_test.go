package blackbox

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// needTool skips a test where a tool is missing; tools/install-deps test installs it.
func needTool(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skip(name + " is not installed")
	}
}

func TestUnits_areValid(t *testing.T) {
	needTool(t, "systemd-analyze")
	dir := t.TempDir()
	command := []string{"verify"}
	for _, name := range []string{"forker-hello.service", "forker-hello.socket"} {
		text, err := os.ReadFile(filepath.Join(sourceTree(), "packaging", name))
		if err != nil {
			t.Fatal(err)
		}
		// verify wants the program to be there.
		unit := strings.ReplaceAll(string(text), "/usr/local/bin/forker-hello", filepath.Join(plain.dir, "service"))
		if err := os.WriteFile(filepath.Join(dir, name), []byte(unit), 0o644); err != nil {
			t.Fatal(err)
		}
		command = append(command, filepath.Join(dir, name))
	}
	out, err := exec.Command("systemd-analyze", command...).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("error %v\n%s", err, out)
	}
}

func TestUnits_systemdsOwnToolActivates(t *testing.T) {
	needTool(t, "systemd-socket-activate")
	path := filepath.Join(t.TempDir(), "socket")
	p := start(t, setup{
		under: []string{"systemd-socket-activate", "--listen=" + path, "--fdname=web", "--setenv=FORKER_WORKERS=1"},
		args:  []string{"systemd:web"},
	})
	p.log.wait(t, 0, "Listening on "+path)
	if got := dial(t, "unix:"+path).get("/").body; got != "hello\n" {
		t.Errorf("got %q", got)
	}
}
