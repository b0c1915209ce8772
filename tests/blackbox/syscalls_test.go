package blackbox

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// trace counts the system calls of a worker's main thread.
type trace struct {
	t    *testing.T
	cmd  *exec.Cmd
	path string
	log  *lines
}

// traceWorker attaches strace to the only worker, and returns when it is attached.
func (p *program) traceWorker() *trace {
	p.t.Helper()
	tr := &trace{t: p.t, path: filepath.Join(p.t.TempDir(), "trace")}
	tr.cmd = exec.Command("strace", "-p", strconv.Itoa(p.workers()[0]), "-ttt", "-e", "signal=none", "-s", "10000", "-o", tr.path)
	r, w := p.pipe()
	tr.cmd.Stderr = w
	tr.log = collect("strace", r)
	if err := tr.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	_ = w.Close()
	tr.log.wait(p.t, 0, "attached")
	return tr
}

// end detaches, and gives the system calls behind the one that has written a text, from the next wait on, and how long they took:
// before that the Go runtime finds out that the thread was in a handler for long, and that it is back.
func (tr *trace) end(behind string) (calls []string, took time.Duration) {
	tr.t.Helper()
	if err := tr.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		tr.t.Fatal(err)
	}
	_ = tr.cmd.Wait() // It ends by the signal.
	text, err := os.ReadFile(tr.path)
	if err != nil {
		tr.t.Fatal(err)
	}
	before, seen, ok := strings.Cut(string(text), behind)
	if !ok {
		tr.t.Fatalf("%q was never written:\n%s", behind, before)
	}
	var times []float64
	for line := range strings.Lines(strings.TrimSpace(seen)) {
		stamp, call, _ := strings.Cut(strings.TrimSpace(line), " ")
		if at, err := strconv.ParseFloat(stamp, 64); err == nil {
			calls, times = append(calls, call), append(times, at)
		}
	}
	if len(calls) == 0 {
		tr.t.Fatalf("nothing was called behind %q", behind)
	}
	first := max(slices.IndexFunc(calls, waits.MatchString), 0)
	return calls[first:], time.Duration((times[len(times)-1] - times[first]) * float64(time.Second))
}

var (
	reads  = regexp.MustCompile(`^(read|readv|recvfrom|recvmsg)\(\d+, .*(GET|POST) /`)
	writes = regexp.MustCompile(`^(write|writev|sendto|sendmsg)\(\d+, .*HTTP/1\.1 200 OK`)
	waits  = regexp.MustCompile(`^(epoll_p?wait2?\(|<\.\.\. epoll|strace: )`)
)

// scheduling are the calls by which the Go runtime changes threads, and interrupts one.
var scheduling = regexp.MustCompile(`^(<\.\.\. )?(futex|rt_sigreturn|rt_sigprocmask|sigaltstack|sched_yield|tgkill|getpid)\b`)

// areFew reports whether there are no more calls beside those for requests than there may be: a few, and a few of the Go runtime for each
// time that the loop gives its processor up. Traced, and on a busy machine, it is so slow that this takes place again and again.
func areFew(others []string, took time.Duration) bool {
	const few, yieldEvery = 8, 5 * time.Millisecond
	scheduled := 0
	for _, call := range others {
		if scheduling.MatchString(call) {
			scheduled++
		}
	}
	return len(others)-scheduled <= few && scheduled <= few*(1+int(took/yieldEvery))
}

// sortCalls counts what the calls do; what is neither of it is listed.
func sortCalls(calls []string) (read, written, waited int, others []string) {
	for _, call := range calls {
		switch {
		case reads.MatchString(call):
			read++
		case writes.MatchString(call):
			written++
		case waits.MatchString(call):
			waited++
		default:
			others = append(others, call)
		}
	}
	return read, written, waited, others
}

// While its worker is busy, requests of many connections gather. Each then costs one read and one write; waiting is
// shared.
func TestSystemCalls_areTwoForEachRequest(t *testing.T) {
	p := serve(t, "workers=1")
	const connections = 64
	var conns [connections]*conn
	for i := range conns {
		conns[i] = p.dial()
		conns[i].expectOpen()
	}
	slow := p.dial()
	slow.expectOpen()
	tr := p.traceWorker()
	slow.send("GET /slow/300 HTTP/1.1\r\nHost: test\r\n\r\n")
	p.out.wait(t, 0, "slow begins")
	for _, c := range conns {
		c.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n")
	}
	slow.receive("GET")
	for _, c := range conns {
		c.receive("GET")
	}
	calls, took := tr.end(`slow\n"`)
	read, written, waited, others := sortCalls(calls)
	if read != connections || written != connections || waited > 4 || !areFew(others, took) {
		t.Errorf("%d requests cost %d reads, %d writes, %d waits, %v and %q; all: %.5000q", connections, read, written, waited, took, others, calls)
	}
}

func TestSystemCalls_ofAPipelineAreShared(t *testing.T) {
	p := serve(t, "workers=1")
	const depth = 16
	slow, c := p.dial(), p.dial()
	slow.expectOpen()
	c.expectOpen()
	tr := p.traceWorker()
	slow.send("GET /slow/300 HTTP/1.1\r\nHost: test\r\n\r\n")
	p.out.wait(t, 0, "slow begins")
	c.send(strings.Repeat("GET / HTTP/1.1\r\nHost: test\r\n\r\n", depth))
	slow.receive("GET")
	for range depth {
		c.receive("GET")
	}
	calls, took := tr.end(`slow\n"`)
	read, written, waited, others := sortCalls(calls)
	responses := strings.Count(strings.Join(calls, "\n"), "HTTP/1.1 200 OK")
	if read != 1 || written != 1 || waited > 4 || !areFew(others, took) || responses != depth {
		t.Errorf("%d requests cost %d reads, %d writes of %d responses, %d waits and %q", depth, read, written, responses, waited, others)
	}
}

// Of the next head of a client that uploads little is read, so that little of its body has to be copied.
func TestSystemCalls_readUploadsWhereTheyBelong(t *testing.T) {
	p := serve(t, "workers=1")
	c := p.dial()
	const size = 64 << 10
	upload := fmt.Sprintf("POST /body HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n", size) + strings.Repeat("x", size)
	c.send(upload).receive("POST")
	tr := p.traceWorker()
	p.dial().expectOpen()
	c.send(upload).receive("POST")
	calls, _ := tr.end("")
	for _, call := range calls {
		if strings.Contains(call, `"POST /body`) {
			if !strings.HasSuffix(call, ", 4096, 0, NULL, NULL) = 4096") {
				t.Errorf("the head was read by ...%s", call[max(len(call)-60, 0):])
			}
			return
		}
	}
	t.Error("the head was not read")
}
