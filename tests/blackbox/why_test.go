package blackbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestLog_saysWhereItServes(t *testing.T) {
	for _, workers := range []string{"0", "2"} {
		t.Run(workers, func(t *testing.T) {
			socket := "unix:" + filepath.Join(t.TempDir(), "socket")
			p := start(t, setup{args: []string{"127.0.0.1:0", ":0", socket}, env: environment([]string{"workers=" + workers})})
			for i := range 3 {
				address := p.address(i)
				if line := p.log.wait(t, 0, "serving on "+address).text; !strings.HasSuffix(line, "serving on "+address) || strings.HasSuffix(address, ":0") {
					t.Errorf("%s: %s", address, line)
				}
			}
			if n := p.log.count("serving on "); n != 3 {
				t.Errorf("%d lines", n)
			}
		})
	}
}

func TestLog_saysWhoHasAskedForIt(t *testing.T) {
	p := serve(t, "workers=1", "drain_timeout=7s")
	self := fmt.Sprintf("from process %d", os.Getpid())
	for _, c := range []struct {
		signal syscall.Signal
		want   string
	}{
		{syscall.SIGHUP, "]: reload: SIGHUP " + self},
		{syscall.SIGUSR1, "]: log files are opened anew: SIGUSR1 " + self},
		{syscall.SIGTTIN, "]: scale: SIGTTIN " + self},
		{syscall.SIGWINCH, "]: drain: SIGWINCH " + self},
		{syscall.SIGHUP, "]: reload: SIGHUP " + self},
		{syscall.SIGTERM, "]: stopping within 7 s: SIGTERM " + self},
	} {
		mark := p.log.mark()
		p.signal(c.signal)
		p.log.wait(t, mark, c.want)
	}
	p.wait()
	if n := p.log.count("stopping"); n != 1 {
		t.Errorf("that it stops is said %d times", n)
	}
}

func TestLog_saysWhoHasCalledStop(t *testing.T) {
	p := serve(t, "workers=1")
	worker := p.workers()[0]
	p.dialWorker(0).send("GET /slow/500 HTTP/1.1\r\nHost: test\r\n\r\n")
	p.get("/stop/20000")
	p.log.wait(t, 0, fmt.Sprintf("stopping within 20 s: forker_server_stop() in worker 0 (pid %d)", worker))
	p.wait()

	p = start(t, setup{args: []string{"127.0.0.1:0"}, env: environment([]string{"workers=0"})})
	p.get("/stop/0")
	p.log.wait(t, 0, "host[")
	p.log.wait(t, 0, "stopping at once: forker_server_stop()")
	p.wait()

	p = start(t, setup{args: []string{"127.0.0.1:0"}, env: environment([]string{"workers=0"})})
	p.get("/")
	p.signal(syscall.SIGINT)
	p.log.wait(t, 0, fmt.Sprintf("stopping at once: SIGINT from process %d", os.Getpid()))
	p.wait()
}

// The lines of set-up come before the file is open.
func TestErrorLog_hasWhatWasLoggedBeforeItWasOpen(t *testing.T) {
	for _, workers := range []string{"0", "1"} {
		log := newLogFile(t)
		p := start(t, setup{
			source: "prelude.c", args: []string{"127.0.0.1:0"}, env: environment([]string{"workers=" + workers, "error_log=" + log.path}),
		})
		log.wait("serving on ")
		for i := range 20 {
			if n := strings.Count(log.text(), fmt.Sprintf("early line %d\n", i)); n != 1 {
				t.Errorf("the log has early line %d %d times:\n%s", i, n, log.text())
			}
		}
		if strings.Index(log.text(), "early line 19") > strings.Index(log.text(), "serving on ") {
			t.Errorf("not in order:\n%s", log.text())
		}
		p.log.wait(t, 0, "early line 19") // And whoever looks at stderr sees them.
		p.stop(syscall.SIGTERM)
	}
}
