package blackbox

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"libforker/engine/secure/testcert"
)

// grpcClient is the client of tests/grpc, which is made once for all tests.
var grpcClient = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "grpcclient")
	cmd := exec.Command("go", "build", "-o", path, ".")
	cmd.Dir = filepath.Join(sourceTree(), "tests/grpc")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// describedBy has grpc.c know its descriptors, for reflection.
func describedBy(t *testing.T, client string) string {
	t.Helper()
	set, err := exec.Command(client, "set").Output()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "set")
	if err := os.WriteFile(path, set, 0o600); err != nil {
		t.Fatal(err)
	}
	return "FORKER_TEST_DESCRIPTORS=" + path
}

// callByGRPCGo has a client of grpc-go's make its calls, in clear text and over TLS.
func callByGRPCGo(t *testing.T, source, calls string) {
	client, err := grpcClient()
	if err != nil {
		t.Fatal(err)
	}
	eachBuild(t, func(t *testing.T, b build) {
		for _, row := range []struct{ address, option, compress string }{
			{"127.0.0.1:0", "h2c=on", "0"}, {"127.0.0.1:0?tls=on", "http2=on", "1k"},
		} {
			files := keep(t, t.TempDir(), "own", testcert.New(testcert.Spec{Names: []string{"127.0.0.1", "localhost"}}))
			env := append(environment([]string{"workers=2", row.option, "grpc_compress=" + row.compress}), "FORKER_TEST_CHAIN="+files[0], "FORKER_TEST_KEY="+files[1], describedBy(t, client))
			p := start(t, setup{build: &b, source: source, args: []string{row.address}, env: env}).waitReady()
			args := []string{calls, p.address(0)}
			if row.option == "http2=on" {
				args = append(args, files[0])
			}
			if out, err := exec.Command(client, args...).CombinedOutput(); err != nil {
				t.Errorf("%v: %v\n%s", args, err, out)
			}
			p.stop(syscall.SIGTERM)
		}
	})
}

func TestGRPC_grpcGo(t *testing.T) { callByGRPCGo(t, "grpc.c", "echo") }

// The cases of gRPC's own tests that servers are asked, but for those of credentials and balancing.
func TestGRPC_interop(t *testing.T) { callByGRPCGo(t, "interop.c", "interop") }
