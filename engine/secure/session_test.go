package secure

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// ask sends text, and checks that it comes back in capitals.
func ask(c *tls.Conn, text string) error {
	sent := make(chan error, 1)
	go func() {
		_, err := c.Write([]byte(text))
		sent <- err
	}()
	got := make([]byte, len(text))
	if _, err := io.ReadFull(c, got); err != nil {
		return err
	}
	if string(got) != strings.ToUpper(text) {
		return errors.New("another text came back")
	}
	return <-sent
}

func TestSession_isATLSServer(t *testing.T) { eachWay(t, testIsATLSServer) }

func testIsATLSServer(t *testing.T, server *Config) {
	long := strings.Repeat("abcdefghij", 20000)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, size := range []int{1, 7, 600, 1 << 20} {
			for _, room := range []int{1, 100, 1 << 15} {
				text := long
				if size < 100 || room < 100 {
					text = long[:3000]
				}
				config := clientConfig()
				config.MinVersion, config.MaxVersion = version, version
				l := &loop{room: room}
				far, ended := l.pipe(t, server)
				c := tls.Client(&cut{far, size}, config)
				var err error
				for range 3 {
					err = errors.Join(err, ask(c, text))
				}
				err = errors.Join(err, c.CloseWrite())
				if ours := <-ended; ours != io.EOF || err != nil || l.echoed != 3*len(text) || l.behind == 0 {
					t.Errorf("%s, %d bytes at a time, read by %d: %v, %v, %d bytes", tls.VersionName(version), size, room, ours, err, l.echoed)
				}
			}
		}
	}
}

// record is one as a client without keys would send it.
func record(kind byte, payload string) string {
	return string([]byte{kind, 3, 3, byte(len(payload) >> 8), byte(len(payload))}) + payload
}

func TestSession_refusesUselessRecords(t *testing.T) {
	for name, abuse := range map[string]string{
		"changes of the cipher": strings.Repeat(record(20, "\x01"), 100),
		"empty records":         strings.Repeat(record(23, ""), 100),
		"an oversized record":   "\x17\x03\x03\xff\xff",
		"rubbish":               record(23, strings.Repeat("x", 100)),
		"an unknown type":       record(99, "hello"),
	} {
		l := &loop{room: 1 << 10}
		far, ended := l.pipe(t, serverConfig(false))
		c := tls.Client(far, clientConfig())
		if err := ask(c, "hello"); err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = io.WriteString(far, abuse) }()
		if _, err := io.ReadAll(c); err == nil {
			t.Errorf("%s: the client gets no alert", name)
		}
		if err := <-ended; err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		}
		if l.behind > 0 {
			t.Errorf("%s: %d bytes behind the alert", name, l.behind)
		}
	}
}

// FuzzSession has a session that is fed by pieces behave as crypto/tls does over a connection, whatever the pieces are.
func FuzzSession(f *testing.F) {
	f.Add([]byte{1, 5, 200}, uint16(100), true)
	f.Add([]byte{255, 255, 3}, uint16(1), false)
	f.Fuzz(func(t *testing.T, sizes []byte, room uint16, isNew bool) {
		fuzzSession(t, serverConfig(false), sizes, room, isNew)
		fuzzSession(t, serverConfig(true), sizes, room, isNew)
	})
}

func fuzzSession(t *testing.T, server *Config, sizes []byte, room uint16, isNew bool) {
	config := clientConfig()
	if !isNew {
		config.MaxVersion = tls.VersionTLS12
	}
	text := strings.Repeat("a text of some length ", 50+len(sizes)*20%4000)
	l := &loop{room: 1 + int(room)}
	far, ended := l.pipe(t, server)
	c := tls.Client(&uneven{Conn: far, sizes: sizes}, config)
	for range 2 {
		if err := ask(c, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != io.EOF || l.echoed != 2*len(text) {
		t.Errorf("%v after %d bytes of %d", err, l.echoed, 2*len(text))
	}
}

// plain serves one end of a pipe by crypto/tls alone, as loop does, and returns the other end and how it ends.
func plain(config *Config) (far net.Conn, ended chan error) {
	near, far := net.Pipe()
	deadline := time.Now().Add(time.Minute)
	_ = near.SetDeadline(deadline)
	_ = far.SetDeadline(deadline)
	ended = make(chan error, 1)
	go func() {
		c := tls.Server(near, config.tls)
		err := c.Handshake()
		for b := make([]byte, 1<<10); err == nil; {
			var n int
			if n, err = c.Read(b); err == nil {
				_, err = c.Write(bytes.ToUpper(b[:n]))
			}
		}
		_ = near.Close()
		ended <- err
	}()
	return far, ended
}

// provoke sends raw bytes to a server of TLS, cut into pieces, behind a handshake or instead of one, and then the end;
// it returns how the server took that.
func provoke(far net.Conn, ended chan error, raw, sizes []byte, shake bool) (string, error) {
	if shake {
		if err := ask(tls.Client(far, clientConfig()), "hello"); err != nil {
			return "", err
		}
	}
	drained := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, far)
		drained <- err
	}()
	_, _ = (&uneven{Conn: far, sizes: sizes}).Write(raw) // The server may have had enough.
	_ = far.Close()
	<-drained
	err := <-ended
	return err.Error(), nil
}

// FuzzSession_failsAsCryptoTLSDoes has a session take whatever a client sends as crypto/tls takes it over a connection.
func FuzzSession_failsAsCryptoTLSDoes(f *testing.F) {
	f.Add([]byte("\x17\x03\x03\x00\x20abcdefghijklmnopqrstuvwxyz012345"), []byte{0}, true)
	f.Add([]byte("\x14\x03\x03\x00\x01\x01\x15\x03\x03\x00\x02\x01\x00"), []byte{1, 0}, true)
	f.Add([]byte("\x17\x03\x03\xff\xff"), []byte{}, true)
	f.Add([]byte("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03"), []byte{0}, false)
	f.Add([]byte("\x16\x03\x01\x00\x04\x01\x00\x00"), []byte{3}, false)
	f.Fuzz(func(t *testing.T, raw, sizes []byte, shake bool) {
		// A session gives out whole records only: whatever length the last one says, it is to be whole.
		raw = append(raw, make([]byte, RecordMost)...)
		far, ended := plain(serverConfig(false))
		theirs, err := provoke(far, ended, raw, nil, shake)
		if err != nil {
			t.Fatal(err)
		}
		for _, brief := range []bool{false, true} {
			l := &loop{room: 1 << 10}
			far, ended := l.pipe(t, serverConfig(brief))
			ours, err := provoke(far, ended, raw, sizes, shake)
			if err != nil {
				t.Fatal(err)
			}
			if ours != theirs {
				t.Errorf("%q ends a session by %q, brief %v, and crypto/tls by %q", raw, ours, brief, theirs)
			}
		}
	})
}
