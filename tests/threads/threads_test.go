// Package threads runs the C parts of the library that foreign threads use under ThreadSanitizer and under helgrind.
// Neither can follow the Go runtime, so that each program of testdata has a part of capi compiled into it, and takes
// the place of the rest: loop.c that of the engine, lastwords.c that of a worker.
package threads

import (
	"os/exec"
	"strings"
	"testing"

	"libforker/tests/piped"
)

// underTest are the files of capi that are compiled into each program.
var underTest = map[string][]string{
	"loop.c":      {"deferred.c", "stream.c", "retained.c", "block.c", "dispatch.c", "onhead.c", "chain.c", "value.c", "callback.c", "response.c", "field.c", "failure.c", "part.c", "body.c", "request.c", "inventory.c"},
	"interim.c":   {"deferred.c", "stream.c", "retained.c", "block.c", "dispatch.c", "onhead.c", "chain.c", "value.c", "callback.c", "response.c", "field.c", "failure.c", "part.c", "body.c", "request.c", "wire.c", "error.c", "inventory.c"},
	"lastwords.c": {"log.c", "printable.c", "sink.c", "logloss.c", "logearly.c", "logfile.c", "path.c", "server.c", "descriptor.c"},
}

func build(t *testing.T, source string, flags ...string) string {
	t.Helper()
	return piped.Build(t, source, underTest[source], flags)
}

func run(t *testing.T, command ...string) {
	t.Helper()
	out, err := exec.Command(command[0], command[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, out)
	}
	t.Logf("%s", out)
}

func TestThreads_underThreadSanitizer(t *testing.T) {
	for _, source := range []string{"loop.c", "interim.c"} {
		run(t, build(t, source, "-fsanitize=thread"))
	}
}

func TestLastWords_ofManyThreadsAreThoseOfOne(t *testing.T) {
	run(t, build(t, "lastwords.c", "-fsanitize=thread"))
}

func TestThreads_underAddressSanitizer(t *testing.T) {
	for _, source := range []string{"loop.c", "interim.c"} {
		run(t, build(t, source, piped.Sanitized...))
	}
}

func TestThreads_underHelgrind(t *testing.T) {
	if _, err := exec.LookPath("valgrind"); err != nil {
		t.Skip("valgrind is not installed")
	}
	for _, source := range []string{"loop.c", "interim.c"} {
		run(t, "valgrind", "--tool=helgrind", "-q", "--error-exitcode=9", build(t, source, "-DHELGRIND"))
	}
}
