package grpc

import "encoding/binary"

// Messages are framed by a prefix: whether they are compressed, and how long they are.

// PrefixLen is the length of the prefix of a message.
const PrefixLen = 5

// Prefix is what stands before a message.
type Prefix struct {
	Compressed bool
	Size       int
}

// ReadPrefix reads the prefix that b begins with, which has at least PrefixLen bytes. false: it is malformed.
func ReadPrefix(b []byte) (p Prefix, ok bool) {
	p = Prefix{Compressed: b[0] == 1, Size: int(binary.BigEndian.Uint32(b[1:PrefixLen]))}
	return p, b[0] <= 1
}

// AppendPrefix appends the prefix of a message.
func AppendPrefix(out []byte, p Prefix) []byte {
	flag := byte(0)
	if p.Compressed {
		flag = 1
	}
	return binary.BigEndian.AppendUint32(append(out, flag), uint32(p.Size))
}

// Single returns the message of a body that must have exactly one, and none of more than most bytes. A fault is what is wrong with it.
func Single(body []byte, most int64) (message []byte, compressed bool, fault *Fault) {
	switch {
	case len(body) == 0:
		return nil, false, ErrNoMessage
	case len(body) < PrefixLen:
		return nil, false, ErrCutShort
	}
	p, ok := ReadPrefix(body)
	rest := body[PrefixLen:]
	switch {
	case !ok:
		return nil, false, ErrPrefix
	case int64(p.Size) > most:
		return nil, false, ErrTooLarge
	case len(rest) < p.Size:
		return nil, false, ErrCutShort
	case len(rest) > p.Size:
		return nil, false, ErrSecond
	}
	return rest, p.Compressed, nil
}
