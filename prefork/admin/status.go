package admin

import (
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"libforker/slot"
)

// The status, as JSON.

// The document that /status gives. docs/OPERATIONS.md describes it; fields are added but neither removed nor changed.
type (
	status struct {
		Version       string            `json:"version"`
		Program       string            `json:"program"`
		Addresses     []string          `json:"addresses"`
		Options       map[string]string `json:"options"`
		Time          time.Time         `json:"time"`
		Phase         string            `json:"phase"`
		Ready         bool              `json:"ready"`
		UptimeSeconds float64           `json:"uptime_seconds"`
		SpawnerPid    int32             `json:"spawner_pid"`
		MasterPid     int32             `json:"master_pid"`
		WorkersWanted uint32            `json:"workers_wanted"`
		WorkersReady  int               `json:"workers_ready"`
		MasterStarts  uint64            `json:"master_starts"`
		WorkerStarts  uint64            `json:"worker_starts"`
		WorkerExits   map[string]uint64 `json:"worker_exits"`
		statusCounters
		Certificates []statusCertificate `json:"certificates"`

		Latency   statusLatency  `json:"latency"`
		LastCrash *statusCrash   `json:"last_crash"`
		Workers   []statusWorker `json:"workers"`
	}

	statusCounters struct {
		Connections uint64            `json:"connections"`
		InFlight    uint64            `json:"in_flight"`
		Accepted    uint64            `json:"accepted"`
		Requests    uint64            `json:"requests"`
		BytesIn     uint64            `json:"bytes_in"`
		BytesOut    uint64            `json:"bytes_out"`
		Responses   map[string]uint64 `json:"responses"`
		Handshakes  map[string]uint64 `json:"tls_handshakes"`
	}

	statusCertificate struct {
		Name           string    `json:"name"`
		NotBefore      time.Time `json:"not_before"`
		NotAfter       time.Time `json:"not_after"`
		ExpiresSeconds float64   `json:"expires_seconds"` // negative: it has
	}

	statusLatency struct {
		Count      uint64  `json:"count"`
		SumSeconds float64 `json:"sum_seconds"`
		P50Seconds float64 `json:"p50_seconds"`
		P90Seconds float64 `json:"p90_seconds"`
		P99Seconds float64 `json:"p99_seconds"`
	}

	statusWorker struct {
		Index            int     `json:"index"`
		State            string  `json:"state"`
		Pid              int32   `json:"pid"`
		Generation       uint32  `json:"generation"`
		AgeSeconds       float64 `json:"age_seconds"`
		HeartbeatSeconds float64 `json:"heartbeat_seconds"` // -1: none yet
		RSSBytes         uint64  `json:"rss_bytes"`
		statusCounters
		Busy *statusRequest `json:"busy"`
	}

	// statusRequest is one that was inside a handler.
	statusRequest struct {
		Method  string  `json:"method"`
		Target  string  `json:"target"`
		Peer    string  `json:"peer"`
		Seconds float64 `json:"seconds"`
	}

	statusCrash struct {
		Time       time.Time      `json:"time"`
		Reason     string         `json:"reason"`
		Worker     uint32         `json:"worker"`
		Generation uint32         `json:"generation"`
		Pid        int32          `json:"pid"`
		Signal     string         `json:"signal"`      // "" if it exited
		ExitStatus int            `json:"exit_status"` // -1 if it did not exit by itself
		AgeSeconds float64        `json:"age_seconds"`
		LastWords  string         `json:"last_words"`
		Request    *statusRequest `json:"request"`
	}
)

func (s *Source) status() *status {
	workers, total := s.look()
	shared := s.Slots.Shared()
	masters, forks := shared.LoadStarts()
	doc := &status{
		Version:        s.Version,
		Program:        s.Program,
		Addresses:      s.Addresses,
		Options:        s.Options(),
		Time:           s.Wall().UTC(),
		Phase:          shared.LoadPhase().String(),
		Ready:          s.isReady(workers),
		UptimeSeconds:  ago(s.Now(), shared.StartedNs).Seconds(),
		SpawnerPid:     shared.SpawnerPid,
		MasterPid:      shared.LoadMasterPid(),
		WorkersWanted:  shared.LoadWanted(),
		WorkersReady:   countReady(workers),
		MasterStarts:   masters,
		WorkerStarts:   forks,
		WorkerExits:    exitsByReason(shared),
		statusCounters: describeCounters(&total),
		Certificates:   s.describeCertificates(),
		Latency:        describeLatency(&total),
		LastCrash:      s.describeCrash(shared),
		Workers:        []statusWorker{},
	}
	for i := range workers {
		doc.Workers = append(doc.Workers, s.describeWorker(&workers[i]))
	}
	return doc
}

func exitsByReason(shared *slot.Shared) map[string]uint64 {
	exits := map[string]uint64{}
	for reason := slot.Self; reason < slot.ExitReasons; reason++ {
		exits[reason.String()] = shared.LoadExits(reason)
	}
	return exits
}

var classNames = [slot.StatusClasses]string{1: "1xx", 2: "2xx", 3: "3xx", 4: "4xx", 5: "5xx"}

func describeCounters(c *slot.Counters) statusCounters {
	responses := map[string]uint64{}
	for class := 1; class < slot.StatusClasses; class++ {
		responses[classNames[class]] = c.Responses[class]
	}
	handshakes := map[string]uint64{}
	for end := slot.TLS12Full; end < slot.Handshakes; end++ {
		handshakes[end.String()] = c.Handshakes[end]
	}
	return statusCounters{
		Connections: c.Connections, InFlight: c.InFlight, Accepted: c.Accepted, Requests: c.Requests,
		BytesIn: c.BytesIn, BytesOut: c.BytesOut, Responses: responses, Handshakes: handshakes,
	}
}

func (s *Source) describeCertificates() []statusCertificate {
	list := []statusCertificate{}
	for _, c := range s.certificates() {
		list = append(list, statusCertificate{c.name, c.notBefore, c.notAfter, c.notAfter.Sub(s.Wall()).Seconds()})
	}
	return list
}

func describeLatency(c *slot.Counters) statusLatency {
	h := histogram(c.Latency)
	return statusLatency{
		Count:      h.count(),
		SumSeconds: float64(c.LatencySumNs) / 1e9,
		P50Seconds: h.quantile(0.5),
		P90Seconds: h.quantile(0.9),
		P99Seconds: h.quantile(0.99),
	}
}

func stateName(state slot.State) string { return strings.ToLower(state.String()) }

func (s *Source) describeWorker(w *worker) statusWorker {
	doc := statusWorker{
		Index:            w.index,
		State:            stateName(w.state),
		Pid:              w.pid,
		Generation:       w.generation,
		AgeSeconds:       w.born.Seconds(),
		HeartbeatSeconds: -1,
		statusCounters:   describeCounters(&w.counters),
	}
	if w.heartbeat >= 0 {
		doc.HeartbeatSeconds = w.heartbeat.Seconds()
	}
	if w.pid > 0 {
		doc.RSSBytes = s.Resident(w.pid)
	}
	if box := &w.page.Box; w.state != slot.Empty && box.Busy() {
		doc.Busy = s.describeRequest(box, ago(s.Now(), box.LoadSinceNs()))
	}
	return doc
}

func (s *Source) describeRequest(box *slot.BlackBox, inside time.Duration) *statusRequest {
	return &statusRequest{Method: box.Method(), Target: s.hideQueries(box.Target()), Peer: box.Peer.String(), Seconds: inside.Seconds()}
}

func (s *Source) describeCrash(shared *slot.Shared) *statusCrash {
	c, ok := shared.LoadCrash()
	if !ok {
		return nil
	}
	doc := &statusCrash{
		Time:       time.Unix(0, int64(c.WallNs)).UTC(),
		Reason:     slot.ExitReason(c.Reason).String(),
		Worker:     c.Worker,
		Generation: c.Generation,
		Pid:        c.Pid,
		ExitStatus: -1,
		AgeSeconds: time.Duration(c.AgeNs).Seconds(),
		LastWords:  s.hideQueries(c.LastWords()),
	}
	if how := unix.WaitStatus(c.Status); c.Status != -1 && how.Exited() {
		doc.ExitStatus = how.ExitStatus()
	} else if c.Status != -1 && how.Signaled() {
		doc.Signal = signalName(how.Signal())
	}
	if atomic.LoadUint32(&c.Box.BusyFlag) != 0 {
		doc.Request = s.describeRequest(&c.Box, time.Duration(c.InsideNs))
	}
	return doc
}

// hideQueries cuts each word of a text at its "?", unless queries are shown: a target is one word, the last line that a
// worker has logged may have some in it.
func (s *Source) hideQueries(text string) string {
	if s.Queries {
		return text
	}
	words := strings.Split(text, " ")
	for i, word := range words {
		words[i], _, _ = strings.Cut(word, "?")
	}
	return strings.Join(words, " ")
}

func signalName(signal unix.Signal) string {
	if name := unix.SignalName(signal); name != "" {
		return name
	}
	return "signal " + strconv.Itoa(int(signal))
}
