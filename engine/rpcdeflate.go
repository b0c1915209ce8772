package engine

import (
	"libforker/engine/grpc"
	"libforker/engine/memory"
)

// Messages that calls are sent, compressed. What comes out is put in the place of the message, if it is shorter: so it is sent, kept and
// released as every other one.

// mostDeflated is up to how many bytes a message is compressed: the loop does nothing else meanwhile, which are 5 to 10 ms for so many.
const mostDeflated = 1 << 20

// deflates reports whether a message of so many bytes is compressed for the client of a call, of which the program has that wish.
func (r *request) deflates(size int, wish uint8) bool {
	if size > mostDeflated || r.shared.RPC.Takes == 0 {
		return false
	}
	least := r.rpc.method.Compress
	return wish == RPCWishCompressed || wish == RPCWishNone && least > 0 && int64(size) >= least
}

// mayDeflate reports whether messages of a stream may be compressed.
func (r *request) mayDeflate() bool {
	return r.shared.RPC.Takes != 0 && (r.shared.RPC.Encodes != 0 || r.rpc.method.Compress > 0)
}

// deflate compresses the message that a call is replied to with, and reports whether it is.
func (l *Loop) deflate(r *request) bool {
	body := &r.shared.Response.Body
	whole := memory.View(body.Data, body.Len)
	if !r.deflates(len(whole)-grpc.PrefixLen, r.shared.RPC.Wish) {
		return false
	}
	short := l.deflateInPlace(whole)
	body.Len = uint64(len(short))
	return len(short) < len(whole)
}

// deflateInPlace compresses a message with its prefix, and returns what is there now: the same, if it would not be shorter.
func (l *Loop) deflateInPlace(whole []byte) []byte {
	if l.deflater == nil {
		l.deflater = grpc.NewDeflater()
	}
	short := l.deflater.Deflate(whole[grpc.PrefixLen:])
	if short == nil {
		return whole
	}
	grpc.AppendPrefix(whole[:0], grpc.Prefix{Compressed: true, Size: len(short)})
	return whole[:grpc.PrefixLen+copy(whole[grpc.PrefixLen:], short)]
}

// nextDeflated fetches the next segment of a stream of messages that are compressed. What the program has written are whole ones; they move
// up to where the message before ends now.
func (l *Loop) nextDeflated(r *request) segment {
	s := &r.source
	l.takeRaw(r)
	from, to, spent := 0, 0, 0
	for from < len(s.raw) && spent < compressMost {
		prefix, _ := grpc.ReadPrefix(s.raw[from:]) // C's own.
		whole := s.raw[from : from+grpc.PrefixLen+prefix.Size]
		wish := whole[0]
		whole[0] = 0
		if r.deflates(prefix.Size, wish) {
			spent += prefix.Size
			whole = l.deflateInPlace(whole)
		}
		if from > to {
			copy(s.raw[to:], whole)
		}
		from, to = from+grpc.PrefixLen+prefix.Size, to+len(whole)
	}
	data := s.raw[:to]
	s.raw = s.raw[from:]
	s.last = s.rawLast && len(s.raw) == 0
	l.spent += spent
	r.logged.bytes += int64(to)
	return segment{data: data}
}
