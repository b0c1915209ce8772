package control

import (
	"errors"
	"io"
	"testing"

	"golang.org/x/sys/unix"
)

// newChannel gives a channel and the descriptor of its other end, both closed when the test ends.
func newChannel(t *testing.T) (*Channel, Socket) {
	t.Helper()
	x, y := newPair(t)
	c, err := Open(x)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Close()
		closeAll([]int{y})
	})
	return c, Socket(y)
}

// receiveLater runs Receive and hands its results over.
func receiveLater(c *Channel) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := c.Receive()
		done <- err
	}()
	return done
}

func TestChannel_waitsForAMessage(t *testing.T) {
	c, other := newChannel(t)
	done := receiveLater(c)
	if err := other.TrySend(&Message{Type: Ready}); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestChannel_givesTheEnd(t *testing.T) {
	x, y := newPair(t)
	c, err := Open(x)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	done := receiveLater(c)
	closeAll([]int{y})
	if err := <-done; err != io.EOF {
		t.Errorf("error %v, want io.EOF", err)
	}
}

func TestChannel_closeWakesTheReceiver(t *testing.T) {
	c, _ := newChannel(t)
	done := receiveLater(c)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err == nil || err == io.EOF || errors.Is(err, ErrMalformed) {
		t.Errorf("error %v, want one of its own", err)
	}
	if err := c.Send(&Message{Type: Hello}); err == nil {
		t.Error("sent through a closed channel")
	}
}

func TestChannel_sendWaitsForRoom(t *testing.T) {
	c, other := newChannel(t)
	for c.TrySend(&Message{Type: Hello}) == nil {
	}
	if err := c.TrySend(&Message{Type: Hello}); !errors.Is(err, ErrFull) {
		t.Fatalf("error %v, want ErrFull", err)
	}
	done := make(chan error, 1)
	go func() { done <- c.Send(&Message{Type: Done}) }()
	reader, err := Open(int(dup(t, other)))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for {
		m, err := reader.Receive()
		if err != nil {
			t.Fatal(err)
		}
		if m.Type == Done {
			break
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestOpen_closesWhatItRefuses(t *testing.T) {
	before := openFiles(t)
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if _, err := Open(fd); !errors.Is(err, unix.EPROTOTYPE) {
			t.Errorf("error %v, want EPROTOTYPE", err)
		}
	}
	if _, err := Open(-1); !errors.Is(err, unix.EBADF) {
		t.Errorf("error %v, want EBADF", err)
	}
	if after := openFiles(t); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
}

func dup(t *testing.T, s Socket) Socket {
	t.Helper()
	fd, err := unix.FcntlInt(uintptr(s), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return Socket(fd)
}
