package control

import (
	"encoding/binary"
	"fmt"
)

// A message, as one packet.

// The sizes and marks of the protocol. The names are those of capi/supervisor/control.h without the prefix.
const (
	Magic    = 0x6b6c6246
	Version  = 1
	FilesMax = 8
	Max      = 2048 // bytes of a packet: header and payload

	headerSize = 20
	// PayloadMax is the longest payload, in bytes.
	PayloadMax = Max - headerSize
)

// Message is one packet. Slot and Generation say which worker is meant, where one is.
type Message struct {
	Type       Type
	Slot       uint32
	Generation uint32
	Payload    []byte
	Files      []int // descriptors; whoever receives them owns them, sending leaves them with the sender
}

// check tells if a message may be sent or accepted, its files aside.
func (m *Message) check() error {
	s, ok := shapes[m.Type]
	switch {
	case !ok:
		return fmt.Errorf("%w: unknown %v", ErrMalformed, m.Type)
	case len(m.Payload) > PayloadMax, s.payload != anyLength && len(m.Payload) != s.payload:
		return fmt.Errorf("%w: %v with a payload of %d bytes", ErrMalformed, m.Type, len(m.Payload))
	}
	return nil
}

// checkFiles tells if a message carries the files that it should.
func (m *Message) checkFiles() error {
	if len(m.Files) != shapes[m.Type].files {
		return fmt.Errorf("%w: %v with %d files", ErrMalformed, m.Type, len(m.Files))
	}
	return nil
}

// AppendTo appends the packet, without the files.
func (m *Message) AppendTo(b []byte) []byte {
	b = binary.NativeEndian.AppendUint32(b, Magic)
	b = binary.NativeEndian.AppendUint16(b, Version)
	b = binary.NativeEndian.AppendUint16(b, uint16(m.Type))
	b = binary.NativeEndian.AppendUint32(b, m.Slot)
	b = binary.NativeEndian.AppendUint32(b, m.Generation)
	b = binary.NativeEndian.AppendUint32(b, uint32(len(m.Payload)))
	return append(b, m.Payload...)
}

// Decode reads a packet. The message's payload is a part of it, not a copy.
func Decode(packet []byte) (Message, error) {
	if len(packet) < headerSize {
		return Message{}, fmt.Errorf("%w: %d bytes are less than a header", ErrMalformed, len(packet))
	}
	if magic := binary.NativeEndian.Uint32(packet[0:]); magic != Magic {
		return Message{}, fmt.Errorf("%w: magic is %#x", ErrMalformed, magic)
	}
	if version := binary.NativeEndian.Uint16(packet[4:]); version != Version {
		return Message{}, fmt.Errorf("%w: version is %d, this build has %d", ErrMalformed, version, Version)
	}
	m := Message{
		Type:       Type(binary.NativeEndian.Uint16(packet[6:])),
		Slot:       binary.NativeEndian.Uint32(packet[8:]),
		Generation: binary.NativeEndian.Uint32(packet[12:]),
		Payload:    packet[headerSize:],
	}
	if length := binary.NativeEndian.Uint32(packet[16:]); uint64(length) != uint64(len(m.Payload)) {
		return Message{}, fmt.Errorf("%w: length is %d, but %d bytes follow", ErrMalformed, length, len(m.Payload))
	}
	if err := m.check(); err != nil {
		return Message{}, err
	}
	return m, nil
}
