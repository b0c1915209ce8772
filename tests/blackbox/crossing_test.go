package blackbox

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// What the debugger does: it counts how often each of these is passed, and stops nowhere.
//
//	_cgo_<hash>_Cfunc_<name>   Go calls the C function of that name; C2func if it asks for errno too
//	crosscall2                 C calls Go
//	fk_dispatch                the library's own entry, around a handler
//
// runtime.cgocall is not among them: the Go runtime passes it by itself now and then, to start a thread.
const countCrossings = `set pagination off
set confirm off
set breakpoint pending on
handle all nostop noprint pass
handle SIGINT stop nopass
break crosscall2
break fk_dispatch
rbreak ^_cgo_.*_C2*func_
set $n = $bpnum
while $n > 0
ignore $n 1000000
set $n = $n - 1
end
echo counting begins\n
continue
info breakpoints
detach
quit
`

// countCalls runs act while a debugger counts in the only worker, and gives the counts by function.
func (p *program) countCalls(act func()) map[string]int {
	p.t.Helper()
	script := filepath.Join(p.t.TempDir(), "script")
	if err := os.WriteFile(script, []byte(countCrossings), 0o600); err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.Command("gdb", "-q", "-nx", "-p", strconv.Itoa(p.workers()[0]), "-batch", "-x", script)
	r, w := p.pipe()
	cmd.Stdout, cmd.Stderr = w, w
	output := collect("gdb", r)
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	_ = w.Close()
	output.wait(p.t, 0, "counting begins")
	act() // Until the debugger lets the worker go on, the first request waits.
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		p.t.Fatal(err)
	}
	_ = cmd.Wait() // Its output tells.
	output.waitEnd(patience)
	counts := map[string]int{}
	hits := regexp.MustCompile(`in (\S+) at [^\n]*\n(?:\s+breakpoint already hit (\d+) time)?`)
	for _, found := range hits.FindAllStringSubmatch(output.String(), -1) {
		counts[found[1]], _ = strconv.Atoi(found[2])
	}
	return counts
}

// callsFromGo sums counts up by the name of the C function that Go calls.
func callsFromGo(counts map[string]int) map[string]int {
	calls := map[string]int{}
	for symbol, count := range counts {
		if _, name, isCall := strings.Cut(symbol, "func_"); isCall && count > 0 {
			calls[name] += count
		}
	}
	return calls
}

func TestCrossing_isOneForEachRequest(t *testing.T) {
	p := serve(t, "workers=1")
	const requests = 200
	c := p.dial()
	c.expectOpen()
	counts := p.countCalls(func() {
		for range requests {
			c.expectOpen()
		}
	})
	calls := callsFromGo(counts)
	if calls["fk_dispatch"] != requests || len(calls) != 1 {
		t.Errorf("%d requests: %v; want a call into C for each, and no other", requests, calls)
	}
	if back, counted := counts["crosscall2"]; counts["fk_dispatch"] != requests || back != 0 || !counted {
		t.Errorf("%d requests: %d handlers are called, and Go %d times", requests, counts["fk_dispatch"], back)
	}
}
