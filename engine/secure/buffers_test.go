package secure

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
)

// outboxSizes are what sessions have in their outboxes, in the order in which they come: small responses, and now and then a
// turn of a large one, a handshake or an alert.
var outboxSizes = []int{230, 410, 230, 1500, 24, 230, 900, SealMost + 2000, 410, 3700, 230, 17000}

// BenchmarkOutbox compares where outboxes can come from. What it does not show is how much memory stays in a pool: of
// sync.Pool every slice grows to the largest outbox that it was ever used for.
func BenchmarkOutbox(b *testing.B) {
	sealed := make([]byte, SealMost+2000)
	b.Run("bytebufferpool", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			out := buffers.Get()
			out.B = append(out.B, sealed[:outboxSizes[i%len(outboxSizes)]]...)
			buffers.Put(out)
		}
	})
	b.Run("sync.Pool", func(b *testing.B) {
		b.ReportAllocs()
		pool := sync.Pool{New: func() any { return new([]byte) }}
		for i := range b.N {
			out := pool.Get().(*[]byte)
			*out = append((*out)[:0], sealed[:outboxSizes[i%len(outboxSizes)]]...)
			pool.Put(out)
		}
	})
	b.Run("make", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			_ = append([]byte(nil), sealed[:outboxSizes[i%len(outboxSizes)]]...)
		}
	})
}

// BenchmarkHandshake makes whole handshakes over a pipe, the client's half included.
func BenchmarkHandshake(b *testing.B) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		b.Run(tls.VersionName(version), func(b *testing.B) {
			b.ReportAllocs()
			config := serverConfig(false)
			for range b.N {
				clients := clientConfig()
				clients.MinVersion, clients.MaxVersion = version, version
				l := &loop{room: 100}
				far, ended := l.pipe(b, config)
				c := tls.Client(far, clients)
				if err := errors.Join(ask(c, "hello"), c.CloseWrite()); err != nil {
					b.Fatal(err)
				}
				if err := <-ended; !errors.Is(err, io.EOF) {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSession_Write seals and takes responses of several sizes.
func BenchmarkSession_Write(b *testing.B) {
	for _, size := range []int{200, 1 << 14, SealMost} {
		b.Run(fmt.Sprint(size, " bytes"), func(b *testing.B) {
			l := &loop{}
			l.open(b, func(far net.Conn) error { return tls.Client(far, clientConfig()).Handshake() })
			text := bytes.Repeat([]byte("x"), size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if err := l.session.Write(text); err != nil {
					b.Fatal(err)
				}
				l.session.Sent(len(l.session.Outbox()))
			}
		})
	}
}
