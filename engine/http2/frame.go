package http2

import "encoding/binary"

// Frames (RFC 9113 §4.1, §6), as bytes.

// Preface is what a client begins with, before its SETTINGS (RFC 9113 §3.4).
const Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// Types of frames.
const (
	frameData           = 0x0
	frameHeaders        = 0x1
	framePriority       = 0x2
	frameReset          = 0x3
	frameSettings       = 0x4
	framePush           = 0x5
	framePing           = 0x6
	frameGoAway         = 0x7
	frameWindow         = 0x8
	frameContinuation   = 0x9
	framePriorityUpdate = 0x10 // RFC 9218 §7.1
)

// Flags of frames.
const (
	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

// Settings (RFC 9113 §6.5.2).
const (
	settingTableSize         = 0x1
	settingPush              = 0x2
	settingStreams           = 0x3
	settingWindow            = 0x4
	settingFrameSize         = 0x5
	settingListSize          = 0x6
	settingNoPriorityOfTrees = 0x9 // SETTINGS_NO_RFC7540_PRIORITIES of RFC 9218 §2.1.
)

// FrameHeadLen is how many bytes stand before a frame's payload.
const FrameHeadLen = 9

const (
	frameHeadLen = FrameHeadLen
	maxFrame     = MaxFrame
	maxWindow    = 1<<31 - 1 // RFC 9113 §6.9.1
	firstWindow  = 65535     // What windows have before any setting.
	lastStream   = 1<<31 - 1 // The greatest number of a stream.
)

// MaxFrame is how many bytes a payload has at most, both ways: the least that every peer takes.
const MaxFrame = 16384

// MinInput is the size that the caller's input buffer must have: a frame of the greatest size, which Next takes as a whole.
const MinInput = frameHeadLen + maxFrame

type frameHead struct {
	length int
	kind   uint8
	flags  uint8
	stream uint32
}

func (f *frameHead) has(flag uint8) bool { return f.flags&flag != 0 }

func readFrameHead(b []byte) frameHead {
	_ = b[frameHeadLen-1]
	return frameHead{
		length: int(b[0])<<16 | int(b[1])<<8 | int(b[2]),
		kind:   b[3],
		flags:  b[4],
		stream: binary.BigEndian.Uint32(b[5:]) & lastStream,
	}
}

func appendFrameHead(out []byte, length int, kind, flags uint8, stream uint32) []byte {
	return append(out, byte(length>>16), byte(length>>8), byte(length), kind, flags,
		byte(stream>>24), byte(stream>>16), byte(stream>>8), byte(stream))
}

func putFrameHead(b []byte, length int, kind, flags uint8, stream uint32) {
	appendFrameHead(b[:0], length, kind, flags, stream)
}

func appendSetting(out []byte, id uint16, value uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(out, id), value)
}

func appendReset(out []byte, stream uint32, code Code) []byte {
	return binary.BigEndian.AppendUint32(appendFrameHead(out, 4, frameReset, 0, stream), uint32(code))
}

func appendWindow(out []byte, stream, increment uint32) []byte {
	return binary.BigEndian.AppendUint32(appendFrameHead(out, 4, frameWindow, 0, stream), increment)
}

func appendGoAway(out []byte, last uint32, code Code, text string) []byte {
	out = appendFrameHead(out, 8+len(text), frameGoAway, 0, 0)
	out = binary.BigEndian.AppendUint32(out, last)
	return append(binary.BigEndian.AppendUint32(out, uint32(code)), text...)
}

// unpad takes the padding off a payload (RFC 9113 §6.1).
func unpad(f *frameHead, payload []byte) ([]byte, *Fault) {
	if !f.has(flagPadded) {
		return payload, nil
	}
	if len(payload) == 0 {
		return nil, ErrFrameSize
	}
	padding := int(payload[0])
	if padding >= len(payload) {
		return nil, ErrPadding
	}
	return payload[1 : len(payload)-padding], nil
}
