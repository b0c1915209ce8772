package coding

import (
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// The decoders.

// windowMost is how far back zstd may look (RFC 9659 §3).
const windowMost = 8 << 20

// Decoder decodes one body after the other.
type Decoder struct {
	coding Coding
	gzip   gzip.Reader
	zstd   *zstd.Decoder
}

// NewDecoder makes a decoder of a coding, which is Zstd or Gzip.
func NewDecoder(c Coding) *Decoder {
	d := &Decoder{coding: c}
	if c == Zstd {
		// These options are valid ones, and one that is not used by goroutines of its own.
		d.zstd, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(windowMost))
	}
	return d
}

// Coding returns what it decodes.
func (d *Decoder) Coding() Coding { return d.coding }

// Cost is about how many bytes of memory it takes at most.
func (d *Decoder) Cost() int {
	if d.coding == Zstd {
		return windowMost + 1<<20
	}
	return 64 << 10
}

// Begin begins with the body that r has. The body before, and its reader, are let go.
func (d *Decoder) Begin(r io.Reader) error {
	if d.zstd != nil {
		return d.zstd.Reset(r)
	}
	return d.gzip.Reset(r)
}

// Read returns what is decoded. A body ends with io.EOF.
func (d *Decoder) Read(p []byte) (int, error) {
	if d.zstd != nil {
		return d.zstd.Read(p)
	}
	return d.gzip.Read(p)
}
