package blackbox

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
)

// underSpace starts serve.c with a limit of address space, in MiB.
func underSpace(t *testing.T, mib int, options ...string) *program {
	t.Helper()
	return start(t, setup{
		under: []string{"sh", "-c", fmt.Sprintf(`ulimit -v %d; exec "$@"`, mib<<10), "sh"},
		args:  []string{"127.0.0.1:0"}, env: environment(options),
	})
}

func TestAddressSpace_thatIsTooLittleIsAnErrorOfRun(t *testing.T) {
	for _, workers := range []string{"workers=0", "workers=1"} {
		p := underSpace(t, 500, workers)
		line := p.out.wait(t, 0, "run returned ").text
		if !strings.HasPrefix(line, "run returned -2: run: too little address space: the Go runtime reserves ") ||
			!strings.HasSuffix(line, " and the limit is 500 MiB (ulimit -v, RLIMIT_AS)") {
			t.Error(line)
		}
		if status := p.wait(); status != 1 { // The program goes on after run.
			t.Errorf("exit status %d", status)
		}
		if n := p.log.count("goroutine"); n > 0 {
			t.Errorf("the Go runtime has said %s", p.log)
		}
	}
}

// Whatever run does not refuse, serves.
func TestAddressSpace_thatIsEnoughServes(t *testing.T) {
	for _, workers := range []string{"workers=0", "workers=2"} {
		serves := false
		for mib := 750; mib <= 1100; mib += 25 {
			p := underSpace(t, mib, workers)
			p.out.waitFor(t, 0, "the server serves or not", func(line string) bool {
				return strings.HasPrefix(line, "ready 0 ") || strings.HasPrefix(line, "run returned ")
			})
			if p.out.count("run returned ") > 0 {
				if serves || p.out.count("too little address space") == 0 {
					t.Errorf("%s with %d MiB: %s", workers, mib, p.out)
				}
				p.wait()
				continue
			}
			serves = true
			p.expectGet("/", 200, "hello\n")
			p.stop(syscall.SIGTERM)
		}
		if !serves {
			t.Errorf("%s: 1100 MiB are not enough", workers)
		}
	}
}
