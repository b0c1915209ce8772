package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const forker = "../../include/forker.h"

// Every declaration has a page, by its own name or a link, and nothing is wrong with any of them.
func TestMan_isClean(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "man3")
	for range 2 { // The second time over the first.
		if err := run([]string{"man", forker, directory}, nil); err != nil {
			t.Fatal(err)
		}
	}
	pages, err := filepath.Glob(filepath.Join(directory, "*"))
	if err != nil || len(pages) < 200 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		if name := strings.TrimSuffix(filepath.Base(page), ".3"); !bytes.Contains(text, []byte(name)) {
			t.Errorf("%s does not tell of it", page)
		}
	}
	if _, err := exec.LookPath("mandoc"); err != nil {
		t.Skip("there is no mandoc to look at the pages: tools/install-deps test")
	}
	// What is not installed, such as the other pages, is not found.
	out, _ := exec.Command("mandoc", append([]string{"-Tlint"}, pages...)...).Output()
	for line := range strings.Lines(string(out)) {
		if !strings.Contains(line, "referenced manual not found") {
			t.Error(line)
		}
	}
}

func TestRun_tellsWhatIsWrong(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.h")
	if err := os.WriteFile(bad, []byte("/* A. */\n\nint forker_a(void);\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		args []string
		want string
	}{
		{nil, "usage: "},
		{[]string{"json"}, "usage: "},
		{[]string{"yaml", forker}, "usage: "},
		{[]string{"json", forker, "directory"}, "usage: "},
		{[]string{"man", forker}, "usage: "},
		{[]string{"json", "nowhere.h"}, "nowhere.h: no such file"},
		{[]string{"json", bad}, bad + ":3: a declaration without a comment"},
	} {
		var out bytes.Buffer
		if err := run(row.args, &out); err == nil || !strings.Contains(err.Error(), row.want) || out.Len() > 0 {
			t.Errorf("%q: %v, want %s; %d bytes were written", row.args, err, row.want, out.Len())
		}
	}
}
