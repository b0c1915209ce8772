package blackbox

import (
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"libforker/tests/blackbox/ledger"
)

// long tells if the tests are to take their time (make soak).
func long() bool { return os.Getenv("FORKER_SOAK") != "" }

// load is a ledger of which every request is to be answered.
type load struct {
	*ledger.Ledger
	grace  time.Duration // that a draining worker gives to idle connections
	once   sync.Once
	report *ledger.Report
	err    error
}

// firstGrace is what a draining worker gives to a connection without a request at least; it is 2 s since the iteration
// of its loop began in which the connection was accepted.
const firstGrace = time.Second

// grace is the value of option drain_grace, as the program has it from its environment.
func (p *program) grace() time.Duration {
	p.t.Helper()
	text := p.option("drain_grace")
	if text == "" {
		return 500 * time.Millisecond
	}
	grace, err := time.ParseDuration(text)
	if err != nil {
		p.t.Fatal(err)
	}
	return grace
}

// isLate tells if a request came when its connection had been idle for longer than a draining worker waits. A server
// may close an idle connection at any time, and the request may be on its way then (RFC 9112 section 9.5): what is
// promised is the grace. A client that is not scheduled for that long, as on a busy machine, can miss it.
func isLate(loss *ledger.Loss, grace time.Duration) bool {
	if loss.Before.IsZero() {
		grace = firstGrace
	}
	return loss.Fate == ledger.Reset && loss.Pause() > grace
}

// ledgerConfig is of a ledger at the first address.
func (p *program) ledgerConfig(kept, anew int) ledger.Config {
	network, address := dialName(p.address(0))
	cfg := ledger.Config{
		Network: network, Address: address, Target: "/ledger", Kept: kept, Anew: anew, Timeout: patience,
		TLS: clientTLS(), HTTP2: overHTTP2, Calls: p.calls(),
	}
	if cfg.TLS != nil && cfg.HTTP2 {
		cfg.TLS = cfg.TLS.Clone()
		cfg.TLS.NextProtos = []string{"h2"}
	}
	return cfg
}

// load begins to send requests for /ledger: so many clients keep their connections, and as many open a new one for each
// request. It ends with the test at the latest.
func (p *program) load(clients int) *load {
	p.t.Helper()
	l := &load{grace: p.grace(), Ledger: ledger.Open(p.ledgerConfig(clients, clients))}
	p.t.Cleanup(l.end)
	p.scrape()
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

// expectAllAnswered ends the load, of which every request must have been answered, but for those that were late, and no
// connection refused.
func (l *load) expectAllAnswered(t *testing.T) *ledger.Report {
	t.Helper()
	l.end()
	if l.err != nil {
		t.Error(l.err)
	}
	late := 0
	for i := range l.report.Losses {
		if loss := &l.report.Losses[i]; isLate(loss, l.grace) {
			late++
		} else {
			t.Errorf("lost after a pause of %v: %+v", loss.Pause(), *loss)
		}
	}
	if l.report.Answered == 0 {
		t.Error("nothing was answered")
	}
	t.Logf("%s; %d with Connection: close, %d late", l.report, l.report.Closed, late)
	return l.report
}
