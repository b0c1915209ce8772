package blackbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// expectNoLow wants no process of the program to have a descriptor of the library's below 3. The master, where nothing
// of the program runs, holds the numbers, so that its own cannot get them.
func (p *program) expectNoLow(when string) {
	p.t.Helper()
	for _, process := range p.processes() {
		for fd := range 3 {
			link, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", process.pid, fd))
			if err == nil && !strings.Contains(link, "forker-hold") {
				p.t.Errorf("%s descriptor %d of process %d is %s", when, fd, process.pid, link)
			}
		}
	}
}

// titled is the process whose title ends with a text.
func (p *program) titled(end string) int {
	p.t.Helper()
	for _, process := range p.processes() {
		title, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", process.pid))
		if strings.HasSuffix(strings.TrimRight(string(title), "\x00"), end) {
			return process.pid
		}
	}
	p.t.Fatalf("no process has a title that ends with %q", end)
	return 0
}

// Started as by "server <&- >&- 2>&-". Everything that makes descriptors is used.
func TestDescriptors_areNeverThoseThatTheProgramHasClosed(t *testing.T) {
	for _, workers := range []string{"0", "1", "2"} {
		t.Run(workers, func(t *testing.T) {
			dir := t.TempDir()
			log, socket := logFile{t, filepath.Join(dir, "the.log")}, "unix:"+filepath.Join(dir, "socket")
			options := []string{
				"workers=" + workers, "error_log=" + log.path, "access_log=common", "access_log_file=" + filepath.Join(dir, "access.log"),
				"pid_file=" + filepath.Join(dir, "pid"), "spill_dir=" + dir, "body_buffer=0", "reuseport=on",
			}
			if workers != "0" {
				options = append(options, "admin=unix:"+filepath.Join(dir, "admin"))
			}
			p := start(t, setup{
				source: "closed.c", under: []string{"sh", "-c", `exec "$@" <&- >&- 2>&-`, "sh"},
				args: []string{"never", socket, "127.0.0.1:0"}, env: environment(options),
			})
			eventually(t, "somebody listens", func() bool { _, err := ask(t, socket, "/"); return err == nil })
			c := dial(t, socket)
			for range 3 {
				c.send(post("/", strings.Repeat("x", 100000), 0)).receive("POST")
				c.get("/file")
				dial(t, socket).get("/")
			}
			p.expectNoLow("serving,")
			if workers != "0" {
				before := len(p.processes())
				p.signal(syscall.SIGUSR1)
				p.signal(syscall.SIGHUP)
				log.wait("reload: done")
				p.kill(p.titled(": master"), syscall.SIGKILL)
				log.wait("a new master has taken over")
				dial(t, "unix:"+filepath.Join(dir, "admin")).get("/status")
				eventually(t, "all are there again", func() bool { return len(p.processes()) == before })
			}
			dial(t, socket).send(post("/", strings.Repeat("x", 100000), 0)).receive("POST")
			p.expectNoLow("later,")
			p.stop(syscall.SIGTERM)
		})
	}
}

func TestListener_thatIsNoneAnyMoreIsAnErrorOfRun(t *testing.T) {
	for _, workers := range []string{"0", "1"} {
		for _, reuseport := range []string{"off", "on"} {
			p := start(t, setup{
				source: "closed.c", args: []string{"run", "127.0.0.1:0"},
				env: environment([]string{"workers=" + workers, "reuseport=" + reuseport}),
			})
			p.log.wait(t, 0, "run: descriptor ")
			if line := p.log.all()[0].text; !strings.Contains(line, " of 127.0.0.1:") || !strings.Contains(line, "is no listening socket any more") {
				t.Error(line)
			}
			if status := p.wait(); status != 1 {
				t.Errorf("exit status %d", status)
			}
		}
	}
}

func TestListener_thatIsNoneAnyMoreIsAFailedBoot(t *testing.T) {
	for _, workers := range []string{"0", "2"} {
		p := start(t, setup{source: "closed.c", args: []string{"init", "127.0.0.1:0"}, env: environment([]string{"workers=" + workers})})
		p.log.wait(t, 0, "is no listening socket any more")
		if status := p.wait(); status != 1 {
			t.Errorf("exit status %d", status)
		}
		if p.log.count("all workers are ready") > 0 {
			t.Errorf("a worker that cannot serve was ready")
		}
	}
}
