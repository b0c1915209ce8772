package admin

import (
	"strconv"
	"strings"

	"libforker/slot"
)

// The metrics, as Prometheus reads them.

// The buckets of the histogram that are shown: 1 µs to 34 s, in powers of two.
const (
	firstBucket = 10
	lastBucket  = 35
)

// page writes the Prometheus text format, version 0.0.4.
type page struct{ strings.Builder }

// family begins a metric.
func (p *page) family(name, kind, help string) {
	p.WriteString("# HELP " + name + " " + help + "\n# TYPE " + name + " " + kind + "\n")
}

// sample writes a value; labels is "" or `name="value"`, ready to be written.
func (p *page) sample(name, labels string, value float64) {
	p.WriteString(name)
	if labels != "" {
		p.WriteString("{" + labels + "}")
	}
	p.WriteString(" " + strconv.FormatFloat(value, 'g', -1, 64) + "\n")
}

// single writes a metric that is one value.
func (p *page) single(name, kind, help string, value float64) {
	p.family(name, kind, help)
	p.sample(name, "", value)
}

func label(name, value string) string {
	return name + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(value) + `"`
}

func number(n uint64) float64 { return float64(n) }

// metrics gives the text of /metrics.
func (s *Source) metrics() string {
	var p page
	workers, total := s.look()
	s.writeTree(&p, workers)
	writeTraffic(&p, &total)
	writeHandshakes(&p, &total)
	s.writeCertificates(&p)
	writeLatency(&p, &total)
	s.writeWorkers(&p, workers)
	return p.String()
}

func (s *Source) writeTree(p *page, workers []worker) {
	shared := s.Slots.Shared()
	masters, forks := shared.LoadStarts()
	ready := 0.0
	if s.isReady(workers) {
		ready = 1
	}
	p.family("forker_info", "gauge", "The version of libforker, always 1.")
	p.sample("forker_info", label("version", s.Version), 1)
	p.single("forker_uptime_seconds", "gauge", "Since run was called.", ago(s.Now(), shared.StartedNs).Seconds())
	p.single("forker_ready", "gauge", "1 while /readyz says so.", ready)
	p.family("forker_phase", "gauge", "1 for what the server is doing.")
	for phase := slot.Starting; phase <= slot.Stopping; phase++ {
		value := 0.0
		if phase == shared.LoadPhase() {
			value = 1
		}
		p.sample("forker_phase", label("phase", phase.String()), value)
	}
	p.single("forker_workers_wanted", "gauge", "How many workers the master keeps alive.", float64(shared.LoadWanted()))
	p.family("forker_workers", "gauge", "Worker processes by state.")
	for state := slot.Forked; state <= slot.Draining; state++ {
		count := 0.0
		for _, w := range workers {
			if w.state == state {
				count++
			}
		}
		p.sample("forker_workers", label("state", stateName(state)), count)
	}
	p.single("forker_master_starts_total", "counter", "Masters that were forked.", number(masters))
	p.single("forker_worker_starts_total", "counter", "Workers that were forked.", number(forks))
	p.family("forker_worker_exits_total", "counter", "Workers that are gone, by reason.")
	for reason := slot.Self; reason < slot.ExitReasons; reason++ {
		p.sample("forker_worker_exits_total", label("reason", reason.String()), number(shared.LoadExits(reason)))
	}
	p.family("forker_process_resident_memory_bytes", "gauge", "Resident memory of the processes that do not serve.")
	p.sample("forker_process_resident_memory_bytes", label("process", "spawner"), number(s.Resident(shared.SpawnerPid)))
	p.sample("forker_process_resident_memory_bytes", label("process", "master"), number(s.Resident(shared.LoadMasterPid())))
}

func writeTraffic(p *page, c *slot.Counters) {
	p.single("forker_connections", "gauge", "Connections that are open.", number(c.Connections))
	p.single("forker_connections_accepted_total", "counter", "Connections that were accepted.", number(c.Accepted))
	p.single("forker_requests_in_flight", "gauge", "Requests that are being handled.", number(c.InFlight))
	p.single("forker_requests_total", "counter", "Requests that were received whole.", number(c.Requests))
	p.family("forker_responses_total", "counter", "Responses by class of their status.")
	for class := 1; class < slot.StatusClasses; class++ {
		p.sample("forker_responses_total", label("class", classNames[class]), number(c.Responses[class]))
	}
	p.single("forker_received_bytes_total", "counter", "Bytes read from clients.", number(c.BytesIn))
	p.single("forker_sent_bytes_total", "counter", "Bytes written to clients.", number(c.BytesOut))
}

// writeHandshakes writes what became of TLS handshakes.
func writeHandshakes(p *page, c *slot.Counters) {
	const name, failed = "forker_tls_handshakes_total", "forker_tls_handshakes_failed_total"
	p.family(name, "counter", "TLS handshakes that have led to a session.")
	for i, labels := range []string{
		`version="1.2",resumed="0"`, `version="1.2",resumed="1"`, `version="1.3",resumed="0"`, `version="1.3",resumed="1"`,
	} {
		p.sample(name, labels, number(c.Handshakes[i]))
	}
	p.family(failed, "counter", "TLS handshakes that have not, by reason.")
	for end := slot.HandshakeLeft; end < slot.Handshakes; end++ {
		p.sample(failed, label("reason", end.String()), number(c.Handshakes[end]))
	}
}

func (s *Source) writeCertificates(p *page) {
	const name = "forker_tls_certificate_expires_seconds"
	p.family(name, "gauge", "Until the certificate expires; negative once it has.")
	for _, c := range s.certificates() {
		p.sample(name, label("certificate", c.name), c.notAfter.Sub(s.Wall()).Seconds())
	}
}

func writeLatency(p *page, c *slot.Counters) {
	const name = "forker_latency_seconds"
	p.family(name, "histogram", "From when a worker learned of a request until the kernel had the response.")
	h := histogram(c.Latency)
	below := uint64(0)
	for i, n := range h {
		below += n
		if i >= firstBucket && i <= lastBucket {
			_, high := bounds(i)
			p.sample(name+"_bucket", label("le", strconv.FormatFloat(high/1e9, 'g', -1, 64)), number(below))
		}
	}
	p.sample(name+"_bucket", label("le", "+Inf"), number(below))
	p.sample(name+"_sum", "", float64(c.LatencySumNs)/1e9)
	p.sample(name+"_count", "", number(below))
}

// workerMetric is one that each worker has.
type workerMetric struct {
	name, kind, help string
	value            func(s *Source, w *worker) float64
}

var workerMetrics = []workerMetric{
	{"forker_worker_age_seconds", "gauge", "Since the worker's fork.", func(_ *Source, w *worker) float64 { return w.born.Seconds() }},
	{
		"forker_worker_heartbeat_age_seconds", "gauge", "Since the worker's loop last came round.",
		func(_ *Source, w *worker) float64 { return max(w.heartbeat, 0).Seconds() },
	},
	{
		"forker_worker_resident_memory_bytes", "gauge", "Resident memory, of which much is shared.",
		func(s *Source, w *worker) float64 { return number(s.Resident(w.pid)) },
	},
	{
		"forker_worker_connections", "gauge", "Connections that are open.",
		func(_ *Source, w *worker) float64 { return number(w.counters.Connections) },
	},
}

func (s *Source) writeWorkers(p *page, workers []worker) {
	for _, m := range workerMetrics {
		p.family(m.name, m.kind, m.help)
		for i := range workers {
			if w := &workers[i]; w.pid > 0 {
				p.sample(m.name, label("worker", strconv.Itoa(w.index)), m.value(s, w))
			}
		}
	}
	p.family("forker_worker_requests_total", "counter", "Requests by worker, over all processes that had its number.")
	for _, w := range workers {
		p.sample("forker_worker_requests_total", label("worker", strconv.Itoa(w.index)), number(w.counters.Requests))
	}
}
