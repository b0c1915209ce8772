package blackbox

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// Signals that ask for something, to the spawner; those that are ignored or drain one worker, to the others.
var stormSignals = struct{ spawner, others []syscall.Signal }{
	spawner: []syscall.Signal{
		syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGWINCH, syscall.SIGCONT,
		syscall.SIGCHLD, syscall.SIGURG,
	},
	others: []syscall.Signal{
		syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGWINCH, syscall.SIGCONT,
		syscall.SIGCHLD, syscall.SIGURG, syscall.SIGPIPE, syscall.SIGTERM, syscall.SIGQUIT,
	},
}

// An upgrade is asked for too, and fails each time because the new program is none.
func TestStorm_ofSignalsLeavesAServerThatServes(t *testing.T) {
	signals := 200
	if long() {
		signals = 1000
	}
	u := newUpgradable(t, []string{"127.0.0.1:0"}, "workers=2", "drain_grace=50ms")
	u.install(t, "nonsense")
	l, master := u.load(2), u.master()
	random := rand.New(rand.NewPCG(1, 2))
	sent := map[syscall.Signal]int{}
	for range signals {
		to, kinds := u.pid(), stormSignals.spawner
		if random.IntN(3) == 0 {
			others := append(slices.Collect(maps.Values(u.workers())), master)
			to, kinds = others[random.IntN(len(others))], stormSignals.others
		}
		number := kinds[random.IntN(len(kinds))]
		if process, lives := readProcess(to); lives && process.group == u.pid() { // A worker may have left, or leave now.
			sent[number]++
			_ = syscall.Kill(to, number)
		}
		time.Sleep(10 * time.Millisecond)
	}
	u.reload("reload: done")
	l.more(t, 100)
	l.expectAllAnswered(t)
	u.expectGet("/", 200, "1")
	expectPidFile(t, u.pidFile, u.pid())
	t.Logf("%v", sent)
}

// What a killed worker had accepted is lost, and nothing else.
func TestStorm_ofKillsAndReloadsLosesOnlyWhatTheKilledHad(t *testing.T) {
	p, _ := steered(t, "first", "workers=3", "drain_grace=50ms")
	l := p.openLedger()
	victims := map[int]bool{}
	each(100*time.Millisecond, func() {
		p.signal(syscall.SIGHUP)
		for _, pid := range p.workers() {
			if _, lives := readProcess(pid); lives && !victims[pid] {
				victims[pid] = true
				_ = syscall.Kill(pid, syscall.SIGKILL) // It may have left meanwhile.
				break
			}
		}
	})
	report := closeLedger(t, l)
	expectLostOnlyBy(t, report, victims, p.grace())
	p.reload("reload: done")
}

func TestStopped_workerHoldsUpOnlyItsOwn(t *testing.T) {
	p := serve(t, "workers=3")
	stopped := p.workers()[1]
	p.kill(stopped, syscall.SIGSTOP)
	eventually(t, "the worker stands still", func() bool {
		process, _ := readProcess(stopped)
		return process.state == "T"
	})
	for range 20 {
		p.expectGet("/", 200, "hello\n") // Whichever worker the kernel wakes for it.
	}
	l := p.load(2)
	l.more(t, 200)
	p.kill(stopped, syscall.SIGCONT)
	l.more(t, 200)
	l.expectAllAnswered(t)
}

func TestStopped_masterHoldsUpNobody(t *testing.T) {
	p, file := steered(t, "first", "workers=2")
	l := p.load(2)
	master := p.master()
	p.kill(master, syscall.SIGSTOP)
	l.more(t, 200)
	write(t, file, "second")
	mark := p.log.mark()
	p.signal(syscall.SIGHUP)
	p.out.wait(t, 0, "on_reload")
	l.more(t, 200)
	p.kill(master, syscall.SIGCONT)
	p.log.wait(t, mark, "reload: done")
	l.expectAllAnswered(t)
	p.expectGet("/", 200, "second")
}

func TestStopped_masterIsReplaced(t *testing.T) {
	p, file := steered(t, "first", "workers=2", "master_timeout=1s")
	l := p.load(2)
	master, workers := p.master(), p.workers()
	p.kill(master, syscall.SIGSTOP)
	p.log.wait(t, 0, fmt.Sprintf("the master (pid %d) has given no sign of life for 1 s: killing it", master))
	p.log.wait(t, 0, "a new master has taken over 2 workers")
	if now := p.workers(); !maps.Equal(now, workers) {
		t.Errorf("the workers were %v and are %v", workers, now)
	}
	write(t, file, "second")
	p.reload("reload: done") // It does a master's work.
	l.expectAllAnswered(t)
	p.expectGet("/", 200, "second")
}

// It may be stopped before it has said its first word.
func TestStopped_masterThatHasJustBeenForkedIsReplaced(t *testing.T) {
	p := serve(t, "workers=1", "master_timeout=1s")
	first := p.master()
	p.kill(first, syscall.SIGKILL)
	eventually(t, "there is another master", func() bool { return p.master() != first })
	next := p.master()
	p.kill(next, syscall.SIGSTOP)
	p.log.wait(t, 0, fmt.Sprintf("the master (pid %d) has given no sign of life", next))
	eventually(t, "there is a third master", func() bool { return p.master() != next })
	worker := p.workers()[0]
	p.kill(worker, syscall.SIGKILL)
	p.waitReplaced(0, worker)
}

func TestStopped_masterIsLeftToADebugger(t *testing.T) {
	p := serve(t, "workers=1", "master_timeout=1s")
	master := p.master()
	tracer := exec.Command("strace", "-q", "-o", "/dev/null", "-p", strconv.Itoa(master))
	if err := tracer.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the master is traced", func() bool { return status(t, master, "TracerPid") != "0" })
	p.kill(master, syscall.SIGSTOP)
	p.log.quiet(t, 3*time.Second)
	_ = tracer.Process.Kill()
	_ = tracer.Wait()
	p.kill(master, syscall.SIGCONT)
	if now := p.master(); now != master {
		t.Errorf("the master was %d and is %d", master, now)
	}
}

func TestStopped_treeLosesNobody(t *testing.T) {
	p := serve(t, "workers=2", "master_timeout=1s")
	before := p.processes()
	for range 3 {
		p.stopTree(2500 * time.Millisecond)
		p.expectGet("/", 200, "hello\n")
	}
	if now := p.log.count("sign of life"); now > 0 {
		t.Errorf("the log:\n%s", p.log)
	}
	for _, process := range before {
		if _, lives := readProcess(process.pid); !lives {
			t.Errorf("%+v is gone", process)
		}
	}
}

// stopTree stops all processes for a while.
func (p *program) stopTree(d time.Duration) {
	p.t.Helper()
	all := p.processes()
	for _, process := range all {
		p.kill(process.pid, syscall.SIGSTOP)
	}
	time.Sleep(d)
	for _, process := range all {
		p.kill(process.pid, syscall.SIGCONT)
	}
}

func TestStopped_treeGetsTheTimeOfADrainAgain(t *testing.T) {
	p := serve(t, "workers=1", "drain_timeout=2s", "drain_grace=0")
	idle, half := p.dial(), p.dial()
	idle.expectOpen()
	half.send("POST /body HTTP/1.1\r\nHost: test\r\nContent-Length: 8\r\n\r\nhalf")
	half.waitRead()
	p.signal(syscall.SIGTERM)
	idle.expectClosed() // The worker drains.
	p.stopTree(4 * time.Second)
	p.log.wait(t, 0, "the master has not run for")
	if a := half.send("done").receive("POST"); a.StatusCode != 200 || a.body != "halfdone" {
		t.Errorf("answered %s %q", a.Status, a.body)
	}
	_ = half.Close()
	if status := p.wait(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

func TestStopped_spawnerHoldsUpNobody(t *testing.T) {
	p, _ := steered(t, "first", "workers=2")
	l := p.load(2)
	p.signal(syscall.SIGSTOP)
	l.more(t, 200)
	p.signal(syscall.SIGHUP)
	mark := p.log.mark()
	p.signal(syscall.SIGCONT)
	p.log.wait(t, mark, "reload: done")
	l.expectAllAnswered(t)
}

func TestTerm_endsTheServerInEveryState(t *testing.T) {
	for name, arrange := range map[string]func(p *program, file string){
		"start":   func(*program, string) {},
		"serving": func(p *program, _ string) { p.waitReady() },
		"reload": func(p *program, _ string) {
			p.waitReady().signal(syscall.SIGHUP)
			p.log.wait(p.t, 0, "reload: replacing")
		},
		"failing reload": func(p *program, file string) {
			p.waitReady()
			write(p.t, file, "broken")
			p.signal(syscall.SIGHUP)
			p.log.wait(p.t, 0, "during boot")
		},
		"drained": func(p *program, _ string) {
			p.waitReady().signal(syscall.SIGWINCH)
			p.log.wait(p.t, 0, "draining all workers")
		},
		"scaling": func(p *program, _ string) {
			p.waitReady().signal(syscall.SIGTTIN)
			p.log.wait(p.t, 0, "scaling from")
		},
		"no master": func(p *program, _ string) {
			p.kill(p.waitReady().master(), syscall.SIGKILL)
			p.log.wait(p.t, 0, "starting another")
		},
		"an upgrade": func(p *program, file string) {
			p.waitReady()
			write(p.t, file, "half")
			p.signal(syscall.SIGUSR2)
			p.log.wait(p.t, 0, " anew")
		},
		"a crash loop": func(p *program, file string) {
			p.waitReady()
			write(p.t, file, "broken")
			p.reload("reload: given up")
			p.kill(p.workers()[0], syscall.SIGKILL)
			p.log.wait(p.t, 0, "starting another in")
		},
		"a stop": func(p *program, _ string) { p.waitReady().signal(syscall.SIGTERM) },
	} {
		t.Run(name, func(t *testing.T) {
			file := t.TempDir() + "/revision"
			write(t, file, "first")
			p := start(t, setup{
				source: "steered.c", args: []string{file, "127.0.0.1:0"}, env: environment([]string{"workers=2", "drain_timeout=2s"}),
			})
			p.address(0)
			arrange(p, file)
			select {
			case <-p.ended:
			default:
				_ = p.cmd.Process.Signal(syscall.SIGTERM) // In "a stop" it may have ended just now.
			}
			status := p.wait()
			// Before run handles signals, and when it has returned, they have their usual effect.
			outsideRun := status == -int(syscall.SIGTERM) && (name == "start" || name == "a stop")
			if status != 0 && !outsideRun {
				t.Errorf("exit status %d", status)
			}
		})
	}
}
