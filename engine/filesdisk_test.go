package engine

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"libforker/engine/static"
)

// Files whose disk is slow, or which change while they are sent; and what others have of the loop meanwhile.

// TestFiles_truncatedMeanwhile: what was promised cannot be sent any more.
func TestFiles_truncatedMeanwhile(t *testing.T) {
	s, root := serveFiles(t, tcp, map[string]string{"big": text(8 << 20)}, static.Options{})
	c := s.dialSlow()
	c.send(get("/f/big"))
	var b [1000]byte
	_, err := io.ReadFull(c, b[:])
	s.must(err)
	s.must(os.Truncate(root+"/big", 100))
	n, err := io.Copy(io.Discard, c)
	if n >= 8<<20 {
		t.Errorf("%d bytes came, %v", n, err)
	}
}

func TestFiles_evictedWhileTheyAreSent(t *testing.T) {
	big := text(4 << 20)
	files := map[string]string{"big": big}
	for i := range 30 {
		files[fmt.Sprint(i)] = text(20 << 10)
	}
	s, _ := serveFiles(t, tcp, files, static.Options{})
	s.do(func() { s.loop.files.SetMost(4) })
	slow, c := s.dialSlow(), s.dial()
	slow.send(get("/f/big"))
	for i := range 30 {
		if _, body := c.ask("GET", "/f/"+fmt.Sprint(i)); len(body) != 20<<10 {
			t.Fatalf("%d: %d bytes", i, len(body))
		}
	}
	if _, body := slow.response("GET"); body != big {
		t.Error("what came is not the file")
	}
	gone := s.dialSlow()
	gone.send(get("/f/big"))
	s.settle()
	gone.reset()
	c.ask("GET", "/f/big")
}

// TestFiles_fromAColdDisk: what is not in the kernel's memory is fetched by a thread, and sent as if it had been.
func TestFiles_fromAColdDisk(t *testing.T) {
	big := text(3 << 20)
	s, root := serveFiles(t, tcp, map[string]string{"big": big, "small": "hello"}, static.Options{}, withH2C)
	file, err := os.Open(root + "/big")
	s.must(err)
	defer file.Close()
	s.must(file.Sync())
	chill := func() bool {
		s.must(unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED))
		return !static.IsWarm(int(file.Fd()), windowMost-1)
	}
	if !chill() {
		t.Skip("this file system keeps all in memory")
	}
	c, client := s.dial(), s.h2Client()
	for range 3 {
		chill()
		if _, body := c.ask("GET", "/f/big"); body != big {
			t.Errorf("%d bytes came", len(body))
		}
		chill()
		if !overTLS {
			if got := fetch(t, client, "GET", "/f/big", nil); got != fmt.Sprintf("200 %d %s", len(big), big) {
				t.Errorf("by HTTP/2 %d bytes came", len(got))
			}
		}
		chill()
		gone := s.dial()
		gone.send(get("/f/big"))
		gone.reset()
		if _, body := c.ask("GET", "/f/big", "Range: bytes=0-99,1000000-2999999"); !strings.Contains(body, big[1000000:3000000]) {
			t.Error("parts are not those of the file")
		}
	}
}

// TestFiles_ofClientsThatHaveLeftAreNotRead: a disk that is slow does not work for those who have left.
func TestFiles_ofClientsThatHaveLeftAreNotRead(t *testing.T) {
	s, root := serveFiles(t, tcp, map[string]string{"big": text(3 << 20)}, static.Options{})
	file, err := os.Open(root + "/big")
	s.must(err)
	defer file.Close()
	s.must(file.Sync())
	answer := make(chan bool)
	s.do(func() {
		for range diskThreads {
			s.loop.disk.submit(offloadJob{work: func() { <-answer }, finish: func() {}})
		}
	})
	s.must(unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED))
	c := s.dial()
	c.send(get("/f/big"))
	var job offloadJob
	s.eventually("the file to be waited for", func() bool {
		s.loop.disk.mu.Lock()
		defer s.loop.disk.mu.Unlock()
		for _, job = range s.loop.disk.queue {
			return true
		}
		return s.loop.cfg.Slot.BytesOut > windowMost/2
	})
	if job.work == nil {
		t.Log("nothing is waited for: this file system keeps all in memory")
	}
	if job.unless != nil { // It is found and open.
		if job.unless.Load() {
			t.Error("it is not wanted while the client is there")
		}
		c.reset()
		s.eventually("it not to be wanted any more", job.unless.Load)
	}
	close(answer)
	s.eventually("the disk to have done", func() bool { return s.loop.disk.isIdle() })
}

func TestDisk_doesNoWorkThatIsNotWanted(t *testing.T) {
	d, err := newOffload(diskThreads, diskQueue)
	if err != nil {
		t.Fatal(err)
	}
	defer d.release()
	var unwanted, wanted atomic.Bool
	unwanted.Store(true)
	worked, finished := 0, 0
	for _, unless := range []*atomic.Bool{nil, &unwanted, &wanted} {
		d.submit(offloadJob{unless: unless, work: func() { worked++ }, finish: func() { finished++ }})
		for !d.isIdle() {
			runtime.Gosched()
		}
	}
	for _, job := range d.take() {
		job.finish()
	}
	if worked != 2 || finished != 3 {
		t.Errorf("%d worked, %d finished", worked, finished)
	}
}

// TestFiles_clientsThatLeave leave while a thread looks for what they want.
func TestFiles_clientsThatLeave(t *testing.T) {
	s, root := serveFiles(t, tcp, map[string]string{"a": "hello"}, static.Options{Listing: true})
	for i := range 200 {
		c := s.dial()
		c.send(get(fmt.Sprintf("/f/none-%d", i)) + get("/f/") + get("/f/a"))
		if i%3 == 0 {
			s.settle()
		}
		putFile(t, root, fmt.Sprint(i), "x")
		c.reset()
	}
	if _, body := s.dial().ask("GET", "/f/a"); body != "hello" {
		t.Errorf("%q", body)
	}
}

// TestFiles_diskThatDoesNotAnswer: no more requests wait for it than may.
func TestFiles_diskThatDoesNotAnswer(t *testing.T) {
	s, _ := serveFiles(t, tcp, map[string]string{"a": "hello"}, static.Options{Listing: true}, withH2C)
	answer := make(chan bool)
	s.do(func() {
		for range diskThreads + diskQueue {
			s.loop.disk.submit(offloadJob{work: func() { <-answer }, finish: func() {}})
		}
	})
	s.eventually("the threads to be busy", func() bool {
		s.loop.disk.mu.Lock()
		defer s.loop.disk.mu.Unlock()
		return len(s.loop.disk.queue) == diskQueue
	})
	c := s.dial()
	c.send(get("/f/") + getHello)
	if res, _ := c.response("GET"); res.StatusCode != 503 || res.Header.Get("Retry-After") != "1" {
		t.Errorf("%s %v", res.Status, res.Header)
	}
	if _, body := c.response("GET"); body != "hello" {
		t.Errorf("behind it: %q", body)
	}
	if !overTLS {
		if got := fetch(t, s.h2Client(), "GET", "/f/", nil); !strings.HasPrefix(got, "503") {
			t.Errorf("by HTTP/2: %s", got)
		}
	}
	close(answer)
	s.eventually("the disk to answer", func() bool { return s.loop.disk.isIdle() })
	if res, _ := c.ask("GET", "/f/"); res.StatusCode != 200 {
		t.Errorf("afterwards: %s", res.Status)
	}
}

// TestFiles_loopEndsMeanwhile: of a hosted loop nothing is left, though threads look for files when it ends.
func TestFiles_loopEndsMeanwhile(t *testing.T) {
	for range 20 {
		s, _ := serveFiles(t, tcp, map[string]string{"a": text(100 << 10)}, static.Options{Listing: true}, func(cfg *Config) { cfg.Hosted = true })
		for i := range 30 {
			s.dial().send(get(fmt.Sprintf("/f/none-%d", i)))
			s.dial().send(get("/f/"))
		}
		s.unused = 0 // A hosted loop gives back what it has itself, too.
		s.drain(0)
		s.wait()
	}
}

// asking is a program that asks the server for something else as soon as it is asked for a file.
type asking struct {
	mounted
	ask func()
}

func (a asking) Serve(call *Call) {
	if a.mounted.Serve(call); call.Outcome.Next == Filed {
		a.ask()
	}
}

// A client that takes a file as fast as it is sent does not have it whole before others have their turn.
func TestFiles_othersHaveTheirTurn(t *testing.T) {
	s, _ := serveFiles(t, tcp, map[string]string{"big": text(8 << 20)}, static.Options{})
	s.handle("/other", func(c *call) { c.respond(200, fmt.Sprint(len(s.loop.freeAnswers), " are done")) })
	other := s.dial()
	s.do(func() {
		s.loop.sendFile = func(_, _ int, off *int64, size int) (int, unix.Errno) {
			*off += int64(size)
			return size, 0
		}
		s.loop.cfg.Handlers = asking{s.loop.cfg.Handlers.(mounted), func() { _, _ = io.WriteString(other.Conn, get("/other")) }}
	})
	s.dial().send(get("/f/big"))
	if _, done := other.response("GET"); done != "0 are done" {
		t.Error(done)
	}
}

// TestFiles_besideOthers: a large file comes whole, whatever others are asked for meanwhile.
func TestFiles_besideOthers(t *testing.T) {
	big := text(64 << 20)
	s, _ := serveFiles(t, tcp, map[string]string{"big": big}, static.Options{})
	c := s.dial()
	c.send(get("/f/big"))
	done := make(chan int)
	go func() {
		_, body := c.response("GET")
		done <- len(body)
	}()
	for other := s.dial(); ; {
		select {
		case n := <-done:
			if n != len(big) {
				t.Errorf("%d bytes came", n)
			}
			return
		default:
			if _, body := other.ask("GET", "/hello"); body != "hello" {
				t.Errorf("%q", body)
			}
		}
	}
}
