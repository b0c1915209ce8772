package blackbox

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"libforker/tests/blackbox/ledger"
)

// ledgerTime is how long each test with a ledger runs.
func ledgerTime() time.Duration {
	if long() {
		return time.Minute
	}
	return 4 * time.Second
}

// inFlight is how many requests openLedger has sent at any time.
const inFlight = 64

// inUse is how many connections they need.
func inUse() int {
	if overHTTP2 {
		return inFlight / ledger.Streams
	}
	return inFlight
}

// openLedger begins to send requests, and waits for the first responses.
func (p *program) openLedger() *ledger.Ledger {
	p.t.Helper()
	l := ledger.Open(p.ledgerConfig(inUse(), 0))
	p.scrape()
	eventually(p.t, "requests are answered", func() bool { return l.Answered() > 1000 })
	return l
}

// closeLedger gives the account, which must balance, with no connection refused.
func closeLedger(t *testing.T, l *ledger.Ledger) *ledger.Report {
	t.Helper()
	report, err := l.Close()
	if err != nil {
		t.Error(err)
	}
	t.Log(report)
	if n := report.Count(ledger.Refused) + report.Count(ledger.TimedOut) + report.Count(ledger.Wrong); n > 0 {
		t.Errorf("%s; want none refused, timed out or wrong: %+v", report, report.Losses)
	}
	return report
}

// each calls act again and again, at intervals, for as long as a test with a ledger runs.
func each(interval time.Duration, act func()) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for end := time.Now().Add(ledgerTime()); time.Now().Before(end); {
		<-tick.C
		act()
	}
}

func TestDeath_ofNobodyLosesNothing(t *testing.T) {
	p := serve(t, "workers=4")
	l := p.openLedger()
	time.Sleep(ledgerTime() / 2) // This is what is tested: that time passes.
	if report := closeLedger(t, l); report.Lost() > 0 || report.Connects != inUse() {
		t.Errorf("%s: %+v", report, report.Losses)
	}
}

func TestDeath_ofMastersLosesNothing(t *testing.T) {
	p := serve(t, "workers=4")
	workers, l := p.workers(), p.openLedger()
	kills := 0
	for end := time.Now().Add(ledgerTime()); time.Now().Before(end); kills++ {
		time.Sleep(500 * time.Millisecond) // So long it does its work.
		mark := p.log.mark()
		p.kill(p.master(), syscall.SIGKILL)
		p.log.wait(t, mark, "a new master has taken over")
	}
	if report := closeLedger(t, l); report.Lost() > 0 || report.Connects != inUse() {
		t.Errorf("%s: %+v", report, report.Losses)
	}
	if least := int(ledgerTime() / time.Second); kills < least {
		t.Errorf("only %d kills: masters are not replaced in time", kills)
	}
	t.Logf("%d masters were killed", kills)
	for index, pid := range p.workers() {
		if workers[index] != pid {
			t.Errorf("worker %d was replaced", index)
		}
	}
}

func TestDeath_ofAllWorkersAtOnceLosesOnlyWhatTheyHad(t *testing.T) {
	p := serve(t, "workers=4")
	l := p.openLedger()
	victims, times := map[int]bool{}, 0
	each(time.Second, func() {
		times++
		p.waitAllServe(4)
		for _, pid := range p.workers() {
			p.kill(pid, syscall.SIGKILL)
			victims[pid] = true
		}
	})
	p.waitAllServe(4)
	report := closeLedger(t, l)
	expectLostOnlyBy(t, report, victims, p.grace())
	if len(victims) != 4*times {
		t.Errorf("%d workers died in %d times that all were killed", len(victims), times)
	}
	t.Logf("%d times all workers at once: %d of %d requests lost", times, report.Lost(), report.Sent)
}

// What the workers have is answered; what is in the kernel's queue when the last of them closes it was never accepted.
func TestDeath_ofTheSpawnerEndsAllAndLosesNothingAccepted(t *testing.T) {
	p := serve(t, "workers=4", "drain_grace=200ms")
	l := p.openLedger()
	p.signal(syscall.SIGKILL)
	p.wait()
	p.expectNothingLeft(p.grace() + 2*firstGrace + slack)
	report, err := l.Close()
	if err != nil {
		t.Error(err)
	}
	queued := 0
	for i := range report.Losses {
		loss := &report.Losses[i]
		switch {
		case loss.Fate == ledger.Refused, isLate(loss, p.grace()):
		case loss.Fate == ledger.Reset && loss.Before.IsZero():
			queued++
		default:
			t.Errorf("lost after a pause of %v: %+v", loss.Pause(), *loss)
		}
	}
	if queued > inFlight {
		t.Errorf("%d requests were reset before the first response, and %d were in flight", queued, inFlight)
	}
	t.Logf("%s", report)
}

// kill is one SIGKILL to a worker.
type kill struct {
	index, pid int
	at         time.Time
	clock      time.Duration // The same, on CLOCK_MONOTONIC.
}

func TestDeath_ofWorkersLosesOnlyWhatTheyHad(t *testing.T) {
	p := serve(t, "workers=4")
	l := p.openLedger()
	var kills []kill
	each(100*time.Millisecond, func() {
		index := len(kills) % 4
		victim := kill{index, p.workers()[index], time.Now(), monotonic(t)}
		if slices.ContainsFunc(kills, func(k kill) bool { return k.pid == victim.pid }) {
			return // Its successor is not there yet: times below will tell.
		}
		p.kill(victim.pid, syscall.SIGKILL)
		kills = append(kills, victim)
	})
	for _, k := range kills[max(len(kills)-4, 0):] { // The last of each slot.
		p.waitReplaced(k.index, k.pid)
	}
	report := closeLedger(t, l)
	rounds, share := int(ledgerTime()/(100*time.Millisecond)), 10
	if long() {
		share = 2
	}
	if len(kills) < rounds/share {
		t.Errorf("only %d kills in %d rounds: workers are not replaced in time", len(kills), rounds)
	}
	expectOnlyVictimsLost(t, report, kills)
	p.expectReadySoon(kills)
}

// expectOnlyVictimsLost wants each lost request to have been on a connection to a worker that was killed. As each
// connection has one request at a time, no more than those in flight on the victims are lost then.
func expectOnlyVictimsLost(t *testing.T, report *ledger.Report, kills []kill) {
	t.Helper()
	for _, loss := range report.Losses {
		explained := slices.ContainsFunc(kills, func(k kill) bool {
			// Of a connection that has had no response yet it is not known whose it was: somebody's who died while it was there.
			return loss.Failed.After(k.at) && (loss.Pid == k.pid || loss.Pid == 0 && k.at.After(loss.Connected.Add(-slack)))
		})
		if !explained {
			t.Errorf("a request was lost that no victim had: %+v", loss)
		}
	}
	if lost, most := report.Lost(), inFlight*len(kills); lost > most {
		t.Errorf("%d requests were lost, and at most %d were in flight", lost, most)
	}
}

// expectLostOnlyBy wants each lost request to have been on a connection to a victim, or to be late. Who had a
// connection without a response is not known: those are at most the clients' number for each victim.
func expectLostOnlyBy(t *testing.T, report *ledger.Report, victims map[int]bool, grace time.Duration) {
	t.Helper()
	unknown := 0
	for i := range report.Losses {
		loss := &report.Losses[i]
		switch {
		case loss.Fate == ledger.Reset && victims[loss.Pid], isLate(loss, grace):
		case loss.Fate == ledger.Reset && loss.Pid == 0:
			unknown++
		default:
			t.Errorf("lost, although worker %d was no victim, after a pause of %v: %+v", loss.Pid, loss.Pause(), *loss)
		}
	}
	if most := inFlight * len(victims); report.Lost() > most || unknown > most/2 {
		t.Errorf("%d victims cost %d requests, %d of them on new connections", len(victims), report.Lost(), unknown)
	}
}

// readyWithin is how soon the successor of a worker that was killed is to be READY.
const readyWithin = 50 * time.Millisecond

// expectReadySoon wants the successor of each victim to be READY, and 99 % of them soon in a long run, for which the machine is left
// alone.
func (p *program) expectReadySoon(kills []kill) {
	p.t.Helper()
	var times []time.Duration
	for _, k := range kills {
		p.out.waitFor(p.t, 0, "that a worker is ready after a kill", func(text string) bool {
			var index, pid, ns int
			is := parseFields(text, "ready", &index, &pid, &ns) && index == k.index && time.Duration(ns) > k.clock
			if is {
				times = append(times, time.Duration(ns)-k.clock)
			}
			return is
		})
	}
	slices.Sort(times)
	percent := func(n int) time.Duration { return times[(len(times)-1)*n/100] }
	p.t.Logf("%d kills; the next worker was READY after: median %v, 99%% %v, worst %v", len(kills), percent(50), percent(99), percent(100))
	if took := percent(99); long() && took > readyWithin {
		p.t.Errorf("99 %% of the next workers were READY after %v, want at most %v", took, readyWithin)
	}
}

// monotonic reads the clock that the test's program reads too.
func monotonic(t *testing.T) time.Duration {
	t.Helper()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		t.Fatal(err)
	}
	return time.Duration(now.Nano())
}

// dialWorker opens a connection to a worker.
func (p *program) dialWorker(index int) *conn {
	p.t.Helper()
	for {
		c := p.dial()
		if strings.HasPrefix(c.get("/who").body, strconv.Itoa(index)+" ") {
			return c
		}
	}
}

// A master that dies before it could say how a worker died: it is stopped, so that the message waits for it in vain.
func TestDeath_ofAWorkerIsInTheLogAlsoIfTheMasterDiesWithIt(t *testing.T) {
	p := serve(t, "workers=2")
	for range 5 {
		master, worker := p.master(), p.workers()[0]
		mark, begun := p.log.mark(), p.out.mark()
		p.dialWorker(0).send("GET /hang HTTP/1.1\r\nHost: test\r\n\r\n")
		p.out.wait(t, begun, "hang begins")
		p.kill(master, syscall.SIGSTOP)
		p.kill(worker, syscall.SIGKILL)
		eventually(t, "the worker is reaped", func() bool { _, err := os.Stat(fmt.Sprintf("/proc/%d", worker)); return err != nil })
		p.kill(master, syscall.SIGKILL)
		p.log.wait(t, mark, fmt.Sprintf("worker 0 (pid %d) killed by SIGKILL in GET /hang from 127.0.0.1:", worker))
		p.waitReplaced(0, worker)
		p.log.wait(t, mark, "a new master has taken over")
	}
	// Both at once.
	for range 5 {
		master, worker, mark := p.master(), p.workers()[1], p.log.mark()
		p.kill(master, syscall.SIGKILL)
		p.kill(worker, syscall.SIGKILL)
		p.log.wait(t, mark, fmt.Sprintf("worker 1 (pid %d) killed by SIGKILL", worker))
		p.waitReplaced(1, worker)
		p.log.wait(t, mark, "a new master has taken over")
	}
	if n := p.log.count("does not read its messages"); n > 0 {
		t.Errorf("%d lines blame a master that is gone", n)
	}
}
