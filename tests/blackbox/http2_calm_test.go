package blackbox

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What a client that behaves notices of attacks: how much longer its responses take.

// The environment of a process that only attacks: whom, and how.
const attackedAddress, attackName = "FORKER_TEST_ATTACKED", "FORKER_TEST_ATTACK"

// attackForEver is what such a process does, with two connections, of which one does not read. It writes a line for each attack that has
// come to an end.
func attackForEver(address string) {
	again := attacks()[os.Getenv(attackName)]
	for _, deaf := range []bool{false, true} {
		go func() {
			for {
				code, err := attackAt(address, deaf, mostOfAttack, again)
				fmt.Println(code, err)
			}
		}()
	}
	select {} // Until it is killed.
}

// attackers is that process, as the test sees it.
type attackers struct {
	*exec.Cmd
	ended atomic.Int64 // How many attacks have come to an end.
}

// attackBeside starts attackers on another processor than the worker's, where everybody else goes before them.
func (p *program) attackBeside(name string, processor int) *attackers {
	p.t.Helper()
	_, address := dialName(p.address(0))
	a := &attackers{Cmd: exec.Command("taskset", "-c", strconv.Itoa(processor), "nice", "-n", "19", os.Args[0])}
	a.Env = append(os.Environ(), attackedAddress+"="+address, attackName+"="+name)
	a.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	a.Stderr = os.Stderr
	out, err := a.StdoutPipe()
	must(p.t, err)
	must(p.t, a.Start())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for lines := bufio.NewScanner(out); lines.Scan(); a.ended.Add(1) {
		}
	}()
	p.t.Cleanup(func() {
		must(p.t, a.Process.Kill())
		<-done
		_ = a.Wait() // It ends by the signal.
	})
	return a
}

// expectCalm has windows with and without attacks take turns, and returns of each kind the median of what 99 of a hundred requests take at
// most in them. In each window with attacks at least one comes to its end, so that another one begins.
func (a *attackers) expectCalm(t *testing.T, client *http.Client) (quiet, attacked time.Duration) {
	t.Helper()
	const windows, requests = 15, 200
	var with, without []time.Duration
	for range windows {
		must(t, a.Process.Signal(syscall.SIGSTOP))
		time.Sleep(10 * time.Millisecond) // What they had sent is taken by then.
		without = append(without, slowOf(timesOf(t, client, requests)))
		must(t, a.Process.Signal(syscall.SIGCONT))
		var times []time.Duration
		for ended, until := a.ended.Load(), time.Now().Add(patience); a.ended.Load() == ended || len(times) < requests; {
			times = append(times, timesOf(t, client, requests)...)
			if time.Now().After(until) {
				t.Fatal("no attack is ended")
			}
		}
		with = append(with, slowOf(times))
	}
	return medianOf(without), medianOf(with)
}

func medianOf(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

// TestHTTP2_attacksTakeNobodysTime: while attackers come again and again, 99 of a hundred requests of a client that behaves take at most
// twice of what they take without. It is the worker that is measured: the attackers have what the client leaves of another processor. What else
// the machine does makes both slow, but not always to the same degree, so that each attack has three tries.
func TestHTTP2_attacksTakeNobodysTime(t *testing.T) {
	if !long() {
		t.Skip("FORKER_SOAK is not set: it measures times, which a busy machine spoils")
	}
	if runtime.NumCPU() < 2 {
		t.Skip("the attackers need another processor than the worker")
	}
	for name := range attacks() {
		t.Run(name, func(t *testing.T) {
			p := serve(t, "workers=1", "h2c=on")
			pinTo(t, p.workers()[0], 0)
			client := p.http2Client(nil)
			timesOf(t, client, 1000)
			a := p.attackBeside(name, 1)
			for try := 1; ; try++ {
				quiet, attacked := a.expectCalm(t, client)
				t.Logf("99 %% take %v, without an attack %v: %.2f times as long; %d attacks", attacked, quiet, float64(attacked)/float64(quiet), a.ended.Load())
				if attacked <= 2*quiet {
					return
				}
				if try == 3 {
					t.Fatal("attacks take others' time")
				}
			}
		})
	}
}

// pinTo leaves a process one processor.
func pinTo(t *testing.T, pid, processor int) {
	t.Helper()
	var set unix.CPUSet
	set.Set(processor)
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	must(t, err)
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		must(t, err)
		must(t, unix.SchedSetaffinity(tid, &set))
	}
}
