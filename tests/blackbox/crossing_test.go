package blackbox

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
)

// What the debugger does: it counts how often each of these is passed, and stops nowhere.
//
//	runtime.cgocall   Go calls C
//	crosscall2        C calls Go
//	fk_dispatch       the library's own entry, around a handler
const countCrossings = `set pagination off
set confirm off
set breakpoint pending on
handle all nostop noprint pass
handle SIGINT stop nopass
break runtime.cgocall
break crosscall2
break fk_dispatch
ignore 1 1000000
ignore 2 1000000
ignore 3 1000000
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

func TestCrossing_isOneForEachRequest(t *testing.T) {
	p := serve(t, "workers=1")
	const requests = 200
	const others = requests / 2 // The Go runtime calls C by itself now and then, to start a thread.
	c := p.dial()
	c.expectOpen()
	counts := p.countCalls(func() {
		for range requests {
			c.expectOpen()
		}
	})
	calls := counts["runtime.cgocall"]
	if counts["fk_dispatch"] != requests || calls < requests || calls > requests+others || counts["crosscall2"] != 0 || len(counts) < 3 {
		t.Errorf("%d requests: %v; want a call into C for each, and none back", requests, counts)
	}
}
