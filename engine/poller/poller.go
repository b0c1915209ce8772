// Package poller is the engine's view of the kernel: epoll(7) and the non-blocking system calls on sockets.
//
// Invariant: every call but Wait returns at once. They are made without telling the Go scheduler (a raw system call),
// which saves two of its transitions for each; Wait tells it before it waits for longer, so that other goroutines get
// the processor. They are package syscall's: those of x/sys/unix go through another stack frame, in assembly.
//
// A Poller belongs to one loop; the free functions keep no state, but what they open and close is noted in the inventory.
package poller

import (
	"encoding/binary"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"libforker/engine/inventory"
)

// What a descriptor can be ready for. Errors and hang-ups are always reported.
const (
	In        = unix.EPOLLIN
	Out       = unix.EPOLLOUT
	PeerEnd   = unix.EPOLLRDHUP // The client has sent its end.
	Exclusive = unix.EPOLLEXCLUSIVE
	Edge      = unix.EPOLLET // Tells once of whatever comes, and not for as long as it is there.
)

// Event tells that a descriptor is ready. Fd and Pad are what Add was given.
type Event = unix.EpollEvent

// Poller is an epoll instance, level-triggered but where Edge is asked for.
type Poller struct {
	fd     int
	busy   bool // The last Wait found something.
	events [256]Event
}

// busyMs is how long Wait keeps the Go scheduler out after a call that found something. Telling it costs more than the
// system call: it wakes a thread (sysmon) that looks after the processor left behind, some thousand times a second
// under load. A garbage collection that another goroutine begins waits for that long at most, if it begins just when the
// events cease: the runtime sends no signal that would end the call (asyncpreemptoff, capi/base/process.c). The time is longer than the kernel's tick (at most 10 ms): for less the processor's timer
// would be set and reset in every call, which costs 1 to 2 µs each, more under a hypervisor.
const busyMs = 20

// Open makes a poller.
func Open() (*Poller, error) {
	fd, err := Raise(unix.EpollCreate1(unix.EPOLL_CLOEXEC))
	if err != nil {
		return nil, fmt.Errorf("epoll_create: %w", err)
	}
	return &Poller{fd: inventory.Add(fd)}, nil
}

// Fd can be read when Wait would return at once.
func (p *Poller) Fd() int { return p.fd }

// Close releases the poller. The descriptors in it stay open.
func (p *Poller) Close() { Close(p.fd) }

// Add watches fd; tag comes back as Event.Pad.
func (p *Poller) Add(fd int, interest, tag uint32) error {
	return p.control(unix.EPOLL_CTL_ADD, fd, interest, tag)
}

// Modify changes what fd is watched for.
func (p *Poller) Modify(fd int, interest, tag uint32) error {
	return p.control(unix.EPOLL_CTL_MOD, fd, interest, tag)
}

// Remove stops watching fd. Closing the last duplicate of a descriptor does that too, those of forked children included.
func (p *Poller) Remove(fd int) error { return p.control(unix.EPOLL_CTL_DEL, fd, 0, 0) }

func (p *Poller) control(op, fd int, interest, tag uint32) error {
	event := Event{Events: interest, Fd: int32(fd), Pad: int32(tag)}
	// SAFETY: the kernel only reads event, during the call.
	_, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(p.fd), uintptr(op), uintptr(fd),
		uintptr(unsafe.Pointer(&event)), 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// Wait returns the events that are there, after at most timeoutMs milliseconds (-1: no limit). They are valid until the
// next call. It may return none before its time.
func (p *Poller) Wait(timeoutMs int) ([]Event, error) {
	var n int
	var errno unix.Errno
	if p.busy && uint(timeoutMs) > busyMs {
		timeoutMs = busyMs
	}
	if p.busy || timeoutMs == 0 {
		// SAFETY: the kernel writes at most len(p.events) events, during the call.
		r, _, e := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events)),
			uintptr(len(p.events)), uintptr(timeoutMs), 0, 0)
		n, errno = int(r), e
	} else {
		// SAFETY: as above.
		r, _, e := unix.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events)),
			uintptr(len(p.events)), uintptr(timeoutMs), 0, 0)
		n, errno = int(r), e
	}
	if errno != 0 {
		p.busy = false
		if errno == unix.EINTR {
			return nil, nil
		}
		return nil, fmt.Errorf("epoll_wait: %w", errno)
	}
	p.busy = n > 0
	return p.events[:n], nil
}

// Read reads what is there into b, which must not be empty. n is 0 at the end of input, and means nothing with an
// error. So short that it becomes a part of its caller, who is to take EINTR for EAGAIN.
func Read(fd int, b []byte) (n uintptr, errno unix.Errno) {
	// SAFETY: the kernel writes at most len(b) bytes at b, during the call.
	n, _, errno = syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), 0, 0, 0)
	return
}

// Peek is Read of what stays there.
func Peek(fd int, b []byte) (n uintptr, errno unix.Errno) {
	// SAFETY: the kernel writes at most len(b) bytes at b, during the call.
	n, _, errno = syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		unix.MSG_PEEK, 0, 0)
	return
}

// HasEnded tells if the client has sent its end, or is gone, and nothing that it sent before is unread.
func HasEnded(fd int) bool {
	var b [1]byte
	// SAFETY: the kernel writes at most one byte at b, during the call.
	n, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&b)), 1,
		unix.MSG_PEEK|unix.MSG_DONTWAIT, 0, 0)
	return errno == 0 && n == 0 || errno != 0 && errno != unix.EAGAIN && errno != unix.EINTR
}

// HasEndedBehind tells if the client has sent its end, or is gone, and at most so many bytes that it sent before are unread.
func HasEndedBehind(fd, most int) bool {
	ends := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	if n, err := unix.Poll(ends, 0); n == 0 || err != nil {
		return false
	}
	unread, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
	return err != nil || unread <= most
}

// WriteSome writes as much of b as the kernel takes; negative: Write tells why it takes nothing. So short that it
// becomes a part of its caller.
func WriteSome(fd int, b []byte) int {
	// SAFETY: the kernel reads at most len(b) bytes at b, during the call.
	n, _, _ := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		unix.MSG_NOSIGNAL, 0, 0)
	return int(n)
}

// Write writes as much of b as the kernel takes. A client that left is an error like others, not a SIGPIPE.
func Write(fd int, b []byte) (int, unix.Errno) { return send(fd, b, unix.MSG_NOSIGNAL) }

func send(fd int, b []byte, flags uintptr) (int, unix.Errno) {
	for {
		// SAFETY: the kernel reads at most len(b) bytes at b, during the call.
		n, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))),
			uintptr(len(b)), flags, 0, 0)
		if errno != unix.EINTR {
			return count(n, errno), errno
		}
	}
}

// WriteMore is Write when more follows at once: the kernel waits for it before it sends a packet that is not full.
func WriteMore(fd int, b []byte) (int, unix.Errno) {
	return send(fd, b, unix.MSG_NOSIGNAL|unix.MSG_MORE)
}

// WriteAll writes a, b and c, of which two may be empty, by one call.
func WriteAll(fd int, a, b []byte, c string) (int, unix.Errno) {
	var parts [3]unix.Iovec
	n := 0
	for _, part := range [3][]byte{a, b, unsafe.Slice(unsafe.StringData(c), len(c))} {
		if len(part) > 0 {
			parts[n].Base = unsafe.SliceData(part)
			parts[n].SetLen(len(part))
			n++
		}
	}
	message := unix.Msghdr{Iov: &parts[0]}
	message.SetIovlen(n)
	for {
		// SAFETY: the kernel reads the parts, which are as long as their slices, during the call.
		n, _, errno := syscall.RawSyscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&message)), unix.MSG_NOSIGNAL)
		if errno != unix.EINTR {
			return count(n, errno), errno
		}
	}
}

// SendFile sends size bytes of a file from off on, which it advances. 0 is the end of the file.
func SendFile(fd, file int, off *int64, size int) (int, unix.Errno) {
	for {
		// SAFETY: the kernel reads and writes off during the call.
		n, _, errno := syscall.RawSyscall6(unix.SYS_SENDFILE, uintptr(fd), uintptr(file), uintptr(unsafe.Pointer(off)), uintptr(size), 0, 0)
		if errno != unix.EINTR {
			return count(n, errno), errno
		}
	}
}

// count is how many bytes a system call has moved.
func count(n uintptr, errno unix.Errno) int {
	if errno != 0 {
		return 0
	}
	return int(n)
}

// Accept takes a connection off fd's queue, non-blocking and close-on-exec. The peer's address is written to name.
func Accept(fd int, name *unix.RawSockaddrAny) (int, unix.Errno) {
	inventory.Begin()
	defer inventory.End()
	for {
		size := uint32(unsafe.Sizeof(*name))
		// SAFETY: the kernel writes at most size bytes at name and 4 at size, during the call.
		n, _, errno := syscall.RawSyscall6(unix.SYS_ACCEPT4, uintptr(fd), uintptr(unsafe.Pointer(name)),
			uintptr(unsafe.Pointer(&size)), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
		switch {
		case errno == 0 && n < leastFd:
			return raiseAccepted(int(n))
		case errno == 0:
			return inventory.Add(int(n)), 0
		case errno != unix.EINTR:
			return int(n), errno
		}
	}
}

// raiseAccepted moves a connection above 2. Where there is no room for that it is closed.
func raiseAccepted(fd int) (int, unix.Errno) {
	raised, err := Raise(fd, nil)
	if err != nil {
		return -1, unix.EMFILE
	}
	return inventory.Add(raised), 0
}

// InetName returns family, port (host byte order) and address bytes of an IPv4 or IPv6 name; only the family of others.
func InetName(name *unix.RawSockaddrAny, address *[16]byte) (family, port uint16) {
	// SAFETY: RawSockaddrAny is as large as any socket address, and the family says which one it holds.
	switch name.Addr.Family {
	case unix.AF_INET:
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		copy(address[:], in.Addr[:])
		return unix.AF_INET, hostOrder(in.Port)
	case unix.AF_INET6:
		in6 := (*unix.RawSockaddrInet6)(unsafe.Pointer(name))
		*address = in6.Addr
		return unix.AF_INET6, hostOrder(in6.Port)
	default:
		return name.Addr.Family, 0
	}
}

// hostOrder converts a port that the kernel wrote in network byte order.
func hostOrder(port uint16) uint16 {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], port)
	return binary.BigEndian.Uint16(b[:])
}

// KeepAlive has the kernel probe the peer of a silent TCP connection; of others it changes nothing.
func KeepAlive(fd int) {
	on := int32(1)
	// SAFETY: the kernel reads 4 bytes at on, during the call.
	_, _, _ = syscall.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_KEEPALIVE, uintptr(unsafe.Pointer(&on)), 4, 0)
}

// Shutdown ends the output of a connection: the client sees the end of the response.
func Shutdown(fd int) { _, _, _ = syscall.RawSyscall(unix.SYS_SHUTDOWN, uintptr(fd), unix.SHUT_WR, 0) }

// Acknowledge has the kernel acknowledge at once what a TCP connection has received (TCP_QUICKACK, tcp(7)). Of unix
// sockets it changes nothing.
func Acknowledge(fd int) {
	one := int32(1)
	// SAFETY: the kernel reads one, during the call.
	_, _, _ = syscall.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK,
		uintptr(unsafe.Pointer(&one)), unsafe.Sizeof(one), 0)
}

// ResetOnClose has Close reset a TCP connection: the client learns that what it has is not all, though it can still read
// it. What was not sent is lost. Of unix sockets it changes nothing.
func ResetOnClose(fd int) {
	linger := unix.Linger{Onoff: 1}
	// SAFETY: the kernel reads linger, during the call.
	_, _, _ = syscall.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_LINGER,
		uintptr(unsafe.Pointer(&linger)), unsafe.Sizeof(linger), 0)
}

// EndForAll ends a connection also for those who have a duplicate of it: the client sees the end at once.
func EndForAll(fd int) {
	_, _, _ = syscall.RawSyscall(unix.SYS_SHUTDOWN, uintptr(fd), unix.SHUT_RDWR, 0)
}

// ResetForAll does that by a reset, if it is a TCP connection: connect(2) to no address dissolves it.
func ResetForAll(fd int) {
	none := unix.RawSockaddr{Family: unix.AF_UNSPEC}
	// SAFETY: the kernel reads none, during the call.
	_, _, errno := syscall.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&none)), unsafe.Sizeof(none))
	if errno != 0 {
		EndForAll(fd)
	}
}

// Close closes a descriptor of the engine's. It is valid, so close(2) has nothing to say.
func Close(fd int) {
	inventory.Begin()
	inventory.Remove(fd)
	_, _, _ = syscall.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)
	inventory.End()
}
