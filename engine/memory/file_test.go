package memory

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// open makes a file that is closed at the end of the test, and must then be gone.
func open(t *testing.T, p *Pool, dir string) *File {
	t.Helper()
	f, err := p.OpenFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f.Close()
		if f.IsOpen() || p.Used() != 0 {
			t.Errorf("open %v, %d bytes in use after Close", f.IsOpen(), p.Used())
		}
	})
	return &f
}

func sizeOf(t *testing.T, fd int) int {
	t.Helper()
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		t.Fatal(err)
	}
	return int(stat.Size)
}

func TestFile_growsAndIsSealed(t *testing.T) {
	page := os.Getpagesize()
	for _, dir := range []string{"", t.TempDir()} {
		for _, size := range []int{1, page - 1, page, page + 1, 3 * page, 1<<20 + 7, 4 << 20} {
			var p Pool
			f := open(t, &p, dir)
			for _, part := range []int{size/3 + 1, size} {
				before := len(f.Bytes())
				if err := f.Grow(part); err != nil || len(f.Bytes()) != max(part, before) || p.Used() != int64(max(part, before)) {
					t.Fatalf("Grow(%d): %d bytes, %d in use, %v", part, len(f.Bytes()), p.Used(), err)
				}
				for i := before; i < part; i++ {
					f.Bytes()[i] = byte(i%251) + 1
				}
			}
			if err := f.Seal(size); err != nil || len(f.Bytes()) != size || sizeOf(t, f.Fd()) != size {
				t.Fatalf("Seal(%d): %d bytes, file of %d, %v", size, len(f.Bytes()), sizeOf(t, f.Fd()), err)
			}
			if end := View(Address(f.Bytes())+uintptr(size), 1); end[0] != 0 {
				t.Errorf("%d bytes are followed by %d", size, end[0])
			}
			content := make([]byte, size+1)
			if n, err := unix.Pread(f.Fd(), content, 0); n != size || !bytes.Equal(content[:n], f.Bytes()) {
				t.Errorf("the file of %d bytes has others than its memory: %d, %v", size, n, err)
			}
		}
	}
}

func TestFile_sealedShorterThanItGrew(t *testing.T) {
	var p Pool
	f := open(t, &p, "")
	page := os.Getpagesize()
	if err := f.Grow(10 * page); err != nil {
		t.Fatal(err)
	}
	for i := range f.Bytes() {
		f.Bytes()[i] = 'x'
	}
	if err := f.Seal(2 * page); err != nil || p.Used() != int64(2*page) {
		t.Fatal(err, p.Used())
	}
	if end := View(Address(f.Bytes())+uintptr(2*page), 1); end[0] != 0 || f.Bytes()[2*page-1] != 'x' {
		t.Errorf("%q stands behind %q", end[0], f.Bytes()[2*page-1])
	}
}

func TestFile_hasNoName(t *testing.T) {
	dir := t.TempDir()
	var p Pool
	open(t, &p, dir)
	fd, err := openUnlinked(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("%v, %v", entries, err)
	}
	if _, err := unix.Pwrite(fd, []byte("x"), 0); err != nil || sizeOf(t, fd) != 1 {
		t.Error(err)
	}
}

func TestFile_ofNoDirectory(t *testing.T) {
	var p Pool
	if _, err := p.OpenFile(t.TempDir() + "/none"); !errors.Is(err, fs.ErrNotExist) || p.Used() != 0 {
		t.Errorf("%v, %d bytes in use", err, p.Used())
	}
	if _, err := p.OpenFile("/dev/null"); !errors.Is(err, unix.ENOTDIR) {
		t.Error(err)
	}
}

func TestFile_zerosWhereThereIsNoFallocate(t *testing.T) {
	var p Pool
	f := open(t, &p, "")
	const size = 3*len(zeroed) + 5
	if err := f.writeZeros(size); err != nil || sizeOf(t, f.Fd()) != size {
		t.Error(err, sizeOf(t, f.Fd()))
	}
}

// TestFile_fullDisk needs a file system that is soon full.
func TestFile_fullDisk(t *testing.T) {
	dir := t.TempDir()
	const size = 1 << 20
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+strconv.Itoa(size)); err != nil {
		t.Skipf("no file system that is soon full: mount tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	var p Pool
	f := open(t, &p, dir)
	if err := f.Grow(size / 2); err != nil {
		t.Fatal(err)
	}
	if err := f.Grow(2 * size); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("Grow beyond the disk: %v", err)
	}
	if len(f.Bytes()) != size/2 || p.Used() != size/2 {
		t.Errorf("%d bytes, %d in use", len(f.Bytes()), p.Used())
	}
}
