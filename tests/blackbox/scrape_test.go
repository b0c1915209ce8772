package blackbox

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
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

// watched puts an admin listener in front of a program's options, which may name another one: whoever starts a load then has the
// program scraped.
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

// scraper asks for the metrics of a program again and again. Each scrape is answered, or refused because the master has just died;
// none is left waiting. What is answered is complete, no counter ever goes backwards, and workers are forked at most 20 times a second.
type scraper struct {
	t    *testing.T
	path string
	stop chan struct{}

	// Owned by run.
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
	path, isUnix := strings.CutPrefix(p.option("admin"), "unix:")
	if !isUnix || p.scraped {
		return
	}
	p.scraped = true
	s := &scraper{t: p.t, path: path, stop: make(chan struct{}), servers: map[int]*scraped{}}
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
		begin := time.Now()
		spawner, metrics, err := fetchMetrics(s.path)
		switch {
		case err == nil:
			s.answered++
			s.check(spawner, metrics, forkCount{begin, time.Now(), metrics["forker_worker_starts_total"]})
		case errors.Is(err, os.ErrDeadlineExceeded):
			s.t.Errorf("a scrape was not answered within %v", scrapeLimit)
		default:
			s.refused++
		}
		select {
		case <-s.stop:
			return
		case <-tick.C:
		}
	}
}

// fetchMetrics asks for the metrics, and on the same connection, so the same server, for the spawner's pid.
func fetchMetrics(path string) (spawner int, metrics map[string]float64, err error) {
	c, err := net.DialTimeout("unix", path, scrapeLimit)
	if err != nil {
		return 0, nil, err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(scrapeLimit)); err != nil {
		return 0, nil, err
	}
	input := &conn{Conn: c, input: bufio.NewReader(c)}
	var bodies [2]string
	for i, target := range []string{"/metrics", "/status"} {
		if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", target); err != nil {
			return 0, nil, err
		}
		got, err := input.tryReceive("GET")
		if err != nil {
			return 0, nil, err
		}
		bodies[i] = got.body
	}
	var tree treeStatus
	err = json.Unmarshal([]byte(bodies[1]), &tree)
	return tree.SpawnerPid, parseMetrics(bodies[0]), err
}

func (s *scraper) check(spawner int, now map[string]float64, forks forkCount) {
	if len(now) < 50 {
		s.t.Errorf("only %d samples: %v", len(now), now)
		return
	}
	server := s.servers[spawner]
	if server == nil {
		server = &scraped{}
		s.servers[spawner] = server
	}
	for name, value := range server.last {
		if isCounter(name) && now[name] < value {
			s.t.Errorf("%s of spawner %d went back from %v to %v", name, spawner, value, now[name])
		}
	}
	server.last = now
	server.countForks(s.t, forks)
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
