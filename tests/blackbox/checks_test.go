package blackbox

import (
	"os/exec"
	"strings"
	"testing"
)

// selfChecking are the programs that check by themselves and do not serve.
var selfChecking = []string{"null.c", "setup.c", "listen.c"}

// check runs such a program in a directory of its own.
func check(t *testing.T, s setup) {
	t.Helper()
	program := compile(t, *s.build, s.source, "c11")
	command := append(append(s.under, program), s.args...)
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(cleanEnvironment(), s.build.env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", strings.Join(command, " "), err, out)
	}
}

func TestSetup_givesTheDocumentedResults(t *testing.T) {
	for _, source := range selfChecking {
		t.Run(source, func(t *testing.T) {
			eachBuild(t, func(t *testing.T, b build) { check(t, setup{build: &b, source: source}) })
		})
	}
}

// 65535 routes take seconds, because each one is compared with all before it.
func TestSetup_limitsTheNumberOfRoutes(t *testing.T) {
	if !long() {
		t.Skip("takes long: make soak runs it")
	}
	check(t, setup{build: &plain, source: "setup.c", args: []string{"all"}})
}

// What valgrind can see: setup, registration and release, which are C. It cannot run the Go runtime, which is only started in forked
// workers; and fork(2) under valgrind would take it along into them.
func TestSetup_isCleanUnderValgrind(t *testing.T) {
	valgrind := []string{"valgrind", "-q", "--error-exitcode=9", "--leak-check=full", "--show-leak-kinds=definite,possible"}
	for _, source := range selfChecking {
		t.Run(source, func(t *testing.T) {
			t.Parallel()
			check(t, setup{build: &plain, source: source, under: valgrind})
		})
	}
}
