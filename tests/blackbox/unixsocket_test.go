package blackbox

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// onSocket starts serve.c on a unix socket without waiting for it.
func onSocket(t *testing.T, address string) *program {
	t.Helper()
	return start(t, setup{args: []string{address}, env: environment([]string{"workers=1"})})
}

// expectInUse wants the program not to start, because somebody listens on its socket.
func (p *program) expectInUse() {
	p.t.Helper()
	if status := p.wait(); status != 1 {
		p.t.Errorf("exit status %d", status)
	}
	p.out.wait(p.t, 0, "bind: Address already in use")
}

// leaveStale leaves the file of a socket that is closed.
func leaveStale(t *testing.T, path string) {
	t.Helper()
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	listener.SetUnlinkOnClose(false)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestUnixSocket_hasTheModeAndOwnerOfItsAddress(t *testing.T) {
	asRoot(t)
	for settings, want := range map[string]string{
		"":                                    "0 0 Srw-rw-rw-",
		"?mode=0600":                          "0 0 Srw-------",
		"?user=nobody":                        "65534 0 Srw-rw-rw-",
		"?group=12345&mode=660":               "0 12345 Srw-rw----",
		"?mode=0640&user=65534&group=nogroup": "65534 65534 Srw-r-----",
	} {
		t.Run(settings, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "socket")
			p := onSocket(t, "unix:"+path+settings).waitReady()
			p.expectGet("/", 200, "hello\n")
			info, err := os.Lstat(path)
			if err != nil {
				t.Fatal(err)
			}
			owner := info.Sys().(*syscall.Stat_t)
			if got := fmt.Sprint(owner.Uid, owner.Gid, " ", info.Mode()); got != want {
				t.Errorf("the socket is %s, want %s", got, want)
			}
		})
	}
}

// A change of the umask, however short, would be one for all threads of the program.
func TestUnixSocket_leavesTheUmaskAloneAndHasItsMode(t *testing.T) {
	for _, umask := range []string{"0", "027", "0177"} {
		t.Run(umask, func(t *testing.T) {
			dir := t.TempDir()
			path, trace := filepath.Join(dir, "socket"), filepath.Join(dir, "trace")
			p := start(t, setup{
				under: []string{
					"sh", "-c", "umask " + umask + `; exec "$@"`, "sh", "strace", "-f", "-q", "-e", "trace=umask,bind", "-o", trace,
				},
				args: []string{"unix:" + path + "?mode=0652"}, env: environment([]string{"workers=1"}),
			}).waitReady()
			info, err := os.Lstat(path)
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode() != fs.ModeSocket|0o652 {
				t.Errorf("the socket is %v", info.Mode())
			}
			p.expectGet("/stop/0", 200, "stopping\n")
			p.wait()
			calls, err := os.ReadFile(trace)
			if err != nil || !strings.Contains(string(calls), "bind(") || strings.Contains(string(calls), "umask(") {
				t.Errorf("the calls are %v\n%s", err, calls)
			}
		})
	}
}

// A default ACL on its directory (acl(5)) takes from the mode of a new file.
func TestUnixSocket_hasItsModeUnderADefaultACL(t *testing.T) {
	dir := t.TempDir()
	acl := []byte{2, 0, 0, 0}
	for _, entry := range [][2]byte{{0x01, 7}, {0x04, 5}, {0x20, 0}} { // ACL_USER_OBJ rwx, ACL_GROUP_OBJ r-x, ACL_OTHER ---
		acl = append(acl, entry[0], 0, entry[1], 0, 0xff, 0xff, 0xff, 0xff)
	}
	if err := unix.Setxattr(dir, "system.posix_acl_default", acl, 0); err != nil {
		t.Skipf("no ACLs in %s: %v", dir, err)
	}
	path := filepath.Join(dir, "socket")
	onSocket(t, "unix:"+path+"?mode=0662").waitReady()
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != fs.ModeSocket|0o662 {
		t.Errorf("the socket is %v, %v", info.Mode(), err)
	}
}

func TestUnixSocket_refusesSettingsThatAreNone(t *testing.T) {
	for settings, want := range map[string]string{
		"?mode=0999":       "the mode is not an octal number from 0 to 0777",
		"?user=no-such":    "there is no such user",
		"?group=no-such":   "there is no such group",
		"?owner=me":        `behind the "?" of a path come mode=, user=, group=, tls=, client_cert=, redirect_https= and proxy=, joined by "&"`,
		"?":                `behind the "?" of a path`,
		"?mode=0600&":      `behind the "?" of a path`,
		"?mode=0600?mode=": "the mode is not an octal number",
	} {
		path := filepath.Join(t.TempDir(), "socket")
		p := onSocket(t, "unix:"+path+settings)
		p.wait()
		if line := p.out.wait(t, 0, "run returned -10").text; !strings.Contains(line, want) {
			t.Errorf("%s\nwant %s", line, want)
		}
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s leaves a file, error %v", settings, err)
		}
	}
}

func TestUnixSocket_inUseIsNeitherTakenNorRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	first := onSocket(t, "unix:"+path).waitReady()
	onSocket(t, "unix:"+path).expectInUse()
	first.expectGet("/", 200, "hello\n")
}

func TestUnixSocket_ofAKilledServerIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	leaveStale(t, path)
	p := onSocket(t, "unix:"+path).waitReady()
	p.expectGet("/", 200, "hello\n")
	p.stop(syscall.SIGTERM)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is left, error %v", err)
	}
}

func TestUnixSocket_ofANewServerOutlivesTheOldOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	old := onSocket(t, "unix:"+path).waitReady()
	if err := os.Remove(path); err != nil { // As some start scripts do.
		t.Fatal(err)
	}
	next := onSocket(t, "unix:"+path).waitReady()
	old.ports = nil
	old.stop(syscall.SIGTERM)
	next.expectGet("/", 200, "hello\n")
}

func TestUnixSocket_isTakenByOneOfManyAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	leaveStale(t, path)
	var programs []*program
	for range 6 {
		programs = append(programs, onSocket(t, "unix:"+path))
	}
	serving := 0
	for _, p := range programs {
		line := p.log.waitFor(t, 0, "ready, or refused", func(text string) bool {
			return strings.Contains(text, "all workers are ready") || strings.Contains(text, "Address already in use")
		})
		if strings.Contains(line.text, "Address already in use") {
			p.wait()
			continue
		}
		serving++
		p.expectGet("/", 200, "hello\n")
	}
	if serving != 1 {
		t.Errorf("%d of them serve", serving)
	}
}

func TestUnixSocket_doesNotReplaceAnotherFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := onSocket(t, "unix:"+path)
	p.wait()
	p.out.wait(t, 0, "bind: File exists")
	if text, err := os.ReadFile(path); err != nil || string(text) != "precious" {
		t.Errorf("the file holds %q, error %v", text, err)
	}
}
