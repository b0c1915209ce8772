package blackbox

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"libforker/tests/blackbox/ledger"
)

// long tells if the tests are to take their time (make soak).
func long() bool { return os.Getenv("FORKER_SOAK") != "" }

// load is a ledger of which every request is to be answered.
type load struct {
	*ledger.Ledger
	once   sync.Once
	report *ledger.Report
	err    error
}

// load begins to send requests for /ledger: so many clients keep their connections, and as many open a new one for each request. It
// ends with the test at the latest.
func (p *program) load(clients int) *load {
	p.t.Helper()
	network, address := dialName(p.address(0))
	l := &load{Ledger: ledger.Open(ledger.Config{
		Network: network, Address: address, Target: "/ledger", Kept: clients, Anew: clients, Timeout: patience,
	})}
	p.t.Cleanup(l.end)
	return l
}

func (l *load) end() {
	l.once.Do(func() { l.report, l.err = l.Close() })
}

// more waits until so many more requests were answered.
func (l *load) more(t *testing.T, n int) {
	t.Helper()
	want := l.Answered() + n
	eventually(t, fmt.Sprintf("%d more requests are answered", n), func() bool { return l.Answered() >= want })
}

// expectAllAnswered ends the load, of which every request must have been answered, and no connection refused.
func (l *load) expectAllAnswered(t *testing.T) *ledger.Report {
	t.Helper()
	l.end()
	if l.err != nil {
		t.Error(l.err)
	}
	if len(l.report.Losses) > 0 || l.report.Answered == 0 {
		t.Errorf("%s: %+v", l.report, l.report.Losses[:min(len(l.report.Losses), 5)])
	}
	t.Logf("%s; %d with Connection: close", l.report, l.report.Closed)
	return l.report
}
