package blackbox

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"libforker/engine/secure/testcert"
)

// debianPython is the Python that Debian's packages are for, grpcio among them.
const debianPython = "/usr/bin/python3"

// generatePython has protoc generate code for Python, of grpcio's plugin, and gives the directory that has it.
func generatePython(t *testing.T, args ...string) string {
	t.Helper()
	needTool(t, "protoc")
	needTool(t, "grpc_python_plugin")
	plugin, err := exec.LookPath("grpc_python_plugin")
	must(t, err)
	dir := t.TempDir()
	args = append([]string{"--python_out=" + dir, "--grpc_python_out=" + dir, "--plugin=protoc-gen-grpc_python=" + plugin}, args...)
	if out, err := exec.Command("protoc", args...).CombinedOutput(); err != nil {
		t.Fatalf("protoc: %v\n%s", err, out)
	}
	return dir
}

// The same cases as TestGRPC_interop, against a servicer of generated code: on threads in clear text, on the main thread over TLS.
func TestGRPCPython_interop(t *testing.T) {
	client, err := grpcClient()
	must(t, err)
	set, err := exec.Command(client, "interopset").Output()
	must(t, err)
	described := filepath.Join(t.TempDir(), "set")
	must(t, os.WriteFile(described, set, 0o600))
	code := generatePython(t, "--descriptor_set_in="+described, "grpc/testing/empty.proto", "grpc/testing/messages.proto", "grpc/testing/test.proto")
	files := keep(t, t.TempDir(), "own", testcert.New(testcert.Spec{Names: []string{"127.0.0.1", "localhost"}}))
	for _, row := range []struct{ name, address, option, inline string }{
		{"plain", "127.0.0.1:0", "FORKER_H2C=on", "no"}, {"tls", "127.0.0.1:0?tls=on", "FORKER_HTTP2=on", "yes"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := start(t, setup{
				under: []string{debianPython, "-W", "error"}, path: filepath.Join(sourceTree(), "tests/blackbox/testdata/interop.py"),
				args: []string{row.address},
				env: []string{
					"PYTHONPATH=" + filepath.Join(sourceTree(), "bindings/python/src"), "FORKER_LIBRARY=" + filepath.Join(plain.dir, "libforker.so.0"),
					"INTEROP_CODE=" + code, "FORKER_TEST_CHAIN=" + files[0], "FORKER_TEST_KEY=" + files[1], "FORKER_WORKERS=2", row.option,
					"INTEROP_INLINE=" + row.inline,
				},
			}).waitReady()
			args := []string{"interop", p.address(0)}
			if strings.HasSuffix(row.address, "tls=on") {
				args = append(args, files[0])
			}
			if out, err := exec.Command(client, args...).CombinedOutput(); err != nil {
				t.Errorf("%v: %v\n%s", args, err, out)
			}
			p.stop(syscall.SIGTERM)
		})
	}
}

// The ledger over calls of functions of Python: reloads lose none, kills only those of the workers that were killed.
func TestGRPCPython_losesOnlyWhatKilledWorkersHad(t *testing.T) {
	overHTTP2, overGRPC = true, true
	defer func() { overHTTP2, overGRPC = false, false }()
	rounds, each := 3, 500
	if long() {
		rounds, each = 30, 5000
	}
	p := start(t, setup{
		under: []string{debianPython, "-W", "error"}, path: filepath.Join(sourceTree(), "tests/blackbox/testdata/ledger.py"), args: []string{"127.0.0.1:0"},
		env: append(environment(watched(t, []string{"workers=2", "drain_grace=200ms"})),
			"PYTHONPATH="+filepath.Join(sourceTree(), "bindings/python/src"), "FORKER_LIBRARY="+filepath.Join(plain.dir, "libforker.so.0")),
	}).waitReady()
	l := p.openLedger()
	more := func() {
		want := l.Answered() + each
		eventually(t, "calls are answered", func() bool { return l.Answered() >= want })
	}
	victims := map[int]bool{}
	for i := range rounds {
		p.reload("reload: done")
		more()
		index := i % 2
		pid := p.workers()[index]
		victims[pid] = true
		p.kill(pid, syscall.SIGKILL)
		p.waitReplaced(index, pid)
		more()
	}
	expectLostOnlyBy(t, closeLedger(t, l), victims, p.grace())
	p.stop(syscall.SIGTERM)
}
