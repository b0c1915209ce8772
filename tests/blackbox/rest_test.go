package blackbox

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestExampleRest_keepsNotes: the service in C and in C++, by curl.
func TestExampleRest_keepsNotes(t *testing.T) {
	for _, name := range []string{"rest", "rest_cpp"} {
		t.Run(name, func(t *testing.T) {
			path, database := socketIn(t), filepath.Join(t.TempDir(), "notes.db")
			example(t, setup{args: []string{"unix:" + path, database}, env: []string{"NOTES_TOKEN=right"}}, name)
			ask := func(status int, arguments ...string) string {
				t.Helper()
				out := curl(t, "", append([]string{"--unix-socket", path, "-w", "\n%{http_code}"}, arguments...)...)
				cut := strings.LastIndexByte(out, '\n')
				if out[cut+1:] != fmt.Sprint(status) {
					t.Errorf("%v: %s, want %d", arguments, out, status)
				}
				return out[:cut]
			}
			const notes, bearer = "http://host/api/notes", "Authorization: Bearer right"
			for _, wrong := range []string{"X: y", "Authorization: Bearer wrong", "Authorization: Basic right", "Authorization: Bearer"} {
				for _, target := range []string{notes, notes + "/1", "http://host/api/", "http://host/api%2Fnotes"} {
					if got := ask(401, "-H", wrong, target); !strings.Contains(got, "who are you?") {
						t.Errorf("%s: %s", target, got)
					}
				}
			}
			if got := ask(200, "-H", bearer, notes); got != "[]" {
				t.Errorf("no notes are %s", got)
			}
			for _, wrong := range []string{"", "{", "{}", `{"text":7}`, `{"text":null}`, "[]", "text"} {
				ask(422, "-H", bearer, "-d", wrong, notes)
			}
			const text = `it's "quoted"; DROP TABLE notes; ü`
			body, err := json.Marshal(map[string]string{"text": text})
			must(t, err)
			if got := ask(201, "-H", bearer, "-d", string(body), notes); got != `{"id":1}` {
				t.Errorf("%s", got)
			}
			var note struct {
				ID   int
				Text string
			}
			if got := ask(200, "-H", bearer, notes+"/1"); json.Unmarshal([]byte(got), &note) != nil || note.ID != 1 || note.Text != text {
				t.Errorf("%s", got)
			}
			if got := ask(200, "-H", bearer, notes); !strings.HasPrefix(got, `[{"id":1,`) {
				t.Errorf("%s", got)
			}
			ask(413, "-H", bearer, "-d", strings.Repeat("x", 70000), notes)
			ask(404, "-H", bearer, notes+"/2")
			ask(204, "-H", bearer, "-X", "DELETE", notes+"/1")
			ask(404, "-H", bearer, "-X", "DELETE", notes+"/1")
		})
	}
}
