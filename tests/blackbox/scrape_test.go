package blackbox

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	// scrapeLimit is how long a scrape may take on a busy machine. The tests that stop a master do so for less.
	scrapeLimit    = 10 * time.Second
	scrapeInterval = 25 * time.Millisecond
	forksPerSecond = 20
)

// watched puts an admin listener in front of a program's options, which may name another one: whoever starts a load
// then has the program scraped.
func watched(t *testing.T, options []string) []string {
	t.Helper()
	dir, err := os.MkdirTemp("", "admin") // t.TempDir can be too long for a unix socket.
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return append([]string{"admin=unix:" + filepath.Join(dir, "socket")}, options...)
}

// option is the value of an option that the program has from its environment; "" if it has none.
func (p *program) option(name string) (value string) {
	prefix := "FORKER_" + strings.ToUpper(name) + "="
	for _, entry := range p.cmd.Env {
		if text, set := strings.CutPrefix(entry, prefix); set {
			value = text
		}
	}
	return value
}

// scraper asks for the metrics and the status of a program again and again. Each scrape is answered, or refused because
// the master has just died; none is left waiting. What is answered is complete, no counter ever goes backwards, and
// workers are forked at most 20 times a second.
type scraper struct {
	t    *testing.T
	path string
	stop chan struct{}

	// Owned by the test until run begins.
	answered, refused int
	servers           map[int]*scraped // by the pid of the spawner
}

// scraped is what was heard of one server: an upgrade starts another, whose counters begin anew.
type scraped struct {
	last  map[string]float64
	forks []forkCount
}

type forkCount struct {
	begin, end time.Time // of the scrape
	workers    float64   // that were forked until then
}

// scrape begins to scrape, if the program has an admin listener and is not scraped yet, until the test ends.
func (p *program) scrape() {
	p.t.Helper()
	path, isUnix := strings.CutPrefix(p.option("admin"), "unix:")
	if !isUnix || p.scraped {
		return
	}
	p.scraped = true
	s := &scraper{t: p.t, path: path, stop: make(chan struct{}), servers: map[int]*scraped{}}
	eventually(p.t, "a scrape is answered", func() bool { s.once(); return s.answered > 0 })
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.run()
	}()
	p.t.Cleanup(func() {
		close(s.stop)
		<-done
		p.t.Logf("metrics: %d scrapes answered, %d refused, %d servers", s.answered, s.refused, len(s.servers))
	})
}

func (s *scraper) run() {
	tick := time.NewTicker(scrapeInterval)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
		}
		s.once()
	}
}

// once looks at the metrics, and at the status, which says whose it is.
func (s *scraper) once() {
	metrics, err := s.fetch("/metrics")
	if err == nil && len(parseMetrics(metrics)) < 50 {
		s.t.Errorf("only %d samples: %s", len(parseMetrics(metrics)), metrics)
	}
	begin, text := time.Now(), ""
	if err == nil {
		text, err = s.fetch("/status")
	}
	switch {
	case err == nil:
		s.answered++
		s.check(text, begin)
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.t.Errorf("a scrape was not answered within %v", scrapeLimit)
	default:
		s.refused++
	}
}

// fetch gets a page. Not by admin.ask, which ends a test that it fails in: this is another goroutine's.
func (s *scraper) fetch(target string) (string, error) {
	c, err := net.DialTimeout("unix", s.path, scrapeLimit)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(scrapeLimit)); err != nil {
		return "", err
	}
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", target); err != nil {
		return "", err
	}
	got, err := (&conn{Conn: c, input: bufio.NewReader(c)}).tryReceive("GET")
	return got.body, err
}

// statusCounters are those members of /status that never go backwards, and what is in them.
var statusCounters = []string{
	"master_starts", "worker_starts", "worker_exits", "accepted", "requests", "bytes_in", "bytes_out", "responses", "latency.count",
	"latency.sum_seconds",
}

// parseStatus gives the numbers of /status by name, those of an object within it as "object.name".
func parseStatus(text string) (map[string]float64, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &members); err != nil {
		return nil, err
	}
	numbers := map[string]float64{}
	for name, member := range members {
		var number float64
		var within map[string]json.RawMessage
		if json.Unmarshal(member, &number) == nil {
			numbers[name] = number
		} else if json.Unmarshal(member, &within) == nil {
			for key, member := range within {
				if json.Unmarshal(member, &number) == nil {
					numbers[name+"."+key] = number
				}
			}
		}
	}
	return numbers, nil
}

func (s *scraper) check(text string, begin time.Time) {
	now, err := parseStatus(text)
	if err != nil {
		s.t.Errorf("%v: %s", err, text)
		return
	}
	spawner := int(now["spawner_pid"])
	server := s.servers[spawner]
	if server == nil {
		server = &scraped{}
		s.servers[spawner] = server
	}
	for name, value := range server.last {
		object, _, _ := strings.Cut(name, ".")
		if (slices.Contains(statusCounters, name) || slices.Contains(statusCounters, object)) && now[name] < value {
			s.t.Errorf("%s of spawner %d went back from %v to %v", name, spawner, value, now[name])
		}
	}
	server.last = now
	server.countForks(s.t, forkCount{begin, time.Now(), now["worker_starts"]})
}

// countForks looks whether there were too many since any scrape of the last second.
func (s *scraped) countForks(t *testing.T, now forkCount) {
	for len(s.forks) > 0 && now.end.Sub(s.forks[0].begin) >= time.Second {
		s.forks = s.forks[1:]
	}
	if len(s.forks) > 0 && now.workers-s.forks[0].workers > forksPerSecond {
		t.Errorf("%v forks within %v", now.workers-s.forks[0].workers, now.end.Sub(s.forks[0].begin))
	}
	s.forks = append(s.forks, now)
}
