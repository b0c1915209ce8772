package blackbox

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// selfChecking are the programs that check by themselves, and run nothing of Go.
var selfChecking = []string{"null.c", "setup.c", "listen.c", "urls.c", "keysetup.c"}

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
	for _, source := range append(slices.Clone(selfChecking), "tested.c") {
		t.Run(source, func(t *testing.T) {
			eachBuild(t, func(t *testing.T, b build) { check(t, setup{build: &b, source: source}) })
		})
	}
}

func TestNull_isTriedOnEveryFunctionThatTakesAPointer(t *testing.T) {
	source, err := os.ReadFile(filepath.Join("testdata", "null.c"))
	must(t, err)
	for _, name := range declaredFunctions(t) {
		takesNone := name == "forker_version" || name == "forker_strerror" || name == "forker_server_new"
		if tried := regexp.MustCompile(`\b` + name + `\b`).Match(source); !tried && !takesNone {
			t.Errorf("null.c does not try %s", name)
		}
	}
}

func TestSetup_limitsTheNumberOfRoutes(t *testing.T) {
	check(t, setup{build: &plain, source: "setup.c", args: []string{"all"}})
}

// Eight times as many routes may take ten times the work; were each compared with all before it, it would be 64 times.
func TestSetup_workGrowsWithTheNumberOfRoutes(t *testing.T) {
	needTool(t, "valgrind")
	few, many := instructions(t, "manyroutes.c", "8191"), instructions(t, "manyroutes.c", "65534")
	t.Logf("%d instructions for 8191 routes, %d for 65534", few, many)
	if many > 10*few {
		t.Errorf("%d instructions for 8191 routes, %d for 65534", few, many)
	}
}

// instructions counts what a self-checking program takes to do something.
func instructions(t *testing.T, source, argument string) int {
	t.Helper()
	command := []string{"valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"}
	command = append(command, compile(t, plain, source, "c11"), argument)
	out, err := exec.Command(command[0], command[1:]...).CombinedOutput()
	match := regexp.MustCompile(`I +refs: +([0-9,]+)`).FindSubmatch(out)
	if err != nil || match == nil {
		t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, out)
	}
	count, err := strconv.Atoi(strings.ReplaceAll(string(match[1]), ",", ""))
	must(t, err)
	return count
}

// What valgrind can see: setup, registration and release, which are C. It cannot run the Go runtime, which is only
// started in forked workers; and fork(2) under valgrind would take it along into them.
func TestSetup_isCleanUnderValgrind(t *testing.T) {
	needTool(t, "valgrind")
	valgrind := []string{"valgrind", "-q", "--error-exitcode=9", "--leak-check=full", "--show-leak-kinds=definite,possible"}
	for _, source := range selfChecking {
		t.Run(source, func(t *testing.T) {
			t.Parallel()
			check(t, setup{build: &plain, source: source, under: valgrind})
		})
	}
}
