package blackbox

import (
	"fmt"
	"strings"
	"testing"
)

// What a handler can do wrong, and how the log tells of the worker's end. hang_timeout ends those that never return.
var handlerFaults = []struct{ name, fate string }{
	{"exit", "exited with status 3"},
	{"abort", "killed by SIGABRT in GET /crash/abort"},
	{"null", "killed by SIGSEGV in GET /crash/null"},
	{"overflow", "killed by SIGSEGV in GET /crash/overflow"},
	{"heap", "killed by SIGABRT in GET /crash/heap"},
	{"deadlock", "killed by SIGABRT in GET /crash/deadlock"},
	{"loop", "killed by SIGABRT in GET /crash/loop"},
}

func TestHandlerFault_costsOnlyWhatItsWorkerHad(t *testing.T) {
	rounds := 1
	if long() {
		rounds = 10
	}
	p := start(t, setup{
		source: "crash.c", args: []string{"127.0.0.1:0", "none"},
		env: environment(watched(t, []string{"workers=3", "hang_timeout=1s"})),
	}).waitReady()
	l := p.openLedger()
	victims := map[int]bool{}
	for range rounds {
		for _, fault := range handlerFaults {
			victims[p.commit(fault.name, fault.fate)] = true
		}
	}
	report := closeLedger(t, l)
	expectLostOnlyBy(t, report, victims, p.grace())
	if len(victims) != rounds*len(handlerFaults) {
		t.Errorf("%d workers died of %d faults", len(victims), rounds*len(handlerFaults))
	}
	t.Logf("%d faults cost %d of %d requests", len(victims), report.Lost(), report.Sent)
}

// commit has some worker's handler commit a fault. It returns the worker's pid, once the log tells of its end and its
// successor has announced itself.
func (p *program) commit(name, fate string) int {
	p.t.Helper()
	mark := p.log.mark()
	p.dial().send("GET /crash/" + name + " HTTP/1.1\r\nHost: test\r\n\r\n").expectClosed()
	line := p.log.wait(p.t, mark, fate).text
	var index, pid int
	if _, rest, _ := strings.Cut(line, ": worker "); rest == "" {
		p.t.Fatalf("%q names no worker", line)
	} else if _, err := fmt.Sscanf(rest, "%d (pid %d)", &index, &pid); err != nil {
		p.t.Fatalf("%q: %v", line, err)
	}
	p.waitReplaced(index, pid)
	return pid
}
