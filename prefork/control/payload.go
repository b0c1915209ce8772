package control

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"libforker/slot"
)

// What messages carry, by their type.

// Exit is the payload of Exited.
type Exit struct {
	Pid          int32
	Status       int32 // as from waitpid(2); -1 if somebody else reaped the process
	ReachedReady bool
}

// WorkerPayload is that of Adopt and Spawned.
func WorkerPayload(pid int32, state slot.State) []byte { return words(pid, int32(state)) }

// ErrorPayload is that of Failed.
func ErrorPayload(errno unix.Errno) []byte { return words(int32(errno)) }

// ExitPayload is that of Exited.
func ExitPayload(e Exit) []byte {
	ready := int32(0)
	if e.ReachedReady {
		ready = 1
	}
	return words(e.Pid, e.Status, ready)
}

// TimeoutPayload is that of Stop, Drain and AdoptedAll: milliseconds, 0 for at once, -1 for none.
func TimeoutPayload(ms int32) []byte { return words(ms) }

// Why run is to fail.
const (
	NoWorkerReady   int32 = 0
	TooManyRestarts int32 = 1
)

// GiveUpPayload is that of GiveUp: the reason as a number, and in words, which are cut if they are too long.
func GiveUpPayload(reason int32, text string) []byte {
	b := append(words(reason), text...)
	return b[:min(len(b), PayloadMax)]
}

// SignalPayload is that of Kill: the signal, and the thread of the worker that is to have it, 0 for whichever.
func SignalPayload(signal unix.Signal, thread int32) []byte { return words(int32(signal), thread) }

// LogPayload is that of NewLog: the number of the log file.
func LogPayload(which int32) []byte { return words(which) }

// Log reads a LogPayload.
func (m *Message) Log() int32 { return m.word(0) }

// Worker reads a WorkerPayload.
func (m *Message) Worker() (pid int32, state slot.State) { return m.word(0), slot.State(m.word(1)) }

// Errno reads an ErrorPayload.
func (m *Message) Errno() unix.Errno { return unix.Errno(m.word(0)) }

// Exit reads an ExitPayload.
func (m *Message) Exit() Exit {
	return Exit{Pid: m.word(0), Status: m.word(1), ReachedReady: m.word(2) != 0}
}

// TimeoutMs reads a TimeoutPayload.
func (m *Message) TimeoutMs() int32 { return m.word(0) }

// GiveUp reads a GiveUpPayload.
func (m *Message) GiveUp() (reason int32, text string) {
	return m.word(0), string(m.Payload[min(4, len(m.Payload)):])
}

// Signal reads a SignalPayload.
func (m *Message) Signal() unix.Signal { return unix.Signal(m.word(0)) }

// Thread reads the thread of a SignalPayload.
func (m *Message) Thread() int32 { return m.word(1) }

func words(values ...int32) []byte {
	b := make([]byte, 0, 4*len(values))
	for _, v := range values {
		b = binary.NativeEndian.AppendUint32(b, uint32(v))
	}
	return b
}

// word gives number i of the payload; 0 if the payload, being that of another type, ends before.
func (m *Message) word(i int) int32 {
	if len(m.Payload) < 4*(i+1) {
		return 0
	}
	return int32(binary.NativeEndian.Uint32(m.Payload[4*i:]))
}
