package grpc

import (
	"bytes"
	"compress/gzip"
	"io"
)

// Messages that are compressed.

// Encodings is what messages may be compressed with, as grpc-accept-encoding has it.
const Encodings = "identity,gzip"

// Inflater inflates messages, one after the other, in pieces. Its memory is used again.
type Inflater struct {
	source bytes.Reader
	reader gzip.Reader
	left   int64
	ended  bool
	piece  [16 << 10]byte
}

// Begin begins with a message, which may have so many bytes when it is inflated.
func (i *Inflater) Begin(message []byte, most int64) *Fault {
	i.source.Reset(message)
	i.left, i.ended = most, false
	if i.reader.Reset(&i.source) != nil {
		return ErrBroken
	}
	return nil
}

// Next returns the next piece, valid until the next call. One without bytes is the end.
func (i *Inflater) Next() (piece []byte, fault *Fault) {
	for !i.ended {
		n, err := i.reader.Read(i.piece[:])
		i.ended = err == io.EOF
		i.left -= int64(n)
		switch {
		case i.left < 0:
			return nil, ErrTooLarge
		case err != nil && !i.ended:
			return nil, ErrBroken
		case n > 0:
			return i.piece[:n], nil
		}
	}
	return nil, nil
}
