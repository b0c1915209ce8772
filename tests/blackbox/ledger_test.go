package blackbox

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// ledger accounts for every request of a load: it is answered, with its own number, or it has failed.
type ledger struct {
	address  string
	stop     chan struct{}
	clients  sync.WaitGroup
	next     atomic.Int64
	answered atomic.Int64
	closed   atomic.Int64 // answers with Connection: close, on connections that the client would have kept

	// Guarded by mu.
	mu       sync.Mutex
	failures []string
}

// long tells if the tests are to take their time (make soak).
func long() bool { return os.Getenv("FORKER_SOAK") != "" }

// load begins to send requests for /ledger: so many clients keep their connections, and as many open a new one for each request.
func (p *program) load(clients int) *ledger {
	p.t.Helper()
	l := &ledger{address: p.address(0), stop: make(chan struct{})}
	for range clients {
		l.clients.Go(l.keepAlive)
		l.clients.Go(l.connectAnew)
	}
	p.t.Cleanup(l.end)
	return l
}

func (l *ledger) over() bool {
	select {
	case <-l.stop:
		return true
	default:
		return false
	}
}

// end stops the load.
func (l *ledger) end() {
	if !l.over() {
		close(l.stop)
	}
	l.clients.Wait()
}

// expectAllAnswered ends the load, of which every request must have been answered.
func (l *ledger) expectAllAnswered(t *testing.T) {
	t.Helper()
	l.end()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.failures) > 0 {
		t.Errorf("%d of %d requests failed, among them %v", len(l.failures), l.next.Load(), l.failures[:min(len(l.failures), 5)])
	}
	if l.answered.Load() == 0 {
		t.Error("no request was answered")
	}
	t.Logf("%d requests answered, %d of them with Connection: close", l.answered.Load(), l.closed.Load())
}

// more waits until so many more requests were answered.
func (l *ledger) more(t *testing.T, n int64) {
	t.Helper()
	want := l.answered.Load() + n
	eventually(t, fmt.Sprintf("%d more requests are answered", n), func() bool { return l.answered.Load() >= want })
}

func (l *ledger) fail(number int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures = append(l.failures, fmt.Sprintf("request %d: %v", number, err))
}

func (l *ledger) keepAlive() {
	var c net.Conn
	var input *bufio.Reader
	for !l.over() {
		if c == nil {
			var err error
			if c, err = l.dial(); err != nil {
				l.fail(l.next.Add(1), err)
				return
			}
			input = bufio.NewReader(c)
		}
		number := l.next.Add(1)
		closes, err := l.ask(c, input, number, "keep-alive")
		if err != nil {
			l.fail(number, err)
		}
		if closes {
			l.closed.Add(1)
		}
		if closes || err != nil {
			_ = c.Close()
			c = nil
		}
	}
	if c != nil {
		_ = c.Close()
	}
}

func (l *ledger) connectAnew() {
	for !l.over() {
		number := l.next.Add(1)
		c, err := l.dial()
		if err != nil {
			l.fail(number, err)
			return
		}
		if _, err := l.ask(c, bufio.NewReader(c), number, "close"); err != nil {
			l.fail(number, err)
		}
		_ = c.Close()
	}
}

func (l *ledger) dial() (net.Conn, error) {
	network, name := dialName(l.address)
	c, err := net.DialTimeout(network, name, patience)
	if err == nil {
		err = c.SetDeadline(time.Now().Add(10 * patience))
	}
	return c, err
}

// ask sends one request and checks that the answer is to it.
func (l *ledger) ask(c net.Conn, input *bufio.Reader, number int64, connection string) (closes bool, err error) {
	_, err = fmt.Fprintf(c, "GET /ledger?%d HTTP/1.1\r\nHost: test\r\nConnection: %s\r\n\r\n", number, connection)
	if err != nil {
		return false, err
	}
	response, err := http.ReadResponse(input, nil)
	if err != nil {
		return false, err
	}
	body, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return false, err
	case response.StatusCode != 200 || !strings.HasSuffix(string(body), fmt.Sprintf(" %d", number)):
		return false, fmt.Errorf("answered %s with %q", response.Status, body)
	}
	l.answered.Add(1)
	return response.Close, nil
}
