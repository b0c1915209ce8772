package control

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"libforker/slot"
)

// newPair gives a socket pair that is closed when the test ends.
func newPair(t *testing.T) (a, b int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return fds[0], fds[1]
}

// newSockets gives a pair as Sockets.
func newSockets(t *testing.T) (a, b Socket) {
	t.Helper()
	x, y := newPair(t)
	t.Cleanup(func() { closeAll([]int{x, y}) })
	return Socket(x), Socket(y)
}

// openFiles counts the descriptors of this process.
func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// sendRaw sends bytes that need not be a message.
func sendRaw(t *testing.T, s Socket, packet []byte, files ...int) {
	t.Helper()
	var rights []byte
	if len(files) > 0 {
		rights = unix.UnixRights(files...)
	}
	if err := unix.Sendmsg(int(s), packet, rights, nil, unix.MSG_NOSIGNAL); err != nil {
		t.Fatal(err)
	}
}

func TestSocket_isEmptyWithoutBlocking(t *testing.T) {
	a, _ := newSockets(t)
	if _, ok, err := a.TryReceive(); ok || err != nil {
		t.Errorf("ok %v, error %v", ok, err)
	}
}

func TestSocket_carriesMessagesInOrder(t *testing.T) {
	a, b := newSockets(t)
	for i := range uint32(5) {
		if err := a.TrySend(&Message{Type: Drain, Slot: i, Generation: i + 1, Payload: TimeoutPayload(int32(i))}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range uint32(5) {
		m, ok, err := b.TryReceive()
		if !ok || err != nil {
			t.Fatalf("ok %v, error %v", ok, err)
		}
		if m.Type != Drain || m.Slot != i || m.Generation != i+1 || m.TimeoutMs() != int32(i) || m.Files != nil {
			t.Errorf("message %d is %+v", i, m)
		}
	}
}

// The end overtakes a message once in some thousand times where Socket.recv does not look again.
func TestSocket_endsAfterTheLastMessage(t *testing.T) {
	for range 20000 {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		sent := make(chan error, 1)
		go func() {
			err := Socket(fds[0]).TrySend(&Message{Type: Ready})
			closeAll(fds[:1])
			sent <- err
		}()
		var ok bool
		for !ok && err == nil {
			_, ok, err = Socket(fds[1]).TryReceive()
		}
		closeAll(fds[1:])
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		if err != nil {
			t.Fatalf("%v before the message", err)
		}
	}
}

func TestSocket_refusesToSendWhatIsNoMessage(t *testing.T) {
	a, b := newSockets(t)
	for name, m := range map[string]Message{
		"an unknown type":  {Type: 77},
		"no payload":       {Type: Drain},
		"a missing file":   {Type: Spawned, Payload: WorkerPayload(1, slot.Forked)},
		"a file too many":  {Type: Hello, Files: []int{0}},
		"too long reasons": {Type: GiveUp, Payload: make([]byte, PayloadMax+1)},
	} {
		if err := a.TrySend(&m); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: error %v, want ErrMalformed", name, err)
		}
	}
	if _, ok, _ := b.TryReceive(); ok {
		t.Error("something was sent")
	}
}

func TestSocket_tellsThatItIsFull(t *testing.T) {
	a, b := newSockets(t)
	sent := 0
	for {
		err := a.TrySend(&Message{Type: Hello})
		if errors.Is(err, ErrFull) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		sent++
	}
	for range sent {
		if _, ok, err := b.TryReceive(); !ok || err != nil {
			t.Fatalf("ok %v, error %v", ok, err)
		}
	}
}

func TestSocket_tellsTheEndAfterWhatWasSentBefore(t *testing.T) {
	x, y := newPair(t)
	a, b := Socket(x), Socket(y)
	defer closeAll([]int{y})
	// What b had sent and a never read makes the kernel report a reset to b first.
	if err := b.TrySend(&Message{Type: Hello}); err != nil {
		t.Fatal(err)
	}
	if err := a.TrySend(&Message{Type: Ready}); err != nil {
		t.Fatal(err)
	}
	closeAll([]int{x})
	if m, ok, err := b.TryReceive(); !ok || err != nil || m.Type != Ready {
		t.Errorf("message %v, ok %v, error %v; want READY", m.Type, ok, err)
	}
	if _, ok, err := b.TryReceive(); ok || err != io.EOF {
		t.Errorf("ok %v, error %v; want io.EOF", ok, err)
	}
	if err := b.TrySend(&Message{Type: Hello}); !errors.Is(err, unix.EPIPE) {
		t.Errorf("error %v, want EPIPE", err)
	}
}

func TestSocket_refusesPacketsAndGoesOn(t *testing.T) {
	for name, packet := range map[string][]byte{
		"cut":          packetOf(Magic, Version, uint16(Ready), 0, "")[:7],
		"oversize":     packetOf(Magic, Version, uint16(GiveUp), PayloadMax+1, strings.Repeat("x", PayloadMax+1)),
		"huge":         packetOf(Magic, Version, uint16(GiveUp), 10*Max, strings.Repeat("x", 10*Max)),
		"wrong magic":  packetOf(1, Version, uint16(Ready), 0, ""),
		"old version":  packetOf(Magic, 0, uint16(Ready), 0, ""),
		"unknown type": packetOf(Magic, Version, 999, 0, ""),
		"no file":      packetOf(Magic, Version, uint16(Spawned), 8, "12345678"),
	} {
		t.Run(name, func(t *testing.T) {
			a, b := newSockets(t)
			sendRaw(t, a, packet)
			sendRaw(t, a, packetOf(Magic, Version, uint16(Ready), 0, ""))
			if _, ok, err := b.TryReceive(); ok || !errors.Is(err, ErrMalformed) {
				t.Errorf("ok %v, error %v; want ErrMalformed", ok, err)
			}
			if m, ok, err := b.TryReceive(); !ok || err != nil || m.Type != Ready {
				t.Errorf("message %v, ok %v, error %v; want READY", m.Type, ok, err)
			}
		})
	}
}

func TestSocket_acceptsTheLongestPacket(t *testing.T) {
	a, b := newSockets(t)
	reason := strings.Repeat("x", PayloadMax)
	if err := a.TrySend(&Message{Type: GiveUp, Payload: []byte(reason)}); err != nil {
		t.Fatal(err)
	}
	if m, ok, err := b.TryReceive(); !ok || err != nil || string(m.Payload) != reason {
		t.Errorf("ok %v, error %v", ok, err)
	}
}

func TestSocket_handsOverFilesCloseOnExec(t *testing.T) {
	a, b := newSockets(t)
	x, y := newSockets(t)
	if err := a.TrySend(&Message{Type: Spawned, Payload: WorkerPayload(1, slot.Forked), Files: []int{int(x)}}); err != nil {
		t.Fatal(err)
	}
	m, ok, err := b.TryReceive()
	if !ok || err != nil {
		t.Fatalf("ok %v, error %v", ok, err)
	}
	defer closeAll(m.Files)
	flags, err := unix.FcntlInt(uintptr(m.Files[0]), unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("descriptor flags %#x, error %v", flags, err)
	}
	if err := y.TrySend(&Message{Type: Ready}); err != nil {
		t.Fatal(err)
	}
	if got, ok, err := Socket(m.Files[0]).TryReceive(); !ok || err != nil || got.Type != Ready {
		t.Errorf("through the file: %v, ok %v, error %v", got.Type, ok, err)
	}
}

func TestSocket_closesTheFilesOfWhatItRefuses(t *testing.T) {
	hello := packetOf(Magic, Version, uint16(Hello), 0, "")
	spawned := packetOf(Magic, Version, uint16(Spawned), 8, "12345678")
	for name, c := range map[string]struct {
		packet []byte
		files  int
	}{
		"no message":      {[]byte("x"), 1},
		"no file wanted":  {hello, 1},
		"too many for it": {spawned, 2},
		"most there are":  {spawned, FilesMax},
		"more than fit":   {spawned, FilesMax + 1},
		"many more":       {spawned, 200},
		"oversize":        {make([]byte, Max+1), 3},
		"empty":           {nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := newSockets(t)
			before := openFiles(t)
			files := make([]int, c.files)
			sendRaw(t, a, c.packet, files...)
			if _, ok, err := b.TryReceive(); ok || !errors.Is(err, ErrMalformed) {
				t.Errorf("ok %v, error %v; want ErrMalformed", ok, err)
			}
			if after := openFiles(t); after != before {
				t.Errorf("%d descriptors, %d before", after, before)
			}
		})
	}
}
