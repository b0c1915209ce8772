// Package ledger is an HTTP client that accounts for every request that it sends: it was answered, or the entry in the
// ledger says what became of it. It keeps some connections busy, each with one request at a time or with HTTP/2 some, and
// sends none twice but what the server says that it has not begun.
//
// Invariant: at any time Sent is the sum of Answered, of the losses, and with HTTP/1 of at most one request in flight per
// connection.
//
// The server answers the target with "<worker> <pid> <time> <query>", so that each response names its request, who served
// it, and when: in ns since 1970. What stands before the query may be something else; then the process is not known.
package ledger

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Config says whom to ask, and how.
type Config struct {
	Network, Address string
	Target           string        // without its query, which is the ledger's
	Kept             int           // connections that are kept from request to request
	Anew             int           // clients that open a connection for each request, and ask to close it
	TLS              *tls.Config   // nil: clear text
	HTTP2            bool          // RFC 9113, without TLS by prior knowledge
	Calls            string        // gRPC by HTTP/2; a file to which the server appends the id of each call that begins, in a line
	Timeout          time.Duration // of a connect or a response
}

// Fate is what became of a request that was not answered.
type Fate string

// What can become of a request or, with the first, of an attempt to connect.
const (
	Refused  Fate = "refused"   // nobody listens
	Reset    Fate = "reset"     // the connection ended before the response did
	TimedOut Fate = "timed out" // nothing came in time
	Wrong    Fate = "wrong"     // the response belongs to another request, or is no response
)

// Loss is an entry for what was not answered.
type Loss struct {
	Fate         Fate
	Pid          int // who answered on this connection before; 0: nobody yet
	Connected    time.Time
	Before       time.Time // when the handler of the request before this one ran on the same connection; zero: there was none
	Sent, Failed time.Time
	Written      time.Time // when the kernel had taken it; zero: it did not
	Err          error
}

// Pause is how long the client let the server wait at most: from the response to the request before, or the beginning of
// the connection, until this one was written.
func (l *Loss) Pause() time.Duration {
	since, until := l.Before, l.Written
	if since.IsZero() {
		since = l.Connected
	}
	if until.IsZero() {
		until = l.Failed
	}
	return until.Sub(since)
}

// Report is the closed ledger.
type Report struct {
	Sent, Answered, Connects int
	Closed                   int // answers with Connection: close, on connections that the client would have kept; GOAWAYs
	Again                    int // with HTTP/2: requests that the server said it had not begun
	Losses                   []Loss
	Slowest                  time.Duration // of the responses
}

// Count tells how many losses were of a kind.
func (r *Report) Count(fate Fate) int {
	n := 0
	for i := range r.Losses {
		if r.Losses[i].Fate == fate {
			n++
		}
	}
	return n
}

// Lost tells how many requests were sent and not answered.
func (r *Report) Lost() int { return len(r.Losses) - r.Count(Refused) }

func (r *Report) String() string {
	return fmt.Sprintf("%d sent, %d answered, %d refused, %d reset, %d timed out, %d wrong, %d again; %d connects, slowest answer %v",
		r.Sent, r.Answered, r.Count(Refused), r.Count(Reset), r.Count(TimedOut), r.Count(Wrong), r.Again, r.Connects, r.Slowest)
}

// Ledger is open while requests are sent.
type Ledger struct {
	cfg     Config
	stop    chan struct{}
	clients sync.WaitGroup

	// Guarded by mu.
	mu     sync.Mutex
	report Report
}

// Open begins to send requests.
func Open(cfg Config) *Ledger {
	l := &Ledger{cfg: cfg, stop: make(chan struct{})}
	if cfg.Calls != "" {
		_ = os.Truncate(cfg.Calls, 0) // Of a ledger before this one. It need not be there.
	}
	for number := range cfg.Kept + cfg.Anew {
		if cfg.HTTP2 {
			c := &streamer{ledger: l, number: number, most: Streams, anew: number >= cfg.Kept}
			l.clients.Go(c.run)
			continue
		}
		c := &client{ledger: l, number: number, anew: number >= cfg.Kept}
		l.clients.Go(c.run)
	}
	return l
}

// Answered tells how many responses there are so far.
func (l *Ledger) Answered() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.report.Answered
}

// Close finishes the requests in flight and gives the account. An error says that the books do not balance.
func (l *Ledger) Close() (*Report, error) {
	close(l.stop)
	l.clients.Wait()
	r := &l.report
	if r.Sent != r.Answered+r.Lost() {
		return r, fmt.Errorf("the books do not balance: %s", r)
	}
	if l.cfg.Calls != "" {
		return r, checkBegun(l.cfg.Calls, r)
	}
	return r, nil
}

func (l *Ledger) stopped() bool {
	select {
	case <-l.stop:
		return true
	default:
		return false
	}
}

func (l *Ledger) enter(change func(r *Report)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.report)
}

// client is one connection after another.
type client struct {
	ledger *Ledger
	number int
	anew   bool
	count  int
	conn   net.Conn
	input  *bufio.Reader
	since  time.Time // of conn
	pid    int       // of the worker at the other end, once known

	before, written time.Time // as in Loss
}

func (c *client) run() {
	defer c.disconnect()
	for !c.ledger.stopped() {
		if c.conn == nil && !c.connect() {
			continue
		}
		c.request()
	}
}

func (c *client) disconnect() {
	if c.conn != nil {
		// What is closed here is of no more use.
		_ = c.conn.Close()
		c.conn = nil
	}
}

func (c *client) connect() bool {
	conn, since, ok := c.ledger.dial()
	if ok {
		c.conn, c.input, c.pid, c.since, c.before = conn, bufio.NewReader(conn), 0, since, time.Time{}
	}
	return ok
}

// dial connects, which began at since. The handshake of TLS is a part of the first request.
func (l *Ledger) dial() (conn net.Conn, since time.Time, ok bool) {
	since = time.Now()
	conn, err := net.DialTimeout(l.cfg.Network, l.cfg.Address, l.cfg.Timeout)
	if err != nil {
		l.enter(func(r *Report) {
			r.Losses = append(r.Losses, Loss{Fate: Refused, Sent: since, Failed: time.Now(), Err: err})
		})
		time.Sleep(time.Millisecond)
		return nil, since, false
	}
	if l.cfg.TLS != nil {
		conn = tls.Client(conn, l.cfg.TLS)
	}
	l.enter(func(r *Report) { r.Connects++ })
	return conn, since, true
}

// request sends one request and enters what becomes of it.
func (c *client) request() {
	begin := time.Now()
	id := fmt.Sprintf("%d-%d", c.number, c.count)
	c.count++
	keep, by, err := c.exchange(id, begin)
	took := time.Since(begin)
	c.ledger.enter(func(r *Report) {
		r.Sent++
		if err != nil {
			r.Losses = append(r.Losses, Loss{
				Fate: fateOf(err), Pid: c.pid, Connected: c.since, Before: c.before, Sent: begin, Written: c.written,
				Failed: begin.Add(took), Err: err,
			})
			return
		}
		r.Answered++
		if !keep && !c.anew {
			r.Closed++
		}
		r.Slowest = max(r.Slowest, took)
	})
	c.pid, c.before = by.pid, by.at
	if err != nil || !keep || c.anew {
		c.disconnect()
	}
}

var errWrong = errors.New("not the response to this request")

// handled says who answered, and when.
type handled struct {
	pid int
	at  time.Time
}

func (c *client) exchange(id string, begin time.Time) (keep bool, by handled, err error) {
	if err := c.conn.SetDeadline(begin.Add(c.ledger.cfg.Timeout)); err != nil {
		return false, by, err
	}
	connection := "keep-alive"
	if c.anew {
		connection = "close"
	}
	c.written = time.Time{}
	_, err = fmt.Fprintf(c.conn, "GET %s?%s HTTP/1.1\r\nHost: ledger\r\nConnection: %s\r\n\r\n", c.ledger.cfg.Target, id, connection)
	if err != nil {
		return false, by, err
	}
	c.written = time.Now()
	response, err := http.ReadResponse(c.input, nil)
	if err != nil {
		return false, by, err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return false, by, err
	}
	by, err = handledBy(id, strconv.Itoa(response.StatusCode), body, begin)
	return !response.Close, by, err
}

// handledBy reads who has handled request id, out of the response to it.
func handledBy(id, status string, body []byte, begin time.Time) (by handled, err error) {
	text, own := strings.CutSuffix(string(body), " "+id)
	if !own || status != "200" {
		return by, fmt.Errorf("%w: %s %.100q", errWrong, status, body)
	}
	by.at = begin
	if fields := strings.Fields(text); len(fields) == 3 {
		ns, _ := strconv.ParseInt(fields[2], 10, 64)
		by.pid, _ = strconv.Atoi(fields[1])
		by.at = time.Unix(0, ns)
	}
	return by, nil
}

func fateOf(err error) Fate {
	switch {
	case errors.Is(err, errWrong) || strings.Contains(err.Error(), "malformed"):
		return Wrong
	case errors.Is(err, os.ErrDeadlineExceeded):
		return TimedOut
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return Reset
	}
	return Wrong
}
