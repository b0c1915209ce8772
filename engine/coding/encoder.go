package coding

import (
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// The encoders.

// gzipLevel makes text as small as the usual level of zlib does, in less than half of its time.
const gzipLevel = 5

// window is how far back zstd looks. Clients have to keep as much.
const window = 256 << 10

// Encoder compresses one body after the other, piece by piece. It has about 1 MB of memory, which it uses again.
type Encoder struct {
	coding Coding
	gzip   *gzip.Writer
	zstd   *zstd.Encoder
	out    sink
}

// sink is where encoders write to.
type sink struct{ bytes []byte }

// Write appends.
func (s *sink) Write(b []byte) (int, error) {
	s.bytes = append(s.bytes, b...)
	return len(b), nil
}

// keptOut is the most that an encoder keeps for what it writes.
const keptOut = 128 << 10

// NewEncoder makes an encoder of a coding, which is Zstd or Gzip.
func NewEncoder(c Coding) *Encoder {
	e := &Encoder{coding: c}
	if c == Zstd {
		// These options are valid ones, and one that is not used by goroutines of its own.
		e.zstd, _ = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest),
			zstd.WithWindowSize(window), zstd.WithLowerEncoderMem(true))
	} else {
		e.gzip, _ = gzip.NewWriterLevel(nil, gzipLevel) // It is a valid level.
	}
	return e
}

// Coding returns what it encodes by.
func (e *Encoder) Coding() Coding { return e.coding }

// Begin begins with another body.
func (e *Encoder) Begin() {
	if cap(e.out.bytes) > keptOut {
		e.out.bytes = nil
	}
	if e.zstd != nil {
		e.zstd.Reset(&e.out)
	} else {
		e.gzip.Reset(&e.out)
	}
}

// Encode encodes the next piece, and returns all that a client needs to have all of the body up to there. It is not empty, and valid
// until the next call. last: the piece, which may be empty, is the last one.
func (e *Encoder) Encode(piece []byte, last bool) []byte {
	e.out.bytes = e.out.bytes[:0]
	// A sink takes everything, and there are no other errors.
	if e.zstd != nil {
		_, _ = e.zstd.Write(piece)
		if last {
			_ = e.zstd.Close()
		} else {
			_ = e.zstd.Flush()
		}
	} else {
		_, _ = e.gzip.Write(piece)
		if last {
			_ = e.gzip.Close()
		} else {
			_ = e.gzip.Flush()
		}
	}
	return e.out.bytes
}
