package blackbox

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

var errLeft = errors.New("the client has left")

// leaver is the connection of a client that leaves in the middle of a handshake: when it has read so many times.
type leaver struct {
	net.Conn
	reads int
}

func (l *leaver) Read(b []byte) (int, error) {
	if l.reads == 0 {
		return 0, errLeft
	}
	l.reads--
	return l.Conn.Read(b[:min(len(b), 64)]) // What a server says before the handshake has ended is longer.
}

// shaker makes handshakes of all kinds with a server, one at a time.
type shaker struct {
	address string
	config  *tls.Config // Without sessions.
	made    int         // Of all kinds.
}

// versioned is the shaker's configuration for one of the versions, each in turn.
func (k *shaker) versioned() *tls.Config {
	config := k.config.Clone()
	config.MaxVersion = tls.VersionTLS12 + uint16(k.made/2%2)
	return config
}

// connect makes a connection. Its client leaves when it has read so many times, but for a negative number.
func (k *shaker) connect(reads int, config *tls.Config) (*tls.Conn, error) {
	c, err := net.DialTimeout("tcp", k.address, patience)
	if err != nil {
		return nil, err
	}
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	if reads >= 0 {
		c = &leaver{c, reads}
	}
	own := tls.Client(c, config)
	if err := own.Handshake(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return own, nil
}

// leave begins a handshake and closes the connection: behind the hello, or when some of the server's answer has come.
func (k *shaker) leave() error {
	k.made++
	_, err := k.connect(k.made/4%2, k.versioned())
	if !errors.Is(err, errLeft) {
		return fmt.Errorf("a client that leaves: %w", err)
	}
	return nil
}

// ask makes a handshake and a request, and ends when the server has.
func (k *shaker) ask(config *tls.Config, resumes bool) error {
	k.made++
	c, err := k.connect(-1, config)
	if err != nil {
		return err
	}
	_, err = io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
	got, readErr := io.ReadAll(c)
	err = errors.Join(err, readErr, c.Close())
	if err == nil && (!strings.HasSuffix(string(got), "https") || c.ConnectionState().DidResume != resumes) {
		err = fmt.Errorf("resumed: %v, %q", c.ConnectionState().DidResume, got)
	}
	return err
}

// shake makes so many full handshakes, of both versions; for each four of them one client comes back with its session, and one leaves.
func (k *shaker) shake(full int) error {
	for n := range full {
		config := k.versioned()
		if n%4 == 0 {
			config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		}
		if err := k.ask(config, false); err != nil {
			return err
		}
		if n%4 != 0 {
			continue
		}
		if err := k.ask(config, true); err != nil {
			return err
		}
		if err := k.leave(); err != nil {
			return err
		}
	}
	return nil
}

// A worker's memory does not grow with the handshakes that it has made: 100,000 full ones.
func TestMemory_isFlatOverHandshakes(t *testing.T) {
	if !long() {
		t.Skip("FORKER_SOAK is not set: it takes minutes of processor time")
	}
	const clients, steps, handshakes = 4, 10, 100_000
	const tolerated = 2 << 20 // A Go heap of 4 MB ends a collection now with more and then with less.
	s := secure(t, "tls=on", nil, "workers=1")
	var shakers [clients]*shaker
	_, address := dialName(s.address(0))
	for i := range shakers {
		shakers[i] = &shaker{address: address, config: s.config()}
	}
	expectFlat(t, s.workers()[0], fmt.Sprintf("%d full handshakes", handshakes), tolerated, func() {
		var group sync.WaitGroup
		for _, k := range shakers {
			group.Go(func() {
				if err := k.shake(handshakes / steps / clients); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	})
}
