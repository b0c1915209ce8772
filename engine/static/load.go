package static

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"libforker/engine/coding"
	"libforker/engine/inventory"
	"libforker/engine/poller"
)

// Finding and opening files.

// What becomes of a name that is no file to be served. Other errors are the system's.
var (
	ErrWouldBlock  = errors.New("the disk has to be asked")
	ErrNotFound    = errors.New("there is no such file")
	ErrIsDirectory = errors.New("it is a directory")
	ErrForbidden   = errors.New("it must not be read")
)

// resolveCached is RESOLVE_CACHED of openat2(2), which Linux has from 5.12 on.
const resolveCached = 0x20

// Load opens what a name stands for. Without `wait` it does so only if that is in the kernel's memory, else it is
// ErrWouldBlock. known is what the name stood for before, which is not read again if it is that still; nil: nobody knows. Its
// descriptors are not looked at, and may be closed meanwhile. The result is the caller's, to be put into a Cache.
func (m *Mount) Load(name string, wait bool, known *File) (*File, error) {
	if m.isRemote && !wait {
		return nil, ErrWouldBlock
	}
	if known == nil {
		known = &File{}
	}
	f := &File{}
	f.Fd = -1
	if err := m.load(&f.Representation, name, wait, &known.Representation); err != nil {
		return nil, err
	}
	if m.Precompressed {
		if err := m.loadCompressed(f, name, wait, known); err != nil {
			f.close()
			return nil, err
		}
	}
	m.describe(f, name, time.Now())
	return f, nil
}

// loadCompressed looks for the same in files that are compressed. One that is older than the file itself is of what was in
// that before.
func (m *Mount) loadCompressed(f *File, name string, wait bool, known *File) error {
	for c := range coding.Count {
		r := &Representation{Fd: -1}
		switch err := m.load(r, name+extensions[c], wait, known.compressed[c]); {
		case err == nil && !r.modified.Before(f.modified):
			f.compressed[c] = r
		case err == nil:
			if r.Fd >= 0 {
				poller.Close(r.Fd)
			}
		case !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrIsDirectory) && !errors.Is(err, ErrForbidden):
			return err
		}
	}
	return nil
}

// load opens one file, or reads it if it is small.
func (m *Mount) load(r *Representation, name string, wait bool, known *Representation) error {
	resolve := uint64(0)
	if !wait {
		resolve = resolveCached
	}
	// Without O_NONBLOCK open(2) would wait for who writes to a FIFO.
	fd, err := m.open(name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, resolve)
	if err != nil {
		return meaningOf(err, wait)
	}
	if err = r.take(fd, wait, known); err != nil || r.Fd < 0 {
		poller.Close(fd)
	}
	return err
}

// open opens a name below the directory: no link leads out of it, nor to a descriptor of this process.
func (m *Mount) open(name string, flags int, resolve uint64) (int, error) {
	how := unix.OpenHow{Flags: uint64(flags) | unix.O_CLOEXEC, Resolve: resolve | unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS}
	const tries = 8
	for n := 1; ; n++ {
		inventory.Begin()
		fd, err := poller.Raise(unix.Openat2(m.root, name, &how))
		if err == nil {
			inventory.Add(fd)
		}
		inventory.End()
		// EAGAIN without RESOLVE_CACHED is a directory on the way that was being moved.
		if n < tries && (errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN) && resolve == 0) {
			continue
		}
		return fd, err
	}
}

// meaningOf tells what an error of open(2) means for who has asked for the file.
func meaningOf(err error, wait bool) error {
	switch {
	case errors.Is(err, unix.EAGAIN) && !wait, errors.Is(err, unix.EINVAL) && !wait: // The latter: a kernel without RESOLVE_CACHED.
		return ErrWouldBlock
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.EXDEV), errors.Is(err, unix.ELOOP),
		errors.Is(err, unix.ENAMETOOLONG), errors.Is(err, unix.ENXIO), errors.Is(err, unix.ENODEV), errors.Is(err, unix.EINVAL):
		return ErrNotFound
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return ErrForbidden
	}
	return err
}

// take finds out what was opened. A small file is read; of others the descriptor is kept.
func (r *Representation) take(fd int, wait bool, known *Representation) error {
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return fmt.Errorf("fstat: %w", err)
	}
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		return ErrIsDirectory
	default:
		return ErrNotFound
	}
	r.Size = stat.Size
	r.modified = time.Unix(stat.Mtim.Sec, 0).UTC()
	r.identity = identity{uint64(stat.Dev), stat.Ino, stat.Size, stat.Mtim, stat.Ctim}
	switch {
	case stat.Size > KeptMost:
		r.Fd = fd
	case known != nil && known.identity == r.identity && !known.recent:
		r.Data, r.Size = known.Data, known.Size
	default:
		return r.read(fd, wait)
	}
	return nil
}

// read takes all that is in a small file. One that has become shorter meanwhile is as long as it is now.
func (r *Representation) read(fd int, wait bool) error {
	data := make([]byte, r.Size)
	for at := 0; at < len(data); {
		n, err := readAt(fd, data[at:], int64(at), wait)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return err
		case n == 0:
			data = data[:at]
		}
		at += n
	}
	r.Data, r.Size = data, int64(len(data))
	return nil
}

// readAt is pread(2). Without `wait` it reads only what is in memory, else it is ErrWouldBlock.
func readAt(fd int, room []byte, off int64, wait bool) (int, error) {
	if wait {
		return unix.Pread(fd, room, off)
	}
	n, err := unix.Preadv2(fd, [][]byte{room}, off, unix.RWF_NOWAIT)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EOPNOTSUPP) { // The latter: the file system cannot tell.
		return 0, ErrWouldBlock
	}
	return n, err
}

// IsWarm reports whether the byte at off of a file can be read without the disk.
func IsWarm(fd int, off int64) bool {
	var b [1]byte
	_, err := readAt(fd, b[:], off, false)
	return !errors.Is(err, ErrWouldBlock)
}

// Warm reads a part of a file, so that it can be read without the disk. What fails fails again when that is sent.
func Warm(fd int, off, size int64) {
	var room [64 << 10]byte
	for size > 0 {
		n, err := unix.Pread(fd, room[:min(size, int64(len(room)))], off)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if n <= 0 {
			return
		}
		off, size = off+int64(n), size-int64(n)
	}
}
