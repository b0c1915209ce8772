package http2

import "libforker/engine/message"

// What the connections of a loop have in common.

const (
	streamWindow = 256 << 10 // Bytes of a stream that may be on their way, or kept: credited when they are taken.
	connWindow   = 1 << 20   // The same of all streams: credited when they come, so that a stream which is paused holds up nobody.
)

// Shared is what the connections of a loop have in common: bounds, and memory that is used again.
type Shared struct {
	limits  message.Limits
	streams int
	hello   []byte // What a connection begins with.
	scratch []byte // Strings that were decoded.
	field   field  // The latest one that lies in no table.

	versions uint64 // Of all tables, see decoder.
	inserts  [keptInserts]insertMemo
	heads    [memos]headMemo
	lines    [keptLines]lineMemo

	conns       []*Conn
	freeStreams []*Stream
	tables      []*dynamicTable
}

// NewShared returns a Shared for connections whose requests have these limits, and of which each may have so many streams at a time.
func NewShared(limits message.Limits, streams int) *Shared {
	sh := &Shared{limits: limits, streams: streams}
	sh.hello = appendFrameHead(nil, 4*6, frameSettings, 0, 0)
	sh.hello = appendSetting(sh.hello, settingStreams, uint32(streams))
	sh.hello = appendSetting(sh.hello, settingWindow, streamWindow)
	sh.hello = appendSetting(sh.hello, settingListSize, uint32(limits.Head))
	sh.hello = appendSetting(sh.hello, settingNoPriorityOfTrees, 1)
	sh.hello = appendWindow(sh.hello, 0, connWindow-firstWindow)
	return sh
}

// Open returns the state of a new connection, which has its SETTINGS to send. now is in nanoseconds, on any clock that does not go back.
func (sh *Shared) Open(now int64) *Conn {
	var c *Conn
	if n := len(sh.conns); n > 0 {
		c = sh.conns[n-1]
		sh.conns = sh.conns[:n-1]
	} else {
		c = new(Conn)
	}
	*c = Conn{
		shared: sh, decoder: decoder{shared: sh, limit: tableSize}, control: append(c.control[:0], sh.hello...), now: now,
		goAway: lastStream, sendWindow: firstWindow, firstWindow: firstWindow, recvWindow: connWindow,
	}
	c.resets.fill(now, resetBurst)
	c.useless.fill(now, uselessBurst)
	return c
}

// Close takes c back. Streams that were not released must not be used any more.
func (sh *Shared) Close(c *Conn) {
	for s := range c.Streams {
		sh.freeStream(s)
	}
	if c.decoder.table != nil {
		sh.tables = append(sh.tables, c.decoder.table)
	}
	control := c.control[:0]
	*c = Conn{control: control}
	sh.conns = append(sh.conns, c)
}

func (sh *Shared) newTable() *dynamicTable {
	n := len(sh.tables)
	if n == 0 {
		return &dynamicTable{most: tableSize}
	}
	t := sh.tables[n-1]
	sh.tables = sh.tables[:n-1]
	t.reset()
	return t
}

// newStream returns a stream of which nothing is set.
func (sh *Shared) newStream() *Stream {
	n := len(sh.freeStreams)
	if n == 0 {
		return new(Stream)
	}
	s := sh.freeStreams[n-1]
	sh.freeStreams = sh.freeStreams[:n-1]
	return s
}

func (sh *Shared) freeStream(s *Stream) {
	*s = Stream{}
	sh.freeStreams = append(sh.freeStreams, s)
}
