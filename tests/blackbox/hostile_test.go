package blackbox

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"libforker/engine/secure/testcert"
)

// hostileCases are who the workers are, and whether the kernel confines them: where a file may not become as large as
// the shared memory, that is no file, and any worker can write all of it.
var hostileCases = []struct {
	name     string
	under    []string
	options  []string
	confined bool
}{
	{"same user", nil, nil, true},
	{"unprivileged", nil, []string{"user=nobody"}, true},
	{"unprivileged, not confined", []string{"sh", "-c", `ulimit -f 2000; exec "$@"`, "sh"}, []string{"user=nobody"}, false},
}

// eachHostile runs a test with workers that were taken over.
func eachHostile(t *testing.T, test func(t *testing.T, a *admin, confined bool), options ...string) {
	t.Helper()
	for _, c := range hostileCases {
		for _, b := range []build{plain, sanitized} {
			t.Run(c.name+", "+b.name, func(t *testing.T) {
				if len(c.options) > 0 {
					asRoot(t)
				}
				all := watched(t, slices.Concat(c.options, options))
				p := start(t, setup{build: &b, source: "hostile.c", under: c.under, args: []string{"127.0.0.1:0"}, env: environment(all)}).waitReady()
				test(t, &admin{p, strings.TrimPrefix(p.option("admin"), "unix:")}, c.confined)
			})
		}
	}
}

// try asks a worker that may be killed for it.
func (p *program) try(target string) (body string) {
	p.t.Helper()
	c := p.dial()
	defer c.Close()
	if a, err := c.send("GET " + target + " HTTP/1.1\r\nHost: test\r\n\r\n").tryReceive("GET"); err == nil {
		return a.body
	}
	return ""
}

// TestHostile_workersWriteTheirOwnPagesOnly: their page and their black boxes.
func TestHostile_workersWriteTheirOwnPagesOnly(t *testing.T) {
	eachHostile(t, func(t *testing.T, a *admin, confined bool) {
		const all = 8192*(1+1025) + 256*256*1025
		want := fmt.Sprintf("%d bytes, header no", 4096+256*256)
		if !confined {
			want = fmt.Sprintf("%d bytes, header yes", all)
		}
		a.expectGet("/reach", 200, want)
	}, "workers=2")
}

// TestHostile_memoryAndMessagesHarmNobody: master, spawner, figures and the admin listener go on, whatever workers write
// into the shared memory and send.
func TestHostile_memoryAndMessagesHarmNobody(t *testing.T) {
	const rounds = 12
	eachHostile(t, func(t *testing.T, a *admin, confined bool) {
		killed := 0
		for round := range rounds {
			a.try("/garble?" + strconv.Itoa(round))
			a.lookAtEverything()
			a.try("/leave")
			if round%4 == 3 {
				master := a.master()
				a.kill(master, syscall.SIGKILL)
				eventually(t, "the master is gone", func() bool { _, lives := readProcess(master); return !lives })
				killed++
			}
		}
		a.lookAtEverything()
		if confined {
			a.expectTruth()
		}
		a.expectFewDescriptors()
		a.log.wait(t, 0, "control message: ") // malformed, or unexpected
		if got := a.log.count("the master was killed") + a.log.count("the master exited"); got != killed {
			t.Errorf("%d masters are gone, of which %d were killed", got, killed)
		}
		for _, bad := range []string{"Sanitizer", "runtime error", "internal error", "panic", "goroutine "} {
			if a.log.count(bad) > 0 {
				t.Errorf("%q in the log", bad)
			}
		}
	}, "workers=2", "dispatch=pool", "hang_timeout=1h", "worker_memory_hard=100g", "max_requests=1000000000", "drain_timeout=1s")
}

// lookAtEverything asks for all that is shown of the shared memory.
func (a *admin) lookAtEverything() {
	a.t.Helper()
	for _, page := range []string{"/status", "/metrics", "/history", "/healthz"} {
		if got := a.ask(page); got.StatusCode != 200 || page == "/status" && !json.Valid([]byte(got.body)) {
			a.t.Errorf("GET %s: %s %q", page, got.Status, got.body)
		}
	}
	eventually(a.t, "somebody has the figures", func() bool { return a.try("/figures") == "done" })
}

// expectTruth wants the status to name no other processes than there are: no worker can write these words, though it can
// say that it is not there.
func (a *admin) expectTruth() {
	a.t.Helper()
	eventually(a.t, "the status names the processes that there are", func() bool {
		s := a.status()
		workers := a.workers()
		for i, worker := range s.Workers {
			if worker.Pid != workers[i] && worker.Pid != 0 {
				return false
			}
		}
		return s.SpawnerPid == a.pid() && s.MasterPid == a.master() && len(s.Workers) >= len(workers)
	})
}

func (a *admin) expectFewDescriptors() {
	a.t.Helper()
	const many = 40
	eventually(a.t, "the master has no descriptors that were sent to it", func() bool {
		open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", a.master()))
		return err == nil && len(open) < many
	})
}

// TestHostile_workersDoNotCommandRoot: neither by asking, nor by writing into memory that they asked.
func TestHostile_workersDoNotCommandRoot(t *testing.T) {
	asRoot(t)
	for _, c := range hostileCases {
		t.Run(c.name, func(t *testing.T) {
			refused := len(c.options) > 0
			options := append([]string{"workers=1", "drain_timeout=1s"}, c.options...)
			p := start(t, setup{source: "hostile.c", under: c.under, args: []string{"127.0.0.1:0"}, env: environment(options)}).waitReady()
			if !refused {
				p.expectGet("/forge", 200, "0 0 0")
				p.log.wait(t, 0, "upgrade: process")
				return
			}
			p.expectGet("/ask", 200, "-17 -17 -17")
			p.expectGet("/forge", 200, "0 0 0")
			p.log.wait(t, 0, "has asked for what only the user that started the server may (reload, reopen or upgrade): refused, see option worker_commands")
			p.stop(syscall.SIGTERM) // The spawner has nothing more to do.
			for _, done := range []string{"reload: ", "upgrade: "} {
				if p.log.count(done) > 0 {
					t.Errorf("%q in the log", done)
				}
			}
		})
	}
}

// TestHostile_ticketKeysAreTheSpawnersAlone: workers read them, and the spawner knows by itself when they are to change.
func TestHostile_ticketKeysAreTheSpawnersAlone(t *testing.T) {
	asRoot(t)
	for _, options := range [][]string{{"workers=1"}, {"workers=1", "user=nobody"}} {
		files := keep(t, t.TempDir(), "a", testcert.New(testcert.Spec{Names: []string{"localhost"}}))
		env := append(environment(options), "TEST_CERTIFICATE="+files[0], "TEST_KEY="+files[1])
		p := start(t, setup{source: "hostile.c", args: []string{"127.0.0.1:0"}, env: env}).waitReady()
		p.expectGet("/tickets", 200, "readable, version 2")
		if maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", p.master())); err != nil || strings.Contains(string(maps), "forker-tickets") {
			t.Errorf("the master has the keys, or %v", err)
		}
		if len(options) == 1 {
			p.expectGet("/age-tickets", 200, "done")
		}
		p.reload("reload: done")
		p.expectGet("/tickets", 200, "readable, version 2")
		p.stop(syscall.SIGTERM)
	}
}

// badMaster starts a program whose first master was taken over.
func badMaster(t *testing.T, b build, mode string) *program {
	t.Helper()
	env := append(environment([]string{"workers=2", "drain_timeout=1s"}), "MODE="+mode)
	return start(t, setup{build: &b, source: "badmaster.c", args: []string{"127.0.0.1:0"}, env: env})
}

// TestHostile_masterHarmsNobody: the spawner forks and signals workers on its word, and nothing else. The next master
// finds everything in order.
func TestHostile_masterHarmsNobody(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		for seed := range 8 {
			p := badMaster(t, b, strconv.Itoa(seed))
			p.log.wait(t, 0, "starting another, the workers go on")
			p.expectGet("/", 200, "hello")
			for index, pid := range p.workers() {
				if process, lives := readProcess(pid); lives && process.state == "T" {
					t.Errorf("worker %d is stopped", index)
				}
			}
			p.stop(syscall.SIGTERM)
			for _, bad := range []string{"Sanitizer", "runtime error", "killed by SIGSEGV", "killed by SIGHUP", "killed by SIGUSR2"} {
				if p.log.count(bad) > 0 {
					t.Errorf("seed %d: %q in the log", seed, bad)
				}
			}
		}
	})
}

func TestHostile_masterGivesUpInWholeSentencesOnly(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		for _, length := range []int{0, 3, 2048} {
			p := badMaster(t, b, fmt.Sprint("give up ", length))
			p.log.wait(t, 0, "starting another, the workers go on")
			p.expectGet("/", 200, "hello")
			p.stop(syscall.SIGTERM)
		}
		p := badMaster(t, b, "give up 2047")
		p.out.wait(t, 0, "run returned -9: "+strings.Repeat("?", 100))
		if status := p.wait(); status != 1 {
			t.Errorf("exit status %d", status)
		}
	})
}
