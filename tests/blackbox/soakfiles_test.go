package blackbox

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// peakOf returns how much memory a process has had at most, in bytes.
func peakOf(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(t, err)
	for line := range strings.Lines(string(status)) {
		var kB int
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kB); err == nil {
			return kB << 10
		}
	}
	t.Fatal("there is no VmHWM")
	return 0
}

// TestForm_ofCurlIsLarge sends a file by a form that is larger than the memory of many machines; it takes the worker next to
// none. The long version has 5 GiB.
func TestForm_ofCurlIsLarge(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed")
	}
	size := int64(50 << 20)
	if long() {
		size = 5 << 30
	}
	path := filepath.Join(t.TempDir(), "large")
	write(t, path, "")
	must(t, os.Truncate(path, size)) // It has holes, which read as zeros.
	p := startForms(t, plain, "max_body=8g")
	begin := time.Now()
	out, err := exec.Command(curl, "-sS", "--noproxy", "*", "-F", "text=before", "-F", "f=@"+path, "http://"+p.address(0)+"/parts").CombinedOutput()
	want := fmt.Sprintf("text=before&f:large:application/octet-stream:%d:", size)
	if err != nil || !strings.HasPrefix(string(out), want) {
		t.Errorf("%v %q, want %q", err, out, want)
	}
	peak := peakOf(t, p.workers()[0])
	t.Logf("%d MiB in %v; the worker had %.1f MB at most", size>>20, time.Since(begin).Round(time.Millisecond), float64(peak)/1e6)
	if peak > 40e6 {
		t.Errorf("the worker had %d bytes", peak)
	}
}

// latencies asks for something again and again until it is told to end, and returns how long each response took.
func (c *conn) latencies(target string, end <-chan bool) (all []time.Duration) {
	c.t.Helper()
	for {
		select {
		case <-end:
			slices.Sort(all)
			return all
		default:
			begin := time.Now()
			if a := c.get(target); a.StatusCode != 200 {
				c.t.Fatalf("%s", a.Status)
			}
			all = append(all, time.Since(begin))
		}
	}
}

func describeLatencies(all []time.Duration) string {
	return fmt.Sprintf("%d responses, half of them in %v, 99 %% in %v, all in %v", len(all), all[len(all)/2], all[len(all)*99/100], all[len(all)-1])
}

// TestStatic_coldFileKeepsNobodyWaiting measures how long others wait for a response while a file is sent that is on the
// disk only: that is told, and nothing of it demanded. The long version has 1 GiB.
func TestStatic_coldFileKeepsNobodyWaiting(t *testing.T) {
	size, quiet := int64(32<<20), 300*time.Millisecond
	if long() {
		size, quiet = 1<<30, 5*time.Second
	}
	root := site(t, nil)
	file, err := os.Create(filepath.Join(root, "large"))
	must(t, err)
	defer file.Close()
	random := rand.NewChaCha8([32]byte{})
	_, err = io.CopyN(file, random, size)
	must(t, err)
	must(t, file.Sync())
	p := serving(t, []string{"/hello", "==" + root})
	other, silence := p.dial(), make(chan bool)
	must(t, other.SetDeadline(time.Now().Add(10*time.Minute)))
	time.AfterFunc(quiet, func() { close(silence) })
	before := other.latencies("/hello", silence)
	must(t, unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED))
	end := make(chan bool)
	begin := time.Now()
	go func() {
		defer close(end)
		c := dialFrom(t, "127.0.0.1", p.address(0))
		_ = c.SetDeadline(time.Now().Add(10 * time.Minute))
		_, _ = io.WriteString(c, "GET /large HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
		if n, err := io.Copy(io.Discard, c.input); err != nil || n < size {
			t.Errorf("%d bytes came, %v", n, err)
		}
	}()
	during := other.latencies("/hello", end)
	t.Logf("alone: %s; while %d MiB came from the disk in %v: %s", describeLatencies(before), size>>20, time.Since(begin).Round(time.Millisecond), describeLatencies(during))
}
