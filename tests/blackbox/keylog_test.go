package blackbox

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"libforker/engine/secure/testcert"
)

func TestTLS_keyLogHasWhatTheClientsHas(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys")
	s := secure(t, "tls=on", nil, "workers=2", "tls_key_log="+file)
	s.log.wait(t, 0, "option tls_key_log is on: whoever reads "+file+" can decrypt all TLS traffic")
	var theirs bytes.Buffer
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		config := s.config()
		config.MaxVersion, config.KeyLogWriter = version, &theirs
		s.dialTLS(config).send(getOf("/")).receive("GET")
	}
	ours, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(theirs.String()) {
		if !bytes.Contains(ours, []byte(line)) {
			t.Errorf("the key log lacks %q", line)
		}
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
}

func TestTLS_keyLogThatOthersMayReadIsRefused(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "keys"), filepath.Join(dir, "link")
	write(t, file, "")
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	files := keep(t, dir, "own", testcert.New(testcert.Spec{Names: []string{"localhost"}}))
	for path, want := range map[string]string{
		file: "it must be a regular file that only its owner may use (mode 0600)", link: "Too many levels of symbolic links",
		dir + "/none/keys": "No such file or directory",
	} {
		for _, workers := range []string{"workers=1", "workers=0"} {
			p := start(t, setup{source: "secure.c", args: append([]string{"127.0.0.1:0?tls=on"}, files...), env: environment([]string{workers, "tls_key_log=" + path})})
			p.out.wait(t, 0, "run: key log "+path+" (option tls_key_log): "+want)
			p.wait()
		}
	}
}

func TestTLS_withoutOptionThereIsNoKeyLog(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys")
	s := secure(t, "tls=on", []string{"SSLKEYLOGFILE=" + file}, "workers=1")
	s.dialTLS(s.config()).send(getOf("/")).receive("GET")
	if _, err := os.Stat(file); err == nil {
		t.Error("SSLKEYLOGFILE is written to")
	}
}

func TestTLS_handshakesAreLimited(t *testing.T) {
	s := secure(t, "tls=on", nil, "workers=1", "tls_handshakes=1", "tls_handshake_timeout=300ms")
	silent := s.dial().send("\x16\x03\x01\x02")
	// The only place for a handshake becomes free when the time of the silent one is over.
	c := s.dialTLS(s.config())
	silent.expectClosed()
	got := c.send(getOf("/handshakes")).receive("GET").body
	if want := "0/0 0/0 1/1 0/0 0/0 1/1 "; !strings.HasPrefix(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestTLS_handshakesAreInTheStats(t *testing.T) {
	s := secure(t, "tls=on", nil, "workers=1")
	config := s.config()
	config.MaxVersion = tls.VersionTLS12
	config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	for range 2 {
		s.dialTLS(config).send(getOf("/")).receive("GET")
	}
	if clear := s.dial().send(getOf("/")).receive("GET"); clear.StatusCode != 400 {
		t.Errorf("clear text is answered %d", clear.StatusCode)
	}
	got := s.dialTLS(s.config()).send(getOf("/handshakes")).receive("GET").body
	if want := "1/1 1/1 1/1 0/0 0/0 0/0 0/0 0/0 1/1 " + strings.Repeat("0/0 ", 7); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestTLS_keyLogOnAFullDiskEndsNoHandshake(t *testing.T) {
	onFullDisks(t, func(t *testing.T, disk fullDisk) {
		pair := testcert.New(testcert.Spec{Names: []string{"localhost"}})
		file, files := filepath.Join(disk.dir, "keys"), keep(t, t.TempDir(), "own", pair)
		p := start(t, setup{
			source: "secure.c", under: disk.under, args: append([]string{"127.0.0.1:0?tls=on"}, files...),
			env: environment([]string{"workers=1", "tls_key_log=" + file}),
		}).waitReady()
		s := &secured{program: p, pairs: []*testcert.Pair{pair}}
		if master := openFiles(t, p.master()); slices.Contains(master, file) {
			t.Error("the master has it, and has no use for it")
		}
		for range 50 { // Twice as many as there is room for.
			s.dialTLS(s.config()).send(getOf("/")).receive("GET")
		}
		p.log.wait(t, 0, "key log: a line was lost: "+disk.reason)
		for line := range strings.Lines(logFile{t, file}.text()) {
			if words := strings.Fields(line); len(words) != 3 || !strings.HasSuffix(line, "\n") {
				t.Errorf("no whole line: %q", line)
			}
		}
		p.stop(syscall.SIGTERM)
	})
}

// openFiles are those that a process has open.
func openFiles(t *testing.T, pid int) []string {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := make([]string, 0, len(entries))
	for _, entry := range entries {
		file, _ := os.Readlink(filepath.Join(dir, entry.Name()))
		files = append(files, file)
	}
	return files
}
