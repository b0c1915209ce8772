package blackbox

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// many is how many connections an abuse test opens; the limit of descriptors has room for both ends.
func many(t *testing.T) int {
	t.Helper()
	if long() {
		return room(t, 10000)
	}
	return room(t, 1000)
}

// room is how many connections a test can have of what it wants, two descriptors each.
func room(t *testing.T, wanted int) int {
	t.Helper()
	var limit syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	limit.Cur = limit.Max
	must(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
	return min(wanted, int(limit.Max)/2-100)
}

// openMany opens connections that have sent a text.
func (p *program) openMany(n int, text string) []net.Conn {
	p.t.Helper()
	network, name := dialName(p.address(0))
	var all []net.Conn
	for range n {
		c, err := net.Dial(network, name)
		must(p.t, err)
		p.t.Cleanup(func() { _ = c.Close() })
		_, err = io.WriteString(c, text)
		must(p.t, err)
		all = append(all, c)
	}
	return all
}

func TestSlowClients_areEndedAndHarmNobody(t *testing.T) {
	for _, row := range []struct{ name, option, begin, more string }{
		{"heads", "read_header_timeout=1s", "GET / HTTP/1.1\r\nHost: t\r\n", "X: y\r\n"},
		// All bodies together are promised to be within option body_memory.
		{"bodies", "read_body_timeout=1s", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 50000\r\n\r\n", "x"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := serve(t, "workers=1", row.option)
			slow := p.openMany(many(t), row.begin)
			ended := make(chan error, len(slow))
			for _, c := range slow {
				go func() { ended <- trickle(c, row.more) }()
			}
			good := p.dial()
			for left := len(slow); left > 0; {
				select {
				case err := <-ended:
					left--
					if err != nil {
						t.Error(err)
					}
				default:
					if a := good.get("/"); a.StatusCode != 200 {
						t.Fatal(a.Status)
					}
				}
			}
		})
	}
}

func TestSlowReaders_areEndedAndHarmNobody(t *testing.T) {
	p, _ := pieces(t, plain, "write_timeout=1s", "write_min_rate=0")
	const more = 32 << 20 // Than the buffers of a connection hold.
	p.truncateLarge(more)
	pid := p.workers()[0]
	good := p.dial()
	good.expectOpen()
	before, memory := len(openFilesOf(t, pid)), anonymous(t, pid)
	n := many(t) / 5
	p.openMany(n, "GET /file/large HTTP/1.1\r\nHost: t\r\n\r\n")
	most := 0
	for until := time.Now().Add(patience); most < n/2 || len(openFilesOf(t, pid)) > before; {
		good.expectOpen()
		most = max(most, len(openFilesOf(t, pid))-before)
		if time.Now().After(until) {
			t.Fatalf("%d clients that do not read are still served, %d were", len(openFilesOf(t, pid))-before, most)
		}
	}
	const each = 64 << 10 // An input buffer, and what is known of the request.
	if grown := anonymous(t, pid) - memory; grown > n*each {
		t.Errorf("%d clients that do not read took %d bytes of memory", n, grown)
	}
}

// trickle goes on sending bits until the server answers 408.
func trickle(c net.Conn, more string) error {
	answered := make(chan error, 1)
	go func() {
		var b [64]byte
		_ = c.SetReadDeadline(time.Now().Add(patience))
		n, err := c.Read(b[:])
		if !strings.HasPrefix(string(b[:n]), "HTTP/1.1 408 ") {
			err = fmt.Errorf("answered %q, %w", b[:n], err)
		}
		answered <- err
	}()
	for {
		select {
		case err := <-answered:
			_ = c.Close()
			return err
		case <-time.After(200 * time.Millisecond):
			_, _ = io.WriteString(c, more)
		}
	}
}

// Clients that reset their connection at every byte of a request and of its response, whoever gives that: none of it is
// left.
func TestResets_anywhereLeaveNothing(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := startLater(t, b)
		const upload = "POST /respond?x HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nSum: 3\r\n\r\n"
		requests := []string{upload}
		for _, target := range []string{"/inline", "/pooled?0", "/at-once", "/send", "/stream-at-once"} {
			requests = append(requests, "GET "+target+" HTTP/1.1\r\nHost: t\r\n\r\n")
		}
		good := p.dial()
		good.get("/inline")
		open := socketsOf(t, p.workers()[0])
		for _, request := range requests {
			for cut := range len(request) {
				p.dial().send(request[:cut]).reset()
			}
			whole := p.dial().send(request)
			length := lengthOfResponse(t, whole)
			whole.reset()
			for cut := range length + 1 {
				c := p.dial().send(request)
				_, err := io.ReadFull(c, make([]byte, cut))
				must(t, err)
				c.reset()
			}
			if got := good.get("/inline").body; got != "inline" {
				t.Errorf("after resets of %.20q: %q", request, got)
			}
		}
		eventually(t, "all connections to be closed", func() bool { return socketsOf(t, p.workers()[0]) == open })
	})
}

// socketsOf counts the sockets that a process has open.
func socketsOf(t *testing.T, pid int) (count int) {
	t.Helper()
	for _, entry := range openFilesOf(t, pid) {
		target, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", pid, entry.Name()))
		if strings.HasPrefix(target, "socket:") {
			count++
		}
	}
	return count
}

// lengthOfResponse reads a response as it comes, and tells how many bytes it has.
func lengthOfResponse(t *testing.T, c *conn) int {
	t.Helper()
	var raw strings.Builder
	response, err := http.ReadResponse(bufio.NewReader(io.TeeReader(oneByOne{c}, &raw)), nil)
	must(t, err)
	_, err = io.Copy(io.Discard, response.Body)
	must(t, err)
	return raw.Len()
}

// oneByOne reads byte by byte, so that a bufio.Reader takes nothing in advance.
type oneByOne struct{ io.Reader }

func (r oneByOne) Read(b []byte) (int, error) { return r.Reader.Read(b[:min(len(b), 1)]) }

// reset closes a connection so that the server gets a reset, whatever it has sent.
func (c *conn) reset() {
	c.t.Helper()
	must(c.t, c.tcp().SetLinger(0))
	must(c.t, c.Close())
}

// An idle connection holds no buffer: what the worker's own memory grows by is at most 512 bytes for each. The median of
// three, because the Go runtime takes some 500 kB for itself when it first collects.
func TestIdleConnections_costLittleMemory(t *testing.T) {
	for _, row := range []struct {
		name, text string
		most       int
	}{
		{"HTTP/1.1", "GET / HTTP/1.1\r\nHost: t\r\n\r\n", 512},
		{"HTTP/2", http2Get(t), 8 << 10},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := serve(t, "workers=1", "h2c=on")
			n := room(t, 9600) / 4
			pid := p.workers()[0]
			var used, each []int
			for i := range 4 {
				p.openMany(n, row.text)
				p.expectConnections((i + 1) * n)
				used = append(used, anonymous(t, pid))
				if i > 0 {
					each = append(each, (used[i]-used[i-1])/n)
				}
			}
			slices.Sort(each)
			t.Logf("%d bytes for each of %d more idle connections (%v)", each[1], n, each)
			if each[1] > row.most {
				t.Errorf("an idle connection costs %d bytes", each[1])
			}
		})
	}
}

// http2Get is what a client of HTTP/2 sends first, with one request. As those of browsers do, it puts fields into the connection's table.
func http2Get(t *testing.T) string {
	t.Helper()
	var out, section bytes.Buffer
	out.WriteString(http2.ClientPreface)
	framer, fields := http2.NewFramer(&out, nil), hpack.NewEncoder(&section)
	must(t, framer.WriteSettings())
	for _, f := range [][2]string{
		{":method", "GET"},
		{":scheme", "http"},
		{":authority", "localhost:8080"},
		{":path", "/"},
		{"user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"},
		{"accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
		{"accept-language", "en-US,en;q=0.9"},
		{"cookie", "session=0123456789abcdef0123456789abcdef"},
	} {
		must(t, fields.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}))
	}
	must(t, framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: section.Bytes(), EndStream: true, EndHeaders: true}))
	return out.String()
}

// expectConnections waits until the worker has so many connections open, all of them idle.
func (p *program) expectConnections(n int) {
	p.t.Helper()
	eventually(p.t, fmt.Sprintf("%d connections", n), func() bool {
		return len(openFilesOf(p.t, p.workers()[0])) >= n
	})
	p.expectGet("/", 200, "hello\n")
}

// anonymous is the memory of a process that belongs to no file, in bytes.
func anonymous(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(t, err)
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			kb, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
			must(t, err)
			return kb << 10
		}
	}
	t.Fatal("no RssAnon")
	return 0
}

// processorTime is what a process has used, in clock ticks of 10 ms.
func processorTime(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	must(t, err)
	fields := strings.Fields(string(text)[strings.LastIndexByte(string(text), ')')+1:])
	user, err := strconv.Atoi(fields[11])
	must(t, err)
	system, err := strconv.Atoi(fields[12])
	must(t, err)
	return user + system
}

// The kernel has no descriptors left for anybody: accept(2) fails by ENFILE, which strace pretends. The worker tries
// ten times a second.
func TestDescriptors_thatRunOutForTheWholeSystemComeBack(t *testing.T) {
	p := serve(t, "workers=1")
	path := filepath.Join(t.TempDir(), "trace")
	cmd := exec.Command("strace", "-f", "-p", strconv.Itoa(p.workers()[0]), "-e", "trace=accept4", "-e", "inject=accept4:error=ENFILE", "-o", path)
	r, w := p.pipe()
	cmd.Stderr = w
	must(t, cmd.Start())
	_ = w.Close()
	collect("strace", r).wait(t, 0, "attached")
	c := p.dial().send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
	p.log.wait(t, 0, "cannot accept: too many open files in system; trying again every 100 ms")
	before := accepts(t, path)
	time.Sleep(time.Second) // It is the time that is measured.
	if tries := accepts(t, path) - before; tries > 11 {
		t.Errorf("it tried %d times in a second", tries)
	}
	must(t, cmd.Process.Signal(syscall.SIGTERM))
	_ = cmd.Wait() // It ends by the signal.
	if got := c.receive("GET").body; got != "hello\n" {
		t.Errorf("body %q", got)
	}
}

// accepts counts the calls of accept in what strace has written.
func accepts(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	return strings.Count(string(text), "accept4(")
}

// Without descriptors for new connections a worker neither spins nor dies, and takes them when there are some again.
func TestDescriptors_thatRunOutComeBack(t *testing.T) {
	p := serve(t, "workers=1", "rlimit_nofile=64")
	held := p.openMany(120, "GET / HTTP/1.1\r\nHost: t\r\n\r\n")
	p.log.wait(t, 0, "cannot accept: too many open files")
	pid := p.workers()[0]
	before := processorTime(t, pid)
	time.Sleep(time.Second) // It is the time that is measured: a busy loop would use all of it.
	if used := processorTime(t, pid) - before; used > 50 {
		t.Errorf("the worker used %d0 ms of a second", used)
	}
	for _, c := range held {
		_ = c.Close()
	}
	p.expectGet("/", 200, "hello\n")
}
