package blackbox

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The program goes to / when run has begun; what options and addresses name is where it was.
func TestPaths_thatAreRelativeStayWhereTheyWere(t *testing.T) {
	dir := t.TempDir()
	log := logFile{t, filepath.Join(dir, "error.log")}
	p := start(t, setup{
		source: "elsewhere.c", args: []string{dir, "unix:socket"},
		env: environment([]string{
			"workers=1", "error_log=error.log", "access_log=common", "access_log_file=access.log", "pid_file=pid", "admin=unix:admin",
		}),
	})
	log.wait("all workers are ready")
	socket := "unix:" + filepath.Join(dir, "socket")
	p.out.wait(t, 0, "listening 0 unix:socket") // As the program has written it.
	if a := dial(t, socket).send(post("/", strings.Repeat("x", 100000), 0)).receive("POST"); a.StatusCode != 200 || a.body != "100000" {
		t.Errorf("%s %q", a.Status, a.body)
	}
	old := log.rotate()
	p.signal(syscall.SIGUSR1)
	log.wait("log files are opened anew")
	if text := old.text(); strings.Contains(text, "opened anew") {
		t.Errorf("the old file has\n%s", text)
	}
	p.stop(syscall.SIGTERM)
	for _, name := range []string{"socket", "admin", "pid"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", name, err)
		}
	}
	if text := (logFile{t, filepath.Join(dir, "access.log")}).text(); !strings.Contains(text, "POST / HTTP/1.1") {
		t.Errorf("the access log has %q", text)
	}
}
