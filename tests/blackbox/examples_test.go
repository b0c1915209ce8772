package blackbox

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// example starts a program of the build directory, and waits until it serves.
func example(t *testing.T, s setup, name string) *program {
	t.Helper()
	s.path = filepath.Join(plain.dir, name)
	p := start(t, s)
	p.log.wait(t, 0, "all workers are ready")
	return p
}

// socketIn gives a place for a unix socket: an example cannot tell which port the kernel has chosen.
func socketIn(t *testing.T) string { return filepath.Join(t.TempDir(), "socket") }

func TestExampleHello_greets(t *testing.T) {
	path := socketIn(t)
	p := example(t, setup{args: []string{"unix:" + path}}, "hello")
	if got := curl(t, "", "--unix-socket", path, "http://host/"); got != "greeting!!!" {
		t.Errorf("got %q", got)
	}
	if took := p.stop(syscall.SIGINT); took > slack { // Ctrl-C
		t.Errorf("the stop took %v", took)
	}
}

func TestExampleEcho_printsBackTheRequest(t *testing.T) {
	path := socketIn(t)
	example(t, setup{args: []string{"unix:" + path}}, "echo")
	got := curl(t, "", "--unix-socket", path, "-A", "agent", "--data", "a body", "http://localhost:8080/a%20path?with=query")
	want := `method: POST
target: /a%20path?with=query
path: /a path
query: with=query
peer: unix:
field Host: localhost:8080
field User-Agent: agent
field Accept: */*
field Content-Length: 6
field Content-Type: application/x-www-form-urlencoded
body: a body
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// The whole life of the old program: its words, pid file, signal handlers and atexit function are as they were.
func TestExampleLegacyHost_keepsWhatItHad(t *testing.T) {
	dir := t.TempDir()
	path, words, pidFile := filepath.Join(dir, "socket"), filepath.Join(dir, "words"), filepath.Join(dir, "pid")
	if err := os.WriteFile(words, []byte("zebra\nfork\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	stdin, keyboard, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer keyboard.Close()
	p := example(t, setup{args: []string{"unix:" + path, words, pidFile}, stdin: stdin}, "legacy_host")
	_ = stdin.Close()

	pid := fmt.Sprint(p.pid())
	if text, err := os.ReadFile(pidFile); err != nil || strings.TrimSpace(string(text)) != pid {
		t.Errorf("the pid file has %q, %v; want %s", text, err, pid)
	}
	for word, want := range map[string]string{"zebra": "200", "reap": "404"} {
		if got := curl(t, "", "--unix-socket", path, "-o", "/dev/null", "-w", "%{http_code}", "http://host/words/"+word); got != want {
			t.Errorf("%s: %s, want %s", word, got, want)
		}
	}
	p.signal(syscall.SIGUSR1)
	p.signal(syscall.SIGTERM)
	p.out.wait(t, 0, "pid "+pid+" checks standard input")
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
	p.signal(syscall.SIGUSR1)
	if _, err := keyboard.WriteString("fork\nspoon\n"); err != nil {
		t.Fatal(err)
	}
	p.out.wait(t, 0, "fork: known")
	p.out.wait(t, 0, "spoon: unknown")
	p.stop(syscall.SIGTERM)
	p.out.wait(t, 0, "SIGUSR1 came 2 times, SIGTERM came")
	if n := p.out.count("removes " + pidFile); n != 1 || p.out.count("pid "+pid+" removes") != 1 {
		t.Errorf("the pid file was removed %d times:\n%s", n, p.out)
	}
	if p.out.count(" has 2 words") != 1 {
		t.Errorf("the words were loaded more than once:\n%s", p.out)
	}
}

func TestExampleHelloCPP_catchesExceptions(t *testing.T) {
	path := socketIn(t)
	p := example(t, setup{args: []string{"unix:" + path}}, "hello_cpp")
	for target, want := range map[string]string{
		"/":                                  "greeting!!!",
		"/greet/you":                         "greeting, you!!!",
		"/greet/" + strings.Repeat("x", 101): "500 Internal Server Error\n",
	} {
		if got := curl(t, "", "--unix-socket", path, "http://host"+target); got != want {
			t.Errorf("%.20s: %q, want %q", target, got, want)
		}
	}
	p.log.wait(t, 0, "a name of 101 bytes")
}

func TestExampleLater_answersFromOtherThreads(t *testing.T) {
	path := socketIn(t)
	example(t, setup{args: []string{"unix:" + path}}, "later")
	clock := dial(t, "unix:"+path).send("GET /clock HTTP/1.1\r\nHost: test\r\n\r\n")
	for ticks := 0; ticks < 2; {
		line, err := clock.input.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if line == "event: tick\n" {
			ticks++
		}
	}
	for target, want := range map[string]string{"/square/12": "144\n", "/sleep": "half a second\n"} {
		if got := curl(t, "", "--unix-socket", path, "http://host"+target); got != want {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
}

func TestExampleForm_writesFiles(t *testing.T) {
	path, dir, from := socketIn(t), t.TempDir(), t.TempDir()
	example(t, setup{args: []string{"unix:" + path, dir}, env: []string{"FORKER_WORKERS=1"}}, "form")
	post := func(args ...string) string {
		return curl(t, "", append(args, "--unix-socket", path, "-w", " %{http_code}", "http://host/")...)
	}
	if got := post(); !strings.Contains(got, "enctype=multipart/form-data") {
		t.Errorf("the page: %q", got)
	}
	large := content(20 << 20)
	write(t, filepath.Join(from, "large"), large)
	write(t, filepath.Join(from, "empty"), "")
	if got := post("-F", "from=me", "-F", "file=@"+filepath.Join(from, "large"), "-F", "file=@"+filepath.Join(from, "empty")); got != "me 201" {
		t.Errorf("an upload: %q", got)
	}
	for name, want := range map[string]string{"large": large, "empty": ""} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	for what, args := range map[string][]string{
		"there already": {"-F", "file=@" + filepath.Join(from, "empty")},
		"hidden":        {"-F", "file=@" + filepath.Join(from, "empty") + ";filename=a/.x"},
		"no form":       {"-d", "from=me"},
	} {
		if got := post(args...); !strings.HasSuffix(got, " 400") {
			t.Errorf("%s: %q", what, got)
		}
	}
	if got := post("-F", "file=;filename=", "-F", "from=you"); got != "you 201" {
		t.Errorf("no file: %q", got)
	}
	c := dial(t, "unix:"+path).send("POST / HTTP/1.1\r\nHost: t\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000\r\n\r\n" +
		"--b\r\nContent-Disposition: form-data; name=file; filename=half\r\n\r\nhalf")
	is := func(there bool) func() bool {
		return func() bool {
			_, err := os.Stat(filepath.Join(dir, "half"))
			return (err == nil) == there
		}
	}
	eventually(t, "half a file is there", is(true))
	must(t, c.Close())
	eventually(t, "half a file is gone", is(false))
}

func TestExampleUpload_writesFiles(t *testing.T) {
	path, dir := socketIn(t), t.TempDir()
	example(t, setup{args: []string{"unix:" + path, dir}, env: []string{"FORKER_WORKERS=1"}}, "upload")
	put := func(name, text string, args ...string) string {
		return curl(t, text, append(args, "--unix-socket", path, "-T", "-", "http://host/files/"+name)...)
	}
	files := map[string]string{"small": "a few bytes", "empty": "", "large": content(20 << 20)}
	for name, text := range files {
		if got := put(name, text); got != "written\n" {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := put(".upload", "x", "-o", "/dev/null", "-w", "%{http_code}"); got != "400" {
		t.Errorf("a name with a dot: %s", got)
	}
	c := dial(t, "unix:"+path).send("PUT /files/half HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhalf")
	parts := func() int {
		found, err := filepath.Glob(filepath.Join(dir, ".upload-*"))
		must(t, err)
		return len(found)
	}
	eventually(t, "it has begun", func() bool { return parts() == 1 })
	_ = c.Close()
	eventually(t, "what a client left is removed", func() bool { return parts() == 0 })
	found, err := os.ReadDir(dir)
	must(t, err)
	if len(found) != len(files) {
		t.Errorf("the directory has %v", found)
	}
	for name, text := range files {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != text {
			t.Errorf("%s has %d bytes of %d: %v", name, len(got), len(text), err)
		}
	}
}

// python starts an example of the Python binding.
func python(t *testing.T, name string, args ...string) *program {
	t.Helper()
	binding := filepath.Join(sourceTree(), "bindings/python")
	interpreter, path := "python3", filepath.Join(binding, "src")
	if name == "greeter.py" {
		interpreter = debianPython
		path += ":" + generatePython(t, "-I"+filepath.Join(binding, "examples"), "helloworld.proto")
	}
	return start(t, setup{
		dir:   t.TempDir(), // Some write a file.
		under: []string{interpreter, "-W", "error"},
		path:  filepath.Join(binding, "examples", name),
		args:  args,
		env:   []string{"PYTHONPATH=" + path, "FORKER_LIBRARY=" + filepath.Join(plain.dir, "libforker.so.0")},
	})
}

func TestExamplePythonHello_greets(t *testing.T) {
	path := socketIn(t)
	p := python(t, "hello.py", "unix:"+path)
	p.log.wait(t, 0, "all workers are ready")
	if got := curl(t, "", "--unix-socket", path, "http://host/"); got != "greeting!!!" {
		t.Errorf("got %q", got)
	}
	p.stop(syscall.SIGINT)
}

// The commands of the example's comment.
func TestExamplePythonNotes_keepsNotes(t *testing.T) {
	path := socketIn(t)
	p := python(t, "notes.py", "unix:"+path, t.TempDir())
	p.log.wait(t, 0, "all workers are ready")
	p.log.wait(t, 0, " at unix:"+path)
	note := regexp.MustCompile(`"text": ?"buy milk"`)
	cases := []struct {
		args []string
		want *regexp.Regexp
	}{
		{[]string{"-i", "-X", "PUT", "-H", "Content-Type: application/json", "-d", `{"text": "buy milk"}`, "http://host/notes/milk"}, regexp.MustCompile(`(?s)^HTTP/1\.1 201 .*\nLocation: /notes/milk\n.*"buy milk"`)},
		{[]string{"http://host/notes/milk"}, note},
		{[]string{"-H", "Accept: text/plain", "http://host/notes/milk"}, regexp.MustCompile(`^buy milk\n$`)},
		{[]string{"http://host/notes?prefix=mi"}, regexp.MustCompile(`"notes": ?\["milk"\]`)},
		{[]string{"-i", "-X", "DELETE", "http://host/notes/milk"}, regexp.MustCompile(`^HTTP/1\.1 204 `)},
		{[]string{"-i", "http://host/notes/milk"}, regexp.MustCompile(`^HTTP/1\.1 404 `)},
		{[]string{"-X", "PUT", "-d", "no JSON", "http://host/notes/milk"}, regexp.MustCompile(`expected a name`)},
	}
	for _, c := range cases {
		if got := curl(t, "", append([]string{"--unix-socket", path}, c.args...)...); !c.want.MatchString(got) {
			t.Errorf("curl %q gives %q, want %v", c.args, got, c.want)
		}
	}
}

// Every example takes an address, and where that is taken says so in a sentence, with exit status 1.
func TestExamples_sayWhyTheyCannotServe(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer taken.Close()
	address := taken.Addr().String()
	tried := 0
	expect := func(t *testing.T, p *program) {
		if status := p.wait(); status != 1 {
			t.Errorf("exit status %d", status)
		}
		p.log.wait(t, 0, "listen "+address+": bind: Address already in use")
		if p.log.count("Traceback") > 0 {
			t.Error("a traceback is no sentence")
		}
		tried++
	}
	for _, pattern := range []string{"examples_c/*.c", "examples_c/*.cpp", "examples_c/*/*.c", "examples_c/*/*.cpp"} {
		sources, _ := filepath.Glob(filepath.Join(sourceTree(), pattern))
		for _, source := range sources {
			name := strings.Replace(strings.TrimSuffix(filepath.Base(source), ".c"), ".cpp", "_cpp", 1)
			t.Run(name, func(t *testing.T) {
				path := filepath.Join(plain.dir, name)
				if _, err := os.Stat(path); err != nil {
					t.Skip("make examples has not built it: what it needs is not installed")
				}
				expect(t, start(t, setup{path: path, args: []string{address}, dir: t.TempDir()})) // Some write a file.
			})
		}
	}
	sources, _ := filepath.Glob(filepath.Join(sourceTree(), "bindings/python/examples/*.py"))
	for _, source := range sources {
		t.Run(filepath.Base(source), func(t *testing.T) { expect(t, python(t, filepath.Base(source), address)) })
	}
	if tried < 10 {
		t.Errorf("only %d examples were tried", tried)
	}
}

func TestMakeRun_takesAnAddress(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer taken.Close()
	address := taken.Addr().String()
	cmd := exec.Command("make", "-C", sourceTree(), "run", "BUILD="+plain.dir, "ADDRESS="+address)
	cmd.Env = slices.DeleteFunc(cleanEnvironment(), func(entry string) bool { return strings.HasPrefix(entry, "MAKE") || strings.HasPrefix(entry, "MFLAGS") })
	out, err := cmd.CombinedOutput()
	for _, want := range []string{"serving hello on " + address + " by", "listen " + address + ": bind: Address already in use"} {
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%v, without %q:\n%s", err, want, out)
		}
	}
}

func TestExampleWorkerLoop_servesNextToATimer(t *testing.T) {
	path := socketIn(t)
	p := example(t, setup{args: []string{"unix:" + path}}, "worker_loop")
	eventually(t, "the timer of a worker ticks", func() bool {
		got := curl(t, "", "--unix-socket", path, "http://host/ticks")
		return strings.HasSuffix(got, " ticks\n") && !strings.HasSuffix(got, ": 0 ticks\n")
	})
	if took := p.stop(syscall.SIGTERM); took > slack {
		t.Errorf("the stop took %v", took)
	}
}

func TestExampleFiles_servesWhoKnowsThePassword(t *testing.T) {
	path, root := socketIn(t), site(t, map[string]string{"a.txt": "hello", "film": content(2_000_000)})
	example(t, setup{args: []string{"unix:" + path, root, "secret"}}, "files")
	ask := func(arguments ...string) string {
		return curl(t, "", append([]string{"--unix-socket", path}, arguments...)...)
	}
	for _, target := range []string{"/", "/a.txt", "/none", "//a.txt", "/%2e/a.txt"} {
		for _, password := range []string{":", "me:", "me:secre", "me:secrett", "secret:", "me:\x01secret"} {
			if got := ask("-o", "/dev/null", "-w", "%{http_code}", "-u", password, "http://h"+target); got != "401" {
				t.Errorf("%s with %q: %s", target, password, got)
			}
		}
	}
	if got := ask("-u", "me:secret", "http://h/"); !strings.Contains(got, `<a href="./film">`) {
		t.Errorf("the list is %s", got)
	}
	if got := ask("-u", ":secret", "http://h/a.txt"); got != "hello" {
		t.Errorf("the file is %q", got)
	}
	if got := ask("-u", "me:secret", "-r", "1000000-", "http://h/film"); got != content(2_000_000)[1_000_000:] {
		t.Errorf("%d bytes of the film came", len(got))
	}
}
