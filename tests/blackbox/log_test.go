package blackbox

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// logLine is the form of every log line but a backtrace's.
var logLine = regexp.MustCompile(
	`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (error|warn|info|debug) (host|spawner|master|worker \d+)\[\d+\]: [^\x00-\x1f\x7f]+$`)

func TestLog_linesHaveTimeLevelAndProcess(t *testing.T) {
	p := serve(t, "workers=2", "log_level=debug")
	for level, name := range []string{"error", "warn", "info", "debug"} {
		mark := p.log.mark()
		p.expectGet(fmt.Sprintf("/log/%d?text=a%%0Ab%%01c", level), 200, "logged\n")
		line := p.log.wait(t, mark, "a?b?c").text
		if !strings.Contains(line, "Z "+name+" worker ") {
			t.Errorf("at level %s: %s", name, line)
		}
	}
	mark := p.log.mark()
	p.expectGet("/log/2?text="+strings.Repeat("x", 4100), 200, "logged\n")
	if line := p.log.wait(t, mark, "xxx").text; strings.Count(line, "x") != 4000 {
		t.Errorf("a line of 4100 bytes is cut to %d", strings.Count(line, "x"))
	}
	p.kill(p.workers()[0], syscall.SIGKILL)
	p.kill(p.master(), syscall.SIGKILL)
	p.log.wait(t, 0, "spawner[")
	p.stop(syscall.SIGTERM)
	for _, line := range p.log.all() {
		if !logLine.MatchString(line.text) {
			t.Errorf("this is no log line: %q", line.text)
		}
	}
}

// What could steer a terminal, or make a line look like another one, is one question mark for each character.
func TestLog_showsOnlyWhatChangesNothing(t *testing.T) {
	p := serve(t, "workers=1")
	for i, c := range []struct{ text, shown string }{
		{"a\x1b[2Jb\x7f", "a?[2Jb?"},
		{"C1 in Latin-1 \x80\x9b31m\x9f", "C1 in Latin-1 ??31m?"},
		{"C1 in UTF-8 \u0080\u0085\u009b31m\u009f", "C1 in UTF-8 ???31m?"},
		{"lines \u2028\u2029", "lines ??"},
		{"marks \u061c\u200e\u200f", "marks ???"},
		{"overrides \u202a\u202b\u202c\u202d\u202e", "overrides ?????"},
		{"isolates \u2066\u2067\u2068\u2069", "isolates ????"},
		{"next to them \u00a0\u061b\u200d\u2010\u202f\u2065\u206a", "next to them \u00a0\u061b\u200d\u2010\u202f\u2065\u206a"},
		{"text äöü 漢字 \U0001f600", "text äöü 漢字 \U0001f600"},
		{"no UTF-8 \xc3 \xe6\xbc \xff\xfe \xc0\x80 \xed\xa0\x80 \xf4\x90\x80\x80 \xc2", "no UTF-8 ? ?? ?? ?? ??? ???? ?"},
	} {
		mark := p.log.mark()
		p.expectGet("/log/1?text="+url.QueryEscape(fmt.Sprintf("%d<%s>", i, c.text)), 200, "logged\n")
		if line := p.log.wait(t, mark, fmt.Sprintf("]: %d<", i)).text; !strings.HasSuffix(line, fmt.Sprintf("%d<%s>", i, c.shown)) {
			t.Errorf("%q is shown as %q", c.text, line)
		}
	}
}

func TestLog_tellsTheJournalTheLevel(t *testing.T) {
	for name, c := range map[string]struct {
		stream string
		levels []string
	}{
		"stderr is the journal":    {"$(stat -L -c %d:%i /proc/self/fd/2)", []string{"<3>", "<4>", "<6>", "<7>"}},
		"the journal is elsewhere": {"$(stat -L -c %d:%i /dev/null)", []string{"", "", "", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, setup{
				under: []string{"sh", "-c", "JOURNAL_STREAM=" + c.stream + ` exec "$@"`, "sh"}, args: []string{"127.0.0.1:0"},
				env: environment([]string{"workers=1", "log_level=debug"}),
			}).waitReady()
			for level, prefix := range c.levels {
				mark := p.log.mark()
				p.expectGet(fmt.Sprintf("/log/%d?text=a%%0A<0>b", level), 200, "logged\n")
				line := p.log.wait(t, mark, "a?<0>b").text
				if rest, found := strings.CutPrefix(line, prefix); !found || !logLine.MatchString(rest) {
					t.Errorf("at level %d: %s", level, line)
				}
			}
		})
	}
}

func TestLog_levelIsAThreshold(t *testing.T) {
	p := serve(t, "workers=1", "log_level=info")
	for level := range 4 {
		p.expectGet(fmt.Sprintf("/log/%d?text=level%d", level, level), 200, "logged\n")
	}
	p.log.wait(t, 0, "level2")
	p.stop(syscall.SIGTERM)
	if p.log.count("level0") != 1 || p.log.count("level1") != 1 || p.log.count("level3") != 0 {
		t.Errorf("the log is\n%s", p.log)
	}
}

func TestLog_ofSeveralThreadsIsWhole(t *testing.T) {
	const lines = 4 * 50
	eachBuild(t, func(t *testing.T, b build) {
		p := start(t, setup{build: &b, source: "log.c", args: []string{"127.0.0.1:0"}, env: environment([]string{"workers=1"})})
		p.out.wait(t, 0, "all workers are ready: 1 worker")
		p.expectGet("/together", 200, "logged\n")
		p.stop(syscall.SIGTERM)
		whole := regexp.MustCompile(`^log 0 \d+\|\S+ error worker 0\[\d+\]: from a thread$`)
		n := 0
		for _, line := range p.out.all() {
			if whole.MatchString(line.text) {
				n++
			}
		}
		if n != lines {
			t.Errorf("%d lines of %d are whole", n, lines)
		}
	})
}

func TestLog_goesToTheProgram(t *testing.T) {
	s := setup{source: "log.c", args: []string{"127.0.0.1:0"}, env: environment([]string{"workers=2"})}
	p := start(t, s)
	p.out.wait(t, 0, "all workers are ready: 2 workers")
	p.expectGet("/log?text="+url.QueryEscape("from a handler"), 200, "logged\n")
	p.kill(p.master(), syscall.SIGKILL)
	p.out.wait(t, 0, "spawner[")
	p.stop(syscall.SIGTERM)
	sources := map[string]bool{}
	for _, line := range p.out.all() {
		meta, text, ok := strings.Cut(line.text, "|")
		var level, length int
		if !ok || !parseFields(meta, "log", &level, &length) {
			continue
		}
		found := logLine.FindStringSubmatch(text)
		if found == nil || length != len(text) || found[1] != [...]string{"error", "warn", "info", "debug"}[level] {
			t.Errorf("the callback got %q", line.text)
			continue
		}
		sources[strings.Fields(found[2])[0]] = true
	}
	for _, source := range []string{"spawner", "master", "worker"} {
		if !sources[source] {
			t.Errorf("no line came from the %s:\n%s", source, p.out)
		}
	}
	if len(p.log.all()) > 0 {
		t.Errorf("stderr has lines as well:\n%s", p.log)
	}
}

// Nobody reads stderr any more.
func TestLog_brokenStderrKillsNobody(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Close()
	defer w.Close()
	s := setup{args: []string{"127.0.0.1:0"}, env: environment([]string{"workers=2", "log_level=debug"}), stderr: w}
	p := start(t, s)
	p.out.waitFor(t, 0, "two workers", func(string) bool { return len(p.workers()) == 2 })
	workers, master := p.workers(), p.master()
	for range 20 {
		p.expectGet("/log/0?text=nobody", 200, "logged\n")
	}
	p.kill(workers[0], syscall.SIGKILL)
	p.waitReplaced(0, workers[0])
	if p.master() != master || p.workers()[1] != workers[1] {
		t.Errorf("master %d became %d, worker %d became %d", master, p.master(), workers[1], p.workers()[1])
	}
	p.kill(master, syscall.SIGKILL)
	eventually(t, "there is another master", func() bool { return p.master() != master })
	p.stop(syscall.SIGTERM)
}

func TestLog_linesAreOneWriteEach(t *testing.T) {
	trace := filepath.Join(t.TempDir(), "trace")
	s := setup{
		// A file for each thread (-ff): in a file of all, a call that another's cuts in on stands in two pieces.
		under: []string{"strace", "-ff", "-q", "-e", "trace=write,writev,pwritev2", "-e", "signal=none", "-s", "8000", "-o", trace},
		args:  []string{"127.0.0.1:0"},
		env:   environment([]string{"workers=1", "log_level=debug"}),
	}
	p := start(t, s).waitReady()
	p.expectGet("/log/0?text=one", 200, "logged\n")
	p.expectGet("/result/-1", 500, "500 Internal Server Error\n")
	p.expectGet("/stop/0", 200, "stopping\n")
	if status := p.wait(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	files, err := filepath.Glob(trace + ".*")
	must(t, err)
	var text []byte
	for _, file := range files {
		part, err := os.ReadFile(file)
		must(t, err)
		text = append(text, part...)
	}
	// Where the kernel cannot write to a pipe without waiting, the library opens it once more.
	written := regexp.MustCompile(`\b(?:writev?|pwritev2)\((\d+), (?:\[\{iov_base=)?("(?:[^"\\]|\\.)*").* = \d+`)
	count := 0
	for _, found := range written.FindAllStringSubmatch(string(text), -1) {
		line, err := strconv.Unquote(found[2])
		if found[1] != "2" && !logLine.MatchString(strings.TrimSuffix(line, "\n")) {
			continue
		}
		if err != nil || !logLine.MatchString(strings.TrimSuffix(line, "\n")) || !strings.HasSuffix(line, "\n") {
			t.Errorf("this was written to stderr: %s", found[1])
		}
		count++
	}
	if lines := len(p.log.all()); count != lines || count < 4 {
		t.Errorf("%d lines came by %d writes", lines, count)
	}
}
