package secure

import (
	"crypto/tls"
	"errors"
	"io"
	"strings"
	"testing"
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

func TestSession_isATLSServer(t *testing.T) {
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
				far, ended := l.pipe(t, serverConfig())
				c := tls.Client(&cut{far, size}, config)
				var err error
				for range 3 {
					err = errors.Join(err, ask(c, text))
				}
				err = errors.Join(err, c.CloseWrite())
				if ours := <-ended; ours != io.EOF || err != nil || l.echoed != 3*len(text) {
					t.Errorf("%s, %d bytes at a time, read by %d: %v, %v, %d bytes", tls.VersionName(version), size, room, ours, err, l.echoed)
				}
			}
		}
	}
}
