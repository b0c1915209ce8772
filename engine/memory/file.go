package memory

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"libforker/engine/inventory"
	"libforker/engine/poller"
)

// Files that hold bodies which are too large for memory.

// File is memory that is a file too, of which nobody else knows: a memfd, or a file of a directory that has no name in
// it. Invariant: the file system has set space aside for all of Bytes. Otherwise a write into memory could find the
// disk full, which is a SIGBUS. The zero value is no file.
type File struct {
	pool *Pool
	fd   int
	view []byte // What is mapped.
	size int    // Bytes of the file, and of view that can be used.
}

// zeroed is what is written at a time where the file system cannot set space aside by itself.
var zeroed [64 << 10]byte

// OpenFile makes an empty file, in directory dir or if that is "" in memory. What it takes counts as used.
func (p *Pool) OpenFile(dir string) (File, error) {
	fd, err := openNameless(dir)
	if err != nil {
		return File{}, err
	}
	return File{pool: p, fd: inventory.Add(fd)}, nil
}

func openNameless(dir string) (int, error) {
	if dir == "" {
		fd, err := poller.Raise(unix.MemfdCreate("forker-body", unix.MFD_CLOEXEC))
		if err != nil {
			return -1, fmt.Errorf("memfd_create: %w", err)
		}
		return fd, nil
	}
	fd, err := poller.Raise(unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600))
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EISDIR) {
		return openUnlinked(dir) // Not every file system has O_TMPFILE, see open(2).
	}
	if err != nil {
		return -1, fmt.Errorf("open a file in %s: %w", dir, err)
	}
	return fd, nil
}

func openUnlinked(dir string) (int, error) {
	named, err := os.CreateTemp(dir, "forker-body-")
	if err != nil {
		return -1, err
	}
	// The duplicate is what is used; close(2) of this one has nothing to say.
	defer func() { _ = named.Close() }()
	if err := os.Remove(named.Name()); err != nil {
		return -1, err
	}
	fd, err := unix.FcntlInt(named.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return -1, fmt.Errorf("duplicate a descriptor: %w", err)
	}
	return fd, nil
}

// IsOpen tells a file from the zero value.
func (f *File) IsOpen() bool { return f.pool != nil }

// Fd is the file's descriptor. Its offset is never used.
func (f *File) Fd() int { return f.fd }

// Bytes is the content, to be read and written, valid until the next call of Grow, Seal or Close.
func (f *File) Bytes() []byte { return f.view[:f.size] }

// Grow makes the file size bytes long. What is new reads as zeros. A full disk is an error here; the file stays as it
// is then.
func (f *File) Grow(size int) error {
	if size <= f.size {
		return nil
	}
	if err := f.allot(size); err != nil {
		return fmt.Errorf("set %d bytes aside: %w", size-f.size, err)
	}
	if size > len(f.view) {
		// Twice as much as there is: moving a mapping costs as much as it has pages.
		if err := f.remap(roundUp(max(size, 2*len(f.view)), unix.Getpagesize())); err != nil {
			return err
		}
	}
	f.pool.used += int64(size - f.size)
	f.size = size
	return nil
}

func (f *File) allot(size int) error {
	for {
		err := unix.Fallocate(f.fd, 0, int64(f.size), int64(size-f.size))
		switch {
		case err == nil:
			return nil
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EOPNOTSUPP):
			return f.writeZeros(size)
		default:
			return err
		}
	}
}

func (f *File) writeZeros(size int) error {
	for at := f.size; at < size; {
		n, err := unix.Pwrite(f.fd, zeroed[:min(len(zeroed), size-at)], int64(at))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		at += max(n, 0)
	}
	return nil
}

func (f *File) remap(size int) error {
	var view []byte
	var err error
	if f.view == nil {
		view, err = unix.Mmap(f.fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	} else {
		view, err = unix.Mremap(f.view, size, unix.MREMAP_MAYMOVE)
	}
	if err != nil {
		return fmt.Errorf("map %d bytes of a file: %w", size, err)
	}
	f.view = view
	return nil
}

// Seal makes the file size bytes long, which it must have been already, and puts a NUL behind them in memory, though
// not in the file.
func (f *File) Seal(size int) error {
	page := unix.Getpagesize()
	if err := unix.Ftruncate(f.fd, int64(size)); err != nil {
		return fmt.Errorf("cut a file: %w", err)
	}
	f.pool.used += int64(size - f.size)
	f.size = size
	if size%page != 0 {
		return nil // The rest of the last page is zeros, see mmap(2).
	}
	if len(f.view) < size+page {
		if err := f.remap(size + page); err != nil {
			return err
		}
	}
	// SAFETY: the address is that of a page of the view, so that nothing but a page of the file, which has ended, is
	// replaced. Munmap of the view unmaps it too.
	_, err := unix.MmapPtr(-1, 0, unsafe.Pointer(&f.view[size]), uintptr(page), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_FIXED|unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return fmt.Errorf("map a page behind a file: %w", err)
	}
	return nil
}

// Leave appends the memory to left, and leaves the descriptor open: both are somebody else's now.
func (f *File) Leave(left []Mapping) []Mapping {
	if f.view != nil {
		left = append(left, Mapping{Address(f.view), uint64(len(f.view))})
	}
	*f = File{}
	return left
}

// Close gives everything back. The content is gone, unless the program has a duplicate of the descriptor.
func (f *File) Close() {
	if f.view != nil {
		// The view was mapped with this very length, so munmap(2) cannot fail.
		_ = unix.Munmap(f.view)
	}
	inventory.Begin()
	inventory.Remove(f.fd)
	// What close(2) has to say of a file that is thrown away does not matter.
	_ = unix.Close(f.fd)
	inventory.End()
	f.pool.used -= int64(f.size)
	*f = File{}
}
