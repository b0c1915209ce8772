package blackbox

import (
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"libforker/tests/blackbox/ledger"
)

// long tells if the tests are to take their time (make soak).
func long() bool { return os.Getenv("FORKER_SOAK") != "" }

// load is what clients send while a test does something to the server that must lose no request.
type load struct {
	*ledger.Ledger
	ended  bool
	closed atomic.Int64 // answers with Connection: close, on connections that the client would have kept; once ended
}

// load begins to send requests for /ledger: so many clients keep their connections, and as many open a new one for each request.
func (p *program) load(clients int) *load {
	p.t.Helper()
	network, address := dialName(p.address(0))
	l := &load{Ledger: ledger.Open(ledger.Config{
		Network: network, Address: address, Target: "/ledger", Kept: clients, Anew: clients, Timeout: 10 * patience,
	})}
	p.t.Cleanup(func() {
		if !l.ended {
			_, _ = l.Close() // The test has failed already.
		}
	})
	return l
}

// expectAllAnswered ends the load, of which every request must have been answered.
func (l *load) expectAllAnswered(t *testing.T) {
	t.Helper()
	l.ended = true
	report, err := l.Close()
	if err != nil {
		t.Error(err)
	}
	l.closed.Store(int64(report.Closed))
	if len(report.Losses) > 0 {
		t.Errorf("%s: among them %+v", report, report.Losses[:min(len(report.Losses), 5)])
	}
	if report.Answered == 0 {
		t.Error("no request was answered")
	}
	t.Logf("%s, %d of them with Connection: close", report, report.Closed)
}

// more waits until so many more requests were answered.
func (l *load) more(t *testing.T, n int) {
	t.Helper()
	want := l.Answered() + n
	eventually(t, fmt.Sprintf("%d more requests are answered", n), func() bool { return l.Answered() >= want })
}
