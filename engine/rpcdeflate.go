package engine

import (
	"libforker/engine/grpc"
	"libforker/engine/memory"
)

// Replies of calls that are compressed. What comes out is put in the place of the message, if it is shorter: so it is sent, kept and
// released as every other one.

// mostDeflated is up to how many bytes a message is compressed: the loop does nothing else meanwhile, which are 5 to 10 ms for so many.
const mostDeflated = 1 << 20

// deflate compresses the message that a call is replied to with, and reports whether it is.
func (l *Loop) deflate(r *request) bool {
	body := &r.shared.Response.Body
	size := int64(body.Len) - grpc.PrefixLen
	if least := l.cfg.RPC.Compress; least == 0 || size < least || size > mostDeflated || !r.rpc.takes {
		return false
	}
	if l.deflater == nil {
		l.deflater = grpc.NewDeflater()
	}
	whole := memory.View(body.Data, body.Len)
	short := l.deflater.Deflate(whole[grpc.PrefixLen:])
	if short == nil {
		return false
	}
	grpc.AppendPrefix(whole[:0], grpc.Prefix{Compressed: true, Size: len(short)})
	body.Len = uint64(grpc.PrefixLen + copy(whole[grpc.PrefixLen:], short))
	return true
}
