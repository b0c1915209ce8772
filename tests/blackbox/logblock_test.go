package blackbox

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// accessLine is the form of a line of the access log.
var accessLine = regexp.MustCompile(`^127\.0\.0\.1 - - \[[^]]+\] "GET /\S* HTTP/1\.1" 200 \d+$`)

// stoppedReader is a small pipe that is full to the last byte, and whose reader has stopped.
func stoppedReader(t *testing.T) (reader, writer *os.File) {
	t.Helper()
	var ends [2]int
	must(t, unix.Pipe2(ends[:], unix.O_CLOEXEC|unix.O_NONBLOCK))
	_, err := unix.FcntlInt(uintptr(ends[1]), unix.F_SETPIPE_SZ, 4096)
	for err == nil {
		_, err = unix.Write(ends[1], []byte(strings.Repeat("x", 63)+"\n"))
	}
	if !errors.Is(err, unix.EAGAIN) {
		t.Fatal(err)
	}
	must(t, unix.SetNonblock(ends[1], false)) // As a shell makes it.
	reader, writer = os.NewFile(uintptr(ends[0]), "reader"), os.NewFile(uintptr(ends[1]), "writer")
	t.Cleanup(func() { _, _ = reader.Close(), writer.Close() })
	return reader, writer
}

// lossCount adds up how many lines a log has, and how many others it says were lost.
type lossCount struct {
	access, lost int
	said         []string
}

// enter takes in a line, which must be a whole one.
func (c *lossCount) enter(t *testing.T, line string) {
	var n int
	_, text, _ := strings.Cut(line, "]: ")
	switch {
	case accessLine.MatchString(line):
		c.access++
	case !logLine.MatchString(line) && !strings.HasPrefix(line, "xxx"):
		t.Errorf("no whole line: %q", line)
	case strings.Contains(text, " lost: "):
		c.said = append(c.said, text)
		if _, err := fmt.Sscanf(text, "access log: %d line", &n); err == nil {
			c.lost += n
		}
	}
}

func TestLog_neverWaitsForAReader(t *testing.T) {
	for _, workers := range []string{"0", "1", "2"} {
		t.Run(workers, func(t *testing.T) {
			r, w := stoppedReader(t)
			p := start(t, setup{
				args: []string{"127.0.0.1:0"}, stderr: w,
				env: environment([]string{"workers=" + workers, "access_log=common", "log_level=debug", "master_timeout=1s"}),
			})
			must(t, w.Close())
			c := p.dial()
			const requests = 4000
			for range requests {
				if a := c.get("/"); a.StatusCode != 200 {
					t.Fatal(a.Status)
				}
			}
			for range 50 {
				c.get("/log/0?text=lost") // With a 200 of its own.
			}
			// Somebody reads again: what was lost is told, once there is room.
			var count lossCount
			lines := bufio.NewScanner(r)
			for count.access+count.lost < requests+50 && lines.Scan() {
				count.enter(t, lines.Text())
			}
			if count.access+count.lost != requests+50 || count.lost == 0 {
				t.Errorf("%d lines came and %d were lost, of %d: %q", count.access, count.lost, requests+50, count.said)
			}
			if said := strings.Join(count.said, "\n"); !containsAll(said, "access log: ", "log: ", "whoever reads them does not keep up, or has stopped") {
				t.Errorf("said was\n%s", said)
			}
			go func() { // Until the program has ended.
				for lines.Scan() {
				}
			}()
			p.stop(syscall.SIGTERM)
		})
	}
}

// Lines that are longer than what a pipe takes at once (pipe(7)) do not fill its pages up.
func TestLog_longLinesAreWholeOrLost(t *testing.T) {
	r, w, err := os.Pipe()
	must(t, err)
	defer r.Close()
	p := start(t, setup{args: []string{"127.0.0.1:0"}, stderr: w, env: environment([]string{"workers=1", "access_log=common"})})
	must(t, w.Close())
	c := p.dial()
	const requests = 40
	for range requests {
		if a := c.get("/?" + strings.Repeat("x", 5000)); a.StatusCode != 200 {
			t.Fatal(a.Status)
		}
	}
	p.stop(syscall.SIGTERM)
	var count lossCount
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		count.enter(t, lines.Text())
	}
	if count.access == 0 || count.access >= requests {
		t.Errorf("%d of %d lines came through a pipe that nobody reads", count.access, requests)
	}
}

// Whoever dies has a report that nobody reads.
func TestLog_withoutAReaderHoldsUpNoReplacement(t *testing.T) {
	_, w := stoppedReader(t)
	p := start(t, setup{
		args: []string{"127.0.0.1:0"}, stderr: w,
		env: environment([]string{"workers=2", "access_log=common", "log_level=debug", "master_timeout=2s"}),
	})
	must(t, w.Close())
	p.out.waitFor(t, 0, "two workers", func(string) bool { return len(p.workers()) == 2 })
	for range 3 {
		p.dial().send("GET /end/abort HTTP/1.1\r\nHost: test\r\n\r\n").expectClosed()
	}
	// Of one that still writes its report the kernel says that it lives: those who came after the three do.
	eventually(t, "the three are replaced", func() bool { return p.out.count("worker ") == 2+3 })
	victim := p.workers()[0]
	p.kill(victim, syscall.SIGKILL)
	p.waitReplaced(0, victim)
	master := p.master()
	p.kill(master, syscall.SIGKILL)
	eventually(t, "there is another master", func() bool { return p.master() != master })
	for range 100 {
		p.expectGet("/", 200, "hello\n")
	}
	p.signal(syscall.SIGHUP)
	p.signal(syscall.SIGUSR1)
	p.stop(syscall.SIGTERM)
}

// Linux before 6.4 cannot write to a pipe without waiting. Then the pipe is opened once more, without O_NONBLOCK for others.
func TestLog_neverWaitsForAReaderOnAnOldKernel(t *testing.T) {
	r, w := stoppedReader(t)
	p := start(t, setup{
		under: []string{"strace", "-f", "-q", "-o", "/dev/null", "-e", "trace=pwritev2", "-e", "inject=pwritev2:error=EOPNOTSUPP"},
		args:  []string{"127.0.0.1:0"}, env: environment([]string{"workers=1", "access_log=common"}), stderr: w,
	})
	c := p.dial()
	const requests = 1500
	for range requests {
		c.get("/log/0?text=lost")
	}
	if flags, err := unix.FcntlInt(w.Fd(), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK != 0 {
		t.Errorf("the pipe of others has flags %#o: %v", flags, err)
	}
	must(t, w.Close())
	var count lossCount
	lines := bufio.NewScanner(r)
	for count.access+count.lost < requests && lines.Scan() {
		count.enter(t, lines.Text())
	}
	if count.access+count.lost != requests || count.lost == 0 {
		t.Errorf("%d lines came and %d were lost: %q", count.access, count.lost, count.said)
	}
	c.get("/stop/0")
	if status := p.wait(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

// fullDisk is a directory where files have no room for more than some lines.
type fullDisk struct {
	dir     string
	under   []string // What a program runs under.
	reason  string
	enlarge func(p *program)
}

func onFullDisks(t *testing.T, test func(t *testing.T, disk fullDisk)) {
	t.Run("limit", func(t *testing.T) {
		test(t, fullDisk{
			t.TempDir(),
			[]string{"sh", "-c", `ulimit -S -f 17; exec "$@"`, "sh"},
			"File too large",
			func(p *program) {
				for _, process := range p.processes() {
					must(t, unix.Prlimit(process.pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 1 << 20, Max: unix.RLIM_INFINITY}, nil))
				}
			},
		})
	})
	t.Run("disk", func(t *testing.T) {
		dir := t.TempDir()
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=8k"); err != nil {
			t.Skipf("no file system that is soon full: mount tmpfs: %v", err)
		}
		t.Cleanup(func() { must(t, syscall.Unmount(dir, 0)) })
		test(t, fullDisk{
			dir, nil, "No space left on device",
			func(*program) { must(t, syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=1m")) },
		})
	})
}

func TestAccessLog_onAFullDiskHasWholeLinesAndSaysWhy(t *testing.T) {
	onFullDisks(t, func(t *testing.T, disk fullDisk) {
		log := logFile{t, filepath.Join(disk.dir, "access.log")}
		p := start(t, setup{
			under: disk.under, args: []string{"127.0.0.1:0"},
			env: environment([]string{"workers=2", "access_log=common", "access_log_file=" + log.path}),
		}).waitReady()
		const requests = 1000
		c := p.dial()
		for range requests {
			c.get("/")
		}
		p.log.wait(t, 0, " lost: "+disk.reason)
		p.stop(syscall.SIGTERM)
		var count lossCount
		for line := range strings.Lines(log.text()) {
			if line, ended := strings.CutSuffix(line, "\n"); !ended || !accessLine.MatchString(line) {
				t.Errorf("no whole line: %q", line)
			}
			count.access++
		}
		for _, line := range p.log.all() {
			count.enter(t, line.text)
		}
		if count.access+count.lost != requests || count.access == 0 {
			t.Errorf("%d lines were written and %d lost, of %d", count.access, count.lost, requests)
		}
		if n := len(count.said); n > 60 {
			t.Errorf("it is said %d times that lines were lost", n)
		}
	})
}

func TestErrorLog_onAFullDiskHasWholeLinesAndSaysSoLater(t *testing.T) {
	onFullDisks(t, func(t *testing.T, disk fullDisk) {
		log := logFile{t, filepath.Join(disk.dir, "error.log")}
		p := start(t, setup{
			under: disk.under, args: []string{"127.0.0.1:0"}, env: environment([]string{"workers=1", "error_log=" + log.path}),
		})
		const lines = 300
		c := p.dial()
		for i := range lines {
			c.get(fmt.Sprintf("/log/0?text=number%d-%s", i, strings.Repeat("x", i)))
		}
		disk.enlarge(p)
		accounted := func() (written, lost int) {
			for line := range strings.Lines(log.text()) {
				var n int
				if line, ended := strings.CutSuffix(line, "\n"); ended && !logLine.MatchString(line) {
					t.Fatalf("no whole line: %q", line)
				}
				_, text, _ := strings.Cut(line, "]: ")
				if _, err := fmt.Sscanf(text, "log: %d line", &n); err == nil && strings.HasSuffix(text, " lost: "+disk.reason+"\n") {
					lost += n
				} else if strings.HasPrefix(text, "number") {
					written++
				}
			}
			return written, lost
		}
		eventually(t, "all lines are accounted for", func() bool {
			written, lost := accounted()
			return written > 0 && lost > 0 && written+lost == lines
		})
		p.stop(syscall.SIGTERM)
	})
}
