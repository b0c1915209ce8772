package blackbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// steered starts steered.c with a revision.
func steered(t *testing.T, revision string, options ...string) (p *program, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "revision")
	write(t, file, revision)
	env := environment(watched(t, options))
	p = start(t, setup{source: "steered.c", args: []string{file, "127.0.0.1:0"}, env: env}).waitReady()
	return p, file
}

// write puts a text into a file, whole or not at all.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// reload asks for a reload by SIGHUP and waits for its end, which a line of the log tells.
func (p *program) reload(end string) {
	p.t.Helper()
	mark := p.log.mark()
	p.signal(syscall.SIGHUP)
	p.log.wait(p.t, mark, end)
}

func TestReload_bringsWhatTheHookHasRead(t *testing.T) {
	p, file := steered(t, "first", "workers=2")
	p.expectGet("/", 200, "first")
	before := p.workers()
	write(t, file, "second")
	p.reload("reload: done")
	for range 20 {
		p.expectGet("/", 200, "second")
	}
	after := p.workers()
	if len(p.processes()) != 4 || p.out.count("on_reload") != 1 {
		t.Errorf("%d processes, on_reload was called %d times", len(p.processes()), p.out.count("on_reload"))
	}
	for i := range 2 {
		if before[i] == after[i] {
			t.Errorf("worker %d is still process %d", i, before[i])
		}
	}
}

func TestReload_losesNoRequest(t *testing.T) {
	reloads, each := 5, 100
	if long() {
		reloads, each = 100, 1000
	}
	p, _ := steered(t, "first", "workers=2", "drain_grace=100ms")
	l := p.load(4)
	for range reloads {
		l.more(t, each)
		p.reload("reload: done")
	}
	if report := l.expectAllAnswered(t); report.Closed == 0 {
		t.Error("no connection was ever closed by a draining worker")
	}
}

func TestReload_thatIsRefusedChangesNothing(t *testing.T) {
	p, file := steered(t, "first", "workers=2")
	before := p.workers()
	write(t, file, "refuse")
	p.reload("reload refused: the on_reload hook failed (-1); the workers go on as they are")
	p.expectGet("/", 200, "first")
	write(t, file, "second")
	if a := p.get("/act/reload"); a.body != "0" {
		t.Errorf("forker_server_reload gives %s", a.body)
	}
	p.log.wait(t, 0, "reload: done")
	p.expectGet("/", 200, "second")
	if after := p.workers(); before[0] == after[0] {
		t.Error("worker 0 was not replaced")
	}
}

func TestReload_intoACrashLoopKeepsTheOldWorkersServing(t *testing.T) {
	p, file := steered(t, "first", "workers=2")
	before := p.workers()
	l := p.load(2)
	write(t, file, "broken")
	p.reload("reload: given up after 3 failed boots")
	l.more(t, 100)
	l.expectAllAnswered(t)
	p.expectGet("/", 200, "first")
	if after := p.workers(); before[0] != after[0] || before[1] != after[1] {
		t.Errorf("the workers were %v, and are %v", before, after)
	}
	write(t, file, "third")
	p.reload("reload: done")
	p.expectGet("/", 200, "third")
}

func TestReload_isCarriedOnWhenTheMasterIsKilled(t *testing.T) {
	p, file := steered(t, "first", "workers=3")
	l := p.load(2)
	for range 3 {
		master := p.master()
		write(t, file, "second")
		mark := p.log.mark()
		p.signal(syscall.SIGHUP)
		p.log.wait(t, mark, "reload: replacing the workers")
		p.kill(master, syscall.SIGKILL)
		p.log.wait(t, mark, "reload: done")
		l.more(t, 10)
	}
	l.expectAllAnswered(t)
	p.expectGet("/", 200, "second")
}

func TestLoad_isReadAgainByAReload(t *testing.T) {
	dir := t.TempDir()
	file, config := filepath.Join(dir, "revision"), filepath.Join(dir, "options")
	write(t, file, "first")
	write(t, config, "# a comment\n\n workers = 1 \nmax_body=1k\r\nbacklog = 100\nidle_timeout = 5s\n")
	p := start(t, setup{
		source: "steered.c", args: []string{file, "127.0.0.1:0"},
		env: []string{"FORKER_TEST_CONFIG=" + config, "FORKER_IDLE_TIMEOUT=7s"},
	}).waitReady()
	p.expectGet("/option/max_body", 200, "1k")
	p.expectGet("/option/idle_timeout", 200, "7s")

	write(t, config, "workers = 2\nbacklog = 200\nidle_timeout = 6s\n")
	p.reload("reload: done")
	p.log.wait(t, 0, "reload: option backlog stays 100: only a restart can change it")
	p.expectGet("/option/max_body", 200, "4m")
	p.expectGet("/option/idle_timeout", 200, "7s")
	if n := len(p.workers()); n < 2 {
		t.Errorf("%d workers", n)
	}

	write(t, config, "workers = 2\nmax_bdy = 1k\n")
	p.reload(`reload refused: load ` + config + `: line 2: no option "max_bdy"; did you mean "max_body"?; the workers go on as they are`)
	write(t, config, "workers = 0\n")
	p.reload("a reload cannot set workers to 0")
	p.expectGet("/option/workers", 200, "2")
}

func TestLoad_saysWhichLineIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"workers = 1\nworkers 2":        `line 2: "workers 2" is not name = value`,
		"\n\nmax_bdy = 1k":              `line 3: no option "max_bdy"; did you mean "max_body"?`,
		"max_body = lots":               `line 1: max_body: "lots" is not a size (0 to 1t)`,
		"max_body = 1k\nmax_body = 2k":  `line 2: line 1 has set max_body already`,
		"server_name = a\x00b":          "it contains a NUL byte",
		strings.Repeat("# long\n", 1e4): "more than 65536 bytes",
	} {
		dir := t.TempDir()
		file, config := filepath.Join(dir, "revision"), filepath.Join(dir, "options")
		write(t, file, "first")
		write(t, config, text)
		p := start(t, setup{
			source: "steered.c", args: []string{file, "127.0.0.1:0"}, env: []string{"FORKER_TEST_CONFIG=" + config},
		})
		p.out.wait(t, 0, "run returned -10: run: a setup call failed before: load "+config+": "+want)
		if status := p.wait(); status != 1 {
			t.Errorf("exit status %d", status)
		}
	}
}

func TestDraining_isSeenByAHandlerThatRuns(t *testing.T) {
	for name, drain := range map[string]func(p *program){
		"reload":                  func(p *program) { p.signal(syscall.SIGHUP) },
		"stop":                    func(p *program) { p.signal(syscall.SIGTERM) },
		"signal to the worker":    func(p *program) { p.kill(p.workers()[0], syscall.SIGTERM) },
		"drain all":               func(p *program) { p.signal(syscall.SIGWINCH) },
		"death of the spawner":    func(p *program) { p.signal(syscall.SIGKILL); p.wait() },
		"reload without a master": func(p *program) { p.kill(p.master(), syscall.SIGKILL); p.signal(syscall.SIGHUP) },
	} {
		t.Run(name, func(t *testing.T) {
			p, _ := steered(t, "first", "workers=1")
			c := p.dial().send("GET /patient HTTP/1.1\r\nHost: test\r\n\r\n")
			p.out.wait(t, 0, "patient begins")
			drain(p)
			if a := c.receive("GET"); a.body != "draining" {
				t.Errorf("answered %q", a.body)
			}
		})
	}
}

func TestReload_answersWhoHasOnlyJustConnected(t *testing.T) {
	for _, connection := range []string{"keep-alive", "close"} {
		p, _ := steered(t, "first", "workers=1", "drain_grace=50ms")
		var clients []*conn
		for range 20 {
			clients = append(clients, p.dial())
		}
		pid := p.workers()[0]
		p.signal(syscall.SIGHUP)
		time.Sleep(100 * time.Millisecond) // Longer than the grace, which is for others.
		for _, c := range clients {
			a := c.send("GET /ledger?1 HTTP/1.1\r\nHost: test\r\nConnection: " + connection + "\r\n\r\n").receive("GET")
			if !strings.HasPrefix(a.body, fmt.Sprintf("0 %d ", pid)) || !strings.HasSuffix(a.body, " 1") || !a.Close {
				t.Errorf("answered %q, close %v", a.body, a.Close)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}
