package blackbox

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// startCrash starts crash.c with handlers of its own for SIGSEGV, or "none".
func startCrash(t *testing.T, b build, own string) *program {
	t.Helper()
	s := setup{build: &b, source: "crash.c", args: []string{"127.0.0.1:0", own}, env: environment([]string{"workers=1"})}
	return start(t, s).waitReady()
}

// crash makes the worker die in a handler, and returns its pid.
func (p *program) crash(name, query string) int {
	p.t.Helper()
	pid := p.workers()[0]
	p.dial().send("GET /crash/" + name + query + " HTTP/1.1\r\nHost: test\r\n\r\n").expectClosed()
	p.waitReplaced(0, pid)
	return pid
}

var crashes = []struct {
	name, signal, function string
	address                bool // the fault has an address
}{
	{"null", "SIGSEGV", "write_to_null", true},
	{"overflow", "SIGSEGV", "recurse", true},
	{"fpe", "SIGFPE", "divide_by_zero", false},
	{"abort", "SIGABRT", "call_abort", false},
	{"trap", "SIGILL", "run_trap", true},
	{"heap", "SIGABRT", "corrupt_heap", false},
}

func TestCrash_isReported(t *testing.T) {
	p := startCrash(t, plain, "none")
	for _, c := range crashes {
		t.Run(c.name, func(t *testing.T) {
			mark := p.log.mark()
			pid := p.crash(c.name, "?why=none")
			where := ""
			if c.address {
				where = ` at address 0x[0-9a-f]+`
			}
			report := regexp.MustCompile(fmt.Sprintf(
				`^\S+Z error worker 0\[%d\]: crashed: %s%s in the handler of GET /crash/%s\?why=none from 127\.0\.0\.1:\d+; backtrace:$`,
				pid, c.signal, where, c.name))
			p.log.waitFor(t, mark, report.String(), report.MatchString)
			p.log.waitFor(t, mark, "a frame of "+c.function, func(text string) bool { return strings.Contains(text, "("+c.function+"+0x") })
			// The wait status is that of the signal, and the master knows the request too.
			fate := p.log.wait(t, mark, fmt.Sprintf("worker 0 (pid %d) killed by %s in GET /crash/%s?why=none from 127.0.0.1:", pid, c.signal, c.name))
			if !strings.Contains(fate.text, " inside the handler") {
				t.Errorf("%s", fate.text)
			}
			for _, line := range p.log.all()[mark:] {
				if strings.Contains(line.text, "goroutine") || strings.Contains(line.text, "runtime.") {
					t.Errorf("the report of a crash in C has Go's stacks: %s", line.text)
				}
			}
		})
	}
}

func TestCrash_callsTheProgramsOwnHandler(t *testing.T) {
	for own, want := range map[string]string{"plain": "own handler: SIGSEGV", "info": "own handler: 11 at (nil)"} {
		t.Run(own, func(t *testing.T) {
			p := startCrash(t, plain, own)
			mark := p.log.mark()
			pid := p.crash("null", "")
			p.out.wait(t, 0, want)
			p.log.wait(t, mark, fmt.Sprintf("worker 0[%d]: crashed: SIGSEGV at address 0x0 in the handler of GET /crash/null from ", pid))
			p.log.wait(t, mark, fmt.Sprintf("worker 0 (pid %d) killed by SIGSEGV", pid))
		})
	}
}

func TestCrash_isReportedUnderSanitizers(t *testing.T) {
	p := startCrash(t, sanitized, "none")
	pid := p.crash("abort", "")
	p.log.wait(t, 0, fmt.Sprintf("worker 0[%d]: crashed: SIGABRT in the handler of GET /crash/abort", pid))
}

// A long target is cut in the black box, and control characters cannot break the line.
func TestCrash_reportIsOneLine(t *testing.T) {
	p := startCrash(t, plain, "none")
	mark := p.log.mark()
	p.crash("null", "?"+strings.Repeat("x", 300))
	line := p.log.wait(t, mark, "crashed: SIGSEGV").text
	if !strings.Contains(line, "xxx... from 127.0.0.1:") || len(line) > 400 {
		t.Errorf("%s", line)
	}
}

// Faults that the program sends to itself or that others send end the worker by that signal too.
func TestCrash_outsideOfAHandler(t *testing.T) {
	p := startCrash(t, plain, "none")
	pid, mark := p.workers()[0], p.log.mark()
	p.kill(pid, 11)
	p.waitReplaced(0, pid)
	p.log.wait(t, mark, fmt.Sprintf("worker 0[%d]: crashed: SIGSEGV outside of any handler; backtrace:", pid))
	p.log.wait(t, mark, fmt.Sprintf("worker 0 (pid %d) killed by SIGSEGV; starting another", pid))
}
