package blackbox

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// setup says what program to start and how. Zero values are serve.c, in C11, against the plain build.
type setup struct {
	build    *build
	source   string // a file of testdata; or path is set
	standard string
	path     string   // a program that is there already
	under    []string // what runs the program, such as strace with its flags
	args     []string
	env      []string
	dir      string     // where it runs; empty: here
	files    []*os.File // descriptors 3 and on
	stdin    *os.File   // /dev/null if nil
	terminal *os.File   // stdin too, and the controlling terminal of a session that the program leads
	stderr   *os.File   // where stderr goes instead of program.log
}

// program is a server program that runs, in a process group of its own. Not in a session of its own: where the kernel
// schedules by session (sched(7), autogroup), the test's clients and all workers together would then have half of the
// machine each.
type program struct {
	t     *testing.T
	cmd   *exec.Cmd
	out   *lines
	log   *lines // its stderr
	ended chan struct{}
	err   error // of Wait, once ended
	ports []string

	scraped bool // the metrics are looked at, see scrape
}

// serve starts serve.c with options, on a port of 127.0.0.1 that the kernel chooses, and waits until all workers are
// ready.
func serve(t *testing.T, options ...string) *program {
	t.Helper()
	return start(t, setup{args: []string{"127.0.0.1:0"}, env: environment(watched(t, options))}).waitReady()
}

// environment writes options, such as "workers=2", as the variables that set them.
func environment(options []string) []string {
	var env []string
	for _, option := range options {
		name, value, _ := strings.Cut(option, "=")
		env = append(env, "FORKER_"+strings.ToUpper(name)+"="+value)
	}
	return env
}

// start runs a program. When the test ends it is stopped, if it still runs, and must have left nothing.
func start(t *testing.T, s setup) *program {
	t.Helper()
	if s.build == nil {
		s.build = &plain
	}
	if s.source == "" {
		s.source = "serve.c"
	}
	if s.standard == "" {
		s.standard = "c11"
	}
	if s.path == "" {
		s.path = compile(t, *s.build, s.source, s.standard)
	}
	if overHTTP2 {
		s.env = append(s.env, "FORKER_H2C=on", "FORKER_HTTP2=on")
	}
	if overGRPC {
		s.env = append(s.env, callsVariable+filepath.Join(t.TempDir(), "calls"))
	}
	if overTLS != nil {
		s.args, s.env = overTLS.apply(s.args), append(s.env, overTLS.env...)
	}
	command := append(append(slices.Clone(s.under), s.path), s.args...)
	p := &program{t: t, cmd: exec.Command(command[0], command[1:]...), ended: make(chan struct{})}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.Dir = s.dir
	p.cmd.Env = append(append(cleanEnvironment(), s.build.env...), s.env...)
	p.cmd.ExtraFiles = s.files
	if s.stdin != nil {
		p.cmd.Stdin = s.stdin
	}
	if s.terminal != nil {
		p.cmd.Stdin, p.cmd.SysProcAttr = s.terminal, &syscall.SysProcAttr{Setsid: true, Setctty: true}
	}
	p.launch(s.stderr)
	t.Cleanup(p.close)
	return p
}

// cleanEnvironment is the environment without what would change the programs' options.
func cleanEnvironment() []string {
	return slices.DeleteFunc(os.Environ(), func(entry string) bool { return strings.HasPrefix(entry, "FORKER_") })
}

func (p *program) launch(stderr *os.File) {
	p.t.Helper()
	outRead, outWrite := p.pipe()
	logRead, logWrite := p.pipe()
	defer outWrite.Close()
	defer logWrite.Close()
	p.cmd.Stdout, p.cmd.Stderr = outWrite, logWrite
	if stderr != nil {
		p.cmd.Stderr = stderr
	}
	p.out, p.log = collect("stdout", outRead), collect("stderr", logRead)
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
}

func (p *program) pipe() (r, w *os.File) {
	p.t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		p.t.Fatal(err)
	}
	return r, w
}

// pid is that of the spawner.
func (p *program) pid() int { return p.cmd.Process.Pid }

// waitReady returns when the master says that all workers are ready, and they have announced themselves.
func (p *program) waitReady() *program {
	p.t.Helper()
	text := p.log.wait(p.t, 0, "all workers are ready: ").text
	_, number, _ := strings.Cut(text, "all workers are ready: ")
	want, err := strconv.Atoi(strings.Fields(number)[0])
	if err != nil {
		p.t.Fatalf("how many workers is that? %s", text)
	}
	p.out.waitFor(p.t, 0, "all workers", func(string) bool { return len(p.workers()) == want })
	return p
}

// address is that of the program's listening socket number `index`, as it announces it.
func (p *program) address(index int) string {
	p.t.Helper()
	prefix := "listening " + strconv.Itoa(index) + " "
	address := strings.TrimPrefix(p.out.wait(p.t, 0, prefix).text, prefix)
	if !slices.Contains(p.ports, address) {
		p.ports = append(p.ports, address)
	}
	return address
}

// signal sends a signal to the spawner.
func (p *program) signal(number syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(number); err != nil {
		p.t.Fatal(err)
	}
}

// wait returns the exit status of the spawner, negative the signal that killed it.
func (p *program) wait() int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Fatalf("the program does not end; its log:\n%s", p.log)
	}
	status := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		return -int(status.Signal())
	}
	return status.ExitStatus()
}

// stop ends the program by a signal and wants it to exit with status 0. It returns how long that took.
func (p *program) stop(number syscall.Signal) time.Duration {
	p.t.Helper()
	begin := time.Now()
	p.signal(number)
	if status := p.wait(); status != 0 {
		p.t.Errorf("exit status %d after %v; its log:\n%s", status, number, p.log)
	}
	return time.Since(begin)
}

// close is the end of every test: stops what runs, and wants nothing to be left of it, and no panic in its log.
func (p *program) close() {
	if _, lives := readProcess(p.pid()); lives {
		p.signal(syscall.SIGTERM)
		// One that the test has stopped can be beyond its run, where the program has its signals back.
		if status := p.wait(); status != 0 && (status != -int(syscall.SIGTERM) || p.out.count("run returned 0") == 0) {
			p.t.Errorf("exit status %d; its log:\n%s", status, p.log)
		}
	}
	p.wait()
	p.expectNothingLeft(patience)
	for _, line := range p.log.all() { // The library says the first, the Go runtime the others.
		if strings.Contains(line.text, ": internal error: ") || strings.HasPrefix(line.text, "panic: ") ||
			strings.HasPrefix(line.text, "fatal error: ") {
			p.t.Errorf("a panic: %s", line.text)
		}
	}
	if p.t.Failed() {
		p.t.Logf("stdout:\n%sstderr:\n%s", p.out, p.log)
	}
}

// expectNothingLeft wants that within a time no process, no holder of the output and no listener is left.
func (p *program) expectNothingLeft(within time.Duration) {
	p.t.Helper()
	until := time.Now().Add(within)
	for len(p.processes()) > 0 && time.Now().Before(until) {
		time.Sleep(5 * time.Millisecond)
	}
	if left := p.processes(); len(left) > 0 {
		p.t.Errorf("processes are left: %+v; the log:\n%s", left, p.log)
		for _, process := range left {
			_ = syscall.Kill(process.pid, syscall.SIGKILL)
		}
	}
	if !p.out.waitEnd(time.Second) || !p.log.waitEnd(time.Second) {
		p.t.Errorf("somebody still holds the program's output")
	}
	for _, address := range p.ports {
		network, name := dialName(address)
		conn, err := net.Dial(network, name)
		if err == nil {
			_ = conn.Close()
			p.t.Errorf("somebody still listens on %s", address)
		} else if !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, os.ErrNotExist) {
			p.t.Errorf("dial %s: %v", address, err)
		}
	}
}
