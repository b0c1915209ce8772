package blackbox

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
)

// mistakes are those of mistakes.c that have a code: what the library says, and returns, and the line of the log says.
var mistakes = []struct {
	name, sentence string
	code           int // 0: of a handle, which is dropped then.
}{
	{"reserved", "header_set Content-Length: belongs to the library", -1},
	{"no-token", "header_add X Y: the name is not a token", -1},
	{"split", "header_set X-Split: the value has control characters", -1},
	{"no-name", "header_set: the name or the value is NULL", -1},
	{"connection", `header_set Connection: may only be "close"`, -1},
	{"announces-length", "header_set Trailer: names a field that belongs to the library", -1},
	{"announces-cookie", "header_set Trailer: has no place in a trailer section", -1},
	{"announces-nothing", "header_set Trailer: is a list of field names", -1},
	{"too-many-fields", "header_add X-Long: the fields would have more than 64 KiB", -12},
	{"status", "status: status 199 is not within 200 to 599", -1},
	{"respond-status", "respond: status 600 is not within 200 to 599", -1},
	{"respond-type", "respond: content_type: the value has control characters", -1},
	{"respond-nothing", "respond: there are no 7 bytes at (nil)", -1},
	{"respond-twice", "respond: the request is answered already", -3},
	{"respond-written", "respond: some of a body is written already", -3},
	{"error-status", "respond_error: status 200 is not within 400 to 599", -1},
	{"reset-lent", "reset: bytes were lent, or a file was appended", -3},
	{"lend-all", "lend: there are no 18446744073709551615 bytes at ", -1},
	{"length", "length: a body has no length of -2", -1},
	{"length-less", "length: 5 bytes are written already, not 4", -12},
	{"length-exceeded", "write: the body would have 5 bytes, but its length was set to 4", -12},
	{"length-other", "respond: the body has 5 bytes, but its length was set to 4", -3},
	{"no-file", "file: descriptor -1 is no regular file", -1},
	{"file-range", "file: there are no 1 bytes at 0, the file has 0", -1},
	{"no-path", "respond_file: the path is NULL", -1},
	{"interim-status", "respond_interim: status 200 is not within 102 to 199", -1},
	{"interim-field", "respond_interim Upgrade: belongs to the library", -1},
	{"header-index", "header_at 99: there are 1 fields", -1},
	{"trailer-index", "trailer_at 0: there are 0 fields", -1},
	{"body-fd", "body_fd: the body is in memory only", -3},
	{"pause", "pause: no more of the body comes", -3},
	{"no-on-body", "on_body: the function is NULL", -1},
	{"no-handle", "defer: handle_out is NULL", -1},
	{"defer-answered", "defer: the request is answered already", -3},
	{"respond-later", "deferred_respond: status 99 is not within 200 to 599", 0},
	{"send-nothing", "deferred_send: nothing is set or written", 0},
	{"send-short", "deferred_send: the body has 0 bytes, but its length was set to 3", 0},
	{"begin-length", "stream_begin: the length is negative, and not -1", 0},
	{"begin-other", "stream_begin: length is 4, but was set to 3", 0},
	{"write-unbegun", "stream_write: no stream has begun", 0},
	{"trailer-unbegun", "stream_trailer: no stream has begun", 0},
	{"send-event", "sse_send: the event is not a single line", 0},
}

func TestMistake_isSaidInTheLogAndToTheProgram(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := start(t, setup{build: &b, source: "mistakes.c", args: []string{"127.0.0.1:0"}, env: []string{"FORKER_WORKERS=1"}}).waitReady()
		for _, path := range []string{"/", "/pool/"} {
			for _, m := range mistakes {
				out, log := p.out.mark(), p.log.mark()
				p.expectGet(path+m.name, 500, "500 Internal Server Error\n")
				p.out.wait(t, out, "sentence: "+m.sentence)
				line := p.log.wait(t, log, "; the last call that failed: "+m.sentence).text
				why := "dropped its handle without a response;"
				if m.code < 0 {
					why = fmt.Sprintf("returned %d (", m.code)
				}
				if !strings.Contains(line, fmt.Sprintf("error worker 0[%d]: the handler of GET %s%s %s", p.workers()[0], path, m.name, why)) ||
					!strings.HasSuffix(line, "; answered 500") {
					t.Errorf("%s: %s", m.name, line)
				}
			}
		}
		p.expectQuiet(t)
		p.stop(syscall.SIGTERM)
	})
}

// expectQuiet wants that nothing was told but sentences, and what every program tells.
func (p *program) expectQuiet(t *testing.T) {
	t.Helper()
	for _, line := range p.out.all() {
		if strings.HasPrefix(line.text, "the sentence") || strings.HasPrefix(line.text, "a ") {
			t.Error(line.text)
		}
	}
}

func TestMistake_thatTheHandlerOverlookedIsInTheLog(t *testing.T) {
	p := start(t, setup{source: "mistakes.c", args: []string{"127.0.0.1:0"}, env: []string{"FORKER_WORKERS=1"}}).waitReady()
	for name, want := range map[string]string{
		"overlooked":   "returned FORKER_OK without a response; the last call that failed: header_set Keep-Alive: belongs to the library; answered 500",
		"none":         "returned -13 (internal error); answered 500",
		"length-short": "returned -3 (not allowed in this state); the last call that failed: length: the body has 3 bytes, but its length was set to 4; answered 500",
	} {
		mark := p.log.mark()
		p.expectGet("/"+name, 500, "500 Internal Server Error\n")
		p.log.wait(t, mark, "the handler of GET /"+name+" "+want)
	}
}

func TestMistake_inAStreamIsSaidToTheProgram(t *testing.T) {
	p := start(t, setup{source: "mistakes.c", args: []string{"127.0.0.1:0"}, env: []string{"FORKER_WORKERS=1"}}).waitReady()
	for name, want := range map[string]string{
		"begin-twice":    "stream_begin: a stream has begun already",
		"write-more":     "stream_write: 4 bytes, where the length leaves 3",
		"trailer-name":   "stream_trailer Content-Type: has no place in a trailer section",
		"respond-stream": "deferred_respond: a stream has begun",
	} {
		mark := p.out.mark()
		_, _ = ask(t, p.address(0), "/"+name)
		p.out.wait(t, mark, "sentence: "+want)
	}
	p.expectQuiet(t)
}
