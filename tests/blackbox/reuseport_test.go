package blackbox

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

// listeningSockets counts those on a port of 127.0.0.1, as the kernel lists them.
func listeningSockets(t *testing.T, address string) int {
	t.Helper()
	var port int
	if _, err := fmt.Sscanf(address, "127.0.0.1:%d", &port); err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	const listen = "0A"
	count := 0
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line)
		if len(fields) > 3 && fields[1] == fmt.Sprintf("0100007F:%04X", port) && fields[3] == listen {
			count++
		}
	}
	return count
}

func TestReuseport_opensASocketForEachWorker(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := start(t, setup{
			build: &b, args: []string{"127.0.0.1:0"}, env: environment([]string{"workers=3", "reuseport=on"}),
		}).waitReady()
		if got := listeningSockets(t, p.address(0)); got != 3 {
			t.Errorf("%d sockets listen", got)
		}
		p.expectGet("/", 200, "hello\n")
		p.stop(syscall.SIGTERM)
	})
}

func TestReuseport_refusesAnAddressInUse(t *testing.T) {
	p := serve(t, "workers=2", "reuseport=on")
	next := start(t, setup{args: []string{p.address(0)}, env: environment([]string{"reuseport=on"})})
	next.wait()
	next.out.wait(t, 0, "bind: Address already in use")
}

// The kernel chooses a socket by a hash of the client's address and port: the counts scatter, by 20 or so of 500.
func TestReuseport_balances(t *testing.T) {
	counts := connectionsByWorker(t, serve(t, "workers=4", "reuseport=on"), 1)
	t.Logf("connections by worker: %v", counts)
	if imbalance(counts) > 1.5 {
		t.Errorf("one worker has more than 1.5 times as many connections as another: %v", counts)
	}
}

func TestReuseport_queueOfAStoppedWorkerIsServedByOthers(t *testing.T) {
	p := serve(t, "workers=3", "reuseport=on")
	stopped := p.workers()[1]
	p.kill(stopped, syscall.SIGSTOP)
	for range 100 {
		p.expectGet("/", 200, "hello\n")
	}
	p.kill(stopped, syscall.SIGCONT)
}

func TestReuseport_losesNothingWhenWorkersComeAndGo(t *testing.T) {
	u := newUpgradable(t, []string{"127.0.0.1:0"}, "workers=3", "reuseport=on")
	load := u.load(4)
	load.more(t, 100)

	mark := u.log.mark()
	u.signal(syscall.SIGHUP)
	u.log.wait(t, mark, "reload: done")
	for _, change := range []struct {
		number syscall.Signal
		left   int
	}{{syscall.SIGTTOU, 2}, {syscall.SIGTTOU, 1}, {syscall.SIGTTIN, 2}, {syscall.SIGTTIN, 3}, {syscall.SIGTTIN, 4}} {
		u.signal(change.number)
		eventually(t, fmt.Sprint("there are ", change.left, " workers"), func() bool { return len(u.processes()) == change.left+2 })
		load.more(t, 50)
	}

	mark = u.log.mark()
	heir := u.begin(u.pid())
	u.finish(u.pid(), heir, mark)
	load.more(t, 100)
	load.expectAllAnswered(t)
	if got := listeningSockets(t, u.address(0)); got != 3 {
		t.Errorf("%d sockets listen after the upgrade", got)
	}
}
