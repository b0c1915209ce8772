package blackbox

import (
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// upload starts upload.c in the present mode, with options.
func upload(t *testing.T, b build, options ...string) *program {
	t.Helper()
	return startInMode(t, setup{build: &b, source: "upload.c", args: []string{"127.0.0.1:0"}}, options)
}

// content is a body in which every place looks different.
func content(size int) string {
	var s strings.Builder
	for i := 0; s.Len() < size; i++ {
		s.WriteString(strconv.Itoa(i) + " ")
	}
	return s.String()[:size]
}

// sum is what upload.c says of a body: length and FNV-1a hash.
func sum(body string) string {
	hash := fnv.New64a()
	_, _ = io.WriteString(hash, body)
	return fmt.Sprintf("%d %016x", len(body), hash.Sum64())
}

// post writes a request with a body, whole or if chunk > 0 in chunks of that size.
func post(target, body string, chunk int) string {
	head := "POST " + target + " HTTP/1.1\r\nHost: t\r\n"
	if chunk == 0 {
		return head + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body)) + body
	}
	var s strings.Builder
	s.WriteString(head + "Transfer-Encoding: chunked\r\n\r\n")
	for len(body) > 0 {
		n := min(chunk, len(body))
		fmt.Fprintf(&s, "%x\r\n%s\r\n", n, body[:n])
		body = body[n:]
	}
	return s.String() + "0\r\n\r\n"
}

// sendAside writes requests while the test reads the responses: large ones do not fit into the kernel's buffers.
func (c *conn) sendAside(requests string) *conn {
	go func() { _, _ = io.WriteString(c, requests) }()
	return c
}

const hello = "GET / HTTP/1.1\r\nHost: t\r\n\r\n"

func TestBody_isWholeOnBothSidesOfEachLimit(t *testing.T) {
	const buffer, most = 100000, 2 << 20
	eachBuild(t, func(t *testing.T, b build) {
		dir := t.TempDir()
		for _, place := range []string{"", dir} {
			p := upload(t, b, "body_buffer="+strconv.Itoa(buffer), "max_body=2m", "spill_dir="+place)
			for _, size := range []int{0, 1, 40000, buffer - 1, buffer, buffer + 1, 1 << 20, most - 1, most, most + 1} {
				for _, chunk := range []int{0, 4000, 70000, 1 << 30} {
					body := content(size)
					c := p.dial().sendAside(post("/whole", body, chunk) + hello)
					a := c.receive("POST")
					if size > most {
						if a.StatusCode != 413 || !a.Close {
							t.Errorf("%d bytes in chunks of %d: %s", size, chunk, a.Status)
						}
						continue
					}
					want := sum(body) + " file none, NUL 1"
					if size > buffer {
						want = sum(body) + " file same, NUL 1"
					}
					if a.body != want {
						t.Errorf("%d bytes in chunks of %d: %q, want %q", size, chunk, a.body, want)
					}
					if got := c.receive("GET").body; got != "hello" {
						t.Errorf("behind %d bytes: %q", size, got)
					}
				}
			}
			p.expectNoBodiesLeft()
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
			t.Errorf("spill_dir has %v, %v", entries, err)
		}
	})
}

// expectNoBodiesLeft wants that no worker has a body's file open or mapped.
func (p *program) expectNoBodiesLeft() {
	p.t.Helper()
	for _, pid := range p.workers() {
		var left string
		eventually(p.t, "bodies to be gone", func() bool {
			left = bodiesOf(p.t, pid)
			return left == ""
		})
	}
}

// bodiesOf lists the files of bodies that a process has open or mapped.
func bodiesOf(t *testing.T, pid int) string {
	t.Helper()
	proc := "/proc/" + strconv.Itoa(pid)
	maps, err := os.ReadFile(proc + "/maps")
	must(t, err)
	var found []string
	for _, line := range strings.Split(string(maps), "\n") {
		if strings.Contains(line, "forker-body") || strings.Contains(line, "/#") && strings.Contains(line, "(deleted)") {
			found = append(found, line)
		}
	}
	fds, err := os.ReadDir(proc + "/fd")
	must(t, err)
	for _, fd := range fds {
		target, _ := os.Readlink(proc + "/fd/" + fd.Name())
		if strings.Contains(target, "forker-body") || strings.Contains(target, "/#") {
			found = append(found, target)
		}
	}
	return strings.Join(found, "; ")
}

func TestBody_fullDiskIsAnswered507(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=3m"); err != nil {
		t.Skipf("no file system that is soon full: mount tmpfs: %v", err)
	}
	t.Cleanup(func() { must(t, syscall.Unmount(dir, 0)) })
	eachBuild(t, func(t *testing.T, b build) {
		p := upload(t, b, "body_buffer=64k", "max_body=64m", "spill_dir="+dir)
		for _, chunk := range []int{0, 50000} {
			for range 3 {
				c := p.dial().sendAside(post("/whole", content(5<<20), chunk))
				if a := c.receive("POST"); a.StatusCode != 507 || !a.Close || a.body != "507 Insufficient Storage\nno space for the body\n" {
					t.Errorf("%s %q", a.Status, a.body)
				}
				c.expectClosed()
				p.log.wait(t, 0, "keep a body: set 1048576 bytes aside: no space left on device")
				body := content(2 << 20)
				if got := p.dial().sendAside(post("/whole", body, chunk)).receive("POST").body; got != sum(body)+" file same, NUL 1" {
					t.Errorf("after that: %q", got)
				}
			}
		}
		p.expectNoBodiesLeft()
		p.close()
	})
}

// TestBodyMemory_isForAllBodiesOfAWorker: clients that send halves of bodies take all there is, more are refused, and when
// they have left or are answered there is room again.
func TestBodyMemory_isForAllBodiesOfAWorker(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := upload(t, b, "body_memory=2m")
		body := content(200000)
		for _, chunk := range []int{0, 70000} {
			whole := post("/whole", body, chunk)
			var open []*conn
			for range 30 {
				c := p.dial().send(whole[:len(whole)/2])
				c.waitRead()
				open = append(open, c)
			}
			came, refused := 0, 0
			for i, c := range open {
				if i%4 == 0 {
					_ = c.Close()
					continue
				}
				_, _ = io.WriteString(c, whole[len(whole)/2:]) // One that was refused may be closed.
				switch a := c.receive("POST"); {
				case a.StatusCode == 200 && a.body == sum(body)+" file none, NUL 1":
					came++
				case a.StatusCode == 503 && a.Close:
					refused++
				default:
					t.Errorf("%s %q", a.Status, a.body)
				}
			}
			if came == 0 || refused == 0 {
				t.Errorf("%d bodies came, %d were refused", came, refused)
			}
			p.log.wait(t, 0, "option body_memory is reached")
			for range 30 { // Each body makes room for the next one.
				if a := p.dial().sendAside(whole).receive("POST"); a.StatusCode != 200 {
					t.Errorf("when all are over: %s", a.Status)
				}
			}
		}
		p.expectNoBodiesLeft()
	})
}
