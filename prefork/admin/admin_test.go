package admin

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"libforker/slot"
)

// tree is a process tree in memory.
type tree struct {
	*slot.Table
	source Source
	now    time.Duration
}

func newTree(t *testing.T, workers int) *tree {
	t.Helper()
	mem := make([]byte, slot.MemorySize(4))
	binary.NativeEndian.PutUint32(mem[0:], slot.SharedMagic)
	binary.NativeEndian.PutUint32(mem[4:], 4)
	table, err := slot.Open(mem, 4)
	if err != nil {
		t.Fatal(err)
	}
	tr := &tree{Table: table, now: time.Hour}
	tr.source = Source{
		Version:   "1.2.3",
		Program:   "hello",
		Addresses: []string{"127.0.0.1:8080"},
		Options:   func() map[string]string { return map[string]string{"workers": "4"} },
		Slots:     table,
		Now:       func() time.Duration { return tr.now },
		Wall:      func() time.Time { return time.Unix(1_700_000_000, 0).Add(tr.now) },
		Resident:  func(pid int32) uint64 { return 1 << 20 * uint64(pid) },
	}
	shared := table.Shared()
	shared.SpawnerPid, shared.MasterPid = 10, 11
	shared.StartedNs = uint64(time.Hour - time.Minute)
	for i := range workers {
		s := table.Slot(i)
		s.Generation, s.Pid, s.State = 1, int32(20+i), uint32(slot.Ready)
		s.BornNs, s.HeartbeatNs = uint64(time.Hour-30*time.Second), uint64(time.Hour-time.Second)
	}
	shared.Publish(slot.Serving)
	atomic.StoreUint32(&shared.Wanted, uint32(workers))
	return tr
}

// serve makes a server without a listener.
func (tr *tree) serve() *Server {
	s := &Server{source: tr.source}
	s.history = newHistory(&s.source)
	return s
}

func (tr *tree) get(t *testing.T, target string) *httptest.ResponseRecorder {
	t.Helper()
	return tr.serve().ask(t, "GET", target)
}

// ask gives the response as it is sent.
func (s *Server) ask(t *testing.T, method, target string) *httptest.ResponseRecorder {
	t.Helper()
	r, status := parse(method + " " + target + " HTTP/1.1\r\nHost: localhost")
	if status != 0 {
		t.Fatalf("%s %s is refused with %d", method, target, status)
	}
	a := s.guard(r, true)
	sent := bytes.NewReader(a.encode(s.source.Wall(), method == "HEAD"))
	response, err := http.ReadResponse(bufio.NewReader(sent), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	w.Code = response.StatusCode
	maps.Copy(w.Header(), response.Header)
	if _, err = w.Body.ReadFrom(response.Body); err != nil || sent.Len() > 0 {
		t.Errorf("the body of %s %s: %v, %d bytes behind it", method, target, err, sent.Len())
	}
	return w
}

func (tr *tree) lose(reason slot.ExitReason, status int32) *slot.CrashPage {
	c := &tr.Shared().Crash
	c.Reason, c.Status, c.Worker, c.Generation, c.Pid = uint32(reason), status, 1, 7, 99
	c.WallNs, c.AgeNs = 1_700_000_000e9, uint64(90*time.Second)
	copy(c.LastWordsText[:], "no memory\x00")
	c.Version = 2
	return c
}

func TestHealth_isThatTheProcessResponses(t *testing.T) {
	tr := newTree(t, 0)
	if w := tr.get(t, "/healthz"); w.Code != 200 || w.Body.String() != "ok\n" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}

func TestReady_needsAWorkerAndNoStop(t *testing.T) {
	for _, c := range []struct {
		phase  slot.Phase
		states []slot.State
		want   int
	}{
		{slot.Serving, []slot.State{slot.Ready, slot.Ready}, 200},
		{slot.Serving, []slot.State{slot.Empty, slot.Ready}, 200},
		{slot.Reloading, []slot.State{slot.Ready, slot.Draining}, 200},
		{slot.Serving, []slot.State{slot.Empty, slot.Draining}, 503},
		{slot.Serving, []slot.State{slot.Booting, slot.Forked}, 503},
		{slot.Starting, []slot.State{slot.Booting, slot.Booting}, 503},
		{slot.DrainingAll, []slot.State{slot.Ready, slot.Draining}, 503},
		{slot.Stopping, []slot.State{slot.Ready, slot.Ready}, 503},
	} {
		tr := newTree(t, 2)
		tr.Shared().Publish(c.phase)
		for i, state := range c.states {
			tr.Slot(i).State = uint32(state)
		}
		if w := tr.get(t, "/readyz"); w.Code != c.want {
			t.Errorf("%v %v: %d %q, want %d", c.phase, c.states, w.Code, w.Body, c.want)
		}
	}
}

func (tr *tree) status(t *testing.T) (doc status, raw map[string]any) {
	t.Helper()
	w := tr.get(t, "/status")
	if got := w.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("the type is %q", got)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &raw); err != nil {
		t.Fatal(err)
	}
	return doc, raw
}

func TestStatus_tellsTheTree(t *testing.T) {
	tr := newTree(t, 2)
	atomic.StoreUint64(&tr.Shared().Exits[slot.Crash], 3)
	tr.Slot(0).Requests, tr.Slot(1).Requests = 5, 7
	tr.Slot(1).Responses[5] = 2
	tr.Slot(1).State = uint32(slot.Empty)
	doc, raw := tr.status(t)
	if doc.Phase != "serving" || !doc.Ready || doc.WorkersReady != 1 || doc.WorkersWanted != 2 || doc.UptimeSeconds != 60 {
		t.Errorf("%+v", doc)
	}
	if doc.Requests != 12 || doc.Responses["5xx"] != 2 || doc.WorkerExits["crash"] != 3 || doc.WorkerExits["stop"] != 0 {
		t.Errorf("%+v", doc)
	}
	w := doc.Workers[0]
	if w.State != "ready" || w.Pid != 20 || w.AgeSeconds != 30 || w.HeartbeatSeconds != 1 || w.RSSBytes != 20<<20 || w.Requests != 5 {
		t.Errorf("%+v", w)
	}
	if w = doc.Workers[1]; w.State != "empty" || w.Pid != 0 || w.AgeSeconds != 0 || w.RSSBytes != 0 || w.Requests != 7 {
		t.Errorf("of an empty slot: %+v", w)
	}
	if raw["last_crash"] != nil {
		t.Errorf("there was no crash, but %v", raw["last_crash"])
	}
}

func TestStatus_hasTheFieldsThatAreDocumented(t *testing.T) {
	tr := newTree(t, 1)
	_, raw := tr.status(t)
	for _, name := range []string{
		"version", "time", "phase", "ready", "uptime_seconds", "spawner_pid", "master_pid", "workers_wanted", "workers_ready",
		"master_starts", "worker_starts", "worker_exits", "connections", "in_flight", "accepted", "requests", "bytes_in", "bytes_out",
		"responses", "latency", "last_crash", "workers", "program", "addresses", "options",
		"certificates", "tls_handshakes",
	} {
		if _, ok := raw[name]; !ok {
			t.Errorf("there is no %q", name)
		}
	}
	if len(raw) != 27 {
		t.Errorf("%d fields: document the new ones here and in docs/OPERATIONS.md", len(raw))
	}
}

func TestStatus_tellsTheRequestInAHandler(t *testing.T) {
	tr := newTree(t, 1)
	box := &tr.Slot(0).Box
	box.MethodLen, box.TargetLen, box.SinceNs = 3, 8, uint64(time.Hour-1500*time.Millisecond)
	copy(box.MethodText[:], "GET")
	copy(box.TargetText[:], "/<script")
	box.Peer = slot.Peer{Family: unix.AF_INET, Port: 5, Addr: [16]byte{127, 0, 0, 1}}
	box.BusyFlag = 1
	doc, _ := tr.status(t)
	if got, want := *doc.Workers[0].Busy, (statusRequest{"GET", "/<script", "127.0.0.1:5", 1.5}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if body := tr.get(t, "/status").Body.String(); strings.Contains(body, "<script") {
		t.Error("a target stands in JSON unescaped")
	}
}

func TestStatus_tellsTheLastCrash(t *testing.T) {
	tr := newTree(t, 2)
	c := tr.lose(slot.Crash, int32(unix.SIGSEGV))
	c.Box.BusyFlag, c.Box.MethodLen, c.InsideNs = 1, 4, 2e9
	copy(c.Box.MethodText[:], "POST")
	doc, _ := tr.status(t)
	got := doc.LastCrash
	if got.Reason != "crash" || got.Signal != "SIGSEGV" || got.ExitStatus != -1 || got.Worker != 1 || got.Generation != 7 ||
		got.AgeSeconds != 90 || got.LastWords != "no memory" || got.Time.Unix() != 1_700_000_000 {
		t.Errorf("%+v", got)
	}
	if got.Request == nil || got.Request.Method != "POST" || got.Request.Seconds != 2 {
		t.Errorf("%+v", got.Request)
	}
	for _, how := range []struct {
		status int32
		signal string
		exit   int
	}{{7 << 8, "", 7}, {-1, "", -1}, {40, "signal 40", -1}} {
		tr.lose(slot.Self, how.status).Box.BusyFlag = 0
		doc, _ = tr.status(t)
		if got = doc.LastCrash; got.Signal != how.signal || got.ExitStatus != how.exit || got.Request != nil {
			t.Errorf("status %#x: %+v", how.status, got)
		}
	}
}

func TestStatus_showsQueriesOnlyIfItMay(t *testing.T) {
	const target = "/a?token=secret&b?c"
	for shown, want := range map[bool]struct{ target, words string }{
		true:  {target, "GET " + target + " from 192.0.2.1:5: no memory"},
		false: {"/a", "GET /a from 192.0.2.1:5: no memory"},
	} {
		tr := newTree(t, 1)
		tr.source.Queries = shown
		c := tr.lose(slot.Crash, int32(unix.SIGSEGV))
		copy(c.LastWordsText[:], "GET "+target+" from 192.0.2.1:5: no memory\x00")
		for _, box := range []*slot.BlackBox{&c.Box, &tr.Slot(0).Box} {
			box.BusyFlag, box.TargetLen = 1, uint16(len(target))
			copy(box.TargetText[:], target)
		}
		doc, _ := tr.status(t)
		if busy := doc.Workers[0].Busy; busy.Target != want.target {
			t.Errorf("in a handler: %q", busy.Target)
		}
		if crash := doc.LastCrash; crash.Request.Target != want.target || crash.LastWords != want.words {
			t.Errorf("the crash: %q, %q", crash.Request.Target, crash.LastWords)
		}
		for _, page := range []string{"/status", "/metrics", "/history", "/"} {
			if body := tr.get(t, page).Body.String(); strings.Contains(body, "secret") && !shown {
				t.Errorf("%s shows a query", page)
			}
		}
	}
}

func TestMetrics_areWhatTheSlotsCount(t *testing.T) {
	tr := newTree(t, 2)
	atomic.StoreUint64(&tr.Shared().Exits[slot.Killed], 4)
	s := tr.Slot(0)
	s.Requests, s.Connections, s.InFlight, s.LatencySumNs = 3, 2, 1, 5e9
	s.Responses[2], s.Latency[5], s.Latency[12], s.Latency[39] = 3, 1, 1, 1
	w := tr.get(t, "/metrics")
	if got := w.Header().Get("Content-Type"); got != "text/plain; version=0.0.4; charset=utf-8" {
		t.Errorf("the type is %q", got)
	}
	for _, want := range []string{
		`forker_info{version="1.2.3"} 1`,
		"forker_ready 1",
		`forker_phase{phase="serving"} 1`,
		`forker_workers{state="ready"} 2`,
		`forker_worker_exits_total{reason="killed"} 4`,
		`forker_responses_total{class="2xx"} 3`,
		"forker_requests_in_flight 1",
		`forker_latency_seconds_bucket{le="1.024e-06"} 1`,
		`forker_latency_seconds_bucket{le="2.048e-06"} 1`,
		`forker_latency_seconds_bucket{le="4.096e-06"} 2`,
		`forker_latency_seconds_bucket{le="+Inf"} 3`,
		"forker_latency_seconds_sum 5",
		"forker_latency_seconds_count 3",
		`forker_worker_age_seconds{worker="1"} 30`,
		`forker_worker_resident_memory_bytes{worker="0"} 2.097152e+07`,
		`forker_process_resident_memory_bytes{process="master"} 1.1534336e+07`,
	} {
		if !strings.Contains(w.Body.String(), want+"\n") {
			t.Errorf("there is no line %s in\n%s", want, w.Body)
		}
	}
}

func TestMetrics_labelsAreEscaped(t *testing.T) {
	if got, want := label("a", "x\\y\"z\n"), `a="x\\y\"z\n"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestPage_loadsNothingFromElsewhere(t *testing.T) {
	w := newTree(t, 1).get(t, "/")
	body := w.Body.String()
	if w.Code != 200 || !strings.HasPrefix(body, "<!doctype html>") || !strings.HasSuffix(body, "</html>\n") {
		t.Fatalf("%d %.80q", w.Code, body)
	}
	for _, bad := range []string{"/* page.css */", "/* page.js */", "innerHTML", "@import", "src="} {
		if strings.Contains(body, bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
	for rest := body; ; {
		_, after, ok := strings.Cut(rest, "http")
		if !ok {
			break
		}
		if !strings.HasPrefix(after, "://www.w3.org/2000/svg") {
			t.Errorf("the page names another place: http%.40s", after)
		}
		rest = after
	}
	if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("the policy is %q", policy)
	}
}

func TestEverythingElse_isRefused(t *testing.T) {
	s := newTree(t, 1).serve()
	for _, c := range []struct {
		method, target string
		want           int
	}{
		{"GET", "/nothing", 404},
		{"POST", "/status", 405},
		{"DELETE", "/", 405},
		{"HEAD", "/metrics", 200},
	} {
		if w := s.ask(t, c.method, c.target); w.Code != c.want {
			t.Errorf("%s %s: %d, want %d", c.method, c.target, w.Code, c.want)
		}
	}
}

func TestHistory_remembersFiveMinutes(t *testing.T) {
	tr := newTree(t, 2)
	s := tr.serve()
	for i := range samplesKept + 10 {
		tr.now += time.Second
		tr.Slot(0).Requests += 100
		tr.Slot(0).Latency[21] += 100
		if i == 305 {
			tr.Slot(1).State, tr.Slot(1).Generation = uint32(slot.Booting), 2
		}
		s.history.take()
	}
	w := s.ask(t, "GET", "/history?since=0")
	var samples []sample
	if err := json.Unmarshal(w.Body.Bytes(), &samples); err != nil {
		t.Fatal(err)
	}
	if len(samples) != samplesKept {
		t.Fatalf("%d samples", len(samples))
	}
	if first := samples[0]; first.Requests != 100 || first.States != "rr" || first.Generations[1] != 1 || first.P50 < 1e-3 || first.P50 > 2.1e-3 {
		t.Errorf("%+v", first)
	}
	last := samples[samplesKept-1]
	if last.States != "rb" || last.Generations[1] != 2 {
		t.Errorf("%+v", last)
	}
	if newer := s.history.since(last.Time - 1500); len(newer) != 2 {
		t.Errorf("%d samples of the last 1.5 s", len(newer))
	}
	if newer := s.history.since(last.Time); len(newer) != 0 {
		t.Errorf("%d samples after the last one", len(newer))
	}
}

func TestQuantile_isInsideOfTheBucket(t *testing.T) {
	var h histogram
	if got := h.quantile(0.5); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
	h[11] = 100 // 1024 to 2047 ns
	for part, want := range map[float64]float64{0.5: 1.536e-6, 0.99: 2.03776e-6, 1: 2.048e-6} {
		if got := h.quantile(part); got < want*0.999 || got > want*1.001 {
			t.Errorf("quantile %v: %v, want %v", part, got, want)
		}
	}
	h[30] = 1
	if got := h.quantile(0.999); got < 0.5 {
		t.Errorf("the slowest one is missed: %v", got)
	}
}

func TestHost_mustBeLocal(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "localhost:80": true, "127.0.0.1:9090": true, "127.9.9.9": true, "[::1]:9090": true, "[::1]": true,
		"evil.example": false, "evil.example:9090": false, "": false, "10.0.0.1": false, "localhost.evil.example": false, "[": false,
	} {
		if got := isLocal(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}

func TestTLS_isShown(t *testing.T) {
	tr := newTree(t, 2)
	tr.source.Certificates = []string{"/etc/a.pem", "not known yet", "old"}
	wall := tr.source.Wall().Unix()
	validities := &tr.Shared().Validities
	validities[0] = slot.Validity{NotBefore: wall - 100, NotAfter: wall + 3600}
	validities[2] = slot.Validity{NotBefore: wall - 100, NotAfter: wall - 5}
	tr.Slot(0).Handshakes[slot.TLS13Resumed], tr.Slot(1).Handshakes[slot.TLS13Resumed] = 3, 4
	tr.Slot(1).Handshakes[slot.HandshakeClear] = 9
	doc, _ := tr.status(t)
	if len(doc.Certificates) != 2 || doc.Certificates[0].Name != "/etc/a.pem" || doc.Certificates[0].NotAfter.Unix() != wall+3600 ||
		doc.Certificates[0].NotBefore.Unix() != wall-100 || doc.Certificates[0].ExpiresSeconds != 3600 || doc.Certificates[1].ExpiresSeconds != -5 {
		t.Errorf("%+v", doc.Certificates)
	}
	if h := doc.Handshakes; h["tls13_resumed"] != 7 || h["clear_text"] != 9 || h["tls12_full"] != 0 || len(h) != slot.Handshakes {
		t.Errorf("%v", h)
	}
	if h := doc.Workers[1].Handshakes; h["tls13_resumed"] != 4 {
		t.Errorf("of worker 1: %v", h)
	}
	text := tr.get(t, "/metrics").Body.String()
	for _, line := range []string{
		`forker_tls_certificate_expires_seconds{certificate="/etc/a.pem"} 3600`,
		`forker_tls_certificate_expires_seconds{certificate="old"} -5`,
		`forker_tls_handshakes_total{version="1.3",resumed="1"} 7`,
		`forker_tls_handshakes_failed_total{reason="clear_text"} 9`,
		`forker_tls_handshakes_failed_total{reason="client_left"} 0`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %q in\n%s", line, text)
		}
	}
}
