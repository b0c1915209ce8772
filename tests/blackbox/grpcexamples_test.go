package blackbox

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// callExample has a client of grpc-go's make calls of an example.
func callExample(t *testing.T, name, calls string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(plain.dir, name)); err != nil {
		t.Skip("make examples has not built it: what it needs is not installed")
	}
	client, err := grpcClient()
	if err != nil {
		t.Fatal(err)
	}
	p := example(t, setup{args: []string{"127.0.0.1:0"}}, name)
	_, address, _ := strings.Cut(p.log.wait(t, 0, "serving on 127.0.0.1:").text, "serving on ")
	if out, err := exec.Command(client, calls, address).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	p.stop(syscall.SIGINT)
}

func TestExampleGreeters_greet(t *testing.T) {
	for _, name := range []string{"greeter_nanopb", "greeter_protobuf_c", "greeter_cpp"} {
		t.Run(name, func(t *testing.T) { callExample(t, name, "greet") })
	}
}

// The one in C++ has its descriptors, and tells of them.
func TestExampleGreeter_isDescribed(t *testing.T) { callExample(t, "greeter_cpp", "describe") }

func TestExampleHealth_isHealthy(t *testing.T) { callExample(t, "health", "probe") }
