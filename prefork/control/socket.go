package control

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// One end of a channel, for a loop that polls it by itself.

// Socket is the descriptor of one end of a channel, for a loop that polls it by itself. It never blocks, whether the
// descriptor is in non-blocking mode or not.
type Socket int

// TrySend sends a message, or gives ErrFull. A message is sent whole or not at all.
func (s Socket) TrySend(m *Message) error {
	if err := m.check(); err != nil {
		return err
	}
	if err := m.checkFiles(); err != nil {
		return err
	}
	var rights []byte
	if len(m.Files) > 0 {
		rights = unix.UnixRights(m.Files...)
	}
	packet := m.AppendTo(make([]byte, 0, headerSize+len(m.Payload)))
	for {
		err := unix.Sendmsg(int(s), packet, rights, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return ErrFull
		case err != nil:
			return fmt.Errorf("sendmsg: %w", err)
		default:
			return nil
		}
	}
}

// TryReceive receives a message; ok tells if there was one. The error is io.EOF when the other end is closed, it wraps
// ErrMalformed when a packet was refused, after which the next one can be received.
func (s Socket) TryReceive() (m Message, ok bool, err error) {
	// One byte more than a message may have, and room for as many descriptors as one may carry: see recv.
	packet := make([]byte, Max+1)
	rights := make([]byte, unix.CmsgSpace(4*FilesMax))
	n, nrights, flags, err := s.recv(packet, rights)
	if errors.Is(err, unix.EAGAIN) {
		return Message{}, false, nil
	}
	if err != nil {
		return Message{}, false, fmt.Errorf("recvmsg: %w", err)
	}
	if n == 0 && nrights == 0 {
		return Message{}, false, io.EOF
	}
	files := parseRights(rights[:nrights])
	m, err = accept(packet[:n], files, flags)
	if err != nil {
		closeAll(files)
		return Message{}, false, err
	}
	return m, true, nil
}

// recv is recvOnce, repeated at the end. An end can overtake the last packets, once: the kernel finds no packet, the
// other side sends one and closes, and then the kernel looks whether it has closed (unix_dgram_recvmsg in
// net/unix/af_unix.c).
func (s Socket) recv(packet, rights []byte) (n, nrights, flags int, err error) {
	n, nrights, flags, err = s.recvOnce(packet, rights)
	if n == 0 && nrights == 0 && err == nil {
		return s.recvOnce(packet, rights)
	}
	return n, nrights, flags, err
}

// recvOnce is recvmsg(2), repeated where its error says nothing about this call. ECONNRESET is one: it tells, once,
// that the other end was closed before it had read everything, and it comes before the packets that still wait here
// (unix(7) is silent about it).
func (s Socket) recvOnce(packet, rights []byte) (n, nrights, flags int, err error) {
	for {
		n, nrights, flags, _, err = unix.Recvmsg(int(s), packet, rights, unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT)
		if !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.ECONNRESET) {
			return n, nrights, flags, err
		}
	}
}

// accept makes a message of a packet and the files that came with it.
func accept(packet []byte, files []int, flags int) (Message, error) {
	if flags&unix.MSG_TRUNC != 0 || len(packet) > Max {
		return Message{}, fmt.Errorf("%w: more than %d bytes", ErrMalformed, Max)
	}
	if flags&unix.MSG_CTRUNC != 0 {
		return Message{}, fmt.Errorf("%w: more than %d files, or no room for them", ErrMalformed, FilesMax)
	}
	m, err := Decode(packet)
	if err != nil {
		return Message{}, err
	}
	m.Files = files
	return m, m.checkFiles()
}

// parseRights finds the descriptors of SCM_RIGHTS. What else there is, such as credentials, was not asked for.
func parseRights(control []byte) []int {
	if len(control) == 0 {
		return nil
	}
	parts, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return nil
	}
	var files []int
	for i := range parts {
		if fds, err := unix.ParseUnixRights(&parts[i]); err == nil {
			files = append(files, fds...)
		}
	}
	return files
}

func closeAll(files []int) {
	for _, fd := range files {
		// close(2) releases the descriptor also when it gives an error.
		_ = unix.Close(fd)
	}
}
