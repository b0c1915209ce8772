package grpc

import (
	"bytes"
	"compress/gzip"
	"errors"
)

// Replies that are compressed.

// Deflater compresses messages, one after the other. Its memory is used again.
type Deflater struct {
	writer *gzip.Writer
	out    bytes.Buffer
	most   int
}

// NewDeflater makes one. It is the fast kind: a loop waits for it.
func NewDeflater() *Deflater {
	d := new(Deflater)
	d.writer, _ = gzip.NewWriterLevel(d, gzip.BestSpeed) // Which is a level.
	return d
}

var errLonger = errors.New("what comes out is not shorter")

// Write takes what comes out of the compressor.
func (d *Deflater) Write(p []byte) (int, error) {
	if d.out.Len()+len(p) >= d.most {
		return 0, errLonger
	}
	return d.out.Write(p)
}

// keptDeflated is how much memory a Deflater keeps for the next message.
const keptDeflated = 64 << 10

// Deflate compresses a message. The result is valid until the next call; nil: it would not be shorter.
func (d *Deflater) Deflate(message []byte) []byte {
	if d.out.Cap() > keptDeflated {
		d.out = bytes.Buffer{}
	}
	d.out.Reset()
	d.most = len(message)
	d.writer.Reset(d)
	if _, err := d.writer.Write(message); err != nil {
		return nil
	}
	if d.writer.Close() != nil {
		return nil
	}
	return d.out.Bytes()
}

// TakesGzip reports whether the value of a grpc-accept-encoding field has gzip.
func TakesGzip(value []byte) bool {
	for item := range bytes.SplitSeq(value, []byte(",")) {
		if string(bytes.Trim(item, " \t")) == "gzip" {
			return true
		}
	}
	return false
}
