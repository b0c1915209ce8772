package blackbox

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// admin is a program's admin listener.
type admin struct {
	*program
	path string
}

// serveWithAdmin starts serve.c with an admin listener on a unix socket.
func serveWithAdmin(t *testing.T, options ...string) *admin {
	t.Helper()
	p := serve(t, options...)
	return &admin{p, strings.TrimPrefix(p.option("admin"), "unix:")}
}

// ask gets a page. A master that dies takes the connections along that it has accepted: then it is asked again.
func (a *admin) ask(target string) response {
	a.t.Helper()
	var last error
	for range 5 {
		c := dial(a.t, "unix:"+a.path)
		_, last = io.WriteString(c, "GET "+target+" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		if last == nil {
			var got response
			if got, last = c.tryReceive("GET"); last == nil {
				return got
			}
		}
		_ = c.Close()
	}
	a.t.Fatalf("GET %s: %v", target, last)
	return response{}
}

// treeStatus is what the tests look at of /status.
type treeStatus struct {
	Phase        string
	Program      string
	Addresses    []string
	Options      map[string]string
	Ready        bool
	SpawnerPid   int    `json:"spawner_pid"`
	MasterPid    int    `json:"master_pid"`
	WorkersReady int    `json:"workers_ready"`
	MasterStarts uint64 `json:"master_starts"`
	Requests     uint64
	WorkerExits  map[string]uint64 `json:"worker_exits"`
	Latency      struct {
		Count uint64
		P50   float64 `json:"p50_seconds"`
	}
	LastCrash *struct {
		Reason, Signal string
		Worker, Pid    int
		Request        *struct{ Method, Target, Peer string }
	} `json:"last_crash"`
	Workers []struct {
		Pid   int
		State string
		Busy  *struct{ Method, Target string }
	}
}

func (a *admin) status() (s treeStatus) {
	a.t.Helper()
	if err := json.Unmarshal([]byte(a.ask("/status").body), &s); err != nil {
		a.t.Fatal(err)
	}
	return s
}

func TestAdmin_isPrivate(t *testing.T) {
	a := serveWithAdmin(t, "workers=1")
	info, err := os.Stat(a.path)
	if err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if got := a.ask("/healthz"); got.StatusCode != 200 || got.body != "ok\n" {
		t.Errorf("%s %q", got.Status, got.body)
	}
	// Nobody but the master serves there, and nobody holds it who does not need to.
	for _, worker := range a.workers() {
		links, _ := filepath.Glob("/proc/" + strconv.Itoa(worker) + "/fd/*")
		for _, link := range links {
			if target, _ := os.Readlink(link); strings.HasPrefix(target, "socket:") && a.isAdminSocket(target) {
				t.Errorf("a worker holds the admin socket: %s", link)
			}
		}
	}
	a.stop(syscall.SIGTERM)
	if _, err = os.Stat(a.path); !os.IsNotExist(err) {
		t.Errorf("the socket file is left: %v", err)
	}
}

// isAdminSocket tells if "socket:[inode]" is the one that listens on the admin's path; see proc_net(5).
func (a *admin) isAdminSocket(target string) bool {
	table, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		a.t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line)
		if len(fields) == 8 && fields[7] == a.path && "socket:["+fields[6]+"]" == target {
			return true
		}
	}
	return false
}

func TestAdmin_whereOthersCouldReachItIsRefused(t *testing.T) {
	for _, address := range []string{
		"0.0.0.0:1", ":1", "10.1.2.3:1", "[::]:1", "example.com:1", "localhost:1", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "unix:",
		"unix:/tmp/a?mode=0666", "fd:3", "nonsense",
	} {
		p := start(t, setup{args: []string{"127.0.0.1:0"}, env: environment([]string{"admin=" + address})})
		p.out.wait(t, 0, "run returned -10: ")
		p.out.wait(t, 0, `FORKER_ADMIN="`+address+`" is not an address (empty, "unix:/path", or an address of 127.0.0.0/8 or [::1] with a port)`)
		p.wait()
	}
}

func TestAdmin_addressInUseIsAnErrorOfRun(t *testing.T) {
	a := serveWithAdmin(t, "workers=1")
	p := start(t, setup{args: []string{"127.0.0.1:0"}, env: environment([]string{"admin=unix:" + a.path})})
	p.out.wait(t, 0, "run returned -6: listen unix:"+a.path)
	p.out.wait(t, 0, "(the address of option admin)")
	p.wait()
	a.ask("/healthz")
}

func TestAdmin_overTCPTellsItsPort(t *testing.T) {
	p := serve(t, "workers=1", "admin=127.0.0.1:0")
	_, address, _ := strings.Cut(p.log.wait(t, 0, "admin listener: ").text, "admin listener: ")
	for host, want := range map[string]int{address: 200, "evil.example": 403} {
		c := dial(t, address).send("GET /readyz HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
		if got := c.receive("GET"); got.StatusCode != want || !got.Close {
			t.Errorf("%s: %s", host, got.Status)
		}
		c.expectClosed()
	}
}

func TestAdmin_showsTheRequestInAHandler(t *testing.T) {
	a := serveWithAdmin(t, "workers=1", "drain_timeout=100ms")
	a.begin("hang")
	if s := a.status(); len(s.Workers) != 1 || s.Workers[0].Busy == nil || s.Workers[0].Busy.Target != "/hang" {
		t.Errorf("the request in the handler is not shown: %+v", s)
	}
}

func TestAdmin_isNotReadyWhileItStops(t *testing.T) {
	a := serveWithAdmin(t, "workers=1")
	if got := a.ask("/readyz"); got.StatusCode != 200 {
		t.Errorf("%s %q", got.Status, got.body)
	}
	half := a.dial().send("POST /body HTTP/1.1\r\nHost: test\r\nContent-Length: 8\r\n\r\nhalf")
	half.waitRead() // The worker stays for the other half.
	a.signal(syscall.SIGTERM)
	eventually(t, "it is not ready", func() bool { return a.ask("/readyz").StatusCode == http.StatusServiceUnavailable })
	if got := a.ask("/healthz"); got.StatusCode != 200 {
		t.Errorf("it is not healthy while it stops: %s", got.Status)
	}
	if got := half.send("done").receive("POST"); got.StatusCode != 200 {
		t.Error(got.Status)
	}
	_ = half.Close()
}

func TestAdmin_showsTheLastCrash(t *testing.T) {
	a := serveWithAdmin(t, "workers=2", "admin_queries=on")
	if s := a.status(); s.LastCrash != nil {
		t.Errorf("%+v", s.LastCrash)
	}
	a.dial().send("GET /end/abort?why HTTP/1.1\r\nHost: test\r\n\r\n").expectClosed()
	eventually(t, "the crash is shown", func() bool { return a.status().LastCrash != nil })
	s := a.status()
	if c := s.LastCrash; c.Reason != "crash" || c.Signal != "SIGABRT" || c.Request == nil || c.Request.Target != "/end/abort?why" ||
		!strings.HasPrefix(c.Request.Peer, "127.0.0.1:") {
		t.Errorf("%+v %+v", c, c.Request)
	}
	if s.WorkerExits["crash"] != 1 {
		t.Errorf("%v", s.WorkerExits)
	}
}

func TestAdmin_hidesQueries(t *testing.T) {
	a := serveWithAdmin(t, "workers=1", "drain_timeout=100ms")
	a.dial().send("GET /end/abort?secret HTTP/1.1\r\nHost: test\r\n\r\n").expectClosed()
	eventually(t, "the crash is shown", func() bool { return a.status().LastCrash != nil })
	a.dial().send("GET /hang?secret HTTP/1.1\r\nHost: test\r\n\r\n")
	a.out.wait(t, 0, "hang begins")
	eventually(t, "the request in the handler is shown", func() bool { s := a.status(); return len(s.Workers) == 1 && s.Workers[0].Busy != nil })
	if s := a.status(); s.LastCrash.Request.Target != "/end/abort" || s.Workers[0].Busy.Target != "/hang" {
		t.Errorf("%+v %+v", s.LastCrash.Request, s.Workers[0].Busy)
	}
	if text := a.ask("/status").body; strings.Contains(text, "secret") {
		t.Error(text)
	}
}

func TestAdmin_pageIsServed(t *testing.T) {
	a := serveWithAdmin(t, "workers=1")
	if got := a.ask("/"); got.StatusCode != 200 || !strings.Contains(got.body, "Workers, as they live and die") {
		t.Errorf("%s %.200q", got.Status, got.body)
	}
}

// promlint checks metrics as promtool does.
func promlint(t *testing.T, text string) (complaints string, ok bool) {
	t.Helper()
	cmd := exec.Command("go", "run", ".")
	cmd.Dir = filepath.Join(sourceTree(), "tests/metrics")
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

func TestMetrics_areWhatPrometheusReads(t *testing.T) {
	a := serveWithAdmin(t, "workers=2")
	a.get("/")
	text := ""
	eventually(t, "the latency is counted", func() bool { // That is done when the response is out.
		text = a.ask("/metrics").body
		return parseMetrics(text)["forker_latency_seconds_count"] == 1
	})
	if complaints, ok := promlint(t, text); !ok {
		t.Errorf("%s\n%s", complaints, text)
	}
	if complaints, ok := promlint(t, text+"forker_requests_total nonsense\n"); ok {
		t.Errorf("the check lets everything pass: %q", complaints)
	}
	if m := parseMetrics(text); m["forker_requests_total"] != 1 || m["forker_latency_seconds_count"] != 1 || m[`forker_workers{state="ready"}`] != 2 {
		t.Errorf("%v", m)
	}
}

// parseMetrics reads the samples, by name and labels.
func parseMetrics(text string) map[string]float64 {
	m := map[string]float64{}
	for line := range strings.Lines(text) {
		name, number, _ := strings.Cut(strings.TrimSpace(line), " ")
		if value, err := strconv.ParseFloat(number, 64); err == nil && !strings.HasPrefix(line, "#") {
			m[name] = value
		}
	}
	return m
}

// isCounter tells those samples that never go backwards.
func isCounter(name string) bool {
	family, _, _ := strings.Cut(name, "{")
	return strings.HasSuffix(family, "_total") || strings.HasPrefix(family, "forker_latency_seconds")
}

func TestMetrics_neverGoBackwardsWhoeverDies(t *testing.T) {
	a := serveWithAdmin(t, "workers=2")
	done := make(chan struct{})
	load := make(chan int)
	go func() { load <- hammer(a.address(0), done) }()
	before := map[string]float64{}
	scrape := func() {
		after := parseMetrics(a.ask("/metrics").body)
		if len(after) < 50 {
			t.Errorf("only %d samples", len(after))
		}
		for name, value := range before {
			if isCounter(name) && after[name] < value {
				t.Errorf("%s went back from %v to %v", name, value, after[name])
			}
		}
		before = after
	}
	for round := range 6 {
		victim := a.workers()[round%2]
		if round%3 == 2 {
			victim = a.status().MasterPid
		}
		scrape()
		a.kill(victim, syscall.SIGKILL)
		scrape()
		eventually(t, "all live again", func() bool {
			s := a.status()
			scrape()
			return s.MasterPid != 0 && s.MasterPid != victim && s.WorkersReady == 2 && a.workers()[round%2] != 0 &&
				(round%3 == 2 || a.workers()[round%2] != victim)
		})
	}
	close(done)
	answered := <-load
	s := a.status()
	if s.MasterStarts != 3 || s.WorkerExits["killed"] != 4 || s.Requests < uint64(answered) || answered == 0 {
		t.Errorf("%+v; the client had %d answers", s, answered)
	}
}

// hammer asks one request after the other until done is closed, and counts the responses.
func hammer(address string, done <-chan struct{}) (answered int) {
	client := http.Client{Timeout: patience}
	defer client.CloseIdleConnections()
	for {
		select {
		case <-done:
			return answered
		default:
		}
		if response, err := client.Get("http://" + address + "/"); err == nil {
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
			answered++
		}
	}
}

func TestAdmin_ofAMasterThatIsReplacedGoesOn(t *testing.T) {
	a := serveWithAdmin(t, "workers=1")
	for range 3 {
		old := a.status().MasterPid
		a.kill(old, syscall.SIGKILL)
		// At once: nobody listens yet but the spawner's socket.
		eventually(t, "another master answers", func() bool { pid := a.status().MasterPid; return pid != old && pid != 0 })
		if got := a.ask("/readyz"); got.StatusCode != 200 {
			t.Errorf("%s %q", got.Status, got.body)
		}
	}
}

func TestAdmin_tellsHowTheServerIsSetUp(t *testing.T) {
	dir := t.TempDir()
	file, config := filepath.Join(dir, "revision"), filepath.Join(dir, "options")
	write(t, file, "first")
	write(t, config, "max_body = 1024k\nidle_timeout = 5000ms\nlog_level = debug\n")
	p := start(t, setup{source: "steered.c", args: []string{file, "127.0.0.1:0"}, env: []string{
		"FORKER_TEST_CONFIG=" + config, "FORKER_WORKERS=1", "FORKER_ADMIN=unix:" + dir + "/admin.sock", "FORKER_SERVER_NAME=mine",
	}}).waitReady()
	a := &admin{p, dir + "/admin.sock"}
	expect := func(want map[string]string) {
		t.Helper()
		want["workers"], want["admin"] = "1", "unix:"+dir+"/admin.sock"
		s := a.status()
		if !maps.Equal(s.Options, want) || s.Program != "steered_c-c11-plain" ||
			!slices.Equal(s.Addresses, []string{p.address(0)}) {
			t.Errorf("%q %q %q, want %q", s.Program, s.Addresses, s.Options, want)
		}
	}
	expect(map[string]string{"max_body": "1024k", "idle_timeout": "5000ms", "log_level": "debug"})
	write(t, config, "max_body = 3072k\ngo_memory_limit = 64m\nmax_age = 90m\nmax_fields = 50\nrestart_limit = 7\nkeep_alive = off\n")
	p.reload("reload: done")
	expect(map[string]string{
		"max_body": "3m", "go_memory_limit": "64m", "max_age": "90m", "max_fields": "50", "restart_limit": "7", "keep_alive": "off",
	})
	write(t, config, "")
	p.reload("reload: done")
	expect(map[string]string{})
}

// sampled is what the page draws of a second.
type sampled struct{ P50, P99 float64 }

// waitSample waits for a second with or without a response, behind so many others, and gives how many there are.
func waitSample(t *testing.T, address string, behind int, busy bool, meanwhile func()) int {
	t.Helper()
	var samples []sampled
	eventually(t, "there is such a second", func() bool {
		meanwhile()
		c := dial(t, address)
		defer c.Close()
		text := c.send("GET /history HTTP/1.1\r\nHost: localhost\r\n\r\n").receive("GET").body
		must(t, json.Unmarshal([]byte(text), &samples))
		return len(samples) > behind && slices.ContainsFunc(samples[behind:], func(s sampled) bool { return s.P99 > 0 == busy })
	})
	return len(samples)
}

// TestPage_drawsInABrowser looks at the page after its script has run.
func TestPage_drawsInABrowser(t *testing.T) {
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("there is no chromium; tools/install-deps test installs it")
	}
	p := serve(t, "workers=2", "admin=127.0.0.1:0", "admin_queries=on", "max_body=1m")
	_, address, _ := strings.Cut(p.log.wait(t, 0, "admin listener: ").text, "admin listener: ")
	p.dial().send("GET /end/abort?<script>x=1 HTTP/1.1\r\nHost: test\r\n\r\n").expectClosed()
	p.log.wait(t, 0, "killed by SIGABRT")
	nothing := func() {}
	seen := waitSample(t, address, 0, true, func() { p.get("/") })
	seen = waitSample(t, address, seen, false, nothing)
	seen = waitSample(t, address, seen, true, func() { p.get("/") })
	waitSample(t, address, seen, false, nothing)
	dom := dumpDOM(t, browser, "http://"+address+"/")
	for _, want := range []string{
		`class="pill good"`, `aria-live="polite">serving<`, "<dd>2 of 2</dd>", `class="plot requests"`, `class="lane-r"`, "SIGABRT",
		"GET /end/abort?&lt;script&gt;x=1", ">p50</span>", ">p99</span>", "<dt>latency p99</dt><dd>–</dd>", "crash 1",
		" when there last was a response", "<dt>addresses</dt><dd><code>" + p.address(0) + "</code>", "<dt>max_body</dt><dd><code>1m</code>",
		`<span id="program">serve_c-c11-p`, " – libforker</title>",
	} {
		if !strings.Contains(dom, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	for _, line := range []string{"p50", "p99"} { // The line breaks at the second in between that had no response.
		path := regexp.MustCompile(`class="plot ` + line + `" d="([^"]*)"`).FindStringSubmatch(dom)
		if path == nil || strings.Count(path[1], "M") < 2 {
			t.Errorf("%s is drawn as %q", line, path)
		}
	}
	if t.Failed() {
		t.Log(dom)
	}
}

// dumpDOM gives a page as it is after some seconds, and wants the browser to have nothing to complain about.
func dumpDOM(t *testing.T, browser, url string, options ...string) string {
	t.Helper()
	profile, err := os.MkdirTemp("", "profile")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(profile)
	cmd := exec.Command(browser, append(options, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--enable-logging=stderr", "--user-data-dir="+profile,
		"--virtual-time-budget=3000", "--dump-dom", url)...)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	dom, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, complaints.String())
	}
	for scanner := bufio.NewScanner(&complaints); scanner.Scan(); {
		if strings.Contains(scanner.Text(), "CONSOLE") {
			t.Errorf("the page's script complains: %s", scanner.Text())
		}
	}
	return string(dom)
}

// The limit of 64 is that of the program's sockets.
func TestAdmin_hasRoomBesideAllListenersOfTheProgram(t *testing.T) {
	for name, address := range map[string]string{"tcp": "127.0.0.1:0", "unix": "unix:" + t.TempDir() + "/admin.sock"} {
		t.Run(name, func(t *testing.T) {
			s := setup{env: environment([]string{"workers=1", "admin=" + address})}
			for range 64 {
				s.args = append(s.args, "127.0.0.1:0")
			}
			p := start(t, s).waitReady()
			p.log.wait(t, 0, "admin listener: ")
			p.address(63)
			p.expectGet("/", 200, "hello\n")
		})
	}
}
