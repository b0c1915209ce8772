package http2

import (
	"encoding/binary"

	"libforker/engine/message"
)

// Connections: frames come in, events go out.

// Kind is what an Event says.
type Kind uint8

// The kinds of events.
const (
	None     Kind = iota // Nothing for the caller; or, if Next took no bytes, more of them are needed.
	Head                 // A request begins: ReadHead has its head. The stream is the caller's until Release.
	Data                 // A piece of a request's body, which may be empty: Piece has it.
	Trailers             // The body has ended with a trailer section: ReadTrailers has it.
	Reset                // A stream was reset: by the client, or because of what it did.
	Leaving              // The client will begin nothing more (GOAWAY).
	Failed               // The connection is over: what AppendControl has is the last that is to be sent. Fault says why.
)

// Event is what a frame says, or a piece of one. Four fields are what the compiler keeps in registers.
type Event struct {
	Kind   Kind
	End    bool    // Head, Data, Trailers: the client sends nothing more on this stream.
	Code   Code    // Reset, Leaving, Failed.
	Stream *Stream // Head, Data, Trailers, Reset.
}

// Conn is the state of a connection.
type Conn struct {
	shared *Shared
	now    int64 // When Next was called last.

	// What has come.
	stage   stage
	decoder decoder
	section incoming
	data    pieces
	reading *Stream // Of a section that the caller has not read yet.
	lastID  uint32  // Of the latest stream that a client has opened.
	streams streamTable

	// What is sent.
	control     []byte // Frames that do not belong to a response.
	tableTold   bool
	leaving     bool   // A GOAWAY was sent.
	goAway      uint32 // Streams beyond are not served.
	firstWindow int64  // SETTINGS_INITIAL_WINDOW_SIZE of the client.
	sendWindow  int64
	recvWindow  int64
	taken       int64 // What has come, but was not credited yet.
	rings       rings

	// What a client costs.
	resets   bucket
	useless  bucket
	recent   [64]uint32 // Streams that we have reset lately, a ring.
	recentAt uint32
	fault    *Fault
	told     bool // The caller knows of the fault.
}

// stage says what must come next.
type stage uint8

const (
	stagePreface  stage = iota // → stageSettings
	stageSettings              // → stageFrames
	stageFrames
)

// incoming is a field section on its way.
type incoming struct {
	id       uint32
	ends     bool // Its stream ends with it.
	open     bool // CONTINUATION frames follow.
	refused  bool // Its stream claims to depend on itself.
	more     int  // CONTINUATION frames so far.
	gathered []byte
	fragment []byte // All of it, where it came or in gathered.
}

// pieces is a DATA frame on its way.
type pieces struct {
	stream  *Stream // nil: what comes is thrown away.
	came    []byte  // What the latest event has brought of it, where it came.
	left    int     // Bytes of data,
	padding int     // and of padding behind them.
	ends    bool
}

// Next takes a frame from the beginning of in, or a piece of a DATA frame, and returns how many bytes that were and what they say. in may
// end anywhere; what Next did not take comes again, with more behind it. The buffer has room for MinInput bytes.
//
// A section that was announced and not read is skipped.
func (c *Conn) Next(in []byte, now int64) (n int, ev Event) {
	c.now = now
	if c.reading != nil {
		c.skipSection()
	}
	if c.fault == nil {
		n, ev = c.step(in)
	} else {
		n = len(in)
	}
	if c.fault != nil && !c.told {
		c.told = true
		return n, Event{Kind: Failed, Code: c.fault.Code}
	}
	return n, ev
}

// Fault returns why the connection is over; nil: it is not.
func (c *Conn) Fault() *Fault { return c.fault }

// Piece returns the data of an event that has some, where they came: valid until the next call of Next.
func (c *Conn) Piece() []byte { return c.data.came }

// InSection reports whether a field section has begun and is not complete.
func (c *Conn) InSection() bool { return c.section.open }

// InData reports whether a DATA frame has begun of which not all has come.
func (c *Conn) InData() bool { return c.data.left > 0 || c.data.padding > 0 }

// HasBegun reports whether the client's preface and settings have come.
func (c *Conn) HasBegun() bool { return c.stage == stageFrames }

// HasEnded reports whether the client was told for the last time that nothing more is served.
func (c *Conn) HasEnded() bool { return c.goAway < lastStream }

// LastID returns the number of the latest stream that the client has opened.
func (c *Conn) LastID() uint32 { return c.lastID }

func (c *Conn) step(in []byte) (n int, ev Event) {
	switch {
	case c.stage == stagePreface:
		return c.preface(in), Event{}
	case c.data.left > 0 || c.data.padding > 0:
		return c.piece(in)
	case len(in) < frameHeadLen:
		return 0, Event{}
	}
	f := readFrameHead(in)
	if why := c.misplaced(&f); why != nil {
		return 0, c.fail(why)
	}
	if f.kind == frameData {
		return c.beginData(&f, in)
	}
	n = frameHeadLen + f.length
	if len(in) < n {
		return 0, Event{}
	}
	return n, c.frame(&f, in[frameHeadLen:n])
}

func (c *Conn) preface(in []byte) int {
	n := min(len(in), len(Preface))
	switch {
	case string(in[:n]) != Preface[:n]:
		c.fail(ErrPreface)
		return 0
	case n < len(Preface):
		return 0
	}
	c.stage = stageSettings
	return n
}

// misplaced judges what a frame's head alone tells.
func (c *Conn) misplaced(f *frameHead) *Fault {
	switch {
	case c.stage == stageSettings && (f.kind != frameSettings || f.has(flagAck)):
		return ErrPreface
	case f.length > maxFrame:
		return ErrFrameTooLarge
	case c.section.open && (f.kind != frameContinuation || f.stream != c.section.id):
		return ErrContinuation
	}
	return nil
}

// frame takes a whole frame.
func (c *Conn) frame(f *frameHead, payload []byte) Event {
	switch f.kind {
	case frameHeaders:
		return c.headers(f, payload)
	case frameContinuation:
		return c.continuation(f, payload)
	case frameReset:
		return c.resetFrame(f, payload)
	case frameWindow:
		return c.windowFrame(f, payload)
	case framePush:
		return c.fail(ErrPush)
	case framePriority:
		return c.priorityFrame(f, payload)
	}
	if f.kind == frameSettings || f.kind == framePing || f.kind == frameGoAway || f.kind == framePriorityUpdate {
		if f.stream != 0 {
			return c.fail(ErrOnStream)
		}
		return c.connectionFrame(f, payload)
	}
	c.countUseless() // Of a type that is not known: ignored, RFC 9113 §4.1.
	return Event{}
}

// headers takes a HEADERS frame (RFC 9113 §6.2).
func (c *Conn) headers(f *frameHead, payload []byte) Event {
	if f.stream == 0 {
		return c.fail(ErrOnConnection)
	}
	if f.stream%2 == 0 {
		return c.fail(ErrStreamID)
	}
	payload, why := unpad(f, payload)
	if why != nil {
		return c.fail(why)
	}
	in := &c.section
	in.id, in.ends, in.open, in.refused, in.more = f.stream, f.has(flagEndStream), false, false, 0
	if f.has(flagPriority) {
		if len(payload) < 5 {
			return c.fail(ErrFrameSize)
		}
		in.refused = binary.BigEndian.Uint32(payload)&lastStream == f.stream
		payload = payload[5:]
	}
	if f.has(flagEndHeaders) {
		in.fragment = payload
		return c.sectionCame()
	}
	in.open = true
	return c.gather(payload)
}

// continuation takes a CONTINUATION frame (RFC 9113 §6.10).
func (c *Conn) continuation(f *frameHead, payload []byte) Event {
	if !c.section.open {
		return c.fail(ErrContinuation)
	}
	if c.section.more++; c.section.more > mostContinuations {
		return c.fail(ErrContinuations)
	}
	c.gather(payload)
	if c.fault != nil || !f.has(flagEndHeaders) {
		return Event{}
	}
	c.section.open = false
	c.section.fragment = c.section.gathered
	return c.sectionCame()
}

func (c *Conn) gather(payload []byte) Event {
	if len(c.section.gathered)+len(payload) > c.shared.limits.Head {
		return c.fail(ErrContinuations)
	}
	c.section.gathered = append(c.section.gathered, payload...)
	return Event{}
}

// sectionCame decides what a field section that is complete belongs to. Each is decoded, because it changes the table.
func (c *Conn) sectionCame() Event {
	id := c.section.id
	s := c.streams.find(id)
	switch {
	case s != nil && s.reset:
		c.skipSection()
		return Event{}
	case s != nil:
		return c.trailers(s)
	case id > c.lastID:
		return c.open(id)
	case c.wasReset(id) || id > c.goAway:
		c.skipSection()
		return Event{}
	}
	return c.fail(ErrClosed)
}

// open begins a stream.
func (c *Conn) open(id uint32) Event {
	c.lastID = id
	var code Code
	switch {
	case id > c.goAway: // The client will learn that it was not served, and can ask anew elsewhere.
		c.countUseless()
		c.skipSection()
		return Event{}
	case c.section.refused:
		code = ProtocolError
	case c.streams.count >= c.shared.streams:
		code = RefusedStream
	}
	if code != NoError {
		c.skipSection()
		c.sendReset(id, code)
		c.countReset()
		return Event{}
	}
	s := c.shared.newStream()
	s.id, s.urgency, s.received, s.left = id, defaultUrgency, c.section.ends, -1
	s.sendWindow, s.recvWindow = c.firstWindow, streamWindow
	c.streams.add(s)
	c.reading = s
	c.progress()
	return Event{Kind: Head, Stream: s, End: s.received}
}

// trailers takes a section behind a body (RFC 9113 §8.1).
func (c *Conn) trailers(s *Stream) Event {
	switch {
	case s.received:
		c.skipSection()
		return c.abort(s, StreamClosed)
	case !c.section.ends || s.left > 0:
		c.skipSection()
		return c.abort(s, ProtocolError)
	}
	s.received = true
	c.reading = s
	return Event{Kind: Trailers, Stream: s, End: true}
}

// abort resets a stream for what the client has done.
func (c *Conn) abort(s *Stream, code Code) Event {
	c.endByReset(s, code)
	c.countReset()
	return Event{Kind: Reset, Stream: s, Code: code}
}

// ReadHead writes the head of a request that has just been announced as text into block, and describes it by h: "name: value" lines with
// CRLF, and before them the values of pseudo-fields. Behind each span stands a byte that belongs to no other one. It returns how many
// bytes of block are used.
//
// Of a refusal with a status the client is to be told; without one, the stream was reset.
func (c *Conn) ReadHead(s *Stream, block []byte, h *message.Head) (n int, refusal *message.Refusal) {
	fragment, version := c.section.fragment, c.decoder.version
	m := c.shared.headOf(fragment, version)
	if c.reading == s {
		if n := c.recall(m, s, block, h); n > 0 {
			return n, nil
		}
	}
	h.Reset()
	sec := section{block: block, head: h, limits: &c.shared.limits, cookie: -1, urgency: defaultUrgency}
	if !c.readSection(s, &sec) {
		return 0, ErrUndecoded
	}
	sec.finish(s.received)
	s.left, s.urgency = h.ContentLength, sec.urgency
	if m != nil && sec.refusal == nil && c.decoder.version == version {
		m.keep(fragment, version, s, block[:sec.len], h)
	}
	return sec.len, c.judge(s, &sec)
}

// ReadTrailers reads a trailer section that has just been announced, behind the used bytes of the block that has the head.
func (c *Conn) ReadTrailers(s *Stream, block []byte, used int, h *message.Head) (n int, refusal *message.Refusal) {
	limits := c.shared.limits
	limits.Head = len(block)
	sec := section{block: block, len: used, head: h, limits: &limits, trails: true}
	if !c.readSection(s, &sec) {
		return used, ErrUndecoded
	}
	return sec.len, c.judge(s, &sec)
}

func (c *Conn) judge(s *Stream, sec *section) *message.Refusal {
	if sec.refusal != nil && sec.refusal.Status == 0 {
		c.abort(s, ProtocolError)
	}
	return sec.refusal
}

// readSection decodes the section of s. false: there is none, or it does not decode, which is the end of the connection.
func (c *Conn) readSection(s *Stream, sec *section) bool {
	if c.reading != s {
		return false
	}
	return c.decode(sec)
}

// skipSection decodes a section that nobody wants.
func (c *Conn) skipSection() { c.decode(nil) }

// decode decodes the present section into sec, if that is not nil.
func (c *Conn) decode(sec *section) bool {
	b := c.section.fragment
	c.reading, c.section.fragment, c.section.gathered = nil, nil, nil
	c.decoder.started = false
	for len(b) > 0 {
		f, n := c.decoder.next(b)
		if n == 0 {
			c.fail(ErrCompression)
			return false
		}
		if b = b[n:]; sec != nil && f.kind != kindNone {
			sec.take(f)
		}
	}
	return true
}
