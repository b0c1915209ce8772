package blackbox

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// build is one build of the library.
type build struct {
	name  string
	dir   string
	flags []string // what programs are compiled with besides
	env   []string // what they run with
}

// sanitizerOptions leave the handling of signals to the library, which is under test.
const sanitizerOptions = "handle_segv=0:handle_sigbus=0:handle_abort=0:handle_sigfpe=0:handle_sigill=0:detect_leaks=1:exitcode=99"

// plain is the library as it is installed, sanitized the one whose C parts are under AddressSanitizer and UBSan.
var plain, sanitized = builds()

func builds() (plain, sanitized build) {
	dir := os.Getenv("FORKER_BUILD")
	if dir == "" {
		dir = filepath.Join(sourceTree(), "build")
	}
	plain = build{name: "plain", dir: dir}
	sanitized = build{
		name:  "sanitized",
		dir:   filepath.Join(dir, "asan"),
		flags: []string{"-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer"},
		env:   []string{"ASAN_OPTIONS=" + sanitizerOptions},
	}
	return plain, sanitized
}

// eachBuild runs a test against both builds; over TLS, of which C knows nothing, against the plain one.
func eachBuild(t *testing.T, test func(t *testing.T, b build)) {
	builds := []build{plain, sanitized}
	if overTLS != nil {
		builds = builds[:1]
	}
	for _, b := range builds {
		t.Run(b.name, func(t *testing.T) { test(t, b) })
	}
}

var compiled sync.Map // of func() (string, error), by build, source and standard

// compile makes a program of a file of testdata, such as "serve.c", in the dialect of C or C++ that it names; once for
// all tests.
func compile(t *testing.T, b build, source, standard string) string {
	t.Helper()
	once, _ := compiled.LoadOrStore(b.name+" "+source+" "+standard, sync.OnceValues(func() (string, error) {
		return compileNow(b, source, standard)
	}))
	program, err := once.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return program
}

func compileNow(b build, source, standard string) (string, error) {
	compiler, variable := "gcc", "CC"
	if filepath.Ext(source) == ".cpp" {
		compiler, variable = "g++", "CXX"
	}
	if named := os.Getenv(variable); named != "" {
		compiler = named
	}
	name := strings.NewReplacer(".", "_", "+", "p").Replace(source + "-" + standard)
	program := filepath.Join(scratch, name+"-"+b.name)
	args := []string{
		"-std=" + standard, "-O1", "-g", "-rdynamic", "-pthread", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror",
		"-I" + filepath.Join(sourceTree(), "include"), "-o", program, filepath.Join("testdata", source),
	}
	args = append(args, b.flags...)
	// A program that calls nothing of the library, because it loads it by itself, is not linked with it.
	args = append(args, "-L"+b.dir, "-Wl,--as-needed", "-lforker", "-ldl", "-Wl,-rpath,"+b.dir)
	return program, runCompiler(compiler, args)
}

func runCompiler(compiler string, args []string) error {
	out, err := exec.Command(compiler, args...).CombinedOutput()
	if err != nil {
		return &compileError{strings.Join(append([]string{compiler}, args...), " "), string(out), err}
	}
	return nil
}

type compileError struct {
	command, output string
	err             error
}

func (e *compileError) Error() string { return e.command + ": " + e.err.Error() + "\n" + e.output }
