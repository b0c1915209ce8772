package secure

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
)

// attacker is a client that has made a handshake of TLS 1.3 and then writes records of its own, which crypto/tls never
// would (RFC 8446 §5.2).
type attacker struct {
	t      *testing.T
	socket net.Conn
	secret []byte // Its traffic secret.
	sealer cipher.AEAD
	iv     []byte
	number uint64 // Of the next record.
}

// The types of records (RFC 8446 §5.1).
const (
	typeAlert     = 21
	typeHandshake = 22
	typeData      = 23
)

// attack makes a handshake over socket.
func attack(t *testing.T, socket net.Conn) (a *attacker, client *tls.Conn) {
	t.Helper()
	var keys bytes.Buffer
	config := clientConfig()
	config.MinVersion, config.KeyLogWriter = tls.VersionTLS13, &keys
	client = tls.Client(socket, config)
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	if suite := client.ConnectionState().CipherSuite; suite != tls.TLS_AES_128_GCM_SHA256 {
		t.Skipf("this machine has no instructions for AES, so the suite is %s", tls.CipherSuiteName(suite))
	}
	a = &attacker{t: t, socket: socket}
	for line := range strings.Lines(keys.String()) {
		if words := strings.Fields(line); words[0] == "CLIENT_TRAFFIC_SECRET_0" {
			secret, err := hex.DecodeString(words[2])
			a.must(err)
			a.use(secret)
		}
	}
	return a, client
}

func (a *attacker) must(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}

// use goes on with the keys of a traffic secret.
func (a *attacker) use(secret []byte) {
	a.secret, a.number = secret, 0
	block, err := aes.NewCipher(a.expand("key", 16))
	a.must(err)
	a.sealer, err = cipher.NewGCM(block)
	a.must(err)
	a.iv = a.expand("iv", 12)
}

// expand is HKDF-Expand-Label without a context (RFC 8446 §7.1).
func (a *attacker) expand(label string, length int) []byte {
	info := binary.BigEndian.AppendUint16(nil, uint16(length))
	info = append(info, byte(len("tls13 ")+len(label)))
	info = append(append(info, "tls13 "...), label...)
	key, err := hkdf.Expand(sha256.New, a.secret, string(append(info, 0)), length)
	a.must(err)
	return key
}

// seal returns a record with so much padding.
func (a *attacker) seal(kind byte, content string, padding int) []byte {
	inner := append(append([]byte(content), kind), make([]byte, padding)...)
	head := binary.BigEndian.AppendUint16([]byte{typeData, 3, 3}, uint16(len(inner)+a.sealer.Overhead()))
	nonce := bytes.Clone(a.iv)
	for i, b := range binary.BigEndian.AppendUint64(nil, a.number) {
		nonce[len(nonce)-8+i] ^= b
	}
	a.number++
	return a.sealer.Seal(head, nonce, inner, head)
}

// updateKeys returns a KeyUpdate, which may ask for one in return (RFC 8446 §4.6.3), and goes on with the next keys.
func (a *attacker) updateKeys(asks byte) []byte {
	record := a.seal(typeHandshake, string([]byte{24, 0, 0, 1, asks}), 0)
	a.use(a.expand("traffic upd", len(a.secret)))
	return record
}

// useless are records that bring nothing.
var useless = map[string]func(a *attacker) []byte{
	"empty records":           func(a *attacker) []byte { return a.seal(typeData, "", 0) },
	"records of padding only": func(a *attacker) []byte { return a.seal(typeData, "", 1000) },
	"KeyUpdates":              func(a *attacker) []byte { return a.updateKeys(0) },
	"KeyUpdates that ask":     func(a *attacker) []byte { return a.updateKeys(1) },
	"warnings":                func(a *attacker) []byte { return a.seal(typeAlert, "\x01\x5a", 0) }, // user_canceled
}

// uselessMost is more records in a row than may bring nothing.
const uselessMost = 32

func TestSession_endsAfterRecordsThatBringNothing(t *testing.T) {
	for name, next := range useless {
		l := &loop{room: 1 << 10}
		far, ended := l.pipe(t, serverConfig(false))
		a, client := attack(t, far)
		go func() {
			for range uselessMost {
				if _, err := far.Write(next(a)); err != nil {
					return // The server has closed.
				}
			}
		}()
		if _, err := io.ReadAll(client); err == nil || !strings.Contains(err.Error(), "unexpected message") {
			t.Errorf("%s: the client gets %v", name, err)
		}
		if err := <-ended; err == nil || !strings.Contains(err.Error(), "too many") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSession_bearsRecordsThatBringNothingBetweenData(t *testing.T) {
	for name, next := range useless {
		if name == "KeyUpdates that ask" {
			continue // The client would have to follow, to be able to read.
		}
		l := &loop{room: 1 << 10}
		far, ended := l.pipe(t, serverConfig(false))
		a, client := attack(t, far)
		go func() {
			for range uselessMost {
				for range 3 {
					_, _ = far.Write(next(a))
				}
				_, _ = far.Write(a.seal(typeData, "a", 0))
			}
		}()
		got := make([]byte, uselessMost)
		if _, err := io.ReadFull(client, got); err != nil || string(got) != strings.Repeat("A", uselessMost) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		_ = far.Close()
		if err := <-ended; err != io.EOF {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSession_endsForAClientThatAsksWithoutReading has a client ask for answers without end, between data, and take none.
func TestSession_endsForAClientThatAsksWithoutReading(t *testing.T) {
	l := &loop{}
	var a *attacker
	l.open(t, func(far net.Conn) error {
		a, _ = attack(t, far)
		return nil
	})
	s, room := l.session, make([]byte, 100)
	for range 10_000 {
		s.Receive(append(a.seal(typeData, "a", 0), a.updateKeys(1)...), false)
		_, err := s.Read(room)
		s.Keep()
		if n := len(s.Outbox()); n > outboxMost+1000 {
			t.Fatalf("%d bytes wait for a client that does not read", n)
		}
		if errors.Is(err, ErrFlood) {
			return
		}
		a.must(err)
	}
	t.Error("the session does not end")
}

// warned is a connection whose first write is followed by warnings in clear text.
type warned struct {
	net.Conn
	begun bool
}

func (w *warned) Write(b []byte) (int, error) {
	n, err := w.Conn.Write(b)
	if !w.begun && err == nil {
		w.begun = true
		_, err = w.Conn.Write([]byte(strings.Repeat(record(typeAlert, "\x01\x5a"), uselessMost)))
	}
	return n, err
}

func TestSession_handshakeEndsAfterWarnings(t *testing.T) { eachWay(t, testHandshakeEndsAfterWarnings) }

func testHandshakeEndsAfterWarnings(t *testing.T, server *Config) {
	l := &loop{room: 1 << 10}
	far, ended := l.pipe(t, server)
	config := clientConfig()
	config.MaxVersion = tls.VersionTLS12
	go func() { _ = tls.Client(&warned{Conn: far}, config).Handshake() }()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "too many") {
		t.Errorf("the handshake ends with %v", err)
	}
}
