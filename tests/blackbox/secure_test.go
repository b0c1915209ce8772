package blackbox

import (
	"bufio"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"libforker/engine/secure/testcert"
)

// secured is a server of secure.c, with the certificates that it has.
type secured struct {
	*program
	pairs []*testcert.Pair
	files []string // The chain and the key of each.
}

// keep writes a certificate to files, and returns their names.
func keep(t *testing.T, dir, name string, pair *testcert.Pair) []string {
	t.Helper()
	chain, key := filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	write(t, chain, string(pair.Chain))
	write(t, key, string(pair.Key))
	return []string{chain, key}
}

// secure starts secure.c with certificates for localhost, ECDSA and RSA.
func secure(t *testing.T, parameters string, env []string, options ...string) *secured {
	t.Helper()
	s := &secured{}
	dir := t.TempDir()
	for i, isRSA := range []bool{false, true} {
		pair := testcert.New(testcert.Spec{Names: []string{"localhost"}, RSA: isRSA})
		s.pairs = append(s.pairs, pair)
		s.files = append(s.files, keep(t, dir, fmt.Sprint(i), pair)...)
	}
	env = append(env, environment(watched(t, options))...)
	args := append([]string{"127.0.0.1:0?" + parameters}, s.files...)
	s.program = start(t, setup{source: "secure.c", args: args, env: env}).waitReady()
	return s
}

// config is that of a client who trusts the server.
func (s *secured) config() *tls.Config {
	roots := s.pairs[0].Pool()
	for _, pair := range s.pairs[1:] {
		roots.AddCert(pair.X509)
	}
	return &tls.Config{RootCAs: roots, ServerName: "localhost"}
}

// dialTLS opens a connection, which is closed when the test ends.
func (s *secured) dialTLS(config *tls.Config) *conn {
	s.t.Helper()
	c := s.dial()
	own := tls.Client(c.Conn, config)
	if err := own.Handshake(); err != nil {
		s.t.Fatal(err)
	}
	return &conn{s.t, own, bufio.NewReader(own)}
}

func (c *conn) state() tls.ConnectionState { return c.Conn.(*tls.Conn).ConnectionState() }

func getOf(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n" }

// facts asks what the server knows of the connection's TLS.
func (c *conn) facts(path string) []string {
	c.t.Helper()
	return strings.Split(c.send(getOf(path)).receive("GET").body, "\n")
}

func TestTLS_everyVersionSuiteAndKey(t *testing.T) {
	s := secure(t, "tls=on", nil, "workers=2")
	for _, suite := range []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	} {
		config := s.config()
		config.MaxVersion, config.CipherSuites = tls.VersionTLS12, []uint16{suite}
		config.NextProtos = []string{"http/1.1"}
		c := s.dialTLS(config)
		facts := c.facts("/facts")
		for i, want := range []string{"-1 0 NULL", "0 7 TLS 1.2", "1 " + fmt.Sprint(len(tls.CipherSuiteName(suite))) + " " + tls.CipherSuiteName(suite), "2 9 localhost", "3 8 http/1.1", "4 1 0", "5 0 NULL"} {
			if facts[i] != want {
				t.Errorf("%s: %q, want %q", tls.CipherSuiteName(suite), facts[i], want)
			}
		}
		if got := c.send(getOf("/")).receive("GET").body; got != "https" {
			t.Errorf("scheme %q", got)
		}
	}
	c := s.dialTLS(s.config())
	if facts := c.facts("/later"); facts[1] != "0 7 TLS 1.3" || facts[4] != "3 0 NULL" {
		t.Errorf("%q", facts)
	}
}

func TestTLS_whatIsRefused(t *testing.T) {
	s := secure(t, "tls=on", nil, "workers=1")
	for name, change := range map[string]func(*tls.Config){
		"TLS 1.1": func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 },
		"a key that stays": func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}
		},
		"CBC": func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA}
		},
		"another protocol":  func(c *tls.Config) { c.NextProtos = []string{"ftp"} },
		"a name unlike its": func(c *tls.Config) { c.ServerName = "elsewhere.example" }, // The client refuses.
	} {
		config := s.config()
		change(config)
		if err := tls.Client(s.dial().Conn, config).Handshake(); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if got := s.dialTLS(s.config()).send(getOf("/")).receive("GET").body; got != "https" {
		t.Errorf("%q", got)
	}
}

// TestTLS_reloadThatHangsHoldsUpNoStop: somebody holds up the process that looks at the certificates.
func TestTLS_reloadThatHangsHoldsUpNoStop(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hold")
	s := secure(t, "tls=on", []string{"FORKER_TEST_HOLD=" + file}, "workers=1", "boot_timeout=1h")
	write(t, file, "")
	s.reload("reload: SIGHUP")
	s.dialTLS(s.config()).send(getOf("/")).receive("GET") // It goes on meanwhile.
	s.stop(syscall.SIGTERM)
	s.log.wait(t, 0, "reload refused: the process that looks at certificates and files of users has failed")
}

func TestTLS_strictNames(t *testing.T) {
	s := secure(t, "tls=on", nil, "workers=1", "tls_strict_sni=on", "tls_min_version=1.3")
	config := s.config()
	config.ServerName = "elsewhere.example"
	if err := tls.Client(s.dial().Conn, config).Handshake(); err == nil || !strings.Contains(err.Error(), "unrecognized name") {
		t.Errorf("a name that no certificate has: %v", err)
	}
	config = s.config()
	config.MaxVersion = tls.VersionTLS12
	if err := tls.Client(s.dial().Conn, config).Handshake(); err == nil {
		t.Error("TLS 1.2 is accepted, with tls_min_version=1.3")
	}
	s.dialTLS(s.config())
}

func TestTLS_bodiesFilesAndHints(t *testing.T) {
	text := strings.Repeat("0123456789abcdef", 1<<17)
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, text)
	s := secure(t, "tls=on", []string{"FORKER_TEST_FILE=" + path}, "workers=1", "body_buffer=64k")
	c := s.dialTLS(s.config())
	for range 2 {
		// What cannot be sent does not come back either.
		go func() {
			_, _ = fmt.Fprintf(c, "POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
		}()
		if got := c.receive("POST").body; got != text {
			t.Fatalf("%d bytes of the body come back", len(got))
		}
		if got := c.send(getOf("/file")).receive("GET").body; got != text {
			t.Fatalf("%d bytes of the file", len(got))
		}
		c.send(getOf("/hint"))
		if hint := c.receive("GET"); hint.StatusCode != 103 || hint.Header.Get("Link") != "</style.css>" {
			t.Fatalf("%d %v", hint.StatusCode, hint.Header)
		}
		if got := c.receive("GET").body; got != "hinted" {
			t.Fatalf("%q", got)
		}
		if got := c.send(getOf("/hijack")).receive("GET").body; got != "-3 -1" {
			t.Fatalf("hijack: %q", got)
		}
	}
}

func TestTLS_certificateFromMemory(t *testing.T) {
	s := secure(t, "tls=on", []string{"FORKER_TEST_MEMORY=1"}, "workers=1")
	for _, file := range s.files {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	s.reload("reload: done")
	if got := s.dialTLS(s.config()).send(getOf("/")).receive("GET").body; got != "https" {
		t.Errorf("%q", got)
	}
}

func TestTLS_inTheProgramsOwnProcess(t *testing.T) {
	dir := t.TempDir()
	s := &secured{pairs: []*testcert.Pair{testcert.New(testcert.Spec{Names: []string{"localhost"}})}}
	args := append([]string{"127.0.0.1:0?tls=on"}, keep(t, dir, "own", s.pairs[0])...)
	s.program = start(t, setup{source: "secure.c", args: args, env: environment([]string{"workers=0"})})
	for range 3 {
		if got := s.dialTLS(s.config()).send(getOf("/")).receive("GET").body; got != "https" {
			t.Errorf("%q", got)
		}
	}
	s.dial().send("\x16\x03\x01\x02\x00\x01") // A handshake that is under way at the end.
}

func TestTLS_clientCertificates(t *testing.T) {
	ca := testcert.New(testcert.Spec{Names: []string{"Example CA"}})
	joe := testcert.New(testcert.Spec{Names: []string{"joe.example", "192.0.2.7"}, Signer: ca, ForUsers: true})
	stranger := testcert.New(testcert.Spec{Names: []string{"joe.example"}, ForUsers: true})
	file := filepath.Join(t.TempDir(), "ca.pem")
	write(t, file, string(ca.Chain))
	for _, wanted := range []string{"optional", "required"} {
		s := secure(t, "tls=on&client_cert="+wanted, []string{"FORKER_TEST_CA=" + file}, "workers=1")
		config := s.config()
		config.Certificates = []tls.Certificate{joe.TLS}
		c := s.dialTLS(config)
		facts := c.facts("/facts")
		sum := fmt.Sprintf("%X", joe.X509.SerialNumber)
		for i, want := range map[int]string{6: "5 14 CN=joe.example", 7: "6 13 CN=Example CA", 8: fmt.Sprintf("7 %d %s", len(sum), sum), 10: "9 28 DNS:joe.example", 11: "IP:192.0.2.7", 12: fmt.Sprintf("10 %d ", len(joe.X509.Raw))} {
			if facts[i] != want {
				t.Errorf("%s: fact %q, want %q", wanted, facts[i], want)
			}
		}
		if digits := strings.TrimPrefix(facts[9], "8 64 "); len(digits) != 64 {
			t.Errorf("SHA-256 %q", facts[9])
		} else if _, err := hex.DecodeString(digits); err != nil {
			t.Error(err)
		}
		if got := c.send(getOf("/chain")).receive("GET").body; got != string(joe.Chain) {
			t.Errorf("chain %q", got)
		}
		for name, certificates := range map[string][]tls.Certificate{"none": nil, "a stranger's": {stranger.TLS}} {
			config.Certificates = certificates
			// Whatever the server accepts, it is asked for.
			config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				if certificates == nil {
					return &tls.Certificate{}, nil
				}
				return &certificates[0], nil
			}
			err := s.tryGet(config)
			if good := wanted == "optional" && certificates == nil; good != (err == nil) {
				t.Errorf("client_cert=%s, %s: %v", wanted, name, err)
			}
		}
	}
}

// tryGet asks for "/" on a connection of its own. In TLS 1.3 a client learns only then that its certificate is refused.
func (s *secured) tryGet(config *tls.Config) error {
	s.t.Helper()
	c := tls.Client(s.dial().Conn, config)
	if _, err := io.WriteString(c, getOf("/")); err != nil {
		return err
	}
	_, err := (&conn{s.t, c, bufio.NewReader(c)}).tryReceive("GET")
	return err
}

func TestTLS_saysWhatIsWrongAtTheCallAndAtRun(t *testing.T) {
	dir := t.TempDir()
	good := testcert.New(testcert.Spec{Names: []string{"localhost"}})
	files := keep(t, dir, "good", good)
	other := keep(t, dir, "other", testcert.New(testcert.Spec{Names: []string{"localhost"}}))
	named := func(name, text string) string {
		path := filepath.Join(dir, name)
		write(t, path, text)
		return path
	}
	missing := filepath.Join(dir, "missing")
	long := named("long", string(good.Chain)+strings.Repeat("x", 10<<20))
	rubbish := named("rubbish", strings.Replace(string(good.Chain), "MII", "AAA", 1))
	encrypted := named("encrypted", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n")
	for _, row := range []struct{ chain, key, parameters, want string }{
		{missing, files[1], "tls=on", "run returned -10: run: a setup call failed before: certificate " + missing + ": No such file or directory"},
		{files[0], missing, "tls=on", "run returned -10: run: a setup call failed before: key " + missing + ": No such file or directory"},
		{long, files[1], "tls=on", "certificate " + long + ": it has more than 1 MiB"},
		{files[1], files[1], "tls=on", "certificate " + files[1] + ": there is no certificate in it"},
		{files[0], files[0], "tls=on", "key " + files[0] + ": there is no key in it"},
		{files[0], encrypted, "tls=on", "key " + encrypted + ": the key is encrypted"},
		{files[0], other[1], "tls=on", "run returned -18: run: certificate " + files[0] + ": the key does not belong to the first certificate"},
		{rubbish, files[1], "tls=on", "run returned -18: run: certificate " + rubbish + ": certificate 1 is malformed"},
		{files[0], files[1], "tls=maybe", "?tls=maybe: tls= is on or off"},
		{files[0], files[1], "client_cert=required", "client_cert= is for addresses with tls=on"},
		{files[0], files[1], "tls=on&client_cert=yes", "client_cert= is off, optional or required"},
		{files[0], files[1], "tls=on&client_cert=required", "run returned -3: run: 127.0.0.1:0?tls=on&client_cert=required asks for"},
		{files[0], files[1], "mode=0600", "behind the \"?\" of an address come tls=, client_cert=, redirect_https= and proxy="},
		{files[0], files[1], "tls=on&redirect_https=on", "redirect_https= is for addresses without tls=on"},
		{files[0], files[1], "redirect_https=0", "redirect_https= is on, off or the port of HTTPS"},
		{files[0], files[1], "redirect_https=65536", "redirect_https= is on, off or the port of HTTPS"},
		{files[0], files[1], "redirect_https=on", "run returned -3: run: 127.0.0.1:0?redirect_https=on redirects to HTTPS, and no address with tls=on has a port"},
	} {
		for _, workers := range []string{"workers=1", "workers=0"} {
			p := start(t, setup{source: "secure.c", args: []string{"127.0.0.1:0?" + row.parameters, row.chain, row.key}, env: environment([]string{workers})})
			if line := p.out.wait(t, 0, "run returned ").text; !strings.Contains(line, row.want) {
				t.Errorf("%s: %q, want %q", workers, line, row.want)
			}
			if status := p.wait(); status != 1 {
				t.Errorf("exit status %d", status)
			}
		}
	}
	for text, want := range map[string]string{
		"rubbish": "run returned -10: run: a setup call failed before: client CA %s: there is no certificate in it",
		string(good.Chain) + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n": "run returned -18: run: client CA %s: certificate 2 is malformed",
	} {
		ca := named("ca", text)
		env := append(environment([]string{"workers=1"}), "FORKER_TEST_CA="+ca)
		p := start(t, setup{source: "secure.c", args: []string{"127.0.0.1:0?tls=on&client_cert=optional", files[0], files[1]}, env: env})
		p.out.wait(t, 0, fmt.Sprintf(want, ca))
		p.wait()
	}
	p := start(t, setup{source: "secure.c", args: []string{"127.0.0.1:0?tls=on"}, env: environment([]string{"workers=1"})})
	p.out.wait(t, 0, "run returned -3: run: 127.0.0.1:0?tls=on has TLS, and there is no certificate")
	p.wait()
}

func TestTLS_expiredIsUsedWithAWarning(t *testing.T) {
	old := testcert.New(testcert.Spec{Names: []string{"localhost"}, Expired: true})
	files := keep(t, t.TempDir(), "old", old)
	s := &secured{pairs: []*testcert.Pair{old}}
	s.program = start(t, setup{source: "secure.c", args: append([]string{"127.0.0.1:0?tls=on"}, files...), env: environment([]string{"workers=1"})}).waitReady()
	s.log.wait(t, 0, "certificate "+files[0]+": it has expired, on ")
	config := s.config()
	config.Time = func() time.Time { return old.X509.NotBefore.Add(time.Hour) }
	s.dialTLS(config)
}

func TestTLS_reloadBringsNewCertificatesAndRefusesGarbage(t *testing.T) {
	s := secure(t, "tls=on", nil, "workers=2")
	serial := func() string {
		config := s.config()
		config.InsecureSkipVerify = true
		return s.dialTLS(config).state().PeerCertificates[0].SerialNumber.String()
	}
	first := serial()
	for _, garbage := range []string{"", "garbage", strings.Repeat("x", 2<<20), string(s.pairs[1].Chain)} {
		write(t, s.files[0], garbage)
		s.reload("reload refused: ")
		if got := serial(); got != first {
			t.Fatalf("after a reload that was refused the certificate is another")
		}
	}
	next := testcert.New(testcert.Spec{Names: []string{"localhost"}})
	keep(t, filepath.Dir(s.files[0]), "0", next)
	s.reload("reload: done")
	if got := serial(); got != next.X509.SerialNumber.String() {
		t.Error("the reload brought no new certificate")
	}
}

// TestTLS_reloadsLoseNoRequest has clients ask all the time, on connections of their own and on ones that stay, while
// certificates are replaced.
func TestTLS_reloadsLoseNoRequest(t *testing.T) {
	reloads := 3
	if long() {
		reloads = 50
	}
	s := secure(t, "tls=on", nil, "workers=2", "drain_grace=200ms")
	stop, results := make(chan struct{}), make(chan error)
	const clients = 3
	_ = s.address(0)
	for range clients {
		go func() { results <- s.askUntil(stop) }()
	}
	for i := range reloads {
		keep(t, filepath.Dir(s.files[0]), "0", testcert.New(testcert.Spec{Names: []string{fmt.Sprint("localhost", i), "localhost"}}))
		s.reload("reload: done")
	}
	close(stop)
	for range clients {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

// askUntil asks until stop, ten times on each connection or until the server has said that it closes it.
func (s *secured) askUntil(stop chan struct{}) error {
	config := &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"}
	_, name := dialName(s.ports[0])
	for {
		raw, err := net.DialTimeout("tcp", name, patience)
		if err != nil {
			return err
		}
		_ = raw.SetDeadline(time.Now().Add(patience))
		c := tls.Client(raw, config)
		in := &conn{s.t, c, bufio.NewReader(c)}
		for i := range 10 {
			select {
			case <-stop:
				return raw.Close()
			default:
			}
			if _, err := io.WriteString(c, getOf("/who")); err != nil {
				return fmt.Errorf("request %d of a connection: %w", i, err)
			}
			a, err := in.tryReceive("GET")
			if err != nil {
				return fmt.Errorf("answer %d of a connection: %w", i, err)
			}
			if a.Close {
				break
			}
		}
		_ = raw.Close()
	}
}

// devCertificate makes a certificate as the examples' comments say, and returns the names of its files.
func devCertificate(t *testing.T, names ...string) (chain, key string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(sourceTree(), "tools/dev-certificate"), names...)
	cmd.Dir = t.TempDir()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return filepath.Join(cmd.Dir, names[0]+".pem"), filepath.Join(cmd.Dir, names[0]+".key")
}

func TestExampleSecure_greets(t *testing.T) {
	chain, key := devCertificate(t, "localhost")
	path := socketIn(t)
	for name, p := range map[string]*program{
		"C":      example(t, setup{args: []string{"unix:" + path, chain, key}}, "secure"),
		"Python": python(t, "secure.py", "unix:"+path+".py", chain, key),
	} {
		p.log.wait(t, 0, "all workers are ready")
		socket := path
		if name == "Python" {
			socket += ".py"
		}
		got := curl(t, "", "--unix-socket", socket, "--cacert", chain, "https://localhost/")
		if !strings.HasPrefix(got, "hello a client without a certificate, over TLS 1.3 with TLS_") {
			t.Errorf("%s: %q", name, got)
		}
		p.stop(syscall.SIGINT)
	}
}

// resumed makes connections to a server, and returns how many of them have gone on with an earlier session, and how many
// workers have had one.
func (s *secured) resumed(config *tls.Config, connections int) (resumed, workers int) {
	s.t.Helper()
	seen := map[string]bool{}
	for range connections {
		c := s.dialTLS(config)
		seen[c.send(getOf("/who")).receive("GET").body] = true
		if c.state().DidResume {
			resumed++
		}
		_ = c.Close()
	}
	return resumed, len(seen)
}

func TestTLS_sessionsAreResumedByAnyWorker(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		// With a socket for each worker, the kernel decides which one has a connection.
		s := secure(t, "tls=on", nil, "workers=4", "reuseport=on")
		config := s.config()
		config.MinVersion, config.MaxVersion = version, version
		config.ClientSessionCache = tls.NewLRUClientSessionCache(16)
		if resumed, workers := s.resumed(config, 100); resumed != 99 || workers < 3 {
			t.Errorf("%s: %d of 100 resumed, by %d workers", tls.VersionName(version), resumed, workers)
		}
		if facts := s.dialTLS(config).facts("/facts"); facts[5] != "4 1 1" {
			t.Errorf("a resumed session: %q", facts[5])
		}
		s.reload("reload: done")
		if resumed, _ := s.resumed(config, 20); resumed != 20 {
			t.Errorf("%s: after a reload %d of 20 resumed", tls.VersionName(version), resumed)
		}
	}
}

func TestTLS_sessionsAreResumedAfterAnUpgrade(t *testing.T) {
	s := secure(t, "tls=on", nil, "workers=2")
	config := s.config()
	config.ClientSessionCache = tls.NewLRUClientSessionCache(16)
	s.resumed(config, 3)
	mark := s.log.mark()
	s.signal(syscall.SIGUSR2)
	line := s.log.wait(t, mark, " serves, this one drains and leaves").text
	var heir int
	if _, err := fmt.Sscanf(line[strings.Index(line, "upgrade: "):], "upgrade: process %d serves", &heir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(heir, syscall.SIGTERM) })
	<-s.ended
	if resumed, _ := s.resumed(config, 10); resumed != 10 {
		t.Errorf("after an upgrade %d of 10 resumed", resumed)
	}
}

func TestTLS_ticketKeysOfAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys")
	key, next := strings.Repeat("a", 32), strings.Repeat("b", 32)
	write(t, file, key)
	first := secure(t, "tls=on", nil, "workers=1", "tls_ticket_keys="+file)
	second := &secured{pairs: first.pairs, files: first.files}
	second.program = start(t, setup{
		source: "secure.c", args: append([]string{"127.0.0.1:0?tls=on"}, first.files...),
		env: environment([]string{"workers=0", "tls_ticket_keys=" + file}),
	})
	config := first.config()
	config.ClientSessionCache = tls.NewLRUClientSessionCache(16)
	first.resumed(config, 2)
	if resumed, _ := second.resumed(config, 2); resumed != 2 {
		t.Errorf("%d of 2 resumed on another machine", resumed)
	}
	write(t, file, next+key)
	first.reload("reload: done")
	if resumed, _ := first.resumed(config, 2); resumed != 2 {
		t.Errorf("%d of 2 resumed with the key of before", resumed)
	}
	write(t, file, next)
	first.reload("reload: done")
	if resumed, _ := first.resumed(config, 1); resumed != 1 {
		t.Errorf("%d of 1 resumed with the new key", resumed)
	}
	write(t, file, "short")
	first.reload("reload refused: keys of session tickets " + file + " (option tls_ticket_keys): it has to have")
}

// TestTLS_reloadThatIsRefusedForTicketKeysChangesNothing: workers that are started later have the options of before too.
func TestTLS_reloadThatIsRefusedForTicketKeysChangesNothing(t *testing.T) {
	dir := t.TempDir()
	keys, config := filepath.Join(dir, "keys"), filepath.Join(dir, "options")
	write(t, keys, strings.Repeat("a", 32))
	write(t, config, "max_body=10\n")
	s := secure(t, "tls=on", []string{"FORKER_TEST_CONFIG=" + config}, "workers=1", "tls_ticket_keys="+keys)
	takes := func(most int) {
		t.Helper()
		for n, want := range map[int]int{most: 200, most + 1: 413} {
			c := s.dialTLS(s.config())
			body := strings.Repeat("x", n)
			a := c.send(fmt.Sprintf("POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", n, body)).receive("POST")
			if a.StatusCode != want {
				t.Errorf("%d bytes: %s, want %d", n, a.Status, want)
			}
		}
	}
	write(t, config, "max_body=20\n")
	write(t, keys, "short")
	s.reload("reload refused: keys of session tickets " + keys)
	worker := s.workers()[0]
	s.kill(worker, syscall.SIGKILL)
	s.waitReplaced(0, worker)
	takes(10)
	if n := s.out.count("on_reload"); n != 0 {
		t.Errorf("on_reload was called %d times", n)
	}
	write(t, keys, strings.Repeat("b", 32))
	s.reload("reload: done")
	takes(20)
}

func TestTLS_watchedFilesAreReadAgain(t *testing.T) {
	s := secure(t, "tls=on", nil, "workers=1", "tls_watch=1s")
	next := testcert.New(testcert.Spec{Names: []string{"localhost"}})
	keep(t, filepath.Dir(s.files[0]), "0", next)
	s.log.wait(t, 0, "files of certificates have changed: reloading")
	s.log.wait(t, 0, "reload: done")
	config := s.config()
	config.RootCAs = next.Pool()
	s.dialTLS(config)
	mark := s.log.mark()
	write(t, s.files[0], "garbage")
	s.log.wait(t, mark, "reload refused: certificate "+s.files[0])
	s.dialTLS(config)
}
