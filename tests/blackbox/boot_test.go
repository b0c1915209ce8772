package blackbox

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// boot starts boot.c.
func boot(t *testing.T, how, worker string, options ...string) *program {
	t.Helper()
	return start(t, setup{source: "boot.c", args: []string{"127.0.0.1:0", how, worker}, env: environment(options)})
}

func TestHooks_areCalledInTheLifeOfAWorker(t *testing.T) {
	p := boot(t, "fine", "-1", "workers=2").waitReady()
	p.expectGet("/", 200, "hello\n")
	p.stop(syscall.SIGTERM)
	p.out.wait(t, 0, "run returned 0")
	var order [2]string
	for _, line := range p.out.all() {
		var worker, pid, threads int
		for _, hook := range []string{"post_fork", "worker", "worker_exit"} {
			if parseFields(line.text, hook, &worker, &pid, &threads) {
				order[worker] += hook + " "
				if hook == "post_fork" && threads != 1 {
					t.Errorf("the post_fork hook sees %d threads", threads)
				}
			}
		}
	}
	if want := "post_fork worker worker_exit "; order[0] != want || order[1] != want {
		t.Errorf("the hooks were called in this order: %q; want %q for each worker", order, want)
	}
}

func TestRun_failsIfNoWorkerEverBecomesReady(t *testing.T) {
	cases := []struct{ how, want string }{
		{"worker_init", `no worker became ready: worker 0 exited with status 71 during boot (last words: "the worker_init hook failed (-7)")`},
		{"post_fork", `exited with status 71 during boot (last words: "the post_fork hook failed (-5)")`},
		{"exit", "exited with status 7 during boot"},
		{"abort", "killed by SIGABRT during boot"},
	}
	for _, c := range cases {
		t.Run(c.how, func(t *testing.T) {
			p := boot(t, c.how, "-1", "workers=1")
			if status := p.wait(); status != 1 {
				t.Errorf("exit status %d", status)
			}
			if line := p.out.wait(t, 0, "run returned -9: ").text; !strings.Contains(line, c.want) {
				t.Errorf("%s\nwant it to say %s", line, c.want)
			}
			p.log.wait(t, 0, c.want)
			if n := p.log.count("does not read its messages"); n > 0 {
				t.Errorf("%d lines blame a master that has given up", n)
			}
		})
	}
}

func TestRun_failsIfWorkersHangInBoot(t *testing.T) {
	p := boot(t, "hang", "-1", "workers=1", "boot_timeout=100ms")
	if status := p.wait(); status != 1 {
		t.Errorf("exit status %d", status)
	}
	p.out.wait(t, 0, "run returned -9: no worker became ready: worker 0 was not ready within 100 ms")
}

// forkTimes gives when workers were forked, in milliseconds.
func (p *program) forkTimes() []int {
	var times []int
	isWorker := map[int]bool{}
	for _, line := range p.out.all() {
		var index, pid int
		if parseFields(line.text, "post_fork", &index, &pid) {
			isWorker[pid] = true
		}
	}
	for _, line := range p.out.all() {
		var at, pid int
		if parseFields(line.text, "fork", &at, &pid) && isWorker[pid] {
			times = append(times, at)
		}
	}
	return times
}

// A worker that fails to boot while others serve is tried again with a delay that grows: 100 ms, 160 ms, 256 ms ...,
// each spread by a fifth.
func TestBoot_backsOff(t *testing.T) {
	p := boot(t, "exit", "1", "workers=2")
	const failures = 5
	for n := range failures {
		p.log.waitFor(t, 0, "one more failure", func(string) bool { return p.log.count("exited with status 7 during boot") > n })
	}
	p.expectGet("/", 200, "hello\n")
	// The first two are the workers that are started together.
	times := p.forkTimes()
	least := 100.0 * 0.8
	for i := len(times) - failures + 1; i < len(times); i++ {
		if delay := times[i] - times[i-1]; float64(delay) < least-1 {
			t.Errorf("fork %d is %d ms after the one before, want at least %.0f ms", i, delay, least)
		}
		least *= 1.6
	}
	if p.log.count("starting another in ") < failures {
		t.Errorf("the log does not tell of the delays:\n%s", p.log)
	}
}

func TestForks_areAtMostTwentyASecond(t *testing.T) {
	p := boot(t, "fine", "-1", "workers=8").waitReady()
	dead, masterDies := map[int]bool{}, []int{12, 30} // When so many are dead: the limit holds over the death of a master too.
	for until := time.Now().Add(3 * time.Second); time.Now().Before(until); {
		for _, pid := range p.workers() {
			if !dead[pid] {
				dead[pid] = true
				p.kill(pid, syscall.SIGKILL)
			}
		}
		if len(masterDies) > 0 && len(dead) >= masterDies[0] {
			masterDies = masterDies[1:]
			p.kill(p.master(), syscall.SIGKILL)
		}
		time.Sleep(time.Millisecond)
	}
	p.waitAllServe(8)
	times := p.forkTimes()
	if len(times) < 40 {
		t.Errorf("only %d forks: the workers that died were not replaced", len(times))
	}
	expectForkRate(t, times)
}

// expectForkRate wants no more than forksPerSecond in any second.
func expectForkRate(t *testing.T, times []int) {
	t.Helper()
	for i := forksPerSecond; i < len(times); i++ {
		if span := times[i] - times[i-forksPerSecond]; span < 1000-1 {
			t.Errorf("forks %d to %d took %d ms", i-forksPerSecond, i, span)
		}
	}
}

// crashLoopTime is for how long the cost of a crash loop is measured.
func crashLoopTime() time.Duration {
	if long() {
		return 30 * time.Second
	}
	return 8 * time.Second // In the first three, with short delays, boots can take more than 5 % of a slow machine.
}

// cpuTime is what the processes of the program have used, those that the spawner has reaped included.
func (p *program) cpuTime() time.Duration {
	p.t.Helper()
	const tick = time.Second / 100 // USER_HZ, see proc_pid_stat(5)
	sum := 0
	for _, process := range p.processes() {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", process.pid))
		if err != nil {
			continue // It has just left, and is the spawner's to count.
		}
		text := string(stat)
		for _, field := range strings.Fields(text[strings.LastIndexByte(text, ')')+1:])[11:15] { // utime stime cutime cstime
			n, err := strconv.Atoi(field)
			if err != nil {
				p.t.Fatal(err)
			}
			sum += n
		}
	}
	return time.Duration(sum) * tick
}

// expectCheap wants the program to use less than 5 % of a processor in what follows.
func (p *program) expectCheap(what func()) {
	p.t.Helper()
	begin, before := time.Now(), p.cpuTime()
	what()
	time.Sleep(time.Until(begin.Add(crashLoopTime()))) // This is what is measured.
	used, took := p.cpuTime()-before, time.Since(begin)
	p.t.Logf("%v of %v", used, took)
	if used > took/20 {
		p.t.Errorf("a crash loop takes %v of processor time in %v, want less than 5 %%", used, took)
	}
}

func TestCrashLoop_isCheap(t *testing.T) {
	p := boot(t, "exit", "1", "workers=2")
	p.expectCheap(func() { p.log.wait(t, 0, "exited with status 7 during boot") })
	expectForkRate(t, p.forkTimes())
	if failures := p.log.count("exited with status 7 during boot"); failures < 4 {
		t.Errorf("there was no crash loop: %d failures", failures)
	}
	p.expectGet("/", 200, "hello\n")
}

func TestCrashLoop_ofAReloadIsCheapAndLetsTheOldServe(t *testing.T) {
	p, file := steered(t, "first", "workers=2")
	old := p.workers()
	p.expectCheap(func() {
		write(t, file, "broken")
		p.reload("reload: given up after 3 failed boots")
		p.kill(old[1], syscall.SIGKILL) // Its successor is of the broken generation.
		p.log.wait(t, p.log.mark(), "during boot")
	})
	l := p.load(2)
	failures := p.log.count("during boot")
	p.log.waitFor(t, 0, "one more failure", func(string) bool { return p.log.count("during boot") > failures })
	l.more(t, 100)
	l.expectAllAnswered(t)
	if now := p.workers(); now[0] != old[0] {
		t.Errorf("worker 0 is process %d, and was %d", now[0], old[0])
	}
	write(t, file, "mended")
	p.reload("reload: done")
	p.expectGet("/", 200, "mended")
}

// waitAllServe waits until each of the workers lives that has announced itself last.
func (p *program) waitAllServe(workers int) {
	p.t.Helper()
	eventually(p.t, "all workers live", func() bool {
		found := p.workers()
		for _, pid := range found {
			if _, ok := readProcess(pid); !ok {
				return false
			}
		}
		return len(found) == workers
	})
}

// bootEnd is how long a worker may take that is told to leave while it boots.
const bootEnd = 500 * time.Millisecond

func TestStop_doesNotWaitForWorkersThatBoot(t *testing.T) {
	p := boot(t, "hang", "-1", "workers=2")
	p.out.wait(t, 0, "worker 0")
	p.out.wait(t, 0, "worker 1")
	if took := p.stop(syscall.SIGTERM); took > bootEnd {
		t.Errorf("a stop took %v, with nobody who serves", took)
	}
}

func TestStop_doesNotWaitForWorkersThatBootBesideReadyOnes(t *testing.T) {
	p := boot(t, "hang", "1", "workers=2")
	p.out.wait(t, 0, "worker 0")
	p.out.wait(t, 0, "worker 1")
	p.expectGet("/", 200, "hello\n")
	if took := p.stop(syscall.SIGTERM); took > bootEnd {
		t.Errorf("a stop took %v, with one worker that serves nobody and one that boots", took)
	}
}

func TestStop_withoutAMasterDoesNotWaitForWorkersThatBoot(t *testing.T) {
	p := boot(t, "hang", "-1", "workers=2", "boot_timeout=1h")
	p.out.wait(t, 0, "worker 1")
	p.kill(p.master(), syscall.SIGSTOP) // It is there, and does nothing; the spawner kills by itself 1 s beyond the limit.
	p.signal(syscall.SIGTERM)
	p.kill(p.master(), syscall.SIGKILL)
	begin := time.Now()
	if status := p.wait(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	if took := time.Since(begin); took > bootEnd {
		t.Errorf("a stop took %v", took)
	}
}

func TestSpawner_takesWorkersThatBootWithIt(t *testing.T) {
	p := boot(t, "hang", "-1", "workers=2")
	p.out.wait(t, 0, "worker 0")
	p.out.wait(t, 0, "worker 1")
	p.kill(p.pid(), syscall.SIGKILL)
	p.expectNothingLeft(bootEnd)
}

func TestStop_doesNotWaitForExitHooksForEver(t *testing.T) {
	p := boot(t, "exit_hang", "-1", "workers=2", "drain_timeout=300ms").waitReady()
	if took := p.stop(syscall.SIGTERM); took > 1300*time.Millisecond {
		t.Errorf("a stop with a limit of 300 ms took %v", took)
	}
}
