package blackbox

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Clients that are not Go's, with every suite and both kinds of keys, for full handshakes and resumed ones.

// tlsSuite is a suite by the name that OpenSSL gives it, for a version and a kind of key.
type tlsSuite struct{ version, name, key string }

// tlsSuites are all that there are. A suite of TLS 1.2 says what kind of key it is for; in TLS 1.3 the signature does.
func tlsSuites() (suites []tlsSuite) {
	for _, key := range []string{"ECDSA", "RSA"} {
		for _, cipher := range []string{"AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"} {
			suites = append(suites, tlsSuite{"1.2", "ECDHE-" + key + "-" + cipher, key})
		}
		for _, name := range []string{"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"} {
			suites = append(suites, tlsSuite{"1.3", name, key})
		}
	}
	return suites
}

// roots writes the certificates that a client is to trust to a file.
func (s *secured) roots() string {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "roots.pem")
	write(s.t, file, string(s.pairs[0].Chain)+string(s.pairs[1].Chain))
	return file
}

// openssl asks for "/" by openssl s_client, and returns what that tells of the session.
func (s *secured) openssl(roots string, args ...string) string {
	s.t.Helper()
	command := []string{"s_client", "-connect", s.address(0), "-servername", "localhost", "-CAfile", roots, "-verify_return_error", "-ign_eof"}
	cmd := exec.Command("openssl", append(command, args...)...)
	cmd.Stdin = strings.NewReader(strings.Replace(getOf("/"), "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1))
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "\r\n\r\nhttps") {
		s.t.Errorf("openssl %q: %v\n%s", args, err, out)
	}
	return string(out)
}

func TestTLS_openssl(t *testing.T) {
	s := secure(t, "tls=on", nil, "workers=2")
	roots, session := s.roots(), filepath.Join(t.TempDir(), "session")
	signatures := map[string]string{"ECDSA": "ECDSA+SHA256", "RSA": "RSA-PSS+SHA256"}
	for _, suite := range tlsSuites() {
		args := []string{"-tls1_2", "-cipher", suite.name}
		if suite.version == "1.3" {
			args = []string{"-tls1_3", "-ciphersuites", suite.name, "-sigalgs", signatures[suite.key]}
		}
		for _, row := range [][]string{{"New", "-sess_out"}, {"Reused", "-sess_in"}} {
			want := fmt.Sprintf("%s, TLSv%s, Cipher is %s", row[0], suite.version, suite.name)
			if got := s.openssl(roots, append(args, row[1], session)...); !strings.Contains(got, want) {
				t.Errorf("with a key of %s: %q is not in\n%s", suite.key, want, got)
			}
		}
	}
	// The client guesses a group that the server does not have, and is asked for another (RFC 8446 §4.1.4).
	if got := s.openssl(roots, "-tls1_3", "-groups", "X448:P-256"); !strings.Contains(got, "Server Temp Key: ECDH, prime256v1") {
		t.Errorf("a group that is not the first guess: %s", got)
	}
}

func TestTLS_curl(t *testing.T) {
	s := secure(t, "tls=on", nil, "workers=2")
	roots := s.roots()
	_, port, _ := strings.Cut(s.address(0), ":")
	url := "https://localhost:" + port + "/facts"
	for _, suite := range tlsSuites() {
		args := []string{"--cacert", roots, "--resolve", "localhost:" + port + ":127.0.0.1", "-H", "Connection: close", url, url}
		resumed := "4 1 1\n"
		if suite.version == "1.2" {
			resumed = "" // curl wants no tickets there.
			args = append([]string{"--tls-max", "1.2", "--ciphers", suite.name}, args...)
		} else {
			args = append([]string{"--tlsv1.3", "--tls13-ciphers", suite.name}, args...)
		}
		if got := curl(t, "", args...); !strings.Contains(got, "TLS "+suite.version) || !strings.Contains(got, "4 1 0\n") || !strings.Contains(got, resumed) {
			t.Errorf("%v: a full handshake and a resumed one tell\n%s", suite, got)
		}
	}
}

// pythonClient makes two connections for each suite of TLS 1.2, and two with TLS 1.3, whose suites it has no say in.
const pythonClient = `
import socket, ssl, sys
roots, port, *suites = sys.argv[1:]
for suite in [*suites, None]:
    context = ssl.create_default_context(cafile=roots)
    if suite is not None:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(suite)
    session = None
    for _ in range(2):
        with socket.create_connection(("127.0.0.1", int(port))) as plain:
            with context.wrap_socket(plain, server_hostname="localhost", session=session) as client:
                client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                response = b"".join(iter(lambda: client.recv(65536), b""))
                session = client.session
                print(client.version(), client.cipher()[0], client.session_reused, response.endswith(b"\r\n\r\nhttps"))
`

func TestTLS_python(t *testing.T) {
	s := secure(t, "tls=on", nil, "workers=2")
	_, port, _ := strings.Cut(s.address(0), ":")
	args, want := []string{"-c", pythonClient, s.roots(), port}, ""
	for _, suite := range tlsSuites() {
		if suite.version == "1.2" {
			args = append(args, suite.name)
			want += fmt.Sprintf("TLSv1.2 %s False True\nTLSv1.2 %s True True\n", suite.name, suite.name)
		}
	}
	want += "TLSv1.3 TLS_AES_128_GCM_SHA256 False True\nTLSv1.3 TLS_AES_128_GCM_SHA256 True True\n"
	if out, err := exec.Command("python3", args...).CombinedOutput(); err != nil || string(out) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, out, want)
	}
}
