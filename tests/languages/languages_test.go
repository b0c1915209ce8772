//go:build languages

package languages

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long an event may take that is waited for.
const patience = 60 * time.Second

// language is one in which a program can be a host.
type language struct {
	name    string
	build   []string // What makes it, if something has to; $SRC, $OUT and $LIB are replaced.
	command []string
	forks   bool // Else it serves with workers=0 alone.
}

var languages = []language{
	{"Ruby", nil, []string{"ruby", "$SRC/hello.rb"}, true},
	{"Ruby, described", nil, []string{"ruby", "$SRC/described.rb"}, true},
	{"LuaJIT", nil, []string{"luajit", "$SRC/hello_luajit.lua"}, true},
	{
		"Lua",
		[]string{
			"gcc", "-shared", "-fPIC", "-I/usr/include/lua5.4", "-I$SRC/../../include", "-o", "$OUT/lua_forker.so", "$SRC/lua_forker.c",
			"-L$LIB", "-lforker", "-Wl,-rpath,$LIB",
		},
		[]string{"lua5.4", "$SRC/hello.lua"},
		true,
	},
	{"Perl", nil, []string{"perl", "$SRC/hello.pl"}, true},
	{"PHP", nil, []string{"php", "$SRC/hello.php"}, true},
	{
		"Rust",
		[]string{"rustc", "-o", "$OUT/hello_rs", "$SRC/hello.rs", "-L", "$LIB", "-l", "forker", "-C", "link-arg=-Wl,-rpath,$LIB"},
		[]string{"$OUT/hello_rs"},
		true,
	},
	{"Go", []string{"go", "build", "-o", "$OUT/hello_go", "$SRC/go/hello.go"}, []string{"$OUT/hello_go"}, false},
	{"Java", nil, []string{"java", "-cp", "/usr/share/java/jna.jar", "$SRC/Hello.java"}, false},
	{
		"Node.js",
		[]string{
			"gcc", "-shared", "-fPIC", "-I/usr/include/node", "-I/usr/include/nodejs/src", "-I$SRC/../../include", "-o",
			"$OUT/node_forker.node", "$SRC/node_forker.c", "-L$LIB", "-lforker", "-Wl,-rpath,$LIB",
		},
		[]string{"node", "$SRC/hello.js"},
		false,
	},
}

// places fills in where things are.
type places struct{ src, out, lib string }

func find(t *testing.T) places {
	t.Helper()
	_, file, _, _ := runtime.Caller(0)
	root := filepath.Join(filepath.Dir(file), "../..")
	lib := os.Getenv("FORKER_BUILD")
	if lib == "" {
		lib = filepath.Join(root, "build")
	}
	return places{filepath.Join(root, "bindings/hello"), t.TempDir(), lib}
}

func (p places) fill(words []string) (filled []string) {
	for _, word := range words {
		filled = append(filled, strings.NewReplacer("$SRC", p.src, "$OUT", p.out, "$LIB", p.lib).Replace(word))
	}
	return filled
}

func (p places) environment(more ...string) []string {
	return append(append(os.Environ(), "FORKER_LIBRARY="+p.lib+"/libforker.so.0", "NODE_FORKER="+p.out+"/node_forker.node",
		"LUA_CPATH="+p.out+"/?.so", "FORKER_API="+p.lib+"/api.json", "CGO_CFLAGS=-I"+p.src+"/../../include", "CGO_LDFLAGS=-L"+p.lib+" -Wl,-rpath,"+p.lib), more...)
}

// prepare makes a hello ready to be started.
func (l language) prepare(t *testing.T, address string, more ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	p := find(t)
	if l.build != nil {
		words := p.fill(l.build)
		build := exec.Command(words[0], words[1:]...)
		build.Env = p.environment()
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", words, err, out)
		}
	}
	words := append(p.fill(l.command), address)
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Env = p.environment(more...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	return cmd, &log
}

// await waits for the end, and returns what it was.
func await(t *testing.T, cmd *exec.Cmd, log *bytes.Buffer) error {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-time.After(patience):
		_ = cmd.Process.Kill()
		<-ended
		t.Fatalf("it does not end:\n%s", log)
		return nil
	}
}

// get asks over a unix socket, as soon as somebody listens there.
func get(path string) (string, error) {
	var conn net.Conn
	var err error
	for until := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if conn, err = net.Dial("unix", path); err == nil {
			break
		}
		if time.Now().After(until) {
			return "", err
		}
	}
	defer conn.Close()
	if err = conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	if _, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"); err != nil {
		return "", err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

func TestHello(t *testing.T) {
	for _, l := range languages {
		t.Run(l.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "socket")
			workers := "FORKER_WORKERS=0"
			if l.forks {
				workers = "FORKER_WORKERS=2"
			}
			cmd, log := l.prepare(t, "unix:"+path, workers)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			want := fmt.Sprintf("hello from %s\n", l.name)
			for range 5 {
				if body, err := get(path); err != nil || body != want {
					t.Errorf("%q, error %v, want %q", body, err, want)
				}
			}
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Error(err)
			}
			// A Java virtual machine that SIGTERM ends says 143.
			if err := await(t, cmd, log); err != nil && !(l.name == "Java" && cmd.ProcessState.ExitCode() == 143) {
				t.Errorf("%v:\n%s", err, log)
			}
			if _, err := os.Stat(path); !os.IsNotExist(err) {
				t.Errorf("the socket file: %v", err)
			}
		})
	}
}

func TestManagedRuntimes_areRefusedForkedWorkers(t *testing.T) {
	for _, l := range languages {
		if l.forks || l.name == "Node.js" { // Its addon asks for what has no workers: the call says so first.
			continue
		}
		t.Run(l.name, func(t *testing.T) {
			cmd, log := l.prepare(t, "unix:"+filepath.Join(t.TempDir(), "socket"), "FORKER_WORKERS=1")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if err := await(t, cmd, log); err == nil {
				t.Error("it has served")
			}
			if !strings.Contains(log.String(), "some of them of "+l.name+",") {
				t.Errorf("the log:\n%s", log)
			}
		})
	}
}
