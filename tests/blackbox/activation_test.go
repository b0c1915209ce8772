package blackbox

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// activated starts serve.c as systemd would: with listening sockets from descriptor 3 on, and their names. The shell's
// pid becomes the program's.
func activated(t *testing.T, sockets []*os.File, env []string, addresses ...string) *program {
	t.Helper()
	return start(t, setup{
		under: []string{"sh", "-c", `LISTEN_PID=$$ exec "$@"`, "sh"}, args: addresses,
		env: append(env, environment([]string{"workers=1"})...), files: sockets,
	})
}

// listeners opens a TCP and a unix socket, as files that are closed when the test ends.
func listeners(t *testing.T) (tcp, unix *os.File) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "socket")
	for network, address := range map[string]string{"tcp": "127.0.0.1:0", "unix": path} {
		listener, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		if unixListener, ok := listener.(*net.UnixListener); ok {
			unixListener.SetUnlinkOnClose(false)
		}
		file, err := listener.(interface{ File() (*os.File, error) }).File()
		if err != nil {
			t.Fatal(err)
		}
		_ = listener.Close()
		t.Cleanup(func() { _ = file.Close() })
		if network == "tcp" {
			tcp = file
		} else {
			unix = file
		}
	}
	return tcp, unix
}

func TestActivation_servesOnThePassedSockets(t *testing.T) {
	tcp, unix := listeners(t)
	p := activated(t, []*os.File{tcp, unix}, []string{"LISTEN_FDS=2"}, "systemd").waitReady()
	first, second := p.address(0), p.address(1)
	p.expectGet("/", 200, "hello\n")
	if got := dial(t, second).get("/").body; got != "hello\n" {
		t.Errorf("on %s: %q", second, got)
	}
	p.stop(syscall.SIGTERM)
	if _, err := os.Lstat(strings.TrimPrefix(second, "unix:")); err != nil {
		t.Errorf("systemd's socket file is gone: %v", err)
	}
	p.ports = nil // The test has them open still: connections wait for the next start.
	if conn, err := net.Dial("tcp", first); err != nil {
		t.Errorf("systemd's socket is closed: %v", err)
	} else {
		_ = conn.Close()
	}
}

func TestActivation_findsSocketsByName(t *testing.T) {
	tcp, unix := listeners(t)
	p := activated(t, []*os.File{unix, tcp}, []string{"LISTEN_FDS=2", "LISTEN_FDNAMES=admin:web"}, "systemd:web").waitReady()
	if address := p.address(0); strings.HasPrefix(address, "unix:") {
		t.Errorf("serves on %s", address)
	}
	p.expectGet("/", 200, "hello\n")
	p.stop(syscall.SIGTERM)
	p.ports = nil
}

func TestActivation_saysWhatIsWrong(t *testing.T) {
	tcp, _ := listeners(t)
	datagrams, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer datagrams.Close()
	udp, err := datagrams.(*net.UDPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	for _, c := range []struct {
		address, want string
		socket        *os.File
		env           []string
	}{
		{"systemd", "listen systemd: this process was not started by socket activation", tcp, nil},
		{"systemd", "not started by socket activation", tcp, []string{"LISTEN_FDS=1x"}},
		{"systemd:web", "listen systemd:web: LISTEN_FDNAMES has no socket of that name", tcp, []string{"LISTEN_FDS=1"}},
		{"systemd:we", "no socket of that name", tcp, []string{"LISTEN_FDS=1", "LISTEN_FDNAMES=web"}},
		{"systemd", "listen systemd: not a stream socket that listens", udp, []string{"LISTEN_FDS=1"}},
	} {
		p := activated(t, []*os.File{c.socket}, c.env, c.address)
		p.wait()
		if line := p.out.wait(t, 0, "run returned -10").text; !strings.Contains(line, c.want) {
			t.Errorf("%s\nwant %s", line, c.want)
		}
	}
}
