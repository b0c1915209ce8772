package poller

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func open(t *testing.T) *Poller {
	t.Helper()
	p, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// pair returns a connection, this end non-blocking.
func pair(t *testing.T) (fd, peer int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { Close(fds[0]); Close(fds[1]) })
	if err := unix.SetNonblock(fds[0], true); err != nil {
		t.Fatal(err)
	}
	return fds[0], fds[1]
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// expect waits once, and demands exactly these events of fd; 0: none.
func expect(t *testing.T, p *Poller, fd int, events, tag uint32) {
	t.Helper()
	got, err := p.Wait(0)
	must(t, err)
	if events == 0 {
		if len(got) != 0 {
			t.Fatalf("events %+v, want none", got)
		}
		return
	}
	if len(got) != 1 || got[0] != (Event{Events: events, Fd: int32(fd), Pad: int32(tag)}) {
		t.Fatalf("events %+v, want %#x of %d with tag %d", got, events, fd, tag)
	}
}

func TestPoller_tellsReadinessWithTag(t *testing.T) {
	p := open(t)
	fd, peer := pair(t)
	must(t, p.Add(fd, In, 0xfffffff0))
	expect(t, p, fd, 0, 0)
	Write(peer, []byte("x"))
	expect(t, p, fd, In, 0xfffffff0)
	expect(t, p, fd, In, 0xfffffff0) // Level-triggered: until it is read.
	must(t, p.Modify(fd, Out, 7))
	expect(t, p, fd, Out, 7)
	must(t, p.Modify(fd, In|Out, 8))
	expect(t, p, fd, In|Out, 8)
	must(t, p.Remove(fd))
	expect(t, p, fd, 0, 0)
}

func TestPoller_tellsHangUpUnasked(t *testing.T) {
	p := open(t)
	fd, peer := pair(t)
	must(t, p.Add(fd, Out|unix.EPOLLRDHUP, 1))
	must(t, unix.Shutdown(peer, unix.SHUT_WR))
	expect(t, p, fd, Out|unix.EPOLLRDHUP, 1)
	must(t, unix.Shutdown(peer, unix.SHUT_RDWR))
	expect(t, p, fd, Out|unix.EPOLLRDHUP|unix.EPOLLHUP, 1)
}

func TestPoller_namesWhatTheKernelRefuses(t *testing.T) {
	p := open(t)
	fd, _ := pair(t)
	must(t, p.Add(fd, In, 0))
	for _, row := range []struct {
		name string
		err  error
		want error
	}{
		{"Add twice", p.Add(fd, In, 0), unix.EEXIST},
		{"Modify of a stranger", p.Modify(1<<20, In, 0), unix.EBADF},
		{"Remove of a stranger", p.Remove(1 << 20), unix.EBADF},
	} {
		if row.err != row.want {
			t.Errorf("%s: %v, want %v", row.name, row.err, row.want)
		}
	}
}

func TestWait_endsByItself(t *testing.T) {
	p := open(t)
	begin := time.Now()
	events, err := p.Wait(20)
	if len(events) != 0 || err != nil || time.Since(begin) < 20*time.Millisecond {
		t.Error(events, err, time.Since(begin))
	}
}

func TestEndForAll_endsDuplicatesToo(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(fd int)
		want error
	}{"end": {EndForAll, io.EOF}, "reset": {ResetForAll, unix.ECONNRESET}} {
		t.Run(name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			must(t, err)
			defer ln.Close()
			client, err := net.Dial("tcp", ln.Addr().String())
			must(t, err)
			defer client.Close()
			served, err := ln.Accept()
			must(t, err)
			duplicate, err := served.(*net.TCPConn).File()
			must(t, err)
			defer duplicate.Close()
			test.end(int(duplicate.Fd()))
			must(t, served.Close())
			if _, err := client.Read(make([]byte, 1)); !errors.Is(err, test.want) {
				t.Errorf("the client sees %v, want %v", err, test.want)
			}
		})
	}
}

func TestWait_failsOnAClosedPoller(t *testing.T) {
	p, err := Open()
	must(t, err)
	p.Close()
	p.fd = -1
	if _, err := p.Wait(0); err == nil || err.Error() != "epoll_wait: bad file descriptor" {
		t.Error(err)
	}
}

func TestReadWrite_neverWait(t *testing.T) {
	fd, peer := pair(t)
	b := make([]byte, 1<<16)
	if _, errno := Read(fd, b); errno != unix.EAGAIN {
		t.Error("Read from nothing:", errno)
	}
	total := 0
	for {
		n, errno := Write(fd, b)
		if errno == unix.EAGAIN {
			break
		}
		if errno != 0 || n <= 0 {
			t.Fatal(n, errno)
		}
		total += n
	}
	for total > 0 {
		n, errno := Read(peer, b)
		if errno != 0 || n == 0 {
			t.Fatal(n, errno)
		}
		total -= int(n)
	}
	Shutdown(fd)
	if n, errno := Read(peer, b); n != 0 || errno != 0 {
		t.Error("Read after Shutdown:", n, errno)
	}
	if n, errno := Write(peer, []byte("still there")); n != 11 || errno != 0 {
		t.Error("Write to a connection of which the other half is shut down:", n, errno)
	}
	if n, errno := Read(fd, b); errno != 0 || string(b[:n]) != "still there" {
		t.Error(n, errno)
	}
}

func TestWrite_tellsThatThePeerLeft(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	Close(fds[1])
	defer Close(fds[0])
	// Go ends a program for SIGPIPE on descriptors 1 and 2 only.
	if _, errno := Write(fds[0], []byte("x")); errno != unix.EPIPE {
		t.Error(errno)
	}
	if _, errno := WriteAll(fds[0], []byte("x"), []byte("y"), ""); errno != unix.EPIPE {
		t.Error(errno)
	}
}

func TestWriteAll_isOneWrite(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	defer Close(fds[0])
	defer Close(fds[1])
	if n, errno := WriteAll(fds[0], []byte("head "), []byte("body"), "."); n != 10 || errno != 0 {
		t.Fatal(n, errno)
	}
	var b [64]byte
	if n, errno := Read(fds[1], b[:]); errno != 0 || string(b[:n]) != "head body." {
		t.Errorf("%q %v", b[:n], errno)
	}
}

func TestAccept(t *testing.T) {
	for _, row := range []struct {
		network, address string
		family           uint16
	}{
		{"tcp4", "127.0.0.1:0", unix.AF_INET},
		{"tcp6", "[::1]:0", unix.AF_INET6},
		{"unix", t.TempDir() + "/a", unix.AF_UNIX},
	} {
		ln, err := net.Listen(row.network, row.address)
		if err != nil {
			t.Logf("%s cannot be tested here: %v", row.network, err)
			continue
		}
		defer ln.Close()
		file, err := ln.(interface{ File() (*os.File, error) }).File()
		must(t, err)
		defer file.Close()
		listener := int(file.Fd()) // Fd makes it blocking.
		must(t, unix.SetNonblock(listener, true))
		var name unix.RawSockaddrAny
		if _, errno := Accept(listener, &name); errno != unix.EAGAIN {
			t.Fatal("Accept of nothing:", errno)
		}
		client, err := net.Dial(row.network, ln.Addr().String())
		must(t, err)
		defer client.Close()
		fd, errno := Accept(listener, &name)
		if errno != 0 {
			t.Fatal(errno)
		}
		defer Close(fd)
		status, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if status&unix.O_NONBLOCK == 0 || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("%s: status %#x, flags %#x", row.network, status, flags)
		}
		checkName(t, &name, row.family, client.LocalAddr())
	}
}

func checkName(t *testing.T, name *unix.RawSockaddrAny, wantFamily uint16, want net.Addr) {
	t.Helper()
	var address [16]byte
	family, port := InetName(name, &address)
	if family != wantFamily {
		t.Errorf("family %d, want %d", family, wantFamily)
	}
	tcp, ok := want.(*net.TCPAddr)
	if !ok {
		if port != 0 || address != [16]byte{} {
			t.Error("a unix socket has an address", port, address)
		}
		return
	}
	ip := net.IP(address[:])
	if family == unix.AF_INET {
		ip = address[:4]
	}
	if int(port) != tcp.Port || !ip.Equal(tcp.IP) {
		t.Errorf("%v:%d, want %v", ip, port, tcp)
	}
}

func TestPoller_allocatesNothing(t *testing.T) {
	p := open(t)
	fd, peer := pair(t)
	must(t, p.Add(fd, In, 1))
	a, b, in := []byte("x"), []byte("y"), make([]byte, 16)
	if n := testing.AllocsPerRun(100, func() {
		WriteAll(peer, a, b, "z")
		if events, _ := p.Wait(-1); len(events) != 1 {
			t.Error("no event")
		}
		Read(fd, in)
		_ = p.Modify(fd, In, 2)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
