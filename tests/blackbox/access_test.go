package blackbox

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestAccessLog_hasALineForEachRequest(t *testing.T) {
	log := newLogFile(t)
	p := serve(t, "workers=2", "access_log=json", "access_log_file="+log.path)
	const all = 500
	for i := range all {
		p.get("/ledger?n=" + strconv.Itoa(i) + "%22")
	}
	p.stop(syscall.SIGTERM) // What is collected is written.
	seen := map[string]int{}
	for line := range strings.Lines(log.text()) {
		var entry struct {
			Method, Target, Version, Peer, Time string
			Status, Bytes, Worker               int
			Seconds                             float64
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		if entry.Method != "GET" || entry.Status != 200 || entry.Bytes == 0 || entry.Version != "1.1" || entry.Seconds <= 0 {
			t.Errorf("%s", line)
		}
		seen[entry.Target]++
	}
	for i := range all {
		if n := seen["/ledger?n="+strconv.Itoa(i)+"%22"]; n != 1 {
			t.Fatalf("request %d has %d lines in\n%.1000s", i, n, log.text())
		}
	}
}

func TestAccessLog_losesNothingWhenItIsOpenedAnew(t *testing.T) {
	log := newLogFile(t)
	p := serve(t, "workers=2", "access_log=common", "access_log_file="+log.path)
	done := make(chan struct{})
	load := make(chan int)
	go func() { load <- hammer(p.address(0), done) }()
	for round := range 3 {
		log.wait("GET / HTTP/1.1")
		if err := os.Rename(log.rotate().path, log.path+".round"+strconv.Itoa(round)); err != nil {
			t.Fatal(err)
		}
		p.signal(syscall.SIGUSR1)
	}
	log.wait("GET / HTTP/1.1")
	close(done)
	answered := <-load
	p.stop(syscall.SIGTERM)
	files, err := filepath.Glob(log.path + "*")
	if err != nil || len(files) != 4 {
		t.Fatal(files, err)
	}
	lines := 0
	for _, file := range files {
		lines += strings.Count(logFile{t, file}.text(), "\"GET / HTTP/1.1\" 200 6\n")
	}
	if lines != answered || answered == 0 {
		t.Errorf("%d responses, %d lines", answered, lines)
	}
}

func TestAccessLog_goesToStderrByDefault(t *testing.T) {
	p := serve(t, "workers=1", "access_log=combined")
	p.dial().send("GET /missing HTTP/1.1\r\nHost: test\r\nUser-Agent: me \"x\"\r\n\r\n").receive("GET")
	p.log.wait(t, 0, `"GET /missing HTTP/1.1" 404 14 "-" "me \x22x\x22"`)
}

func TestAccessLog_goesToTheProgramIfItWants(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := start(t, setup{build: &b, source: "accesslog.c", args: []string{"127.0.0.1:0"}, env: environment([]string{"workers=1"})}).waitReady()
		p.get("/")
		p.get("/missing")
		p.out.wait(t, 0, `] "GET / HTTP/1.1" 200 6`)
		if line := p.out.wait(t, 0, `] "GET /missing HTTP/1.1" 404 14`).text; !strings.HasPrefix(line, "taken 1 127.0.0.1 - - [") {
			t.Error(line)
		}
		p.stop(syscall.SIGTERM)
	})
}

func TestAccessLog_whoseReaderIsGoneHoldsUpNobody(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	p := start(t, setup{args: []string{"127.0.0.1:0"}, env: environment([]string{"workers=1", "access_log=common"}), stderr: w})
	p.out.wait(t, 0, "worker 0")
	_ = r.Close()
	for range 50 {
		p.expectGet("/", 200, "hello\n")
	}
	if len(p.workers()) != 1 {
		t.Errorf("workers were lost: %v", p.workers())
	}
}
