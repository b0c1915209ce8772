package secure

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"slices"
	"testing"
	"time"
)

// first is a connection that keeps the first record that is written.
type first struct {
	net.Conn
	record []byte
}

func (f *first) Write(b []byte) (int, error) {
	if f.record == nil {
		f.record = slices.Clone(b)
	}
	return f.Conn.Write(b)
}

// TestHello_tellsWhatCryptoTLSChooses: for whatever groups a client has.
func TestHello_tellsWhatCryptoTLSChooses(t *testing.T) {
	all := []tls.CurveID{
		tls.X25519MLKEM768, tls.SecP256r1MLKEM768, tls.SecP384r1MLKEM1024, tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521,
	}
	brief := []tls.CurveID{tls.X25519MLKEM768, tls.SecP256r1MLKEM768, tls.X25519, tls.CurveP256}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for set := 1; set < 1<<len(all); set++ {
			var groups []tls.CurveID
			for i, group := range all {
				if set>>i&1 != 0 {
					groups = append(groups, group)
				}
			}
			record, chosen := chosenFor(t, version, groups)
			if agreesBriefly(record) != slices.Contains(brief, chosen) && chosen != 0 {
				t.Errorf("%s, %v: chosen is %v, brief %v", tls.VersionName(version), groups, chosen, agreesBriefly(record))
			}
		}
	}
}

// chosenFor returns a client's hello, and which group crypto/tls chooses; 0: none.
func chosenFor(t *testing.T, version uint16, groups []tls.CurveID) (record []byte, chosen tls.CurveID) {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	go func() { _ = tls.Server(near, serverConfig(true).tls).Handshake() }()
	config := clientConfig()
	config.CurvePreferences, config.MinVersion, config.MaxVersion = groups, version, version
	conn := &first{Conn: far}
	client := tls.Client(conn, config)
	if client.Handshake() != nil {
		return conn.record, 0
	}
	return conn.record, client.ConnectionState().CurveID
}

// TestHello_knowsTheOrderOfTheClient: crypto/tls as a client offers its groups in an order of its own; others do as they like, and by
// TLS 1.2 get the first of their curves.
func TestHello_knowsTheOrderOfTheClient(t *testing.T) {
	all := []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}
	for _, first := range all {
		for _, second := range all {
			if first == second {
				continue
			}
			record, _ := chosenFor(t, tls.VersionTLS12, []tls.CurveID{first, second})
			list := []byte{0, supportedGroups, 0, 6, 0, 4}
			at := bytes.Index(record, list)
			if at < 0 {
				t.Fatal("the client offers no groups")
			}
			copy(record[at+len(list):], []byte{0, byte(first), 0, byte(second)})
			chosen := curveOf(t, record)
			if brief := chosen == tls.X25519 || chosen == tls.CurveP256; chosen != first || agreesBriefly(record) != brief {
				t.Errorf("%v, %v: chosen is %v, brief %v", first, second, chosen, agreesBriefly(record))
			}
		}
	}
}

// curveOf returns the curve of the ServerKeyExchange (RFC 8422 §5.4) that a server answers a hello with.
func curveOf(t *testing.T, record []byte) tls.CurveID {
	t.Helper()
	near, far := net.Pipe()
	defer far.Close()
	go func() { _ = tls.Server(near, serverConfig(true).tls).Handshake() }()
	if _, err := far.Write(record); err != nil {
		t.Fatal(err)
	}
	for {
		head := make([]byte, recordHead)
		if _, err := io.ReadFull(far, head); err != nil {
			t.Fatal(err)
		}
		message := make([]byte, recordSize(head)-recordHead)
		if _, err := io.ReadFull(far, message); err != nil {
			t.Fatal(err)
		}
		const keyExchange, namedCurve = 12, 3
		if message[0] == keyExchange && message[4] == namedCurve {
			return tls.CurveID(message[5])<<8 | tls.CurveID(message[6])
		}
	}
}

// TestHello_sharesOfGroupsThatAreNotOfferedMeanNothing: crypto/tls looks for the groups first, and asks for another share.
func TestHello_sharesOfGroupsThatAreNotOfferedMeanNothing(t *testing.T) {
	x25519, p521 := []byte{0, byte(tls.X25519)}, []byte{0, byte(tls.CurveP521)}
	record, _ := chosenFor(t, tls.VersionTLS13, []tls.CurveID{tls.X25519})
	if !agreesBriefly(record) {
		t.Fatal("X25519 is not brief")
	}
	list := append([]byte{0, supportedGroups, 0, 4, 0, 2}, x25519...)
	at := bytes.Index(record, list)
	if at < 0 {
		t.Fatal("the client offers no groups")
	}
	copy(record[at+len(list)-len(p521):], p521)
	if o, ok := readOffer(record); !ok || o.groups[0] != tls.CurveP521 || o.shares[0] != tls.X25519 {
		t.Fatalf("%+v, %v", o, ok)
	}
	if agreesBriefly(record) {
		t.Error("a client that can use P-521 only is brief for its share of X25519")
	}
}

// TestHello_withLargeCurvesIsNotForTheLoop: a session asks for the groups when it has the whole of the record.
func TestHello_withLargeCurvesIsNotForTheLoop(t *testing.T) {
	for _, row := range []struct {
		group tls.CurveID
		here  bool
	}{{tls.X25519, true}, {tls.CurveP521, false}} {
		config := clientConfig()
		config.CurvePreferences = []tls.CurveID{row.group}
		near, far := net.Pipe()
		conn := &first{Conn: far}
		read := make([]byte, 1<<10)
		go func() { _ = tls.Client(conn, config).Handshake() }()
		n, err := near.Read(read)
		if err != nil {
			t.Fatal(err)
		}
		_ = near.Close()
		hello := read[:n]
		s, h := NewSession(serverConfig(true), 0), NewHandshakes(1, true, func() {})
		for i := range hello {
			next := WantsInput
			if i == 0 {
				next = h.Begin(s, hello[:1])
			} else {
				next = h.Feed(s, hello[i:i+1])
			}
			if last := i == len(hello)-1; (next == HasNews) != (last && row.here) {
				t.Errorf("%v: after %d bytes of %d next is %d", row.group, i+1, len(hello), next)
			}
		}
		if h.IsHere(s) != row.here || s.running == row.here {
			t.Errorf("%v: here %v, running %v", row.group, h.IsHere(s), s.running)
		}
		s.Close()
		h.Close()
		h.EndLeft()
		for !h.IsEmpty() {
			time.Sleep(time.Millisecond)
		}
	}
}

// FuzzHello has whatever comes in a record be read within its bounds.
func FuzzHello(f *testing.F) {
	_, closed := net.Pipe()
	_ = closed.Close()
	hello := &first{Conn: closed}
	_ = tls.Client(hello, clientConfig()).Handshake()
	f.Add(hello.record)
	f.Add([]byte("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03"))
	f.Add([]byte("\x16\x03\x01\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, in []byte) {
		if isWhole(in) {
			_ = agreesBriefly(in)
		}
	})
}
