//go:build clients

package blackbox

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// browser is a Chromium that does what people do with a page. It is told so by the DevTools protocol, over a pair of pipes
// (--remote-debugging-pipe): messages of JSON, with a NUL behind each.
type browser struct {
	t       *testing.T
	to      io.Writer
	from    *bufio.Reader
	id      int
	session string
}

// message is what comes: an answer, or an event.
type message struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// openBrowser starts one with an empty page. It ends with the test.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	profile, err := os.MkdirTemp("", "profile")
	must(t, err)
	cmd := exec.Command("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir="+profile, "--remote-debugging-pipe", "about:blank")
	theirs, to, err := os.Pipe()
	must(t, err)
	from, ours, err := os.Pipe()
	must(t, err)
	cmd.ExtraFiles = []*os.File{theirs, ours} // Descriptors 3 and 4.
	must(t, cmd.Start())
	_, _ = theirs.Close(), ours.Close()
	timer := time.AfterFunc(2*patience, func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() {
		timer.Stop()
		_, _ = to.Close(), from.Close() // It ends with its pipes.
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = os.RemoveAll(profile)
	})
	b := &browser{t: t, to: to, from: bufio.NewReader(from)}
	var target struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var session struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &session)
	b.session = session.SessionID
	b.call("Page.enable", nil, nil)
	return b
}

// call has something done, and waits for the answer.
func (b *browser) call(method string, params map[string]any, result any) {
	b.t.Helper()
	b.id++
	order := map[string]any{"id": b.id, "method": method}
	if params != nil {
		order["params"] = params
	}
	if b.session != "" {
		order["sessionId"] = b.session
	}
	text, err := json.Marshal(order)
	must(b.t, err)
	_, err = b.to.Write(append(text, 0))
	must(b.t, err)
	m := b.waitFor(method, func(m *message) bool { return m.ID == b.id })
	if m.Error != nil {
		b.t.Fatalf("%s: %s", method, m.Error.Message)
	}
	if result != nil {
		must(b.t, json.Unmarshal(m.Result, result))
	}
}

// waitFor reads messages until one is what is waited for.
func (b *browser) waitFor(what string, is func(*message) bool) *message {
	b.t.Helper()
	for {
		text, err := b.from.ReadBytes(0)
		if err != nil {
			b.t.Fatalf("waiting for %s: %v", what, err)
		}
		m := &message{}
		must(b.t, json.Unmarshal(text[:len(text)-1], m))
		if is(m) {
			return m
		}
	}
}

// waitLoaded waits until a page is there.
func (b *browser) waitLoaded() {
	b.t.Helper()
	b.waitFor("a page", func(m *message) bool { return m.Method == "Page.loadEventFired" })
}

// evaluate returns what an expression of JavaScript is, as text.
func (b *browser) evaluate(expression string) string {
	b.t.Helper()
	var result struct {
		Result           struct{ Value any }
		ExceptionDetails *struct{ Text string }
	}
	b.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true}, &result)
	if result.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", expression, result.ExceptionDetails.Text)
	}
	return fmt.Sprint(result.Result.Value)
}

// choose has files be chosen in an element, as somebody does in a dialog.
func (b *browser) choose(selector string, files ...string) {
	b.t.Helper()
	var document struct{ Root struct{ NodeID int } }
	b.call("DOM.getDocument", nil, &document)
	var found struct{ NodeID int }
	b.call("DOM.querySelector", map[string]any{"nodeId": document.Root.NodeID, "selector": selector}, &found)
	b.call("DOM.setFileInputFiles", map[string]any{"files": files, "nodeId": found.NodeID}, nil)
}

// TestBrowser_uploadsByTheForm fills in the form of the examples, chooses two files, and presses the button.
func TestBrowser_uploadsByTheForm(t *testing.T) {
	for name, start := range map[string]func(t *testing.T, address, dir string){
		"C": func(t *testing.T, address, dir string) { example(t, setup{args: []string{address, dir}}, "form") },
		"Python": func(t *testing.T, address, dir string) {
			python(t, "form.py", address, dir).log.wait(t, 0, "all workers are ready")
		},
	} {
		t.Run(name, func(t *testing.T) {
			address, dir, from := freeAddress(t), t.TempDir(), t.TempDir()
			start(t, address, dir)
			files := map[string]string{"large.bin": content(20 << 20), "näme \"with\" more.txt": "a few bytes"}
			var paths []string
			for name, text := range files {
				paths = append(paths, filepath.Join(from, name))
				write(t, paths[len(paths)-1], text)
			}
			b := openBrowser(t)
			b.call("Page.navigate", map[string]any{"url": "http://" + address + "/"}, nil)
			b.waitLoaded()
			b.choose("[type=file]", paths...)
			b.evaluate(`document.querySelector("[name=from]").value = "mé & you"`)
			b.evaluate(`document.querySelector("button").click()`)
			b.waitLoaded()
			if got := b.evaluate("document.body.innerText"); !strings.Contains(got, "mé & you") {
				t.Errorf("the page that comes then says %q", got)
			}
			for name, text := range files {
				// Of what would end the parameter in the head of a part, browsers send "%22" (HTML, multipart/form-data).
				path := filepath.Join(dir, strings.ReplaceAll(name, `"`, "%22"))
				if got, err := os.ReadFile(path); err != nil || string(got) != text {
					t.Errorf("%s: %d bytes, %v", path, len(got), err)
				}
			}
		})
	}
}
