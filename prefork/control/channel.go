package control

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// One end of a channel, for goroutines: who waits in it holds no thread.

// Channel is one end of a channel, for goroutines: who waits in it holds no thread, the runtime's poller wakes it. One
// goroutine may send while another one receives, and any may close.
type Channel struct {
	// Immutable.
	file *os.File
	conn syscall.RawConn
}

// Open takes over a SOCK_SEQPACKET descriptor: it is closed by Close, or now if Open fails.
func Open(fd int) (*Channel, error) {
	c, err := open(fd)
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("open control channel %d: %w", fd, err)
	}
	return c, nil
}

func open(fd int) (*Channel, error) {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return nil, err
	}
	if kind != unix.SOCK_SEQPACKET {
		return nil, unix.EPROTOTYPE
	}
	// os.NewFile leaves descriptors that are in blocking mode out of the poller.
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "control channel")
	conn, err := file.SyscallConn()
	if err != nil {
		return nil, err
	}
	return &Channel{file: file, conn: conn}, nil
}

// Send sends a message, and waits while the socket buffer is full.
func (c *Channel) Send(m *Message) error {
	var err error
	waitErr := c.conn.Write(func(fd uintptr) bool {
		err = Socket(fd).TrySend(m)
		return !errors.Is(err, ErrFull)
	})
	if waitErr != nil {
		return fmt.Errorf("send %v: %w", m.Type, waitErr)
	}
	return err
}

// TrySend sends a message, or gives ErrFull at once.
func (c *Channel) TrySend(m *Message) error {
	var err error
	waitErr := c.conn.Write(func(fd uintptr) bool {
		err = Socket(fd).TrySend(m)
		return true
	})
	if waitErr != nil {
		return fmt.Errorf("send %v: %w", m.Type, waitErr)
	}
	return err
}

// Receive waits for a message. The error is io.EOF when the other end is closed, and it wraps ErrMalformed when a
// packet was refused, after which the next one can be received. Any other error, as when this end is closed, is the
// last.
func (c *Channel) Receive() (Message, error) {
	var m Message
	var err error
	waitErr := c.conn.Read(func(fd uintptr) bool {
		var ok bool
		m, ok, err = Socket(fd).TryReceive()
		return ok || err != nil
	})
	if waitErr != nil {
		return Message{}, fmt.Errorf("receive: %w", waitErr)
	}
	return m, err
}

// Close closes this end, and wakes who waits in it.
func (c *Channel) Close() error { return c.file.Close() }
