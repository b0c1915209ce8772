package blackbox

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestPoll_servesTwoServersOnOneThread(t *testing.T) {
	p := start(t, setup{source: "polled.c", env: environment([]string{"workers=0"})})
	p.out.wait(t, 0, "early poll -3")
	p.out.wait(t, 0, "early fd -3")
	// Each has a client that stays, and the requests alternate.
	clients := []*conn{dial(t, p.address(0)), dial(t, p.address(1))}
	for range 3 {
		for i, want := range []string{"server 0 here\n", "server 1 here\n"} {
			if got := clients[i].send("GET / HTTP/1.1\r\nHost: test\r\n\r\n").receive("GET").body; got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
	}
	if got := clients[0].send("GET /poll HTTP/1.1\r\nHost: test\r\n\r\n").receive("GET").body; got != "poll -3 fd -3 open -3\n" {
		t.Errorf("within a handler: %q", got)
	}
	for i := range clients {
		if got := clients[i].send("GET /stop HTTP/1.1\r\nHost: test\r\n\r\n").receive("GET").body; got != "stopping\n" {
			t.Errorf("%q", got)
		}
		p.out.wait(t, 0, "ended 0")
	}
	p.out.wait(t, 0, "again 0")
	p.out.wait(t, 0, "freed")
	if status := p.wait(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	if n := p.out.count("open 0"); n != 4 {
		t.Errorf("opened %d times, want 4", n)
	}
}

func TestPoll_needsTheProgramsOwnProcess(t *testing.T) {
	p := start(t, setup{path: filepath.Join(plain.dir, "poll_loop"), args: []string{"127.0.0.1:0"}, env: environment([]string{"workers=1"})})
	p.log.wait(t, 0, "open: option workers must be 0")
	if status := p.wait(); status != 1 {
		t.Errorf("exit status %d", status)
	}
}

func TestExamplePollLoop_servesNextToItsInput(t *testing.T) {
	stdin, keyboard, err := os.Pipe()
	must(t, err)
	path := socketIn(t)
	p := start(t, setup{path: filepath.Join(plain.dir, "poll_loop"), args: []string{"unix:" + path}, stdin: stdin})
	must(t, stdin.Close())
	p.out.wait(t, 0, "serving on ")
	_, err = keyboard.WriteString("one\ntwo\n")
	must(t, err)
	eventually(t, "the loop has got to its input", func() bool {
		return curl(t, "", "--unix-socket", path, "http://host/lines") == "2 lines so far\n"
	})
	must(t, keyboard.Close())
	if status := p.wait(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

func TestExampleLibeventLoop_servesNextToATimer(t *testing.T) {
	program := filepath.Join(plain.dir, "libevent_loop")
	if _, err := exec.LookPath(program); err != nil {
		t.Skip("it was not built: there is no libevent")
	}
	path := socketIn(t)
	p := start(t, setup{path: program, args: []string{"unix:" + path}})
	p.out.wait(t, 0, "serving on ")
	eventually(t, "the timer has ticked", func() bool {
		got := curl(t, "", "--unix-socket", path, "http://host/ticks")
		return strings.HasSuffix(got, " ticks\n") && got != "0 ticks\n"
	})
	p.stop(syscall.SIGTERM)
}
