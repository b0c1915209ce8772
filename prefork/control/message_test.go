package control

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"libforker/slot"
)

// packetOf writes a packet field by field, so that each of them can be wrong.
func packetOf(magic uint32, version, kind uint16, length uint32, payload string) []byte {
	b := binary.NativeEndian.AppendUint32(nil, magic)
	b = binary.NativeEndian.AppendUint16(b, version)
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint32(b, 7)
	b = binary.NativeEndian.AppendUint32(b, 9)
	b = binary.NativeEndian.AppendUint32(b, length)
	return append(b, payload...)
}

func TestDecode_readsWhatTheCHeaderDescribes(t *testing.T) {
	m, err := Decode(packetOf(Magic, 1, 19, 7, "\x01\x00\x00\x00why"))
	if err != nil {
		t.Fatal(err)
	}
	want := Message{Type: GiveUp, Slot: 7, Generation: 9, Payload: GiveUpPayload(TooManyRestarts, "why")}
	if !reflect.DeepEqual(m, want) {
		t.Errorf("%+v, want %+v", m, want)
	}
}

func TestDecode_refuses(t *testing.T) {
	for name, packet := range map[string][]byte{
		"nothing":                 nil,
		"a cut header":            packetOf(Magic, 1, 16, 0, "")[:headerSize-1],
		"a wrong magic":           packetOf(Magic+1, 1, 16, 0, ""),
		"the other byte order":    packetOf(0x46626c6b^0xffffffff, 1, 16, 0, ""),
		"an older version":        packetOf(Magic, 0, 16, 0, ""),
		"a newer version":         packetOf(Magic, 2, 16, 0, ""),
		"an unknown type":         packetOf(Magic, 1, 34, 0, ""),
		"type 0":                  packetOf(Magic, 1, 0, 0, ""),
		"too little payload":      packetOf(Magic, 1, 19, 4, "why"),
		"too much payload":        packetOf(Magic, 1, 19, 2, "why"),
		"a length beyond int":     packetOf(Magic, 1, 19, 1<<32-1, "why"),
		"another type's payload":  packetOf(Magic, 1, 5, 8, "12345678"),
		"payload where none goes": packetOf(Magic, 1, 48, 1, "x"),
		"more than a packet has":  packetOf(Magic, 1, 19, PayloadMax+1, strings.Repeat("x", PayloadMax+1)),
	} {
		if _, err := Decode(packet); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: error %v, want ErrMalformed", name, err)
		}
	}
}

func TestPayload_isReadAsItWasWritten(t *testing.T) {
	m := Message{Payload: WorkerPayload(4711, slot.Booting)}
	if pid, state := m.Worker(); pid != 4711 || state != slot.Booting {
		t.Errorf("worker %d, %v", pid, state)
	}
	m = Message{Payload: ErrorPayload(unix.ESTALE)}
	if got := m.Errno(); got != unix.ESTALE {
		t.Errorf("errno %v", got)
	}
	exit := Exit{Pid: 5, Status: -1, ReachedReady: true}
	m = Message{Payload: ExitPayload(exit)}
	if got := m.Exit(); got != exit {
		t.Errorf("exit %+v", got)
	}
	m = Message{Payload: TimeoutPayload(-1)}
	if got := m.TimeoutMs(); got != -1 {
		t.Errorf("timeout %d", got)
	}
	m = Message{Payload: SignalPayload(unix.SIGKILL, 4712)}
	if signal, thread := m.Signal(), m.Thread(); signal != unix.SIGKILL || thread != 4712 {
		t.Errorf("signal %v to thread %d", signal, thread)
	}
}

func TestPayload_ofAnotherTypeReadsAsZero(t *testing.T) {
	m := Message{Payload: []byte{1, 2, 3}}
	if got := m.Exit(); got != (Exit{}) {
		t.Errorf("%+v", got)
	}
}

func TestType_hasAName(t *testing.T) {
	for kind, want := range map[Type]string{Adopt: "ADOPT", AdoptedAll: "ADOPTED_ALL", GiveUp: "GIVE_UP", 99: "type 99"} {
		if got := kind.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for kind, s := range shapes {
		payload := strings.Repeat("p", max(s.payload, 0))
		f.Add(packetOf(Magic, Version, uint16(kind), uint32(len(payload)), payload))
	}
	f.Add(packetOf(Magic, 2, 1, 0, ""))
	f.Fuzz(func(t *testing.T, packet []byte) {
		m, err := Decode(packet)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("error %v, want ErrMalformed", err)
			}
			return
		}
		if again := m.AppendTo(nil); !bytes.Equal(again, packet) {
			t.Errorf("encoded again %x, was %x", again, packet)
		}
		_, _ = m.Worker()
		_, _, _, _ = m.Errno(), m.Exit(), m.TimeoutMs(), m.Signal()
	})
}
